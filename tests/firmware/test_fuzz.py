"""The C parser survives libFuzzer under AddressSanitizer and UBSan."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.dut_process import FIRMWARE

SEEDS = [
    b"name%profile%caps%help%timestamp%results%",
    b"db load 8%db 0011223344%db 556677%db print%infer 2 1%results%",
    b"db%db load%db load 9%db load -1%db load x%db 1%db zz%db 00%infer 0%infer 1 -1%infer%",
    b"db load 8%db 000000000000c07f%infer%db load 8%db 0000807f000080ff%infer 3%",
    b"%  %x y%" + b"a" * 100 + b"%\x00\xff\r\n%",
]
WORDS = [
    "name",
    "profile",
    "caps",
    "help",
    "timestamp",
    "db ",
    "load ",
    "print",
    "infer ",
    "results",
    "%",
]


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fuzz target, with a corpus of ordinary sessions beside it."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: sudo apt-get install clang libclang-rt-14-dev")
    folder = tmp_path_factory.mktemp("fuzz")
    program = folder / "fuzz_core"
    sources = [Path(__file__).with_name("fuzz_core.c"), *sorted((FIRMWARE / "core").glob("*.c"))]
    done = subprocess.run(
        [
            *("clang", "-std=c11", "-O1", "-g", "-Dmain=firmware_main", f"-I{FIRMWARE / 'core'}"),
            "-fsanitize=fuzzer,address,undefined,float-cast-overflow",
            "-fno-sanitize-recover=all",
            *(str(path) for path in sources),
            *("-o", str(program)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "words").write_text("".join(f'"{word}"\n' for word in WORDS))
    (folder / "corpus").mkdir()
    for number, seed in enumerate(SEEDS):
        (folder / "corpus" / str(number)).write_bytes(seed)
    return program


def run(fuzzer: Path, limit: str, timeout_s: float) -> None:
    """Let the fuzzer run, and show its report if it finds something."""
    done = subprocess.run(
        [str(fuzzer), "corpus", "-dict=words", "-max_len=512", "-seed=1", "-timeout=10", limit],
        cwd=fuzzer.parent,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]


def test_short_fuzzing_finds_nothing(fuzzer: Path) -> None:
    """Some ten thousand generated sessions trip no sanitizer and get one m-ready a command."""
    run(fuzzer, "-runs=30000", 120)


@pytest.mark.soak
def test_a_minute_of_fuzzing_finds_nothing(fuzzer: Path) -> None:
    """The same for a minute."""
    run(fuzzer, "-max_total_time=60", 180)
