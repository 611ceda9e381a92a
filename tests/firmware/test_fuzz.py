"""The C parser survives libFuzzer under AddressSanitizer and UBSan."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import kept, soak
from tests.firmware.dut_process import FIRMWARE

SOAK_INPUTS = 10_000_000
SOAK_TIMEOUT_S = 3 * 3600

# 30 bytes, of which the first eight are two odd floats.
INPUT = bytes.fromhex("0000c07f 000080ff") + bytes(range(22))


def order(kind: int, upload: int, number: int, fill: int) -> bytes:
    """Return an order for a frame; fuzz_core.c says what the four bytes mean."""
    return bytes([kind, upload, number, fill])


def sent(upload: int, fill: int) -> bytes:
    """Return orders for the three DATA frames of one input."""
    return b"".join(order(number % 3, upload, number, fill) for number in (0, 2, 1))


LEAVE = order(5, 0, 0, 0)
SEEDS = [
    b"name%profile%caps%help%timestamp%results%",
    b"db load 30%db 00112233%db 445566%db print%infer 2 1%results%profile-layers 2%",
    b"db%db load%db load 31%db load -1%db load x%db 1%db zz%db 00%infer 0%infer 1 -1%infer%",
    b"db load 30%db " + INPUT.hex().encode() + b"%infer%results%db print%infer 3%infer 99%",
    b"state keep%state reset%state%state x%",
    b"%  %x y%" + b"a" * 100 + b"%\x00\xff\r\n%",
    b"baud 9600%name%baud 9600%nam%baud 99999%baud%baud 1%\xff%name%",
    b"baud 9600%name%db \xff\xff%x%y%z%\1\2\3%name%",
    b"baud 9600%name%frames%" + sent(1, 5) + order(0x10, 1, 0, 9) * 9 + b"name%caps%",
    # Uploads; requests, one of them twice, one of another upload, one of too many inferences.
    b"frames%"
    + sent(1, 5)
    + order(3, 1, 1, 7) * 2
    + order(4, 1, 2, 8)
    + order(3, 2, 1, 9)
    + sent(2, 9)
    + order(3, 2, 0, 9)
    + order(3, 2, 199, 10) * 20
    + LEAVE
    + b"results%db print%infer%",
    # Slides: of 2 bytes from the current upload, doubled, from another one, of none, and a request.
    b"frames%"
    + sent(0x41, 5)
    + order(13, 2, 0x41, 4) * 2
    + order(3, 2, 1, 7)
    + order(13, 3, 0x41, 4)
    + order(13, 3, 2, 4)
    + order(3, 2, 1, 8),
    # Wrong length, changed byte, lost zero, wrong CRC-32 of the whole, noise, an unknown kind.
    b"frames%"
    + sent(1, 0xC0)
    + order(8, 2, 0, 170)
    + order(0x10, 2, 0, 3)
    + order(0x20, 2, 0, 0)
    + order(0x0B, 1, 1, 8)
    + order(6, 0, 0, 5)
    + b"\0\0abc"
    + order(13, 1, 0, 0x42)
    + LEAVE
    + b"frames%"
    + LEAVE,
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
    "baud ",
    "state ",
    "frames%",
    "%",
]

# Three frames of an input each: so small that the fuzzer gets far, and as large as they are.
SIZES = {"small": (30, 12), "full": (1030, 512)}


@pytest.fixture(scope="module")
def fuzzers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The fuzz target in both sizes, each with a corpus of ordinary sessions beside it."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: sudo apt-get install clang libclang-rt-14-dev")
    return {
        name: _build(tmp_path_factory.mktemp(name), input_b, payload_b)
        for name, (input_b, payload_b) in SIZES.items()
    }


def _build(folder: Path, input_b: int, payload_b: int) -> Path:
    program = folder / "fuzz_core"
    core = str(Path(__file__).with_name("fuzz_core.c"))
    sources = sorted(str(path) for path in (FIRMWARE / "core").glob("*.c"))
    compiler = [
        *("clang", "-std=c11", "-O2", "-g", "-Dmain=firmware_main", f"-I{FIRMWARE / 'core'}"),
        *("-Wall", "-Wextra", "-Werror", f"-DINPUT_B={input_b}", f"-DPAYLOAD_B={payload_b}"),
        *("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"),
    ]
    # The core alone is to guide the fuzzer; and words of a dictionary are cheaper than watching
    # each comparison. Together 7 times as fast.
    guided = ("-fsanitize=fuzzer", "-fno-sanitize-coverage=trace-cmp")

    def make(into: Path) -> None:
        target = str(into / "fuzz_core.o")
        _run(*compiler, "-c", core, "-o", target)
        _run(*compiler, *guided, target, *sources, "-o", str(into / "made"))

    shutil.copy(kept.made([*compiler, *guided, core, *sources], [], make), program)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in WORDS))
    (folder / "corpus").mkdir()
    for number, seed in enumerate(SEEDS):
        (folder / "corpus" / str(number)).write_bytes(seed)
    return program


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def start(fuzzer: Path, runs: int, seed: int = 1) -> subprocess.Popen[str]:
    """Start a fuzzer; it writes its report to the file `report` beside it."""
    limits = ["-max_len=192", f"-seed={seed}", "-timeout=10", f"-runs={runs}"]
    with (fuzzer.parent / "report").open("w") as report:
        return subprocess.Popen(
            [str(fuzzer), "corpus", "-dict=words", "-print_final_stats=1", *limits],
            cwd=fuzzer.parent,
            stdout=subprocess.DEVNULL,
            stderr=report,
            text=True,
        )


def finish(fuzzer: Path, child: subprocess.Popen[str], timeout_s: float) -> tuple[int, str]:
    """Wait for a fuzzer and return how many inputs it ran, and its report if it found something."""
    try:
        status = child.wait(timeout_s)
    finally:
        child.kill()
        child.wait()
    report = (fuzzer.parent / "report").read_text(errors="replace")
    ran = re.search(r"stat::number_of_executed_units: (\d+)", report)
    return int(ran[1]) if ran else 0, report[-5000:] if status != 0 else ""


@pytest.mark.parametrize(("size", "runs"), [("small", 50_000), ("full", 10_000)])
def test_short_fuzzing_finds_nothing(fuzzers: dict[str, Path], size: str, runs: int) -> None:
    """Generated sessions trip no sanitizer; each command has one m-ready, each frame its answer."""
    ran, report = finish(fuzzers[size], start(fuzzers[size], runs), 240)
    assert report == ""
    assert ran >= runs


@pytest.mark.soak
def test_ten_million_inputs_find_nothing(fuzzers: dict[str, Path]) -> None:
    """The same for ten million sessions, on two cores; the figures go to build/soak.json."""
    children = {
        "small": start(fuzzers["small"], SOAK_INPUTS - SOAK_INPUTS // 20, seed=2),
        "full": start(fuzzers["full"], SOAK_INPUTS // 20, seed=2),
    }
    done = [finish(fuzzers[size], child, SOAK_TIMEOUT_S) for size, child in children.items()]
    inputs = sum(ran for ran, _ in done)
    findings = [report for _, report in done if report]
    soak.record("fuzz.firmware_inputs", inputs, SOAK_INPUTS, better="higher")
    soak.record("fuzz.findings", len(findings), 0, better="lower")
    assert findings == []
    assert inputs >= SOAK_INPUTS
