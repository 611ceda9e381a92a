"""The rest of a board before each performance run, by a scripted clock."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tests.runner.measure.test_scenario import Device
from tests.runner.results.a_result import good_result
from tinybench.datasets.reader import Sample
from tinybench.runner.build.board import load_board
from tinybench.runner.build.task import load_task
from tinybench.runner.dut.client import Dut
from tinybench.runner.results.journal import Journal, create
from tinybench.runner.results.scenario import Asked
from tinybench.runner.rules import load_profile
from tinybench.runner.rules.run import COOL_DOWN, rulings
from tinybench.runner.session import known as of_known
from tinybench.runner.session import steps
from tinybench.runner.session.known import Known
from tinybench.runner.session.plan import Plan
from tinybench.track import silent


@dataclass
class Clock:
    """A clock that only sleep moves on, and a device that takes its time."""

    now_s: float = 1000.0
    slept_s: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        """Let time pass."""
        self.slept_s.append(wait_s)
        self.now_s += wait_s


@pytest.mark.parametrize(
    ("profile", "rest_s"), [("rapid", 2), ("quick", 60), ("normal", 300), ("submission", 300)]
)
def test_each_performance_run_but_the_first_is_rested_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, rest_s: int
) -> None:
    """Run, rest, run: exactly as long as the profile says, and the rule sees it."""
    clock = Clock()
    monkeypatch.setattr(steps, "time", clock)
    monkeypatch.setattr(of_known, "time", clock)
    path = tmp_path / "0.bin"
    path.write_bytes(bytes(32))
    sample = Sample(path.name, 0, 32, 32, 32, hashlib.sha256(bytes(32)).hexdigest(), path)
    asked = Asked(name="offline", min_queries=3, min_duration_s=0.0)
    loaded = load_profile(profile)
    worked_until_s = None
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        create(folder)
        with Journal(folder) as journal:
            known = Known(journal, [], worked_until_s)
            device = cast(Dut, Device())
            began_s = clock.now_s
            steps.measure_scenario(
                device, [sample], 2, asked, loaded.cool_down_s, folder, known, silent
            )
            clock.now_s += 7.0  # what is done between two runs counts as rest
            worked_until_s = known.worked_until_s
        waited_s = 0.0 if number == 0 else rest_s - 7.0
        assert clock.now_s - began_s - 7.0 == pytest.approx(max(0.0, waited_s))
        (step,) = known.steps
        assert step.rested_s == (None if number == 0 else pytest.approx(max(7.0, rest_s)))
        result = good_result(mode="scenario", emulated=False, steps=known.steps)
        ruling = next(
            one for one in rulings(result, load_task("kws"), loaded) if one.rule == COOL_DOWN.name
        )
        assert ruling.state == "kept"
    assert sum(clock.slept_s) == pytest.approx(2 * max(0.0, rest_s - 7.0))


def test_a_child_process_is_not_rested_for() -> None:
    """An emulated board gets not warm; a real one does."""
    profile = load_profile("normal")
    for board, rest_s in ((load_board("mps2-an386"), 0.0), (load_board("nucleo-l4r5"), 300.0)):
        plan = cast(Plan, type("Planned", (), {"board": board, "profile": profile}))
        assert cast(Any, Plan.cool_down_s).fget(plan) == rest_s
