"""Scenarios on devices that compute every answer, and on such as cheat."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from tests.runner.results.a_result import good_result
from tinybench.datasets.reader import Sample
from tinybench.errors import ProtocolError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import Inference
from tinybench.runner.measure import scenario
from tinybench.runner.results.scenario import QUERIES_MAX, Asked, Query, Scenario
from tinybench.runner.results.scenario.score import score
from tinybench.runner.rules.profile import load_profile
from tinybench.runner.rules.scenario import audit, rulings

COUNT = 40


@dataclass
class Device:
    """A device with a clock by arithmetic: 10 ms an inference, more or less."""

    jitter: float = 0.0
    seed: int = 0
    cheat: str = ""
    each_us: int = 10_000
    inputs: Sequence[bytes] = ()
    seen: set[bytes] = field(default_factory=set)
    last: bytes = b""

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311 - no secret

    def infer(self, data: bytes, iterations: int, warmup: int) -> Inference:
        """Answer as the client does."""
        assert iterations == 1
        assert warmup == 0
        known = {
            "": False,
            "cache": data in self.seen,
            "last": data == self.last,
            "five": data in self.inputs[:5],
            "table": data in self.inputs,
            "constant": False,
            "forgetful": False,
        }[self.cheat]
        again = data in self.seen
        self.seen.add(data)
        self.last = data
        took_us = (
            1000 if known else self.each_us * (1 + self._draw.uniform(-self.jitter, self.jitter))
        )
        answer = hashlib.sha256(data).digest()[0] / 255
        if self.cheat == "constant" or (self.cheat == "forgetful" and again):
            answer = 0.5
        return Inference(1, round(took_us), f"{answer:.3f},{1 - answer:.3f}")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Inputs of 32 bytes, each another one."""
    return inputs(tmp_path_factory.mktemp("inputs"))


def inputs(folder: Path) -> list[Sample]:
    """Make inputs of 32 bytes, each another one."""
    found = []
    for number in range(COUNT):
        data = hashlib.sha256(bytes([number])).digest()
        path = folder / f"{number}.bin"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        found.append(Sample(path.name, number % 2, 32, 32, 32, digest, path))
    return found


def audited(device: Device, samples: list[Sample]) -> Scenario:
    """Return what a scenario with its audits finds."""
    asked = Asked(name="single-stream", min_queries=128, min_duration_s=0.0, audits=True)
    device.inputs = [sample.read() for sample in samples]
    found = list(scenario.queries(cast(Dut, device), samples, 2, asked, []))
    scored = score(asked, found, [sample.label for sample in samples], emulated=False)
    assert scored is not None
    return scored


def broken(found: Scenario) -> set[str]:
    """Return the audits that it breaks."""
    return {
        ruling.rule
        for ruling in (audit(one, found) for one in found.audits)
        if ruling.state == "broken"
    }


CHEATS = [
    ("cache", "audit-unseen"),
    ("last", "audit-repeated"),
    ("five", "audit-known"),
    ("table", "audit-unseen"),
    ("constant", "audit-answers"),
    ("forgetful", "audit-answers"),
]


@pytest.mark.parametrize(("cheat", "rule"), CHEATS)
def test_a_device_that_cheats_is_found(samples: list[Sample], cheat: str, rule: str) -> None:
    """A cache, a memory of the last input, tables of some or all inputs, answers without work."""
    assert rule in broken(audited(Device(cheat=cheat, jitter=0.05), samples))


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_an_honest_device_that_jitters_is_not_blamed(samples: list[Sample], count: int) -> None:
    """By 5 % up or down: none is, of 20 devices or of 1000."""
    blamed = [
        seed for seed in range(count) if broken(audited(Device(jitter=0.05, seed=seed), samples))
    ]
    assert blamed == []


def test_queries_go_on_from_those_that_are_known(samples: list[Sample]) -> None:
    """A run that was interrupted asks the rest, audits included, in the same order."""
    asked = Asked(name="multi-stream", streams=3, min_queries=20, min_duration_s=0.0, audits=True)
    whole = list(scenario.queries(cast(Dut, Device()), samples, 2, asked, []))
    for known in (7, 20, 100):
        rest = scenario.queries(cast(Dut, Device()), samples, 2, asked, whole[:known])
        asked_again = [(query.kind, query.samples) for query in rest]
        assert asked_again == [(query.kind, query.samples) for query in whole[known:]]


def test_queries_last_as_long_as_is_asked_for(samples: list[Sample]) -> None:
    """By the device's clock, however few it takes to be sure."""
    asked = Asked(name="single-stream", min_queries=10, min_duration_s=2.5)
    found = list(scenario.queries(cast(Dut, Device()), samples, 2, asked, []))
    assert len(found) == 250
    assert scenario.expected(asked, found[0]) == 250


def test_a_clock_that_stands_still_ends_the_queries(samples: list[Sample]) -> None:
    """By it they would never last as long as they should."""
    asked = Asked(name="single-stream", min_queries=10, min_duration_s=1.0)
    asking = scenario.queries(cast(Dut, Device(each_us=0)), samples, 2, asked, [])
    with pytest.raises(ProtocolError, match="64 queries took 0 us"):
        list(asking)


def test_a_profile_says_what_is_not_asked_for() -> None:
    """As many queries as it wants, and at least as many as prove the scenario's percentile."""
    quick = load_profile("quick")
    assert quick.scenario(Asked(name="single-stream")).min_queries == 128
    assert quick.scenario(Asked(name="server")).min_queries == 662
    assert quick.scenario(Asked(name="offline", min_queries=5)).min_queries == 5


def test_the_tail_of_many_queries_is_that_of_their_sorted_times() -> None:
    """Of 50,000, percentile, estimate, and what the line takes."""
    queries = [Query([0], [1000 + number % 1000], 2000, ["1.0"]) for number in range(50_000)]
    asked = Asked(name="single-stream", min_queries=64, min_duration_s=0.0)
    found = score(asked, queries, None, emulated=False)
    assert found is not None
    assert found.latency.p99_s == pytest.approx(1990e-6)
    assert found.estimate_s == pytest.approx(1902e-6, abs=2e-6)
    assert found.link_s == pytest.approx(500e-6, abs=1e-6)


def test_a_device_that_is_too_fast_is_not_told_to_go_on() -> None:
    """No more queries are asked than can be kept, so a longer duration would change nothing."""
    asked = Asked(name="offline", min_queries=1, min_duration_s=600.0)
    found = score(asked, [Query([0], [100], 200, ["1.0"])], None, emulated=False)
    assert found is not None
    for count, advice in ((10, "longer: --min-duration 10"), (QUERIES_MAX, "the most that are")):
        result = good_result(mode="scenario", scenario=replace(found, count=count))
        said = {one.rule: one for one in rulings(result, load_profile("quick"))}
        assert said["scenario-duration"].state == "broken"
        assert advice in said["scenario-duration"].advice
