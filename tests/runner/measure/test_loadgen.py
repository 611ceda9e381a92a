"""The genuine LoadGen as the engine of a scenario, in its own process."""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.program import tinybench
from tinybench.errors import ProtocolError, TransportError
from tinybench.runner.measure.loadgen import CHILD, Ask, queries, settings
from tinybench.runner.measure.loadgen import _asked as lines
from tinybench.runner.results.scenario import Asked, Query
from tinybench.runner.results.scenario.loadgen import read
from tinybench.runner.results.scenario.score import score
from tinybench.runner.rules.profile import load_profile
from tinybench.runner.rules.scenario import LOADGEN, _loadgen
from tinybench.runner.scenario import tail
from tinybench.transport.process import ProcessTransport

CLOCK = Path(__file__).with_name("scripted_clock.c")
COUNT = 50
SCRIPTED = """
import ctypes, json, sys
import mlperf_loadgen as loadgen
told = json.load(sys.stdin)
clock = ctypes.CDLL(None)
script = iter(told["script"])
def issue(asked):
    clock.advance(ctypes.c_int64(next(script)))
    loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(one.id, 0, 0) for one in asked])
settings, log = loadgen.TestSettings(), loadgen.LogSettings()
settings.scenario = getattr(loadgen.TestScenario, told["scenario"])
settings.mode = loadgen.TestMode.PerformanceOnly
for name, value in told["settings"].items():
    setattr(settings, name, value)
log.log_output.outdir = told["folder"]
log.log_output.copy_summary_to_stdout = False
log.enable_trace = False
sut = loadgen.ConstructSUT(issue, lambda: None)
qsl = loadgen.ConstructQSL(40, 40, lambda _: None, lambda _: None)
loadgen.StartTestWithLogSettings(sut, qsl, settings, log)
"""


@pytest.fixture(autouse=True)
def _genuine() -> None:
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen is not installed")


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that takes the place of the clock."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", str(CLOCK), "-o", str(library)], check=True)
    return library


def _script(count: int, seed: int) -> list[int]:
    """Latencies in whole microseconds, as a device counts them; a few of them far from the rest."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    return [
        1000 * (draw.randrange(900, 1100) if draw.random() < 0.97 else draw.randrange(5000, 90_000))
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [63, 64, 661, 662, 3000])
@pytest.mark.parametrize(
    ("name", "scenario"), [("single-stream", "SingleStream"), ("multi-stream", "MultiStream")]
)
def test_figures_are_those_of_its_summary(
    clock: Path, tmp_path: Path, count: int, name: str, scenario: str
) -> None:
    """On a scripted list of latencies: every percentile and estimate, integer for integer."""
    asked = _asked(name, min_queries=count, streams=1)
    script = _script(count, count)
    told = {
        "scenario": scenario,
        "script": script,
        "settings": settings(asked, 1.0) | {"max_query_count": count},
        "folder": str(tmp_path),
    }
    subprocess.run(
        [sys.executable, "-c", SCRIPTED],
        input=json.dumps(told),
        env=os.environ | {"LD_PRELOAD": str(clock)},
        text=True,
        check=True,
        timeout=20,
    )
    theirs = read(tmp_path)
    assert theirs is not None
    asking = [Query([0], [ns // 1000], ns // 1000, ["1.0"]) for ns in script]
    ours = score(asked, asking, None, emulated=False)
    assert ours is not None
    found = ours.latency
    assert [round(value_s * 1e9) for value_s in
            (found.p50_s, found.p90_s, found.p97_s, found.p99_s, found.p99_9_s)] == [
        theirs.p50_ns, theirs.p90_ns, theirs.p97_ns, theirs.p99_ns, theirs.p99_9_ns
    ]  # fmt: skip
    for word, ns in theirs.estimates_ns.items():
        one = tail.estimate(sorted(script), float(word[1:]) / 100)
        assert one is not None
        assert one.value == ns
    wanted_ns = theirs.estimates_ns.get(f"p{asked.share * 100:g}")
    assert wanted_ns == (None if ours.estimate_s is None else round(ours.estimate_s * 1e9))
    assert theirs.early_stopping_met == (ours.estimate_s is not None)
    assert theirs.mean_ns == sum(script) // count


def _asked(name: str, **more: object) -> Asked:
    base: dict[str, object] = {"min_queries": 100, "min_duration_s": 0.0, "seed": 7}
    if name == "server":
        base |= {"target_qps": 500.0, "deadline_s": 0.5}
    return msgspec.convert({"name": name, "engine_loadgen": True} | base | more, Asked)


def _device(each_s: float = 0.0, first_s: float | None = None) -> Ask:
    """Answer at once, or after so long; the first three queries say that they took another time."""
    asked_for = itertools.count()

    def ask(numbers: Sequence[int]) -> Query:
        time.sleep(each_s)
        told_s = first_s if first_s is not None and next(asked_for) < 3 else each_s
        us = max(1, round(told_s * 1e6))
        return Query(list(numbers), [us] * len(numbers), us, ["1.0"] * len(numbers))

    return ask


def _children() -> list[int]:
    """Processes of LoadGen that this one has started."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if CHILD.encode() in words and parent == os.getpid():
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("name", ["single-stream", "multi-stream", "server", "offline"])
def test_it_asks_in_the_order_that_is_drawn_here(tmp_path: Path, name: str) -> None:
    """Every scenario, from a set that is asked for several times; and it ends of itself."""
    asked = _asked(name)
    found = list(queries(asked, COUNT, _device(), tmp_path))
    assert [one.samples for one in found] == list(itertools.islice(asked.order(COUNT), len(found)))
    assert sum(len(one.samples) for one in found) >= 100
    told = read(tmp_path)
    assert told is not None
    assert told.queries_met
    assert told.version.startswith("6.")
    assert _children() == []


def test_it_ends_when_it_has_lasted_long_enough(tmp_path: Path) -> None:
    """By its own clock, with as many more queries as that takes."""
    asked = _asked("single-stream", min_queries=10, min_duration_s=0.5)
    found = list(queries(asked, COUNT, _device(0.002), tmp_path))
    told = read(tmp_path)
    assert told is not None
    assert (told.valid, told.duration_met, told.min_duration_s) == (True, True, 0.5)
    assert 10 < len(found) < 260


def test_a_hint_that_was_far_too_high_is_named(tmp_path: Path) -> None:
    """The first queries took far longer: LoadGen runs out of queries, and says why."""
    asked = _asked("single-stream", min_queries=10, min_duration_s=60.0)
    found = list(queries(asked, COUNT, _device(first_s=1.0), tmp_path))
    told = read(tmp_path)
    assert told is not None
    assert not told.valid
    assert "Decrease the expected latency" in told.advice
    scored = score(asked, found, None, emulated=False, loadgen=told)
    assert scored is not None
    ruling = _loadgen(scored)
    assert (ruling.rule, ruling.state) == (LOADGEN.name, "broken")
    assert "Decrease the expected latency" in ruling.found


def test_its_process_may_die(tmp_path: Path) -> None:
    """By a fault of its own in the middle of a test: an error that says so, and no more."""
    asked_for = itertools.count()

    def ask(numbers: Sequence[int]) -> Query:
        if next(asked_for) == 20:
            os.kill(_children()[0], signal.SIGSEGV)
        return _device()(numbers)

    with pytest.raises(TransportError, match=r"LoadGen's own process ended .* signal 11"):
        list(queries(_asked("single-stream"), COUNT, ask, tmp_path))
    assert read(tmp_path) is None


def test_a_board_that_dies_leaves_no_process(tmp_path: Path) -> None:
    """Its error is the one that is told, and LoadGen is ended, which would wait for ever."""
    asked_for = itertools.count()

    def ask(numbers: Sequence[int]) -> Query:
        if next(asked_for) == 20:
            raise TransportError("the board is gone")
        return _device()(numbers)

    with pytest.raises(TransportError, match="the board is gone"):
        list(queries(_asked("multi-stream"), COUNT, ask, tmp_path))
    assert _children() == []


def test_what_is_no_query_is_refused() -> None:
    """What is no number of an input, on the pipe from its process."""
    script = "import sys; print('7 x'); sys.stdout.flush(); sys.stdin.read()"
    with (
        closing(ProcessTransport([sys.executable, "-c", script])) as line,
        pytest.raises(ProtocolError, match="no query of 50 inputs"),
    ):
        next(lines(line, COUNT, 20.0))


def test_without_the_package_the_user_is_told_what_to_type() -> None:
    """Exit status 2, before anything is built."""
    code = (
        "import sys; sys.modules['mlperf_loadgen'] = None\n"
        "from tinybench.runner.cli import main\nsys.exit(main())"
    )
    done = tinybench(
        "--task", "kws", "--scenario", "single-stream", "--engine-loadgen",
        program=[sys.executable, "-c", code],
    )  # fmt: skip
    assert done.returncode == 2
    assert "install" in done.stderr
    assert "loadgen" in done.stderr
    assert "it has wheels for Linux on x86-64" in done.stderr


def test_a_profile_asks_loadgen_for_its_own_counts() -> None:
    """Queries, time and percentile of the scenario; the hint in ns."""
    asked = load_profile("quick").scenario(Asked(name="multi-stream", engine_loadgen=True))
    told = settings(asked, 0.01)
    assert told["min_query_count"] == 662
    assert told["min_duration_ms"] == 10_000
    assert told["multi_stream_target_latency_percentile"] == 0.99
    assert told["multi_stream_expected_latency_ns"] == 10_000_000
