"""A bench of which only the DUT is there: `tinybench simulate` follows its line and its pin."""

import contextlib
import math
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import LISTENING, tinybench, untimed
from tests.runner.measure.brief import brief
from tinybench.energy.simulated.foreign import foreign_dut
from tinybench.errors import UsageError
from tinybench.models.declaration import package_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.results.result import read_result


@contextlib.contextmanager
def simulated(count: int, *words: str) -> Iterator[dict[str, str]]:
    """Run `tinybench simulate`; yield the ports it prints, by name."""
    program = subprocess.Popen(
        [*LISTENING, "simulate", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stderr is not None
    with program, contextlib.ExitStack() as stack:
        stack.callback(program.kill)  # leaving waits for it
        lines = [program.stdout.readline().split() for _ in range(count)]
        assert all(len(line) == 2 for line in lines), program.stderr.read()
        yield dict(lines)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
    assert program.returncode in (0, 130)


@pytest.mark.parametrize(("monitor", "between"), [("lpm01a", "interface-board"), ("ppk2", "dut")])
def test_the_energy_of_a_program_is_measured_with_nothing_on_the_desk(
    tmp_path: Path, monitor: str, between: str
) -> None:
    """The program marks its windows on a socket; supply, current, interface board are made up."""
    board = load_board("mps2-an386")
    model = package_folder() / "embedded" / "ad01.tflite"
    image = build(board, load_task("ad"), model, energy=True)
    dut = shlex.join(board.command(image.elf, "{pin}"))
    names = [monitor, *([between] if between != "dut" else [])]
    with simulated(2, *names, "--dut", dut) as ports:
        assert set(ports) == {monitor, between}
        spec = tmp_path / "desk.toml"
        spec.write_text(f'driver = "{monitor}"\nport = "{ports[monitor]}"\nvoltage_v = 3.3\n')
        done = untimed(
            *("--port", ports[between], *(["--interface-board"] if between != "dut" else [])),
            *("--task", "ad", "--mode", "energy", "--baud", "115200"),
            *("--monitor", str(spec), "--out", str(tmp_path / "run")),
            *brief(tmp_path),
        )
    assert done.returncode == 0, done.stderr + done.stdout
    energy = read_result(tmp_path / "run").energy
    assert energy is not None
    assert energy.per_inference_j is not None
    assert energy.uncertainty_j is not None
    true_j = 5e-3 * 3.3 * (energy.windows[0].monitor_s or 0) / energy.windows[0].iterations
    assert abs(energy.per_inference_j - true_j) < energy.uncertainty_j


def test_marks_of_a_pipe_are_followed(tmp_path: Path) -> None:
    """Eight hex digits are the DUT's microsecond; the first mark is its boot pulse."""
    pin = tmp_path / "pin"
    os.mkfifo(pin)
    with foreign_dut("cat", 9600, pin) as dut:
        dut.load.begin()
        with pin.open("w") as marks:
            marks.write("00000001\n00000010\n00100010\n\n")
        deadline_s = time.monotonic() + 60
        while len(falls := dut.load.falling_s(0.0, math.inf)) < 4:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert falls[2] - falls[1] == pytest.approx(0x100000 * 1e-6)
    with pytest.raises(UsageError, match="is empty"), foreign_dut("", 9600, None):
        pass


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["interface-board"], "needs the DUT behind it: --dut"),
        (["lpm01a", "--pin", "p"], "--pin needs the DUT"),
        (["lpm01a", "--dut", "a 'b"], "is no command"),
        (["interface-bord", "--dut", "cat"], "did you mean 'interface-board'"),
        (["lpm01a", "ppk2", "--fault", "rain"], "has the fault 'rain'"),
    ],
)
def test_what_cannot_be_simulated_is_said(words: list[str], said: str) -> None:
    """In words, with exit status 2."""
    done = tinybench("simulate", *words)
    assert done.returncode == 2
    assert said in done.stderr
