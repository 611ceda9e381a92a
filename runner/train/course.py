"""A training as the courses of its seeds, by which time to quality is judged."""

from collections.abc import Iterator

from tinybench.plural import counted

from ..learning.course import Course, Point
from .document import Point as Spent
from .document import Training, Trial


def courses(found: Training) -> Iterator[Course]:
    """Yield the course of each seed; its time is that of the board."""
    asked = found.asked
    what = (
        f"the head of {asked.model} for {asked.task} on {asked.board_name}: "
        f"{asked.weights} weights, part {asked.part}, from {asked.init}, rate {asked.rate:g}, "
        f"momentum {asked.momentum:g}"
        + f", {counted(asked.hidden, 'hidden unit')}" * (asked.hidden > 0)
        + f", inputs with '{asked.only}'" * bool(asked.only)
        + f", drift {asked.drift}" * bool(asked.drift)
    )
    for trial in found.trials:
        yield Course(
            what=what,
            seed=trial.seed,
            batch=asked.batch,
            target=asked.target,
            time="emulated" if found.emulated else "measured",
            metric=found.metric,
            energy=found.energy,
            points=_points(trial),
            ended=trial.ended,
        )


def _points(trial: Trial) -> list[Point]:
    # Under no monitor it is a power times the time.
    power_w = trial.energy_j / trial.board_s if trial.energy_j and trial.board_s else 0.0
    return [
        Point(
            samples=one.samples,
            time_s=one.board_s,
            energy_j=_energy_j(one, trial, power_w),
            score=one.score,
        )
        for one in trial.points
    ]


def _energy_j(one: Spent, trial: Trial, power_w: float) -> float | None:
    if trial.energy_j is None or one.energy_j is not None:
        return one.energy_j
    return power_w * one.board_s
