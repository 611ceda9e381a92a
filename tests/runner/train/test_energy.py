"""Energy of a training that a monitor measures: a board on a port, with its supply from there."""

from contextlib import closing
from pathlib import Path

import pytest

from tests import ROOT
from tests.ground.powered import Powered
from tests.program import tinybench
from tinybench.energy.simulated.emulated import EmulatedLoad, timing_pin
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.runner.build.board import load_board
from tinybench.runner.train.course import courses
from tinybench.runner.train.given import given
from tinybench.runner.train.kept import read_training
from tinybench.runner.train.run import built

ACTIVE_A, VOLTAGE_V = 3.4e-3, 3.3


class Wire:
    """A board behind a port."""

    def __init__(self, dut: Powered) -> None:
        self._dut = dut

    def hear(self, data: bytes) -> bytes:
        self._dut.write(data)
        return b""

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002 - as a Device
        return self._dut.read(0.0)

    def overflow(self) -> bytes:
        return b""


@pytest.mark.soak
def test_what_a_monitor_sees_of_the_steps_is_measured(tmp_path: Path) -> None:
    """Each seed has its supply anew and a trace of its own; power times the time of the steps."""
    emulated = load_board("mps2-an386")
    text = (ROOT / "firmware" / "boards" / "mps2-an386.toml").read_text().split("[emulator]")[0]
    board = tmp_path / "real.toml"
    board.write_text(text.replace('"mps2-an386"', '"real"'))
    of = given("kws", limit=48, samples="flash")
    image = built(of, load_board(str(board)), energy=True)
    load, out = EmulatedLoad(1e-3, ACTIVE_A), tmp_path / "t"
    with timing_pin(load) as pin, closing(Powered(emulated.command(image.elf, pin))) as dut:
        monitor = SimulatedLpm01a(Scene(load, real_time=False, on_power=dut.power))
        with (
            PseudoPort(monitor, real_time=False) as monitor_port,
            PseudoPort(Wire(dut), real_time=False) as port,
        ):
            desk = tmp_path / "desk.toml"
            desk.write_text(
                f'driver = "lpm01a"\nport = "{monitor_port.path}"\nvoltage_v = {VOLTAGE_V}\n'
            )
            done = tinybench(
                *("train", "--task", "kws", "--board", str(board), "--port", port.path),
                *("--monitor", str(desk), "--samples", "flash", "--limit", "48", "--target", "1"),
                *("--epochs", "2", "--seeds", "2", "-o", str(out)),
            )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "energy: measured, of the steps alone" in done.stdout
    found = read_training(out)
    for trial, course in zip(found.trials, courses(found), strict=True):
        assert trial.energy_doubts == []
        assert trial.energy_j == pytest.approx(ACTIVE_A * VOLTAGE_V * trial.board_s, rel=0.01)
        assert (out / f"seed-{trial.seed}" / "energy.jls").is_file()
        assert (course.energy, course.time) == ("measured", "measured")
        assert "on real:" in course.what
