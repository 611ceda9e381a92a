"""Rules of the performance mode: the windows, and the median throughput over them."""

from collections.abc import Iterator

from ..results import score
from ..results.result import Result
from . import windows as judge
from .profile import Profile
from .rule import MOBILE, README, Rule, Ruling

WINDOWS = Rule("performance-windows", README)
FIRST_INPUTS = Rule("performance-inputs", README + ", the first five inputs")
DURATION = Rule("window-duration", README + ", run time; elsewhere in it: 10 s or 10 iterations")
ITERATIONS = Rule("window-iterations", MOBILE + ", minimum query count")
RECOMPUTED = Rule("throughput-recomputed", README + ", median throughput")


def rulings(result: Result, profile: Profile) -> Iterator[Ruling]:
    """Yield what the rules of the performance mode say."""
    performance = result.performance
    windows = performance.windows if performance else []
    yield judge.count(WINDOWS, windows, profile, "performance")
    if performance is None or not windows:
        return
    yield judge.first_inputs(FIRST_INPUTS, result, windows, "performance")
    spans_s = [window.elapsed_us * 1e-6 for window in windows]
    done = [window.iterations for window in windows]
    yield from judge.duration(DURATION, spans_s, done, profile.window_min_s)
    if profile.window_min_iterations > 1:
        yield from judge.iterations(ITERATIONS, spans_s, done, profile)
    if all(window.elapsed_us > 0 for window in windows):
        found = performance.throughput_per_s
        recomputed = score.median_throughput_per_s(windows)
        yield RECOMPUTED.judged(
            abs(found - recomputed) <= 1e-9 * recomputed,
            f"{recomputed:.6f} inferences/s, from the stored windows",
            f"{found:.6f}",
            "the stored result was changed after the run: run it again",
        )
