"""A training as the courses of its seeds, by which time to quality is judged."""

from collections.abc import Iterator

from ..learning.course import Course, Point
from .document import Training, Trial


def courses(found: Training) -> Iterator[Course]:
    """Yield the course of each seed; its time is that of the board."""
    asked = found.asked
    what = (
        f"the head of {asked.model} for {asked.task} on {asked.board}: {asked.weights} weights, "
        f"part {asked.part}, from {asked.init}, rate {asked.rate:g}, momentum {asked.momentum:g}"
    )
    for trial in found.trials:
        yield Course(
            what=what,
            seed=trial.seed,
            batch=asked.batch,
            target=asked.target,
            time="emulated" if found.emulated else "measured",
            energy=None if trial.energy_j is None else "modelled",
            points=_points(trial),
            ended=trial.ended,
        )


def _points(trial: Trial) -> list[Point]:
    # The modelled energy is a power times the time.
    power_w = trial.energy_j / trial.board_s if trial.energy_j and trial.board_s else 0.0
    return [
        Point(
            samples=one.samples,
            time_s=one.board_s,
            energy_j=None if trial.energy_j is None else power_w * one.board_s,
            score=one.accuracy,
        )
        for one in trial.points
    ]
