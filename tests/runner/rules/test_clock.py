"""The rules on time itself: a clock that goes wrong, and an answer that was not computed."""

import pytest
from msgspec.structs import replace

from tests.runner.results.a_result import COUNTED, RIGHT, good_result
from tinybench.runner.build.task import load_task
from tinybench.runner.results.result import (
    Clock,
    Energy,
    EnergyWindow,
    Performance,
    Result,
    Window,
)
from tinybench.runner.rules import check, default_profile, judged


def _measured(
    ratio: float = 1.0,
    uncertainty: float = 1e-4,
    host_s: float = 10.21,
    single_us: int | None = 204_100,
) -> Result:
    """Return a run of a real board: good, but for what is asked."""
    windows = [
        Window(f"tst_{n:06d}.bin", 50, 1, 10_200_000, RIGHT, host_s, 0.2, single_us, RIGHT)
        for n in range(5)
    ]
    return good_result(
        emulated=False,
        time_base="clock of the board",
        performance=Performance(50 / 10.2, 10.2 / 50, None, windows),
        clocks=[Clock(ratio=ratio, uncertainty=uncertainty, span_s=60.0, stamps=1010)],
    )


def _broken(result: Result) -> set[str]:
    return {violation.rule for violation in check(result, load_task("kws"), default_profile())}


def test_a_sound_clock_keeps_the_rule() -> None:
    """It goes as fast as the host's, within what the line leaves unsure."""
    verdict = judged(_measured(), load_task("kws"), default_profile())
    states = {ruling.rule: ruling.state for ruling in verdict.rulings}
    assert states["clock"] == states["single-latency"] == "kept"


@pytest.mark.parametrize("ratio", [10.0, 1.9987, 1.03, 1.01, 0.99, 0.5, 1e-9])
def test_a_clock_of_another_speed_breaks_the_rule(ratio: float) -> None:
    """A wrong prescaler, an untrimmed oscillator, a clock that stands."""
    assert "clock" in _broken(_measured(ratio))


def test_what_the_line_leaves_unsure_breaks_nothing() -> None:
    """A ratio that may be 1 is no other one."""
    assert "clock" not in _broken(_measured(1.03, uncertainty=0.04))


@pytest.mark.parametrize("host_s", [1.02, 9.9, 10.6, 102.0])
def test_a_window_of_another_length_by_the_host_breaks_the_rule(host_s: float) -> None:
    """Also where the clock is right over the whole run: it may drift, or jump."""
    assert "clock" in _broken(_measured(host_s=host_s))


@pytest.mark.parametrize(
    ("late_s", "rules"),
    [([0.0, 0.4, 0.0, 0.0, 0.9], set()), ([0.4, 0.4, 0.0, 0.3, 0.0], {"clock"}),
     ([0.0, 0.0, 1.5, 0.0, 0.0], {"clock"}), ([0.0, -0.4, 0.0, 0.0, 0.0], {"clock"})],
)  # fmt: skip
def test_a_host_that_hears_late_of_one_window_breaks_nothing(
    late_s: list[float], rules: set[str]
) -> None:
    """It is busy; of most windows, or a second late, or early it never is."""
    result = _measured()
    assert result.performance is not None
    windows = [
        replace(window, host_s=10.21 + more_s)
        for window, more_s in zip(result.performance.windows, late_s, strict=True)
    ]
    assert (
        _broken(replace(result, performance=replace(result.performance, windows=windows))) == rules
    )


@pytest.mark.parametrize("single_us", [100, 100_000, 400_000, 2_040_000])
def test_an_inference_by_itself_that_takes_another_time_breaks_the_rule(single_us: int) -> None:
    """A cache answers a repeated input; a DUT that works ahead answers a new one."""
    result = _measured(single_us=single_us)
    assert _broken(result) == {"single-latency"}


@pytest.mark.parametrize("single_us", [184_000, 224_000])
def test_a_tenth_of_jitter_is_no_cache(single_us: int) -> None:
    """Caches are cold at first, and work is not the same on every input."""
    assert _broken(_measured(single_us=single_us)) == set()


def test_performance_alone_judges_the_output_by_its_single_inferences() -> None:
    """Five inferences before the windows say what these must give."""
    alone = replace(_measured(), mode="performance", accuracy=None)
    assert alone.performance is not None
    verdict = judged(alone, load_task("kws"), default_profile())
    assert {one.rule: one.state for one in verdict.rulings}["same-output"] == "kept"
    windows = [replace(w, single_results="0.996,0.000") for w in alone.performance.windows]
    other = replace(alone, performance=replace(alone.performance, windows=windows))
    assert "same-output" in _broken(other)


def test_an_old_result_without_the_hosts_time_says_that_nobody_judged() -> None:
    """It is not kept silently."""
    result = _measured()
    assert result.performance is not None
    windows = [replace(window, host_s=None) for window in result.performance.windows]
    old = replace(result, clocks=[], performance=replace(result.performance, windows=windows))
    verdict = judged(old, load_task("kws"), default_profile())
    assert {one.rule: one.state for one in verdict.rulings}["clock"] == "not judged"


@pytest.mark.parametrize(
    ("ratio", "counted_s", "state"),
    [(0.9995, None, "kept"), (1.0, 10.21, "kept"), (0.8, None, "broken"), (2.0, 10.2, "broken"),
     (1.0, 12.75, "broken"), (1.0, 5.1, "broken"), (None, 10.2, "kept"), (None, 5.1, "broken"),
     (None, None, "not judged")],
)  # fmt: skip
def test_emulated_time_is_held_against_the_emulators_count(
    ratio: float | None, counted_s: float | None, state: str
) -> None:
    """Not against the host's clock; and where nobody counts, the result says so."""
    good = good_result()
    assert good.performance is not None
    windows = [
        replace(window, counted_s=counted_s, counted_uncertainty_s=0.02)
        for window in good.performance.windows
    ]
    clocks = [] if ratio is None else [replace(COUNTED, ratio=ratio)]
    result = replace(good, clocks=clocks, performance=replace(good.performance, windows=windows))
    verdict = judged(result, load_task("kws"), default_profile())
    found = {ruling.rule: ruling for ruling in verdict.rulings}["clock"]
    assert found.state == state
    assert (found.found == "emulated time: no second witness") == (state == "not judged")


def _energy(
    *,
    dut_s: float | None = None,
    host_s: float | None = None,
    monitor_s: float = 10.2,
    modelled: bool = False,
) -> Energy:
    """Return the energy of five windows of so many seconds, by each clock."""
    windows = [
        EnergyWindow(
            input=f"tst_{n:06d}.bin", iterations=50, results=RIGHT, start_s=12.0 * n,
            stop_s=12.0 * n + monitor_s, energy_j=0.1, uncertainty_j=1e-3, power_w=0.01,
            monitor_s=monitor_s, dut_s=dut_s, host_s=host_s, lost=0, clipped=0, faults=[],
            warnings=[],
        )
        for n in range(5)
    ]  # fmt: skip
    return Energy(
        per_inference_j=0.002, uncertainty_j=1e-5, terms_j={}, not_stated=[], modelled=modelled,
        model_source="", monitor="a monitor", monitor_serial="1", monitor_firmware="1",
        voltage_v=3.0, rate_hz=1e5, edges=10, lost=0, warnings=[], faults=[], windows=windows,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dut_s", "host_s", "kept"),
    [(10.2, 10.25, True), (10.23, 10.4, True), (10.4, 10.2, False), (5.1, 10.2, False),
     (10.2, 20.4, False), (None, 9.8, False), (None, 10.7, False), (None, 10.5, True),
     (None, None, True)],
)  # fmt: skip
def test_the_monitors_edges_are_the_third_clock(
    dut_s: float | None, host_s: float | None, kept: bool
) -> None:
    """A DUT, or a host, beyond what edges, timers and the line leave unsure breaks a rule."""
    energy = _energy(dut_s=dut_s, host_s=host_s)
    result = replace(_measured(), mode="energy", accuracy=None, performance=None, energy=energy)
    assert ("energy-clock" in _broken(result)) != kept


@pytest.mark.parametrize("ratio", [0.98, 1.0, 1.002, 1.02])
def test_an_inference_takes_as_long_under_the_monitor(ratio: float) -> None:
    """By its edges, as by the DUT's clock in the windows of the same run."""
    result = replace(_measured(), energy=_energy(monitor_s=10.2 * ratio))
    assert ("energy-latency" in _broken(result)) == (abs(ratio - 1) > 0.01)
    modelled = replace(result, emulated=True, energy=_energy(monitor_s=10.2 * ratio, modelled=True))
    assert ("energy-latency" in _broken(modelled)) == (abs(ratio - 1) > 0.01)


def test_emulated_time_says_nothing_of_a_real_monitors() -> None:
    """An emulator hurries, or tarries: neither its time nor the host's is held against edges."""
    result = replace(_measured(), emulated=True, energy=_energy(dut_s=3.0, host_s=3.0))
    verdict = judged(result, load_task("kws"), default_profile())
    states = {ruling.rule: ruling.state for ruling in verdict.rulings}
    assert states["energy-latency"] == "not judged"
    assert "energy-clock" not in states
