"""Every kind of fault between the real client and the real C core: the clean result or an error."""

from pathlib import Path

import pytest

from tests.faults.verdict import ANY, LINKS, UNVERIFIED, Case, build_devices, clean, judge, sample


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device, one with another model, and one with another image."""
    return build_devices(tmp_path_factory.mktemp("devices"))


@pytest.mark.parametrize(
    "case", sample(), ids=lambda case: f"{case.link}, {case.kind}, {case.phase}"
)
def test_a_fault_never_makes_a_wrong_result_or_a_hang(devices: Path, case: Case) -> None:
    """One seed of each kind; `python -m tests.faults.bench` runs thousands."""
    verdict = judge(devices, case, *clean(devices, case.link))
    assert verdict.word in ("same", "refused"), verdict.said


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["drop a byte", "reset", "banner", "be late", "port vanishes"])
def test_what_passes_is_put_right(devices: Path, link: str, kind: str) -> None:
    """A single fault in the middle of a run costs an attempt, and not the run."""
    verdict = judge(devices, Case(link, kind, "load", 3), *clean(devices, link))
    assert (verdict.word, verdict.struck) == ("same", 1), verdict.said


@pytest.mark.parametrize("link", LINKS)
def test_a_port_that_vanishes_during_the_handshake_is_opened_again(
    devices: Path, link: str
) -> None:
    """As that of a board with USB of its own, which starts when its port is opened."""
    verdict = judge(devices, Case(link, "port vanishes", "handshake", 3), *clean(devices, link))
    assert (verdict.word, verdict.struck) == ("same", 1), verdict.said


@pytest.mark.parametrize("seed", range(3))
def test_a_talkative_dut_gives_the_same_result(devices: Path, seed: int) -> None:
    """Logs, prompts and what is glued before a line are no fault."""
    verdict = judge(devices, Case("stock", "talk", ANY, seed), *clean(devices, "stock"))
    assert verdict.word == "same", verdict.said
    assert verdict.struck > 0


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["other model", "other image", "port vanishes for good"])
def test_what_stays_is_refused(devices: Path, link: str, kind: str) -> None:
    """Nothing that happens later makes up for a DUT that is gone."""
    verdict = judge(devices, Case(link, kind, "load", 3), *clean(devices, link))
    assert verdict.word == "refused", verdict.said


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["other model", "other image"])
@pytest.mark.parametrize("seed", range(4))
def test_a_dut_exchanged_during_the_handshake_is_seen(
    devices: Path, link: str, kind: str, seed: int
) -> None:
    """What one said is never taken for what the other is."""
    verdict = judge(devices, Case(link, kind, "handshake", seed), *clean(devices, link))
    assert verdict.word == "refused", verdict.said


@pytest.mark.parametrize("link", LINKS)
def test_a_clock_that_goes_back_is_refused(devices: Path, link: str) -> None:
    """Taken for one that has wrapped, it would make a window of 71 minutes."""
    case = Case(link, "clock always goes back", ANY, 0)
    assert judge(devices, case, *clean(devices, link)).word == "refused"


def test_a_slow_first_answer_does_not_make_the_next_a_wait_for_minutes(devices: Path) -> None:
    """A deadline comes from what an inference takes, not from what an upload with faults took."""
    case = Case("frames", "slow, then lost", ANY, 0)
    assert judge(devices, case, *clean(devices, case.link)).word == "same"


def test_the_bench_knows_a_wrong_result(devices: Path) -> None:
    """Without verification changed hex digits pass: the bench sees what it is there to see."""
    verdict = judge(devices, Case(UNVERIFIED, "hex digits", ANY, 0), *clean(devices, UNVERIFIED))
    assert verdict.word == "wrong"
