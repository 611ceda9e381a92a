"""How many inferences an energy window has: of any model, by every monitor, in a few steps."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.runner.measure.timed_dut import ACTIVE_A, TimedDut
from tinybench.energy.drivers import joulescope
from tinybench.energy.monitor import MonitorSpec
from tinybench.energy.pairing import DEBOUNCE_S
from tinybench.energy.simulated.instrument import instrument
from tinybench.energy.simulated.joulescope import SimulatedJoulescope
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import TraceHead
from tinybench.errors import MonitorError
from tinybench.runner.dut.client import Dut
from tinybench.runner.measure import energy_mode
from tinybench.runner.measure.energy_mode import (
    EDGE_TIMEOUT_S,
    GROWTH,
    STEPS,
    Seen,
    find_iterations,
)
from tinybench.runner.measure.modes import WindowLength
from tinybench.runner.results.result import Energy

VOLTAGE_V = 3.0
WINDOW_S = 0.5
LENGTH = WindowLength(WINDOW_S)


@dataclass(frozen=True)
class Input:
    """One input, as a set of samples has it."""

    name: str

    def windows(self) -> list[bytes]:
        """Return what is uploaded."""
        return [self.name.encode()]


@contextlib.contextmanager
def watched(driver: str, dut: TimedDut, patch: pytest.MonkeyPatch) -> Iterator[MonitorSpec]:
    """Yield the spec of a simulated monitor that watches a DUT, which need not wait for long."""
    patch.setattr(energy_mode, "MARGIN_S", 0.1)
    if driver == "joulescope":
        scene = Scene(dut, real_time=False)
        patch.setattr(joulescope, "_driver", lambda: SimulatedJoulescope(scene))
        yield MonitorSpec(driver=driver)
        return
    with instrument(driver, dut, real_time=False) as port:
        yield MonitorSpec(driver=driver, port=port, voltage_v=VOLTAGE_V)


def measured(
    spec: MonitorSpec, dut: TimedDut, folder: Path, iterations: int | None = None
) -> Energy:
    """Measure two windows."""

    @contextlib.contextmanager
    def connect() -> Iterator[Dut]:
        client = Dut(dut, fast=False, verify=False, marks=True)
        client.handshake()
        yield client

    # `rest` and a modelled source: its time is none of the host's.
    bench = energy_mode.Bench(spec, connect, "made up", dut.rest, dut.known_s)
    samples: Sequence[object] = [Input("one"), Input("two")]
    (energy,) = energy_mode.measure(bench, samples, LENGTH, folder, iterations)  # pyright: ignore[reportArgumentType]
    return energy


@pytest.mark.parametrize(
    ("driver", "inference_s"),
    [
        ("lpm01a", 1e-6),
        ("lpm01a", 30.0),
        ("ppk2", 45e-6),
        ("joulescope", 1e-6),
        ("otii", 1e-6),
    ],
)
def test_any_model_under_any_monitor_gets_windows_that_are_long_enough(
    driver: str, inference_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each monitor takes edges that are too near for one, or none."""
    dut = TimedDut(inference_s)
    with watched(driver, dut, monkeypatch) as spec:
        energy = measured(spec, dut, tmp_path)
    assert (energy.faults, energy.edges) == ([], 5)
    least = max(1, WINDOW_S / inference_s)
    for window in energy.windows:
        assert (window.monitor_s or 0) >= WINDOW_S
        assert least <= window.iterations <= 1.1 * least + 1
        true_j = ACTIVE_A * VOLTAGE_V * inference_s * window.iterations
        assert window.energy_j == pytest.approx(true_j, rel=0.02)
    assert len(dut.asked) <= 6 + len(energy.windows)


def simulated(inference_s: float, sample_s: float, line_s: float = 0.2) -> tuple[int, list[int]]:
    """Return what is found of a model by a monitor of such samples, and what was asked for."""
    asked: list[int] = []

    def probe(count: int) -> Seen:
        asked.append(count)
        lasted_s = count * inference_s
        stop_s = int((0.7 * sample_s + lasted_s) / sample_s) * sample_s
        edges_s = [0.0, stop_s] if stop_s >= DEBOUNCE_S else [0.0]
        return Seen(edges_s, line_s + lasted_s)

    return find_iterations(probe, WindowLength(10.0), max(0.2, 100 * sample_s)), asked


@pytest.mark.parametrize("sample_s", [5e-7, 1e-5, 2e-4, 1e-2, 0.1])
@pytest.mark.parametrize(
    "inference_s", [1e-8, 1e-6, 9e-6, 49e-6, 51e-6, 1e-3, 0.1, 0.21, 3.0, 30.0]
)
def test_the_number_is_found_in_a_few_steps(inference_s: float, sample_s: float) -> None:
    """From 10 ns to half a minute: right to some hundredths, without a window of hours."""
    found, asked = simulated(inference_s, sample_s)
    assert 1.0 <= found * inference_s / max(10.0, inference_s) < 1.1 + inference_s / 10
    assert len(asked) <= STEPS
    assert max(asked) * inference_s <= max(inference_s, GROWTH * max(0.2, 100 * sample_s))


def test_an_upload_is_no_reason_to_give_up() -> None:
    """At 9600 baud an image takes a minute, before the first window alone."""
    shown = iter([Seen([0.0], 60.0), Seen([0.0], 0.2), Seen([0.0, 0.3], 0.5)])
    asked: list[int] = []

    def probe(count: int) -> Seen:
        asked.append(count)
        return next(shown)

    assert find_iterations(probe, WindowLength(10.0), 0.2) == pytest.approx(2176, abs=1)
    assert asked == [1, 1, GROWTH]


def test_an_edge_that_is_lost_of_a_slow_model_is_said_at_once() -> None:
    """What takes half a minute is not asked for sixteen times as often."""
    asked: list[int] = []

    def probe(count: int) -> Seen:
        asked.append(count)
        return Seen([0.0], 30.0 * count)

    with pytest.raises(MonitorError, match=r"tried.* 1 \(1 edge\), 1 \(1 edge\)\. Fewer"):
        find_iterations(probe, WindowLength(10.0), 0.2)
    assert asked == [1, 1]


def test_an_edge_that_is_lost_of_a_model_of_two_seconds_costs_a_window_more() -> None:
    """The first, or a later one: what the host saw to be long is tried again, once."""
    for inference_s, lost, wanted in (
        (2.0, {0}, [1, 1]),
        (0.02, {1}, [1, 13, 13]),
        (2.0, {0, 1}, [1, 1, GROWTH]),
    ):
        asked: list[int] = []

        def probe(
            count: int,
            asked: list[int] = asked,
            inference_s: float = inference_s,
            lost: set[int] = lost,
        ) -> Seen:
            lasted_s = count * inference_s
            edges_s = [0.0] if len(asked) in lost else [0.0, lasted_s]
            asked.append(count)
            return Seen(edges_s, 0.1 + lasted_s)

        assert find_iterations(probe, WindowLength(10.0), 0.2) >= 10 / inference_s
        assert asked == wanted


def test_false_edges_without_end_are_an_error_that_says_what_was_tried() -> None:
    """A bounded number of windows, and no number out of three edges."""
    asked: list[int] = []

    def probe(count: int) -> Seen:
        asked.append(count)
        return Seen([0.0, 0.1, 0.3], 0.5)

    with pytest.raises(MonitorError, match=r"1 \(3 edges\).*look at the wire.*--iterations"):
        find_iterations(probe, WindowLength(10.0), 0.2)
    assert asked == [1] * STEPS


def test_an_edge_lost_or_false_while_calibrating_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window is tried again; those of the result are whole."""
    dut = TimedDut(5e-3, lost=frozenset({1}), extra=frozenset({2}))
    with watched("lpm01a", dut, monkeypatch) as spec:
        energy = measured(spec, dut, tmp_path)
    assert (energy.faults, energy.edges) == ([], 5)
    assert all(100 <= window.iterations <= 110 for window in energy.windows)


def test_a_false_edge_in_a_window_is_a_fault_and_no_reason_for_a_longer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two edges are 2 ms apart, and the window lasted as long as it was to."""
    dut = TimedDut(5e-3, extra=frozenset({1}))
    with watched("lpm01a", dut, monkeypatch) as spec:
        energy = measured(spec, dut, tmp_path, 102)
    assert dut.asked == [102, 102]
    assert energy.per_inference_j is None
    assert "6 edges, where 1 mark and two for each of 2 infers make 5" in energy.faults[0]


def test_iterations_that_the_monitor_cannot_tell_are_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by hand, and far too few; its mark was seen."""
    dut = TimedDut(1e-10, told=lambda _: monkeypatch.setattr(energy_mode, "EDGE_TIMEOUT_S", 0.5))
    with watched("lpm01a", dut, monkeypatch) as spec, pytest.raises(MonitorError) as refused:
        measured(spec, dut, tmp_path, 20)
    assert "did not see the edges of 'infer 20' on one" in str(refused.value)
    assert "Edges closer than 200 us are one to it: without --iterations" in str(refused.value)


def test_a_lost_mark_is_no_matter_of_iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One edge is not too near to another."""
    monkeypatch.setattr(energy_mode, "EDGE_TIMEOUT_S", 0.5)
    dut = TimedDut(1e-3, lost=frozenset({0}))
    with watched("lpm01a", dut, monkeypatch) as spec, pytest.raises(MonitorError) as refused:
        measured(spec, dut, tmp_path, 20)
    assert "1 of 1 edges missing: the monitor did not see the edge of 'timestamp'" in str(
        refused.value
    )
    assert str(refused.value).endswith("and the energy build on the board?")


def test_a_monitor_slower_than_it_says_is_refused_by_both_rates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its trace lags by more and more; what it has not sent is waited for so long in all."""
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    class Writer:
        head = TraceHead(rate_hz=5000.0, unit="A", monitor="half as fast")

        @property
        def count(self) -> int:
            return int(now_s[0] * 2500)

    monkeypatch.setattr(energy_mode, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    monkeypatch.setattr(energy_mode.time, "sleep", sleep, raising=False)
    bench = energy_mode.Bench(MonitorSpec(driver="made up"), contextlib.nullcontext, rest=sleep)  # pyright: ignore[reportArgumentType]
    session = energy_mode._Session(bench, None, Writer())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session._capture = SimpleNamespace(check=lambda: None)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    session._began_s = 0.0

    def settle() -> None:
        for _ in range(20):
            session._settle()

    with pytest.raises(MonitorError, match="takes 5000 samples a second, and 2500 a second came"):
        settle()
    assert now_s[0] < 7 * EDGE_TIMEOUT_S
