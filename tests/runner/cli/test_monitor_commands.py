"""The commands for a bench that is being set up: monitors, simulate, energy live."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import LISTENING, TINYBENCH, tinybench
from tinybench.energy.tally import Tally
from tinybench.energy.trace import open_trace


@pytest.fixture
def simulated(request: pytest.FixtureRequest) -> Iterator[str]:
    """Port of an instrument that `tinybench simulate` runs; ends by Ctrl-C with status 0."""
    command = [*LISTENING, "simulate", *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
            child.send_signal(signal.SIGINT)
            assert child.wait(120) == 0
        finally:
            child.kill()


@pytest.mark.parametrize(
    ("simulated", "monitor"),
    [(["lpm01a"], "lpm01a"), (["ppk2"], "ppk2"), (["otii"], "otii")],
    indirect=["simulated"],
)
def test_a_simulated_monitor_is_seen_live(simulated: str, monitor: str) -> None:
    """The port that one terminal prints is what the other takes."""
    done = tinybench(
        "energy", "live", "--monitor", monitor, "--port", simulated, "--seconds", "2.5"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines
    assert all(" mA (" in line and line.endswith(" lost") for line in lines)
    assert "3.000 V" in lines[-1]


@pytest.mark.parametrize("simulated", [["ppk2"]], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_seen_live_is_recorded_marked_and_summed_up(
    simulated: str, number: int, tmp_path: Path
) -> None:
    """The voltage is said first; at Ctrl-C the trace is whole, and its sums are told."""
    trace = tmp_path / "trace.jls"
    live = [*LISTENING, "energy", "live", "--monitor", "ppk2", "--port", simulated]
    with subprocess.Popen(
        [*live, "-o", str(trace)], stdin=-1, stdout=-1, stderr=-1, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stderr.readline() == "the DUT is supplied with 3 V by the ppk2\n"
        child.stdout.readline()
        child.stdin.write("infer\n")
        child.stdin.flush()
        child.stdout.readline()
        assert "mAh" in child.stdout.readline()
        child.send_signal(number)
        _, said = child.communicate(timeout=120)
    assert child.returncode == 0, said
    assert "1 marker" in said
    assert "from infer (" in said
    assert f"recorded in {trace}" in said
    with open_trace(trace) as stored:
        assert stored.complete
        assert [marker.name for marker in stored.markers] == ["infer"]
        tally = Tally(stored.head)
        for chunk in stored.chunks():
            tally.add(chunk)
    assert f"in all {tally.line()}" in said
    done = tinybench(*live[len(LISTENING) :], "-o", str(trace))
    assert done.returncode == 2
    assert "is there already" in done.stderr


@pytest.mark.parametrize("simulated", [["lpm01a"]], indirect=True)
def test_a_monitor_that_another_run_has_is_left_alone(simulated: str) -> None:
    """Exit status 3, and who has it; what that one measures goes on."""
    live = [*TINYBENCH, "energy", "live", "--monitor", "lpm01a", "--port", simulated]
    with subprocess.Popen([*live, "--seconds", "60"], stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline()
            done = tinybench("energy", "live", "--monitor", "lpm01a", "--port", simulated)
            assert done.returncode == 3
            words = f"the monitor lpm01a at {simulated} is taken by process {first.pid} of "
            assert words in done.stderr
            assert first.stdout.readline()
        finally:
            first.kill()


@pytest.mark.parametrize("simulated", [["lpm01a", "--fault", "htc refused"]], indirect=True)
def test_a_monitor_that_refuses_is_a_bench_that_failed(simulated: str) -> None:
    """Exit status 3, with the instrument's words and no traceback."""
    done = tinybench("energy", "live", "--monitor", "lpm01a", "--port", simulated)
    assert done.returncode == 3
    assert "refuses 'htc'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_attached_is_listed() -> None:
    """Nothing here; as a table and as JSON."""
    assert "no energy monitor is attached" in tinybench("monitors").stdout
    assert json.loads(tinybench("monitors", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simulate", "lpm1a"), "did you mean 'lpm01a'?"),
        (("simulate", "ppk2", "--fault", "lost word"), "did you mean 'lost words'?"),
        (("energy", "live", "--monitor", "ppk"), "did you mean 'ppk2'?"),
        (("energy", "live", "--monitor", "lpm01a"), "no lpm01a is attached"),
        (("energy", "live", "--monitor", "none.toml"), "there is no such file"),
    ],
)
def test_a_mistake_is_said_with_what_would_be_right(words: tuple[str, ...], said: str) -> None:
    """Exit status 2."""
    done = tinybench(*words)
    assert done.returncode == 2
    assert said in done.stderr
