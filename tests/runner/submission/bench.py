"""Benches for submissions: boards that are on a port, as far as the runner can tell."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.ground.powered import Powered
from tests.link.paced_line import build as build_line
from tests.link.paced_line import paced_line
from tests.program import tinybench, untimed
from tinybench.energy.simulated.emulated import EmulatedLoad, timing_pin
from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task

CLOCK = Path(__file__).with_name("fast_clock.c")
FASTER = 100
BAUD = 4_000_000
FAST_HOST = f"""
import sys, time, types
from tinybench.runner.results import clock
from tinybench.transport import recorder
start_s = time.monotonic()
faster = lambda: start_s + (time.monotonic() - start_s) * {FASTER}
recorder.time = types.SimpleNamespace(monotonic=faster)
clock.HOST_DELAY_S *= {FASTER}
clock.LONE_S *= {FASTER}
from tinybench.runner.rules import clock as judged  # the DUT is a computer, and jitters
judged.TIMED_ALIKE = judged.COMPUTER_ALIKE - 1
judged.SLACK_S = judged.COMPUTER_SLACK_S * {FASTER}
from tinybench.runner.rules import energy
energy._same_time = lambda *_: iter(())  # its energy is measured on a board of another speed
from tinybench.runner.cli import main
sys.exit(main())
"""
FAST = [sys.executable, "-c", FAST_HOST]
"""The command line on a computer whose clock goes as fast as that of the DUT, delays included, and
which allows it the jitter of a computer."""


def run_on_a_port(elf: Path, task: str, out: Path, scratch: Path, **environment: str) -> None:
    """Run a task on the C core of this computer behind a serial port; both clocks are fast."""
    library = scratch / "fast_clock.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", f"-DFASTER={FASTER}", str(CLOCK), "-o"]
    subprocess.run([*command, str(library)], check=True, timeout=60)
    setup = f'stty raw -echo {BAUD}; LD_PRELOAD="$1" exec "$0"'
    device = ["sh", "-c", setup, str(elf), str(library)]
    with paced_line(build_line(scratch), device) as port:
        words = ["--port", port, "--baud", str(BAUD), "--task", task, "--out", str(out)]
        done = tinybench(*words, program=FAST, **environment)
    assert done.returncode == 0, done.stderr + done.stdout


def energy_run_on_a_port(
    model: Path, task: str, out: Path, scratch: Path, **environment: str
) -> None:
    """Measure the energy of an emulated board that an LPM01A supplies, on two ports."""
    board = load_board("mps2-an386")
    image = build(board, load_task(task), model, energy=True)
    load = EmulatedLoad(1e-3, 3.4e-3)
    with timing_pin(load) as pin, closing(Powered(board.command(image.elf, pin))) as dut:
        monitor = SimulatedLpm01a(Scene(load, real_time=False, on_power=dut.power))
        with (
            PseudoPort(monitor, real_time=False) as monitor_port,
            PseudoPort(SimulatedInterfaceBoard(dut)) as port,
        ):
            (scratch / "desk.toml").write_text(
                f'driver = "lpm01a"\nport = "{monitor_port.path}"\nvoltage_v = 3.3\n'
            )
            done = untimed(
                *("--port", port.path, "--interface-board", "--task", task, "--mode", "energy"),
                *("--monitor", str(scratch / "desk.toml"), "--out", str(out)),
                **environment,
            )
    assert done.returncode == 0, done.stderr + done.stdout
