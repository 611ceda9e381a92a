"""Notices by the host's clock that a monitor's samples fall behind: losses its counter hides."""

BIN_S = 0.5
LATE_S = 5e-3
"""Delay that comes from one bin to the next and stays: what a window of 10 s may lose, halved."""
SETTLE_S = 2 * BIN_S
"""How long to go on until the samples so far are known to be whole."""


class Pace:
    """Compares the number of samples with the time they took.

    A counter of six bits does not show a loss of 64 samples, and buffers are lost in multiples of
    that. Only moments when nothing was left to read count, and the best of each bin of time.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._start_s: float | None = None
        self._bin_end_s = 0.0
        self._best_s = float("inf")
        self._before_s: float | None = None
        self._bin_index = 0
        self.doubtful_from = 0
        """First sample that may be beside the loss."""

    def lost(self, count: int, now_s: float, *, drained: bool) -> bool:
        """Take the number of samples so far; return whether some must have been lost."""
        if self._start_s is None:
            self._start_s, self._bin_end_s = now_s - count / self._rate_hz, now_s + BIN_S
        if drained:
            self._best_s = min(self._best_s, now_s - self._start_s - count / self._rate_hz)
        if now_s < self._bin_end_s or self._best_s == float("inf"):
            return False
        before_s, best_s = self._before_s, self._best_s
        self._before_s, self._best_s = best_s, float("inf")
        self._bin_end_s = now_s + BIN_S
        self.doubtful_from, self._bin_index = self._previous(count)
        return before_s is not None and best_s - before_s > LATE_S

    def _previous(self, count: int) -> tuple[int, int]:
        """Return where the bin before began, and where the next one does."""
        return max(0, self._bin_index - round(BIN_S * self._rate_hz)), count
