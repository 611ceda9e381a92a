"""Exported projects: built as their frameworks build them, and driven by our client."""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import ROOT
from tests.firmware.dut_process import READY, DutProcess
from tests.program import tinybench
from tests.runner.export import projects
from tests.runner.export.projects import BUILDERS, INPUTS, Talk, running, talk
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task
from tinybench.runner.build.task import load_task
from tinybench.runner.export.framework import load_framework, names
from tinybench.runner.export.kept import Exported, keep, kept
from tinybench.runner.export.project import Asked, export

KWS = ROOT / "models" / "embedded" / "kws01.tflite"
AD = ROOT / "models" / "embedded" / "ad01.tflite"
CROSS = {
    "blocked": [
        ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"),
        ("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"),
        ("riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"),
    ],
    "rv32": [
        ("riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"),
    ],
    "thumb2": [("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb")],
    "dsp": [("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb")],
    "mve": [("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")],
}
"""Compilers of chips, by the kernels that they can compile."""
RUNNING_S = 0.3
Built = Callable[[str], tuple[Path, Exported]]


def exported(to: str, out: Path, *, task: str = "ad", model: Path = AD, **more: object) -> Exported:
    """Export a task's model."""
    asked = {"to": to, "task": load_task(task), "model": model, "run": "tinybench", **more}
    return export(Asked(**asked), out)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    """What our own firmware answers on this computer."""
    return talk("kws", tmp_path_factory.mktemp("host") / "run", "--board", "host")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A project with the keyword model for a framework, built once: its program, its record."""

    @cache
    def made(to: str) -> tuple[Path, Exported]:
        folder = tmp_path_factory.mktemp(to)
        (folder / "work").mkdir()
        record = exported(to, folder / "project", task="kws", model=KWS)
        return BUILDERS[to](folder / "project", folder / "work"), record

    return made


@pytest.mark.parametrize("to", sorted(names()))
def test_a_readme_speaks_of_its_own_build_alone(to: str, tmp_path: Path) -> None:
    """Its rate and line; no advice that it follows already, no board that its kernels refuse."""

    def readme(name: str, run: str = "tinybench --port {port} --task kws", **more: object) -> str:
        exported(to, tmp_path / name, task="kws", model=KWS, run=run, **more)
        text = (tmp_path / name / "README.md").read_text()
        assert "\n\n\n" not in text
        assert "@" not in text
        return text

    usual = readme("usual")
    assert "9600" not in usual
    assert "falls for" not in usual
    assert "--kernels dsp" in usual or "--kernels rv32" in usual
    own = readme("own", "tinybench model kws01.tflite --board serial --port {port}")
    assert "`kws01.tflite` is the file that this was made from: give its path." in own
    for kind in load_framework(to).kernels[2:]:
        text = readme(kind, kernels=kind)
        assert f"--kernels {kind}" not in text
        assert "#error" in text
        same = kind == "thumb2" or to in ("make", "cmake") or (to, kind) == ("zephyr", "dsp")
        assert (_board_of(text) == _board_of(usual)) == same
    if load_framework(to).timing_pin:
        energy = readme("energy", energy=True)
        assert "9600 baud" in energy
        assert "115200" not in energy
        assert "falls for 2 us" in energy
        assert "tinybench --port PORT --task kws --monitor MONITOR --mode energy" in energy


def _board_of(readme: str) -> str:
    """Return the first command of a README, which names a board."""
    return next(line for line in readme.splitlines() if line.startswith("    "))


def test_every_framework_is_built_here() -> None:
    """A new one needs its builder, and the stand-in that this builds against."""
    assert BUILDERS.keys() == names().keys()


@pytest.mark.parametrize("to", sorted(names()))
def test_a_project_builds_without_a_warning_and_answers_our_client(
    to: str, tmp_path: Path, host: Talk, built: Built
) -> None:
    """To the bit as our own firmware does; `caps` has the build that the export named."""
    program, record = built(to)
    with running(program) as board:
        said = talk("kws", tmp_path / "run", "--port", board.port)
    assert said.answers == host.answers
    assert len(said.answers) == INPUTS
    assert f"build-{record.build_id}" in said.caps
    assert said.caps[:2] == ["tinybench", "kws01"]
    fast = any(word.startswith("frames-") for word in said.caps)
    assert fast == (to != "arduino")  # a Stream does not say what it holds


@pytest.mark.parametrize("to", ["arduino", "zephyr", "esp-idf"])
def test_an_energy_build_marks_time_on_its_pin(to: str, tmp_path: Path) -> None:
    """Each time stamp is a falling edge and no text, at the rate of the energy mode."""
    project = tmp_path / "project"
    record = exported(to, project, energy=True)
    if to == "zephyr":
        assert b"names another UART" in (project / "README.md").read_bytes()
        overlay = "/ { zephyr,user { timing-gpios = <&gpio0 3 GPIO_ACTIVE_HIGH>; }; };\n"
        (project / "app.overlay").write_text(overlay)
    (tmp_path / "work").mkdir()
    older = {"minor": "2"} if to == "esp-idf" else {}  # its drivers are in one component, still
    with DutProcess([str(BUILDERS[to](project, tmp_path / "work", **older))]) as dut:
        assert dut.read_until(READY).startswith(b"m-timestamp-mode-energy\r\n")
        caps = dut.ask(b"caps")
        assert " energy " in caps
        assert f"build-{record.build_id}" in caps
        edges = dut.words().count("low\n")
        assert edges == 1  # of the hello
        assert dut.ask(b"timestamp") == ""
        words = dut.words()
    assert words.count("low\n") == edges + 1
    assert words.rstrip().endswith("high")
    assert " 9600\n" in words


def test_an_energy_build_for_zephyr_insists_on_its_pin(tmp_path: Path) -> None:
    """Without one in the overlay it does not build, and says where it goes."""
    exported("zephyr", tmp_path / "project", energy=True)
    port = tmp_path / "project" / "tinybench" / "src" / "port.c"
    places = [f"-I{projects.STUBS / 'zephyr' / 'include'}", "-DCONFIG_SYS_CLOCK_TICKS_PER_SEC=1"]
    done = subprocess.run(
        ["gcc", "-fsyntax-only", *places, str(port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "name it in app.overlay" in done.stderr


def test_the_clock_of_zephyr_goes_on_where_its_cycles_wrap(built: Built) -> None:
    """Its stand-in's 32 bits are full a tenth of a second after it starts."""
    with DutProcess([str(built("zephyr")[0])]) as dut:
        from_s = time.monotonic()
        dut.read_until(READY)
        first = int(dut.ask(b"timestamp").removeprefix("m-lap-us-"))
        time.sleep(RUNNING_S)
        second = int(dut.ask(b"timestamp").removeprefix("m-lap-us-"))
        to_s = time.monotonic()
    assert RUNNING_S <= (second - first) * 1e-6 <= to_s - from_s


def test_esp_idf_sets_the_rate_that_is_asked_for(built: Built) -> None:
    """And goes back to the first where nobody is heard at the new one."""
    with DutProcess([str(built("esp-idf")[0])]) as dut:
        dut.read_until(READY)
        dut.ask(b"baud 921600")  # the rate is set when the reply has gone
        _wait(lambda: "uart 0 921600\n" in dut.words())
        dut.ask(b"x")
        _wait(lambda: dut.words().endswith("uart 0 115200\n"))


def _wait(there: Callable[[], bool]) -> None:
    """Wait until something is there; fail after a minute."""
    deadline_s = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("kernels", sorted(CROSS))
def test_sources_compile_for_chips(kernels: str, tmp_path: Path) -> None:
    """Core, kernels and model, by the compilers of chips, with their headers."""
    exported("make", tmp_path / "project", task="kws", model=KWS, kernels=kernels)
    sources = sorted((tmp_path / "project" / "tinybench").glob("*.c"))
    portable = [str(path) for path in sources if path.name not in ("host.c", "main.c")]
    for compiler in CROSS[kernels]:
        command = [*compiler, "-std=c11", *projects.STRICT, "-fsyntax-only", *portable]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kernels", ["rv32", "thumb2", "dsp", "mve"])
def test_kernels_that_a_chip_has_not_are_refused_by_its_compiler(
    kernels: str, tmp_path: Path
) -> None:
    """With the word that exports others."""
    exported("make", tmp_path / "project", kernels=kernels)
    with pytest.raises(AssertionError, match=f"with --kernels {kernels}, .* --kernels blocked"):
        BUILDERS["make"](tmp_path / "project", tmp_path)


def test_the_same_export_is_the_same_build(tmp_path: Path) -> None:
    """To the byte; whatever differs has another name."""
    first = exported("cmake", tmp_path / "one")
    again = exported("cmake", tmp_path / "two")
    assert first == again
    for path in (tmp_path / "one").rglob("*"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.is_dir() or path.read_bytes() == twin.read_bytes()
    others = [
        exported("cmake", tmp_path / "three", name="other"),
        exported("cmake", tmp_path / "four", kernels="plain"),
        exported("arduino", tmp_path / "five", energy=True),
        exported("make", tmp_path / "six"),
        exported("cmake", tmp_path / "seven", task="kws", model=KWS),
    ]
    assert len({one.build_id for one in (first, *others)}) == 6


def test_a_program_is_its_own_terminal(tmp_path: Path, built: Built) -> None:
    """`--pty` prints its port, and outlives the host that leaves it; another word is refused."""
    program, _ = built("make")
    with subprocess.Popen([str(program), "--pty"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        try:
            first = talk("kws", tmp_path / "first", "--port", port)
            assert talk("kws", tmp_path / "second", "--port", port) == first
        finally:
            child.kill()
    done = subprocess.run([str(program), "pty"], capture_output=True, timeout=20, check=False)
    assert done.returncode == 2
    assert b"--pty" in done.stderr


@pytest.mark.soak
def test_a_model_of_ones_own_is_measured_as_any_other(tmp_path: Path) -> None:
    """Without a task: `tinybench model FILE --port` knows it, and holds it to the reference."""
    done = tinybench("export", "--model", str(AD), "--to", "cmake", "-o", str(tmp_path / "own"))
    assert done.returncode == 0, done.stderr
    assert "tinybench model ad01.tflite --board serial --port /dev/pts/N" in done.stdout
    (tmp_path / "work").mkdir()
    program = BUILDERS["cmake"](tmp_path / "own", tmp_path / "work")
    with running(program) as board:
        words = [
            "--board",
            "serial",
            "--port",
            board.port,
            "--count",
            "5",
            "--iterations",
            "9",
            "--json",
        ]
        run = tinybench("model", str(AD), *words, "--out", str(tmp_path / "run"))
    result = json.loads(run.stdout)
    assert result["reference"]["equal"] == result["reference"]["count"] == 5, run.stderr


def test_a_run_knows_the_model_of_an_exported_board(
    tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the build that it says: --model may name that one, and no run takes it for another."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "cache"))
    program, record = built("make")
    same = tmp_path / "same.tflite"
    same.write_bytes(KWS.read_bytes())
    limit = ["--mode", "accuracy", "--limit", "1", "--out"]
    with running(program) as board:
        words = ["--port", board.port, "--task", "kws"]
        done = tinybench(*words, "--model", str(same), *limit, str(tmp_path / "1"))
        assert done.returncode == 2
        assert "no project with same.tflite was exported here" in done.stderr

        keep(record)
        done = tinybench(*words, "--model", str(same), *limit, str(tmp_path / "2"))
        assert done.returncode == 1, done.stderr  # one input is no whole set
        assert tinybench(*words, *limit, str(tmp_path / "3")).returncode == 1

        other = tmp_path / "other.tflite"
        other.write_bytes(AD.read_bytes())
        keep(replace(record, build_id="0" * 16, file_sha256=_sha256(other)))
        done = tinybench(*words, "--model", str(other), *limit, str(tmp_path / "4"))
        assert done.returncode == 3
        assert f"the board holds build-{record.build_id}, exported with kws01.tflite" in done.stderr

    (path,) = (tmp_path / "cache" / "exports").glob(f"{record.build_id}-*")
    for damaged in (b"", b"{}", path.read_bytes()[:-1], b"\xff" * 40):
        path.write_bytes(damaged)
        assert kept([f"build-{record.build_id}"]) is None
    assert kept(["build-../../../etc", "build-", "*"]) is None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_of_sound_brings_its_front_end(tmp_path: Path) -> None:
    """Samples in, features and model on the board: as the firmware that is built here."""
    wake = ROOT / "models" / "embedded" / "sww01.tflite"
    task = stream_task(wake)
    export(Asked(to="make", task=task, model=wake, run="tinybench"), tmp_path / "project")
    program = BUILDERS["make"](tmp_path / "project", tmp_path)
    own = build(load_board("host"), task, wake).elf
    sound = bytes((7 * n + n // 300) % 256 for n in range(1024))
    said = []
    for image in (str(program), own):
        with DutProcess([image]) as dut:
            dut.read_until(READY)
            dut.upload(sound)
            said.append(dut.ask(b"extract_uart_stream"))
    assert said[0] == said[1]
    assert "m-activations-[" in said[0]
