"""Two tiers: jobs are done sooner than in turn, and none waits longer than three fair shares."""

import itertools
import statistics

from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.runner.lab import simulate
from tinybench.runner.lab.policy import (
    FAIR,
    Place,
    Waiting,
    Want,
    fair_start_s,
    fits,
    next_of,
    place,
    starts,
    with_deadline,
)

FOUR = simulate.boards(4)
M4 = Place("desk/left", "nucleo-l4r5", "Cortex-M4F", frozenset({"radio"}))
M33 = Place("desk/right", "nrf5340-dk", "Cortex-M33F")
LENGTH_S = st.floats(0.1, 1000.0)


def test_a_batch_of_fifty_jobs_is_done_sooner_than_in_turn() -> None:
    """Ref: InferBench, up to 1.43 times; jobs of 60, 120, 300 and 600 s on 4 boards, 50 seeds."""
    found = [simulate.gain(simulate.batch(50, simulate.LENGTHS_S, n), FOUR) for n in range(50)]
    assert statistics.fmean(gain for gain, _ in found) >= 1.43
    assert max(shares for _, shares in found) <= FAIR


def test_jobs_that_come_at_random_are_done_sooner_than_in_turn() -> None:
    """Poisson arrivals that keep 80 % of the boards busy."""
    found = [
        simulate.gain(simulate.poisson(400, simulate.LENGTHS_S, 0.8, 4, n), FOUR) for n in range(10)
    ]
    assert statistics.fmean(gain for gain, _ in found) >= 1.5
    assert max(shares for _, shares in found) <= FAIR


@given(
    jobs=st.lists(st.tuples(st.floats(0.0, 2000.0), LENGTH_S), min_size=1, max_size=40),
    count=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_no_job_waits_longer_than_three_fair_shares(
    jobs: list[tuple[float, float]], count: int
) -> None:
    """Whatever comes, and whenever: estimates that are right keep the promise; all are served."""
    arrivals = [simulate.Arrival(at_s, lasts_s) for at_s, lasts_s in sorted(jobs)]
    done = simulate.by_policy(arrivals, simulate.boards(count))
    assert all(one is not None and one.shares <= FAIR * (1 + 1e-9) for one in done)
    for name in {one.place for one in done if one is not None}:
        own = sorted(
            (one.started_s, one.ended_s) for one in done if one is not None and one.place == name
        )
        assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(own))


def test_wrong_estimates_lose_no_job() -> None:
    """Thought three times too short or too long, at random."""
    arrivals = simulate.poisson(200, simulate.LENGTHS_S, 0.8, 4, 7)
    thought = [job.lasts_s * (3.0 if n % 2 else 1 / 3) for n, job in enumerate(arrivals)]
    done = simulate.by_policy(arrivals, FOUR, thought)
    assert None not in done
    assert simulate.mean_s(simulate.in_turn(arrivals, FOUR)) > simulate.mean_s(done)


def test_a_short_job_goes_first_until_a_long_one_would_be_late() -> None:
    """And priority makes a job count as shorter, by halves."""
    long = Waiting(1, 600.0, 0.0, fair_start_s(0.0, 0.0, 600.0))
    short = Waiting(2, 60.0, 10.0, fair_start_s(10.0, 600.0, 60.0))
    assert next_of([long, short], 10.0) == short
    late = Waiting(4, 60.0, 1700.0, fair_start_s(1700.0, 600.0, 60.0))
    assert next_of([long, late], 1700.0) == late
    assert next_of([long, late], 1770.0) == long
    urgent = Waiting(3, 600.0, 10.0, 5000.0, priority=4)
    assert next_of([short, urgent], 10.0) == urgent
    assert next_of([], 0.0) is None


def test_a_deadline_is_promised_only_where_all_promises_can_be_kept() -> None:
    """A job that is to be done sooner than it can, or at the cost of another, is not."""
    first = Waiting(1, 100.0, 0.0, 40.0)
    asked = Waiting(2, 50.0, 0.0, fair_start_s(0.0, 100.0, 50.0))
    kept = with_deadline(asked, 160.0, [first], 0.0)
    assert kept is not None
    assert kept.start_by_s == 110.0
    assert with_deadline(asked, 60.0, [first], 0.0) is None
    assert with_deadline(asked, 10.0, [], 0.0) is None


def test_a_job_is_placed_on_the_fitting_board_with_the_least_queued_work() -> None:
    """By kind, by its own name, by that of its worker, by core, by tags; any board without one."""
    for want, fitting in (
        (Want(), {M4, M33}),
        (Want(board="nucleo-l4r5"), {M4}),
        (Want(board="right"), {M33}),
        (Want(board="desk/right"), {M33}),
        (Want(core="Cortex-M4F"), {M4}),
        (Want(tags=frozenset({"radio"})), {M4}),
        (Want(board="right", tags=frozenset({"radio"})), set()),
        (Want(board="desk"), set()),
    ):
        assert {one for one in (M4, M33) if fits(want, one)} == fitting, want
    assert place(Want(), [M4, M33], {"desk/left": 60.0, "desk/right": 59.0}) == M33
    assert place(Want(core="Cortex-M4F"), [M4, M33], {"desk/left": 60.0}) == M4
    assert place(Want(core="Cortex-M7"), [M4, M33], {}) is None


def test_a_board_without_a_queue_takes_from_the_fullest_one_what_fits_it() -> None:
    """A job is never begun twice, nor on a board that is busy."""
    queue = [
        Waiting(1, 60.0, 0.0),
        Waiting(2, 60.0, 0.0, want=Want(core="Cortex-M4F")),
        Waiting(3, 90.0, 0.0),
    ]
    begun = starts([M4, M33], {"desk/left": queue}, {}, 0.0)
    assert [(board.name, job.job) for board, job in begun] == [("desk/left", 1), ("desk/right", 3)]
    busy = {"desk/left": False, "desk/right": False}
    assert starts([M4, M33], {"desk/left": queue}, busy, 0.0) == []


def test_a_quiet_job_runs_alone_in_its_group() -> None:
    """It waits until the group is still, lets nothing begin there, and nothing beside it."""
    hub = [Place(f"desk/{n}", "nucleo-l4r5", "Cortex-M4F", quiet="hub") for n in range(3)]
    apart = Place("desk/apart", "nucleo-l4r5", "Cortex-M4F")
    queues = {
        "desk/0": [Waiting(1, 60.0, 5.0, quiet=True)],
        "desk/1": [Waiting(2, 60.0, 0.0)],
        "desk/apart": [Waiting(3, 60.0, 0.0)],
    }
    loud = starts([*hub, apart], queues, {"desk/2": False}, 10.0)
    assert [job.job for _, job in loud] == [3]
    still = starts([*hub, apart], queues, {}, 10.0)
    assert [job.job for _, job in still] == [1, 3]
    beside = starts([*hub, apart], {**queues, "desk/0": []}, {"desk/0": True}, 10.0)
    assert [job.job for _, job in beside] == [3]


def test_quiet_jobs_and_others_come_to_an_end_together() -> None:
    """No order of theirs stops a group for ever."""
    hub = [Place(f"desk/{n}", "nucleo-l4r5", "Cortex-M4F", quiet="hub") for n in range(2)]
    queues = {
        one.name: [Waiting(n * 10 + k, 60.0, float(k), quiet=k % 2 == n) for k in range(6)]
        for n, one in enumerate(hub)
    }
    for now_s in range(30):
        begun = starts(hub, queues, {}, float(now_s))
        assert len(begun) == 1 or not any(job.quiet for _, job in begun)
        for board, job in begun:
            queues[board.name] = [one for one in queues[board.name] if one != job]
    assert not any(queues.values())
