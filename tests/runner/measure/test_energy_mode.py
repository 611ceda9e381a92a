"""The energy mode: real driver, simulated instrument, emulated board, one result."""

import json
import math
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from tests.ground.powered import Powered
from tests.program import LISTENING, TIMEOUT_S, TINYBENCH, tinybench, untimed
from tests.runner.measure.brief import brief
from tests.runner.results.a_result import good_result
from tinybench.energy.monitor import open_monitor
from tinybench.energy.simulated import emulated
from tinybench.energy.simulated.emulated import GRACE_S, PACE, EmulatedLoad, timing_pin
from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard, SimulatedIoManager
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import open_trace
from tinybench.errors import MonitorError
from tinybench.models.declaration import package_folder
from tinybench.runner import rules
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.measure.energy_mode import modelled_monitor
from tinybench.runner.results.result import Energy, EnergyWindow, Result, read_result

ENERGY = ["--board", "mps2-an386", "--task", "ad", "--mode", "energy"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of an energy run, and what it printed."""
    folder = tmp_path_factory.mktemp("energy") / "run"
    done = tinybench(*ENERGY, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def energy(run: tuple[Path, str]) -> Energy:
    """What it found."""
    found = read_result(run[0]).energy
    assert found is not None
    return found


def test_the_energy_is_that_of_the_model_within_its_uncertainty(energy: Energy) -> None:
    """Power of the board's declaration, time of the emulated clock."""
    power = load_board("mps2-an386").power
    assert power is not None
    assert len(energy.windows) == 5
    for window in energy.windows:
        assert window.energy_j is not None
        assert window.uncertainty_j is not None
        assert window.dut_s is not None
        assert window.monitor_s is not None
        assert window.monitor_s >= 10
        true_j = power.active_a * power.voltage_v * window.dut_s
        assert abs(window.energy_j - true_j) < window.uncertainty_j
        # A sample is 200 us: that is how well two edges are known.
        assert abs(window.monitor_s - window.dut_s) < 500e-6
    assert energy.edges == 11


def test_a_model_is_called_one_everywhere(run: tuple[Path, str], energy: Energy) -> None:
    """Terminal, JSON, trace and the name of the monitor."""
    folder, printed = run
    assert energy.modelled
    assert "modelled uJ/inference" in printed
    assert "energy: modelled, not a measurement" in printed.replace("\n", " ").replace("  ", " ")
    assert "(simulated)" in energy.monitor
    assert "110 uA/MHz" in energy.model_source
    document = json.loads(tinybench("check", str(folder), "--json").stdout)
    assert document["energy"]["modelled"] is True
    assert "energy: modelled, not a measurement" in document["caveats"]
    analysed = tinybench("energy", "analyse", str(folder)).stdout
    assert "modelled: no measurement" in analysed


def test_the_run_folder_holds_trace_pictures_and_both_transcripts(run: tuple[Path, str]) -> None:
    """What the energy was computed from, and each window as a picture."""
    names = {path.name for path in run[0].iterdir()}
    assert {"energy.jls", "energy.json", "transcript-energy.jsonl", "energy_windows.png"} <= names
    assert {f"energy_inf_{number:03d}.png" for number in range(5)} <= names
    transcript = (run[0] / "transcript-energy.jsonl").read_text()
    assert "m-timestamp-mode-energy" in transcript
    assert "m-lap-us" not in transcript


def test_the_session_is_that_of_eembc(run: tuple[Path, str]) -> None:
    """The DUT has booted; the trace, an edge, a second, five windows, a second, its end."""
    with open_trace(run[0] / "energy.jls") as trace:
        edges_s = [edge.time_s for edge in trace.edges]
        assert (trace.head.marks, len(edges_s)) == (1, 11)
        assert edges_s[1] - edges_s[0] >= 1.0
        assert trace.count / trace.head.rate_hz - edges_s[-1] >= 1.0
    said = (run[0] / "transcript-energy.jsonl").read_text()
    assert said.count('"text": "timestamp%"') == 2  # once where the iterations are found


def test_a_window_that_comes_out_short_is_timed_again(tmp_path: Path) -> None:
    """As a performance window is: its edges are in the trace, and it is no window of the result.

    The iterations are told, and far too few; what is exported states the uncertainty of the run.
    """
    folder = tmp_path / "run"
    done = tinybench(*ENERGY, "--iterations", "3", *brief(tmp_path), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    energy = read_result(folder).energy
    assert energy is not None
    assert all((window.monitor_s or 0) >= 1 for window in energy.windows)
    assert len({window.iterations for window in energy.windows}) == 1
    with open_trace(folder / "energy.jls") as trace:
        again = [(infer.input, infer.iterations) for infer in trace.infers if infer.again]
    assert again[0] == (energy.windows[0].input, 3)
    assert {name for name, _ in again} == {energy.windows[0].input}
    assert energy.edges == 11 + 2 * len(again)
    assert tinybench("energy", "export", str(folder), "--to", "csv").returncode == 0
    for trace in ("energy.jls", "energy.csv"):
        document = tinybench("energy", "analyse", str(folder / trace), "--json").stdout
        found = json.loads(document)["tinybench"]
        assert found["uncertainty_j"] == pytest.approx(energy.uncertainty_j, rel=0.01)
        assert found["median_j"] == pytest.approx(energy.per_inference_j, rel=1e-3)


def test_an_interrupted_energy_run_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    """Ctrl-C: the supply is off, the emulator gone; resume measures the energy from its start."""
    folder = tmp_path / "run"
    with subprocess.Popen(
        [*LISTENING, *ENERGY, *brief(tmp_path), "--out", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
    ) as runner:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not (folder / "energy.jls").exists():
            assert time.monotonic() < deadline_s
            assert runner.poll() is None
            time.sleep(0.02)
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()
        runner.send_signal(signal.SIGINT)
        _, words = runner.communicate(timeout=60)
    assert runner.returncode == 130, words
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not read_result(folder).complete
    done = tinybench("resume", str(folder))
    assert done.returncode == 0, done.stderr
    assert read_result(folder).energy is not None


def test_what_a_killed_energy_run_left_is_swept_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` while the timing pin is listened to: its folder is in the way of nobody."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    words = [*ENERGY, *brief(tmp_path)]
    with subprocess.Popen([*TINYBENCH, *words, "--out", str(tmp_path / "killed")]) as runner:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not list(place.glob("tinybench-*/in/pin")):
            assert time.monotonic() < deadline_s
            assert runner.poll() is None
            time.sleep(0.02)
        runner.kill()
    assert runner.returncode == -signal.SIGKILL
    assert len(list(place.glob("tinybench-*/in/pin"))) == 1
    done = tinybench(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--board", "host", "--mode", "energy"], "no model of its power"),
        (["--mode", "energy", "--monitor", "lpm01a"], "measures a board on a --port"),
        (["--port", "/dev/null", "--mode", "energy"], "needs --monitor"),
        (["--port", "/dev/null", "--monitor", "lpm01a"], "run --mode energy apart"),
        (["--mode", "performance", "--monitor", "lpm01a"], "not --mode performance"),
        (["--mode", "energy", "--interface-board"], "stands between a --port and the DUT"),
        (["--mode", "energy", "--port", "/dev/null", "--monitor", "lpm01b"], "lpm01a"),
    ],
)
def test_energy_that_cannot_be_had_is_refused_on_paper(
    words: list[str], message: str, tmp_path: Path
) -> None:
    """Exit 2, and what to do instead."""
    done = tinybench("--task", "ad", *words, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_instrument_sees_emulated_microseconds_between_two_marks() -> None:
    """However long the host took, a window lasts what the DUT's clock says."""
    load = EmulatedLoad(1e-3, 5e-3)
    load.begin()
    load.mark(100)  # boot
    load.mark(2**32 - 500_000)  # the clock wraps within the window
    start_s = load.falling_s(0, 1e9)[1]
    assert load.known_s() < start_s + 1
    load.mark(1_500_000)
    assert load.falling_s(0, 1e9)[2] == pytest.approx(start_s + 2.0)
    assert load.known_s() >= start_s + 2.0
    assert load.current_a(start_s, 0.5, 4) == pytest.approx([5e-3] * 4)
    assert load.current_a(start_s + 2.0, 0.5, 1) == pytest.approx([1e-3])


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock of the host that stands still until it is told that so many seconds have passed."""
    now_s = [0.0]
    monkeypatch.setattr(emulated, "time", SimpleNamespace(monotonic=lambda: now_s[0]))

    def passed(seconds: float) -> None:
        now_s[0] += seconds

    return passed


def test_a_window_of_a_microsecond_is_modelled_however_slow_this_computer_is(
    passed: Callable[[float], None],
) -> None:
    """Its marks come one behind the other, and no time passes between them."""
    load = EmulatedLoad(1e-3, 5e-3)
    for micros in (0, 10):
        load.mark(micros)
    passed(0.99 * GRACE_S)
    load.mark(11)
    load.check()
    start_s, stop_s = load.falling_s(0, 1e9)[1:]
    assert stop_s - start_s == pytest.approx(1e-6, abs=1e-9)


def test_a_window_that_is_modelled_too_late_is_an_error(passed: Callable[[float], None]) -> None:
    """A sample that was sent cannot be taken back: nothing more is known, no mark is taken."""
    load = EmulatedLoad(1e-3, 5e-3)
    load.mark(0)
    load.mark(10)
    passed(GRACE_S + 0.02)
    load.mark(10 + int(0.01 * PACE * 1e6))
    for asked in (load.check, load.known_s, lambda: load.rest(1.0)):
        with pytest.raises(MonitorError, match="modelled too late"):
            asked()
    load.mark(10**6)
    assert len(load.falling_s(0, 1e9)) == 2


def test_an_emulator_that_is_far_too_slow_is_said_after_its_first_window(
    passed: Callable[[float], None],
) -> None:
    """Its simulated monitor ends, and the error is that of the load."""
    power = load_board("mps2-an386").power
    assert power is not None

    def measure() -> None:
        with modelled_monitor(power) as (spec, _, load), closing(open_monitor(spec)) as monitor:
            monitor.power_on()
            monitor.start()
            load.mark(0)
            load.mark(10)
            passed(2.0)
            load.mark(50_010)
            for _ in monitor.chunks():
                pass

    with pytest.raises(MonitorError, match="modelled too late"):
        measure()


def _result(**changed: object) -> Result:
    """Return a good result with energy, and with one window changed."""
    windows = [
        EnergyWindow(
            input=f"tst_{number:06d}.bin",
            iterations=50,
            results="0.000,0.996",
            start_s=20.0 * number,
            stop_s=20.0 * number + 10.2,
            energy_j=0.05,
            uncertainty_j=0.001,
            power_w=0.05 / 10.2,
            monitor_s=10.2,
            dut_s=None,
            host_s=10.3,
            lost=0,
            clipped=0,
            faults=[],
            warnings=[],
        )
        for number in range(5)
    ]
    windows[2] = msgspec.structs.replace(windows[2], **changed)
    energy = Energy(
        per_inference_j=0.001,
        uncertainty_j=2e-5,
        terms_j={},
        not_stated=[],
        modelled=False,
        model_source="",
        monitor="X-NUCLEO-LPM01A",
        monitor_serial="1",
        monitor_firmware="1.0.6",
        voltage_v=3.3,
        rate_hz=5000.0,
        edges=11,
        lost=0,
        warnings=[],
        faults=[],
        windows=windows,
    )
    return good_result(energy=energy)


@pytest.mark.parametrize(
    ("changed", "rule", "found"),
    [
        ({"monitor_s": 9.9, "power_w": 0.05 / 9.9}, "energy-duration", "window 3 lasted 9.900 s"),
        ({"faults": ["3 edges where two belong"], "energy_j": None}, "energy-window", "3 edges"),
        ({"input": "tst_000001.bin"}, "energy-windows", "5 windows on 4 inputs"),
        ({"results": "0.004,0.992"}, "same-output", "0.004"),
    ],
)
def test_a_broken_energy_rule_is_named(changed: dict[str, object], rule: str, found: str) -> None:
    """The rule, and what was found."""
    assert rules.check(_result(), load_task("kws")) == []
    broken = rules.check(_result(**changed), load_task("kws"))
    assert [violation.rule for violation in broken] == [rule]
    assert found in broken[0].found


def test_an_edited_median_is_noticed() -> None:
    """It is computed again from the stored windows."""
    result = _result()
    assert result.energy is not None
    edited = msgspec.structs.replace(result.energy, per_inference_j=0.0009)
    (broken,) = rules.check(msgspec.structs.replace(result, energy=edited), load_task("kws"))
    assert broken.rule == "energy-recomputed"
    assert re.search(r"1000\.0000 uJ", broken.wanted)


def test_mode_all_with_the_modelled_monitor_measures_all_three(tmp_path: Path) -> None:
    """Two builds, three modes, the same outputs."""
    words = ["--task", "ad", "--monitor", "modelled", *brief(tmp_path), "--json"]
    done = tinybench(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert result.accuracy is not None
    assert result.performance is not None
    assert result.energy is not None
    assert set(result.files_sha256) >= {"firmware.elf", "firmware-energy.elf"}
    assert (tmp_path / "run" / "energy.jls").stat().st_size > 0


@pytest.mark.parametrize("kind", ["enhanced", "legacy"])
def test_a_whole_bench_measures_through_its_own_wires(tmp_path: Path, kind: str) -> None:
    """A board behind an interface board, supplied and watched by an LPM01A on another port.

    The command line is that of a real bench, and nothing in the runner knows that it is none.
    """
    board, task = load_board("mps2-an386"), load_task("ad")
    image = build(board, task, package_folder() / "embedded" / "ad01.tflite", energy=True)
    load = EmulatedLoad(1e-3, 3.4e-3)
    with timing_pin(load) as pin, closing(Powered(board.command(image.elf, pin))) as dut:
        monitor = SimulatedLpm01a(Scene(load, real_time=False, on_power=dut.power))
        between = (
            SimulatedInterfaceBoard(dut)
            if kind == "enhanced"
            else SimulatedIoManager(dut, falls=lambda: load.falling_s(0.0, math.inf))
        )
        with (
            PseudoPort(monitor, real_time=False) as monitor_port,
            PseudoPort(between) as port,
        ):
            (tmp_path / "desk.toml").write_text(
                f'driver = "lpm01a"\nport = "{monitor_port.path}"\nvoltage_v = 3.3\n'
            )
            done = untimed(
                *("--port", port.path, "--interface-board", "--task", "ad", "--mode", "energy"),
                *("--monitor", str(tmp_path / "desk.toml"), "--out", str(tmp_path / "run")),
                *brief(tmp_path),
            )
        assert done.returncode == 0, done.stderr + done.stdout
        assert not dut.powered
    energy = read_result(tmp_path / "run").energy
    assert energy is not None
    assert energy.per_inference_j is not None
    assert energy.uncertainty_j is not None
    assert not energy.modelled
    true_j = 3.4e-3 * 3.3 * (energy.windows[0].monitor_s or 0) / energy.windows[0].iterations
    assert abs(energy.per_inference_j - true_j) < energy.uncertainty_j
    said = (tmp_path / "run" / "transcript-energy.jsonl").read_text()
    assert "[dut]: m-results-[" in said
    assert ("m-lap-us-" in said) == (kind == "legacy")
