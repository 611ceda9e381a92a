"""Federated averaging: its clock, who is chosen, who dies, who lies, and how it ends."""

import statistics
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runner.fleet.digits_fleet import (
    BANDWIDTH_B_PER_S,
    RADIO_W,
    SETTING,
    clients,
    digits,
    fast_and_few,
    fleet,
    run,
)
from tinybench.runner.fleet.available import Trace, always, next_s, remains_s
from tinybench.runner.fleet.choose import choose, memory, utilities
from tinybench.runner.fleet.client import cost, simulated
from tinybench.runner.fleet.combine import attacked, clipped, combined, noisy_mean, sound
from tinybench.runner.fleet.data import features, learnable
from tinybench.runner.fleet.federate import Fleet, federate
from tinybench.runner.fleet.split import spread, unseen
from tinybench.runner.fleet.train import Learnt, Work, here
from tinybench.runner.fleet.workers import workers
from tinybench.runner.learning.head import Floats
from tinybench.runner.study.subject import subject


def test_time_and_energy_are_those_of_the_formula() -> None:
    """3 x batch x steps x time a sample + bytes / bandwidth, the slowest of each round; to 1e-9."""
    found = run(per_round=5, steps=10)
    both_b = 2 * 4 * 650
    at_s, joules = 0.0, 0.0
    for one in found.rounds[:8]:
        each_s = []
        for turn in one.turns:
            client = clients()[turn.client]
            link_s = both_b / client.bandwidth_b_per_s
            each_s.append(3 * 20 * 10 * client.sample_s + link_s)
            assert client.sample_j is not None
            joules += 3 * 20 * 10 * client.sample_j + RADIO_W * link_s
        assert one.begins_s == pytest.approx(at_s, rel=1e-9)
        assert one.lasts_s == pytest.approx(max(each_s), rel=1e-9)
        assert one.bytes == 5 * both_b
        at_s += max(each_s)
    assert sum(one.energy_j or 0 for one in found.rounds[:8]) == pytest.approx(joules, rel=1e-9)
    first = cost(clients()[0], 20, 10, both_b)
    assert first.lasts_s == first.compute_s + first.link_s
    assert BANDWIDTH_B_PER_S / 4 < clients()[0].bandwidth_b_per_s < BANDWIDTH_B_PER_S * 4


@pytest.mark.parametrize(("per_round", "least", "most"), [(2, 28, 48), (5, 14, 27)])
def test_the_fastest_alone_never_learn_what_few_labels_hide(
    per_round: int, least: int, most: int
) -> None:
    """Fastest first misses .88 in 400 rounds; random clients, in the mean, have it in a few."""
    rounds = [len(run(seed, per_round=per_round).rounds) for seed in range(6)]
    assert least <= statistics.fmean(rounds) <= most
    stuck = run(0, select="fastest", per_round=per_round)
    assert (stuck.ended, len(stuck.rounds), stuck.reached) == ("rounds", 400, None)
    assert stuck.best < 0.8


def test_fifty_steps_cost_five_to_six_times_the_time_of_ten() -> None:
    """At 10 clients a round, in the mean: more local steps save no rounds here."""
    ten, fifty = (
        statistics.fmean(run(seed, per_round=10, steps=steps).lasts_s for seed in range(6))
        for steps in (10, 50)
    )
    assert 5 < fifty / ten < 6


def test_oort_takes_less_time_than_any_client_would() -> None:
    """It learns what random clients do, in the time of faster ones."""
    oort = statistics.fmean(run(s, select="oort", per_round=5).lasts_s for s in range(3))
    random = statistics.fmean(run(s, per_round=5).lasts_s for s in range(3))
    assert oort < 0.8 * random


def test_oort_comes_to_slow_clients_where_fast_ones_teach_no_more() -> None:
    """Its pacer: without it the eight fast ones alone are chosen for ever, who hold four digits."""
    those = fast_and_few()
    assert sum(one.sample_s == 0.001 for one in those.clients) == 8
    found = run(0, those, select="oort", per_round=3, steps=10, target=0.8)
    assert found.ended == "target"


def test_utility_falls_with_the_time_of_slow_clients() -> None:
    """By the square of how much longer than the preferred time; who is fast loses nothing."""
    lasts_s = np.array([1.0, 1.0, 1.0, 2.0, 10.0])
    known = memory(5)
    known.utility[:] = 4.0
    known.utility[0] = 2.0
    known.last[:] = 1
    worth = utilities(known, np.arange(5), lasts_s, 1)
    assert worth == pytest.approx([0, 1, 1, 0.25, 0.01])
    later = utilities(known, np.arange(5), lasts_s, 10)
    assert later[1] == pytest.approx(1 + (0.1 * np.log(10)) ** 0.5)
    rng = np.random.default_rng(1)
    found = choose("oort", 3, np.arange(5), lasts_s, 1, memory(5), rng)
    assert len(set(found.tolist())) == 3


def test_the_proximal_term_holds_clients_back() -> None:
    """FedProx moves less far in a round than FedAvg, and reaches the target too."""
    avg, prox = (
        run(1, method=m, pull=1.0, per_round=5, steps=50, rounds_most=60)
        for m in ("fedavg", "fedprox")
    )
    assert avg.rounds[0].score != prox.rounds[0].score
    assert prox.ended == "target"


@pytest.mark.parametrize("attack", ["nan", "huge"])
def test_a_client_that_sends_nonsense_is_refused(attack: str) -> None:
    """NaN and huge updates never become part of the model; all others learn on."""
    found = run(1, per_round=10, attack=attack, attackers=2)
    assert found.ended == "target"
    assert sum(one.refused for one in found.rounds) > 0
    bad = [t for one in found.rounds for t in one.turns if t.client < 2]
    assert bad
    assert {turn.fate for turn in bad} == {"refused"}


def test_flipped_updates_are_outvoted_by_a_median_and_trimmed() -> None:
    """With even clients, of whom four of twenty lie; a mean of them learns more slowly."""
    even = fleet("iid")
    words = {"per_round": 20, "attack": "flip", "attackers": 4, "rounds_most": 60, "target": 0.9}
    took = {
        kind: run(1, even, combine=kind, **words) for kind in ("mean", "median", "trimmed")
    }  # fmt: skip
    assert took["median"].ended == took["trimmed"].ended == "target"
    assert len(took["median"].rounds) < len(took["mean"].rounds)
    assert len(took["trimmed"].rounds) <= len(took["mean"].rounds)
    assert sum(one.refused for one in took["mean"].rounds) == 0


def test_updates_are_combined_weight_by_weight() -> None:
    """A mean by rows; a median and a trimmed mean that one outlier does not move."""
    updates = np.array([[1.0], [2.0], [3.0], [4.0], [1000.0]], np.float32)
    rows = np.array([1, 1, 1, 1, 4])
    assert combined("mean", updates, rows) == pytest.approx([4010 / 8])
    assert combined("median", updates, rows) == pytest.approx([3])
    assert combined("trimmed", updates, rows) == pytest.approx([3])
    assert combined("trimmed", updates[:2], rows[:2]) == pytest.approx([1.5])
    odd = np.array([[1.0], [np.nan], [np.inf], [1.5], [50.0], [-1.0]], np.float32)
    assert sound(odd).tolist() == [True, False, False, True, False, True]
    assert not sound(odd[1:3]).any()
    assert attacked(updates[0], "flip") == pytest.approx([-3])


def test_noise_is_of_the_clipped_length() -> None:
    """A longer update is shortened to it, a shorter one is not; no noise, their mean."""
    updates = np.array([[3.0, 4.0], [0.3, 0.4]], np.float32)
    assert clipped(updates, 1.0) == pytest.approx(np.array([[0.6, 0.8], [0.3, 0.4]]))
    rng = np.random.default_rng(1)
    assert noisy_mean(updates, 1.0, 0.0, rng) == pytest.approx([0.45, 0.6])
    many = noisy_mean(np.zeros((10, 20_000), np.float32), 2.0, 3.0, rng)
    assert many.std() == pytest.approx(2 * 3 / 10, rel=0.03)
    found = run(1, per_round=10, clip=1.0, noise=0.01, target=0.8, rounds_most=100)
    assert found.ended == "target"


def test_a_rate_that_diverges_ends_the_run_with_the_last_good_weights() -> None:
    """Nothing that is NaN is taken; the score stays that of before."""
    found = run(1, rate=1e38)
    assert found.ended == "diverged"
    assert len(found.rounds) == 5
    assert {one.taken for one in found.rounds} == {0}
    assert found.rounds[-1].score == found.rounds[0].score


def test_clients_that_die_in_mid_round_are_left_out() -> None:
    """Their time and joules are spent in part; others are taken; all dead is an end of its own."""
    found = run(1, per_round=10, drop=0.4)
    assert found.ended == "target"
    turns = [t for one in found.rounds for t in one.turns]
    dead = [t for t in turns if t.fate == "died"]
    assert 0 < len(dead) < len(turns)
    whole = {n: cost(c, 20, 10, 5200).lasts_s for n, c in enumerate(clients())}
    assert all(t.compute_s + t.link_s < whole[t.client] for t in dead)
    assert run(1, per_round=2, drop=0.999999).ended == "all died"


def test_a_target_out_of_reach_ends_by_its_budgets() -> None:
    """Of rounds or of time; the best is known."""
    by_rounds = run(1, target=1.0, rounds_most=30)
    assert (by_rounds.ended, len(by_rounds.rounds)) == ("rounds", 30)
    assert by_rounds.best > 0.8
    by_time = run(1, target=1.0, seconds_most=100.0)
    assert by_time.ended == "time"
    assert by_time.rounds[-1].begins_s < 100 <= by_time.lasts_s


def test_traces_say_who_is_there_and_until_when() -> None:
    """Spans repeat; those that touch are one; the clock waits for somebody to come."""
    one = Trace([10.0, 50.0], [30.0, 60.0], 100.0)
    assert [remains_s(one, at) for at in (0, 10, 29, 30, 55, 99, 110)] == [0, 20, 1, 0, 5, 0, 20]
    assert [next_s(one, at) for at in (0, 15, 30, 61, 161)] == [10, 15, 50, 110, 210]
    around = Trace([0.0, 80.0], [20.0, 100.0], 100.0)
    assert remains_s(around, 90) == 30
    assert remains_s(always(), 12345.6) == float("inf")
    those = Fleet(clients(), fleet().members, digits(), [Trace([100.0], [1000.0], 5000.0)])
    found = run(1, those, per_round=2, rounds_most=30)
    assert found.rounds[0].begins_s == 100
    assert sum(one.died for one in found.rounds) > 0
    assert all(100 <= one.begins_s % 5000 < 1000 for one in found.rounds)


def test_rows_are_spread_and_none_is_lost() -> None:
    """Evenly, by Dirichlet or by labels; each row is with one client at most."""
    labels = digits().labels
    for kind, each in (("iid", 2), ("dirichlet", 2), ("labels", 2)):
        members = spread(labels, 20, kind, alpha=0.3, each=each, seed=3)
        rows = np.concatenate(members)
        assert len(rows) == len(set(rows.tolist())) == len(labels)
    assert {len(set(labels[own].tolist())) for own in fleet().members} == {2}
    held = spread(labels, 3, "labels", alpha=1, each=2, seed=3)
    missing = unseen(labels, held, 10)
    assert len(missing) == 4
    empty = spread(labels[:30], 25, "dirichlet", alpha=0.05, each=2, seed=1)
    assert min(map(len, empty)) == 0
    few = Fleet(simulated(25, 1, 1e4, 0.0), empty, digits())
    taken = {t.client for one in run(1, few, per_round=25, rounds_most=3).rounds for t in one.turns}
    assert taken == {n for n, own in enumerate(empty) if len(own)}
    nobody = Fleet(clients(), [np.zeros(0, np.int64)] * 20, digits())
    assert run(1, nobody).ended == "nobody there"


def test_workers_give_the_same_figures_to_the_bit() -> None:
    """Two dask workers on loopback; one that is killed loses its clients for that round alone."""
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    those = fleet()
    rows = (those.learnable.values, those.learnable.labels, those.members)
    few = msgspec.structs.replace(SETTING, rounds_most=3, per_round=4, target=1.0)

    with workers(2, *rows) as trainer:
        there = federate(those, few, 1, trainer)
        assert there == federate(those, few, 1, here(*rows))
        assert {turn.client % 2 for turn in there.rounds[1].turns} == {0, 1}  # on either worker
        nannies = psutil.Process().children()
        killed = [one for one in nannies if "spawn" in " ".join(one.cmdline())]

        def unlucky(work: Work, start: Floats, clients: Sequence[int]) -> Learnt:
            if work.number == 2:
                killed[0].kill()
                killed[0].wait(10)
            return trainer(work, start, clients)

        found = federate(those, few, 1, unlucky)
    assert found.rounds[0] == there.rounds[0]
    assert found.rounds[1].died <= 4
    assert [one.taken for one in found.rounds[2:]] == [4]


def test_the_body_of_a_keyword_model_gives_features() -> None:
    """64 of them, computed by the model's C here; a head learns keywords from them."""
    found = features(subject("kws", limit=48))
    assert found.values.shape == (48, 64)
    data = learnable("kws", None, 90, 1)
    assert (len(data.values), len(data.tests)) == (210, 90)
    assert np.abs(data.values).max() == 1
    members = spread(data.labels, 20, "iid", alpha=1, each=2, seed=1)
    assert run(1, Fleet(clients(), members, data), target=0.8).ended == "target"


@given(
    spans=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12).filter(lambda s: len(s) % 2 == 0),
    tail=st.sampled_from([0.0, 1.0, 77.7]),
    at_s=st.floats(0, 1e6),
)
def test_whoever_is_waited_for_is_there(spans: list[float], tail: float, at_s: float) -> None:
    """Whatever the trace and the time: not earlier, at most a trace later, and then there."""
    times = np.cumsum(spans).tolist()
    one = Trace(times[::2], times[1::2], times[-1] + tail)
    then_s = next_s(one, at_s)
    assert then_s >= at_s
    assert then_s - at_s <= one.finish_time * (1 + 1e-9)
    assert remains_s(one, then_s) > 0
