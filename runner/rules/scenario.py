"""Rules on a scenario: queries enough, in LoadGen's order, in time, of a DUT that computes each."""

import itertools
import math
from collections.abc import Iterator

from ..results.result import Result
from ..results.scenario import QUERIES_MAX, Audit, Scenario
from ..scenario import tail
from .profile import Profile
from .rule import Rule, Ruling

INFERENCE = "MLPerf Inference Rules"
COUNT = Rule("scenario-queries", INFERENCE + ", minimum query count")
DURATION = Rule("scenario-duration", INFERENCE + ", minimum duration")
ORDER = Rule("scenario-order", INFERENCE + ", samples drawn by LoadGen's seed")
EARLY = Rule("early-stopping", INFERENCE + ", early stopping")
DEADLINE = Rule("deadline", INFERENCE + ", server latency constraint")
LOADGEN = Rule("loadgen-verdict", "MLPerf Inference LoadGen, results.cc: the result of a test")
AUDITS = {
    "repeated": Rule("audit-repeated", INFERENCE + ", TEST04: no caching of repeated queries"),
    "known": Rule("audit-known", INFERENCE + ", no benchmark detection: the first inputs of a set"),
    "unseen": Rule("audit-unseen", INFERENCE + ", TEST05: inputs that nobody has seen"),
    "answer": Rule("audit-answers", INFERENCE + ", TEST01: the answers of accuracy runs"),
}
ALIKE = 0.1
"""What an audit's time may differ by. Ref: TEST04."""
SHORT_ALIKE, SHORT_S = 0.2, 200e-6
"""... of an inference this short. Ref: TEST04."""
WANTED = {
    "repeated": "an input that is asked again and again takes as long as others",
    "known": "the first inputs of the set take as long as others",
    "unseen": "inputs that nobody has seen take as long as others",
    "answer": "the same answers to the same inputs, others to others",
}
ADVICE = "the DUT does not compute every answer: look for a cache or a table in it"


def rulings(result: Result, profile: Profile) -> Iterator[Ruling]:
    """Yield what these rules say."""
    found = result.scenario
    if found is None:
        yield COUNT.broken("a scenario", "no query was answered", "run it again")
        return
    asked = found.asked
    yield COUNT.judged(
        found.count >= profile.scenario_queries,
        f"at least {profile.scenario_queries:,} queries",
        f"{found.count:,}",
        f"more: --min-queries {profile.scenario_queries}",
    )
    yield _duration(found, profile.scenario_min_s)
    if asked.engine_loadgen:
        yield _loadgen(found)
    yield _order(result, found)
    if asked.name == "server":
        yield _deadline(found)
    elif asked.name != "offline":
        yield EARLY.judged(
            found.estimate_s is not None,
            f"{found.needed:,} queries, to be 99 % sure of the {asked.share:.0%} of latencies",
            f"{found.count:,}",
            f"more: --min-queries {found.needed}",
        )
    for one in found.audits:
        yield audit(one, found)


def _duration(found: Scenario, least_s: float) -> Ruling:
    """Judge how long it lasted: by the clock of whoever ended it."""
    longer = f"longer: --min-duration {math.ceil(least_s)}, or another --profile"
    if found.count >= QUERIES_MAX:
        longer = f"{QUERIES_MAX:,} queries are the most that are asked: take another --profile"
    told = found.loadgen
    if told is None:
        wanted = f"at least {least_s:g} s on the DUT's clock"
        lasted = f"{found.duration_s:.3f} s"
        return DURATION.judged(found.duration_s >= least_s, wanted, lasted, longer)
    kept = told.duration_met and told.min_duration_s >= least_s
    met = "met" if told.duration_met else "not met"
    said = f"{told.min_duration_s:g} s asked for, and {met}"
    return DURATION.judged(kept, f"at least {least_s:g} s on LoadGen's clock", said, longer)


def _loadgen(found: Scenario) -> Ruling:
    wanted = "a test that LoadGen calls VALID, and logs of it"
    told = found.loadgen
    if told is None:
        return LOADGEN.broken(wanted, "no summary of a whole test", "run it again")
    words = "VALID" if told.valid else f"INVALID: {told.advice or 'see its summary'}"
    return LOADGEN.judged(told.valid, wanted, words, "as LoadGen recommends; run it again")


def _order(result: Result, found: Scenario) -> Ruling:
    asked = found.asked
    wanted = f"the inputs that LoadGen draws with seed {asked.seed}"
    count = min(result.inputs.limit or result.inputs.count, result.inputs.count)
    queries = len(found.samples) // asked.samples
    drawn = asked.order(count)
    same = found.samples == list(itertools.chain.from_iterable(itertools.islice(drawn, queries)))
    return ORDER.judged(same, wanted, "those" if same else "others", "run it again")


def _deadline(found: Scenario) -> Ruling:
    asked = found.asked
    wanted = f"{asked.share:.0%} of the queries within {asked.deadline_s:g} s, 99 % sure"
    if found.rate_per_s is None:
        return DEADLINE.broken(
            wanted,
            "at no rate of arrivals",
            "a longer --deadline, more --min-queries, or a faster board",
        )
    return DEADLINE.judged(
        (found.over or 0) <= tail.most_over(found.count, asked.share),
        wanted,
        f"{found.over} of {found.count:,} later, at {found.rate_per_s:.4g} queries/s",
        "a lower --target-qps, or a longer --deadline",
    )


def audit(one: Audit, scenario: Scenario) -> Ruling:
    """Judge what one audit of a scenario found."""
    rule, wanted = AUDITS[one.name], WANTED[one.name]
    if one.name == "answer":
        constant = scenario.inputs > 1 and scenario.answers == 1
        found = f"{one.differing} of {one.count} differ"
        found += f"; {scenario.inputs} inputs have one and the same answer" * constant
        return rule.judged(not one.differing and not constant, wanted, found, ADVICE)
    usual_s, found_s = one.usual_s or 0.0, one.found_s or 0.0
    alike = SHORT_ALIKE if usual_s <= SHORT_S else ALIKE
    slow = one.name == "unseen"
    kept = found_s <= usual_s * (1 + alike) if slow else found_s >= usual_s * (1 - alike)
    return rule.judged(
        kept, wanted, f"{found_s * 1e3:.3f} ms beside {usual_s * 1e3:.3f} ms", ADVICE
    )
