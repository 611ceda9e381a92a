"""Pace: a loss that a counter hides is seen by the clock, and a late host is none."""

import numpy as np
import pytest

from tinybench.energy.pace import Pace


@pytest.mark.parametrize(("lost", "noticed"), [(0, False), (640, True)])
def test_a_loss_that_the_counter_hides_is_seen_by_the_clock(lost: int, noticed: bool) -> None:
    """640 samples are ten turns of the counter, and 6.4 ms that never come back."""
    pace = Pace(100_000)
    jitter = np.random.default_rng(1).random(600) * 2e-3
    told = [
        pace.lost(round(time_s * 1e5) - (lost if time_s > 3 else 0), time_s + late_s, drained=True)
        for time_s, late_s in zip(np.arange(600) / 100, jitter, strict=True)
    ]
    assert any(told) == noticed
    if noticed:
        assert pace.doubtful_from < 600_000


def test_a_host_that_was_late_once_has_lost_nothing() -> None:
    """It reads what waits, and is on time again."""
    pace = Pace(100_000)
    told = []
    for step in range(600):
        time_s = step / 100
        late_s = 0.3 if 250 <= step < 280 else 0.0
        count = round((time_s - late_s) * 1e5)
        told.append(pace.lost(count, time_s, drained=not late_s))
    assert not any(told)
