"""Windows of a trace: which edges make one, and what makes it invalid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.energy.loads import hex12
from tinybench.energy.analysis import Analysis, analyse, half_step, seen_code
from tinybench.energy.pairing import debounced
from tinybench.energy.trace import Accuracy, Edge, Gap, Infer, Trace, TraceHead, memory_trace
from tinybench.errors import TraceError

RATE_HZ = 1000.0
EDGES_S = (0.5, 1.0, 2.0, 3.0, 4.0)
"""A mark, and two windows of 1 s."""


def _trace(
    edges_s: tuple[float, ...] = EDGES_S,
    *,
    infers: int = 2,
    power_w: np.ndarray | None = None,
    gaps: tuple[Gap, ...] = (),
    bounds: bool = False,
    **head: object,
) -> Trace:
    told = [
        Infer(10, f"{n}.bin", 0.7 + 2 * n if bounds else None, 2.3 + 2 * n if bounds else None)
        for n in range(infers)
    ]
    return memory_trace(
        TraceHead(rate_hz=RATE_HZ, unit="W", **head),  # pyright: ignore[reportArgumentType]
        np.full(5000, 0.01) if power_w is None else power_w,
        edges=[Edge(at) for at in edges_s],
        gaps=gaps,
        infers=told,
    )


def _faults(found: Analysis) -> list[str]:
    return [*found.faults, *(fault for window in found.windows for fault in window.faults)]


def test_a_sound_trace_gives_energy_per_inference() -> None:
    """Two windows of 1 s at 10 mW with ten inferences each: 1 mJ an inference."""
    found = analyse(_trace())
    assert found.valid
    assert found.per_inference
    assert found.median_j == pytest.approx(1e-3)
    for window in found.windows:
        assert window.energy_j == pytest.approx(10e-3)
        assert window.power_w == pytest.approx(10e-3)
        assert (window.samples, window.lost, window.faults) == (1001, 0, [])


@pytest.mark.parametrize("bounds", [False, True])
@pytest.mark.parametrize(
    ("edges_s", "words"),
    [
        (EDGES_S[:-1], "edge"),
        (EDGES_S[1:], "edge"),
        ((*EDGES_S, 4.2), "edge"),
        ((0.5, 1.0, 1.5, 2.0, 3.0, 4.0), "edges"),
        ((0.5,), "edge"),
        ((), "edges"),
    ],
)
def test_anything_but_two_edges_makes_a_window_invalid(
    edges_s: tuple[float, ...], words: str, bounds: bool
) -> None:
    """A missing or an extra edge is never papered over; a mark that is missing is said."""
    found = analyse(_trace(edges_s, bounds=bounds))
    if bounds and edges_s == EDGES_S[1:]:  # the bounds place the edges: only the mark is missing
        assert found.valid
        assert found.warnings == ["0 edges outside of every infer, where 1 belong"]
        return
    assert not found.valid
    assert any(words in fault for fault in _faults(found))
    for window in found.windows:
        assert window.energy_j is None or (bounds and window.monitor_s == pytest.approx(1.0))


def test_with_bounds_one_bad_infer_leaves_the_others_alone() -> None:
    """The runner knows when it asked: an extra edge is its own infer's fault."""
    found = analyse(_trace((0.5, 1.0, 1.5, 2.0, 3.0, 4.0), bounds=True))
    assert not found.valid
    assert found.windows[0].faults == ["3 edges where two belong"]
    assert found.windows[1].faults == []
    assert found.median_j == pytest.approx(1e-3)


def test_without_infers_edges_pair_up_after_the_mark() -> None:
    """Energy of windows, for nobody says how many inferences; an odd edge is a fault."""
    found = analyse(_trace(infers=0))
    assert found.valid
    assert not found.per_inference
    assert found.median_j == pytest.approx(10e-3)
    assert not analyse(_trace((0.5, 1.0, 2.0, 3.0), infers=0)).valid
    assert not analyse(_trace((), infers=0)).valid
    assert analyse(_trace(EDGES_S[1:], infers=0, marks=0)).valid


def test_bouncing_edges_are_one() -> None:
    """Closer than 50 us, whatever order they are told in."""
    bounced = [Edge(at + late) for at in EDGES_S for late in (0, 20e-6, 45e-6)]
    assert [edge.time_s for edge in debounced(bounced)] == list(EDGES_S)
    apart = [Edge(1.0), Edge(1.0 + 51e-6)]
    assert debounced(apart) == apart
    assert debounced(apart[::-1]) == apart


@pytest.mark.parametrize(("lost", "valid"), [(slice(1500, 1501), True), (slice(1500, 1502), False)])
@pytest.mark.parametrize("how", ["nan", "inf", "gap"])
def test_lost_samples_are_flagged_or_make_the_window_invalid(
    lost: slice, valid: bool, how: str
) -> None:
    """One in a thousand is flagged, with its uncertainty; two are too many. No NaN comes out."""
    power_w = np.full(5000, 0.01)
    gaps: tuple[Gap, ...] = ()
    if how == "gap":
        gaps = (Gap(lost.start, lost.stop - lost.start),)
        power_w[lost] = 0.5  # what stands there is nobody's sample
    else:
        power_w[lost] = float(how)
    found = analyse(_trace(power_w=power_w, gaps=gaps))
    window = found.windows[0]
    assert (window.faults == []) == valid
    assert found.valid == valid
    assert window.lost == lost.stop - lost.start
    if valid:
        assert len(window.warnings) == 1
        assert window.energy_j == pytest.approx(10e-3, rel=1e-6)
        assert window.terms_j["losses"] == pytest.approx(1e-5 / np.sqrt(3))
        assert found.windows[1].terms_j["losses"] == 0
    else:
        assert window.energy_j is None
        assert found.median_j == pytest.approx(1e-3)


def test_a_lost_sample_may_have_been_the_highest() -> None:
    """Of a load in bursts, wherever in the window they are; power at its edges says nothing."""
    power_w = np.full(5000, 0.01)
    power_w[1300:1310], power_w[1500] = 0.2, np.nan
    (window, _) = analyse(_trace(power_w=power_w)).windows
    assert window.terms_j["losses"] == pytest.approx(0.2e-3 / np.sqrt(3))


def test_clipped_samples_are_flagged_or_make_the_window_invalid() -> None:
    """At the end of the range nobody knows how much more it was."""
    for clipped, valid in ((1, True), (2, False)):
        power_w = np.full(5000, 0.01)
        power_w[1500 : 1500 + clipped] = 0.05
        found = analyse(_trace(power_w=power_w, range_max=0.05))
        assert found.valid == valid
        assert found.windows[0].clipped == clipped
        if valid:
            assert found.windows[0].terms_j["losses"] == pytest.approx(5e-5 / np.sqrt(3))


def test_a_window_beyond_the_samples_is_invalid() -> None:
    """The recording ended before the last edge."""
    found = analyse(_trace(power_w=np.full(3500, 0.01)))
    assert not found.valid
    assert found.windows[1].faults == ["the samples end before the window does"]
    assert found.windows[0].energy_j is not None


def test_three_clocks_are_kept_apart() -> None:
    """A DUT 0.7 % slow is warned of, as is a host that saw another window; energy is untouched."""
    trace = _trace()
    told = [Infer(10, dut_s=1.007, host_s=1.0), Infer(10, dut_s=1.0004, host_s=2.0)]
    told = [
        Infer(10, dut_s=infer.dut_s, host_s=infer.host_s, host_stop_s=stop_s)
        for infer, stop_s in zip(told, (2.1, 4.102), strict=True)
    ]
    found = analyse(memory_trace(trace.head, np.full(5000, 0.01), edges=trace.edges, infers=told))
    first, second = found.windows
    assert first.dut_skew_ppm == pytest.approx(7000)
    assert first.warnings == ["the DUT's clock and the monitor's differ by 7000 ppm"]
    assert second.dut_skew_ppm == pytest.approx(400)
    assert second.warnings == ["1.000 s by the monitor, 2.000 s by the host"]
    assert found.host_skew_ppm == pytest.approx(1000)
    assert found.warnings == ["the host's clock and the monitor's differ by 1000 ppm"]
    assert found.valid
    assert found.median_j == pytest.approx(1e-3)
    assert first.power_w == pytest.approx(0.01)


def test_the_budget_names_its_terms() -> None:
    """Each alone is what its half width says; together they are their squares' root."""
    states = Accuracy(gain=0.02, offset_a=1e-6, voltage=0.01, clock_ppm=100)
    head = TraceHead(rate_hz=RATE_HZ, unit="A", voltage_v=2.0, accuracy=states)
    trace = memory_trace(head, np.full(5000, 0.005), edges=[Edge(at, None, 5e-4) for at in EDGES_S])
    (window, _) = analyse(trace).windows
    root = np.sqrt(3)
    assert window.energy_j == pytest.approx(10e-3)
    assert window.terms_j == pytest.approx(
        {
            "gain": 2e-4 / root,
            "offset": 2e-6 / root,
            "voltage": 1e-4 / root,
            "clock": 1e-6 / root,
            "quantisation": 0.5e-6 * 2 / root,
            "losses": 0.0,
            "edges": 0.01 * 1e-3 / np.sqrt(12) * np.sqrt(2),
        }
    )
    assert window.uncertainty_j is not None
    assert window.uncertainty_j**2 == pytest.approx(
        4 * sum((term or 0.0) ** 2 for term in window.terms_j.values())
    )


def test_windows_that_differ_make_the_median_less_certain() -> None:
    """Repeatability is what they scatter beyond what their edges explain."""
    power_w = np.full(5000, 0.01)
    power_w[3000:4000] *= 1.01
    found = analyse(_trace(power_w=power_w))
    assert found.median_j == pytest.approx(1.005e-3)
    assert found.terms_j["repeatability"] == pytest.approx(0.7071 * 1e-5 / np.sqrt(2), rel=1e-3)
    assert analyse(_trace()).terms_j["repeatability"] == pytest.approx(0, abs=1e-9)


def test_what_a_maker_does_not_state_is_unknown_and_not_zero() -> None:
    """Null among the terms, and listed; a clock that nobody states is taken for a quartz."""
    found = analyse(_trace())
    assert found.not_stated == ["gain", "offset", "voltage"]
    for terms_j in (found.terms_j, found.windows[0].terms_j):
        assert [name for name, term_j in terms_j.items() if term_j is None] == found.not_stated
    assert found.uncertainty_j is not None
    known_j = [term_j for term_j in found.terms_j.values() if term_j is not None]
    assert found.uncertainty_j == pytest.approx(2 * np.sqrt(np.sum(np.square(known_j))))
    assert found.windows[0].terms_j["clock"] == pytest.approx(10e-3 * 1e-4 / np.sqrt(3))


def test_a_recording_that_ended_early_and_a_modelled_one_say_so() -> None:
    """Beside the numbers, not instead of them."""
    whole = _trace(modelled=True)
    trace = Trace(
        whole.head, whole.count, whole.read, whole.edges, infers=whole.infers, complete=False
    )
    found = analyse(trace)
    assert found.modelled
    assert found.warnings == ["the recording ended early: the file was not finished"]


def test_current_alone_is_refused() -> None:
    """There is no energy without a voltage."""
    trace = memory_trace(
        TraceHead(rate_hz=RATE_HZ, unit="A"), np.ones(5000), edges=[Edge(at) for at in EDGES_S]
    )
    with pytest.raises(TraceError, match="give the voltage"):
        analyse(trace)


def test_a_coarse_resolution_that_nobody_states_is_seen() -> None:
    """12 bits, or four digits; a fine one is not, nor one in noise."""
    noise = np.random.default_rng(3).normal(0.01, 1e-3, 1000)
    assert seen_code(hex12(noise).astype(np.float32)) == "hex12"
    assert seen_code(np.round(noise, 5).astype(np.float32)) == "dec4"
    assert seen_code(noise.astype(np.float32)) == ""
    assert seen_code(np.array([0.0, np.nan])) == ""
    found = analyse(_trace(power_w=np.full(5000, 0.01)))
    assert found.windows[0].terms_j["quantisation"] == pytest.approx(0.5e-5 / np.sqrt(3))


@given(value=st.floats(1e-7, 0.05), code=st.sampled_from(["hex12", "dec4"]))
def test_half_a_step_is_that_of_the_code(value: float, code: str) -> None:
    """12 bits: between 1/512 and 1/8192 of the value; four digits: 1/2000 to 1/20000."""
    low, high = (1 / 8192, 1 / 512) if code == "hex12" else (1 / 20000, 1 / 2000)
    assert low * 0.999 <= half_step(value, code, 0.0) / value <= high * 1.001
    assert half_step(value, "", 0.25) == value / 4
    assert half_step(0.0, code, 0.1) == 0


def _shifted(*edges_s: float, high_w: float = 0.036, marks: int = 1) -> Trace:
    """Windows of 0.6 s from 1.0 s on, every 1.2 s, with these edges."""
    time_s = np.arange(8000) / RATE_HZ
    active = (time_s >= 1.0) & (time_s < 6.4) & ((time_s - 1.0) % 1.2 < 0.6)
    head = TraceHead(rate_hz=RATE_HZ, unit="W", marks=marks)
    return memory_trace(
        head, np.where(active, high_w, 0.015), edges=[Edge(at, None, 5e-4) for at in edges_s]
    )


TRUE_S = (0.5, 1.0, 1.6, 2.2, 2.8, 3.4, 4.0, 4.6, 5.2, 5.8, 6.4)
"""A mark, and five windows of 0.6 s."""


def test_windows_of_equal_work_last_equally_long() -> None:
    """Two false edges shift the pairs between them: no number, and the edges are named."""
    assert analyse(_shifted(*TRUE_S)).valid
    found = analyse(_shifted(*sorted((*TRUE_S, 1.3, 5.0))))
    assert not found.valid
    assert found.median_j is None
    (fault,) = found.faults
    assert "last 0.2 s to 0.6 s" in fault
    assert "without the edges at 1.300000 s and 5.000000 s" in fault
    assert all(window.energy_j is None for window in found.windows)


def test_a_lone_false_pulse_is_found_and_named() -> None:
    """Its time, so that a person can look there."""
    for false_s in (0.8, 1.3, 2.0, 6.9):
        found = analyse(_shifted(*sorted((*TRUE_S, false_s))))
        assert not found.valid
        either = "0.500000 s or " if false_s < 1.0 else ""  # the mark may be the false one
        assert f"without the edge at {either}{false_s:.6f} s" in found.faults[0]


@pytest.mark.parametrize("high_w", [0.036, 0.015])
def test_a_pairing_that_is_shifted_is_never_sound(high_w: float) -> None:
    """One false edge before the first window and one after the last: pauses look like windows."""
    for first_s, last_s in ((0.4, 7.0), (0.42, 7.1), (0.45, 7.3), (0.9, 6.5)):
        edges = sorted((*TRUE_S, first_s, last_s))
        found = analyse(_shifted(*edges, high_w=high_w))
        if high_w == 0.015 and (first_s, last_s) == (0.4, 7.0):
            continue  # equal times, equal power: no energy is wrong
        assert not found.valid, (first_s, last_s)


def test_pauses_with_more_power_than_windows_are_no_pauses() -> None:
    """They last as long as windows do, and only their power tells them."""
    found = analyse(_shifted(0.1, 0.4, *TRUE_S[1:], 7.0))
    assert not found.valid
    assert "takes 36 mW, in them 15 mW" in found.faults[0]


def test_windows_with_other_iterations_are_as_long_for_an_inference() -> None:
    """One that was asked again with more of them, and a board that spreads by a tenth."""
    trace = _shifted(0.5, 1.0, 1.3, 1.31, 1.6, 2.2, 2.8)
    infers = [Infer(10), Infer(10, again=True), Infer(20)]
    again = memory_trace(
        trace.head, trace.read(0, 8000)[0], edges=trace.edges, infers=[infers[0], *infers[1:]]
    )
    found = analyse(again)
    assert [window.iterations for window in found.windows] == [10, 20]
    assert found.valid
    spread = _shifted(0.5, 1.0, 1.6, 2.2, 2.86, 3.4, 3.95)
    assert analyse(spread).valid


def test_an_energy_that_is_not_above_zero_is_a_fault() -> None:
    """Current that is counted the other way round, or nothing at all."""
    for power_w in (-0.01, 0.0):
        found = analyse(_trace(power_w=np.full(5000, power_w)))
        assert not found.valid
        assert "no DUT runs on that" in found.windows[0].faults[0]
        assert found.median_j is None


def test_samples_below_zero_are_flagged_or_make_the_window_invalid() -> None:
    """Noise about nothing is within its uncertainty; a run of them is a fault."""
    for count, valid in ((0, True), (1, True), (3, False)):
        power_w = np.full(5000, 0.01)
        power_w[1500 : 1500 + count] = -0.009
        found = analyse(_trace(power_w=power_w))
        assert found.valid == valid
        if valid:
            term_j = found.windows[0].terms_j["losses"]
            assert term_j == pytest.approx(count * 2 * 9e-6 / np.sqrt(3), abs=1e-12)
        else:
            assert "samples below zero" in found.windows[0].faults[0]


@pytest.mark.parametrize("power_w", [1e200, 1e308])
def test_energy_beyond_all_numbers_is_refused(power_w: float) -> None:
    """Its square, or itself, is more than a number can hold: a trace at fault, and no crash."""
    with pytest.raises(TraceError, match="beyond what a number can hold"):
        analyse(_trace(power_w=np.full(5000, power_w)))
