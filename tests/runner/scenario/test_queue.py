"""A board as a server: queries wait for their turn."""

import random

import numpy as np

from tinybench.runner.scenario.queue import Load, Server, latencies_s


def test_a_query_waits_for_those_before_it() -> None:
    """First come, first served, held against a queue that is walked through one by one."""
    draw = random.Random(1)  # noqa: S311 - no secret
    arriving = np.cumsum([draw.expovariate(1.0) for _ in range(500)])
    services = [draw.uniform(0.2, 1.5) for _ in range(500)]
    free_s, wanted = 0.0, []
    for at_s, service_s in zip(arriving, services, strict=True):
        free_s = max(at_s, free_s) + service_s
        wanted.append(free_s - at_s)
    np.testing.assert_allclose(latencies_s(arriving, np.array(services)), wanted, rtol=1e-9)


def test_the_highest_rate_is_the_last_that_keeps_the_deadline() -> None:
    """A little more, and the deadline is not proved any more; far below it always is."""
    server = Server([0.1] * 2000, 3, Load(min_queries=662, min_s=0.0, deadline_s=0.5, share=0.99))
    rate = server.highest_rate()
    assert rate is not None
    assert 3 < rate < 8
    assert server.holds(rate)
    assert not server.holds(rate * 1.02)
    assert server.holds(rate / 3)


def test_no_rate_keeps_a_deadline_shorter_than_an_inference() -> None:
    """A board that is too slow is so however few queries arrive."""
    load = Load(min_queries=662, min_s=0.0, deadline_s=0.05, share=0.99)
    assert Server([0.1] * 700, 0, load).highest_rate() is None
