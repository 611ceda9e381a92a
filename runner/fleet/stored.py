"""Clients of what is stored: runs, whose time is that of an inference, and trainings on a board."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tinybench.errors import UsageError
from tinybench.printable import one_line

from ..compare.store import Summary, find_runs
from ..learning.course import Origin
from ..train.document import Training
from ..train.kept import TRAINING_FILE, is_training, read_training
from .client import CLIENTS_MOST, Client, insist_count


def stored(
    roots: Sequence[Path], count: int | None, bandwidth_b_per_s: float, radio_w: float
) -> list[Client]:
    """Return a client for each run and each training, or so many, these dealt out in turn.

    What is emulated has the time of its estimated cycles, where its core has a model, and else that
    of its instruction count. Raises RunFolderError, and UsageError for what has no time.
    """
    kinds = list[Client]()
    for root in roots:
        found = find_runs(root)
        trainings = list(_trainings(root))
        if not found.runs and not trainings:
            why = "there is no run and no finished training in it or below"
            raise UsageError(f"{root}: {found.unreadable[0] if found.unreadable else why}")
        kinds += [_of_run(run, bandwidth_b_per_s, radio_w) for run in found.runs]
        kinds += [_of_training(one, bandwidth_b_per_s, radio_w) for one in trainings]
    wanted = len(kinds) if count is None else count
    insist_count(wanted)
    dealt = [kinds[n % len(kinds)] for n in range(wanted)]
    return [msgspec.structs.replace(one, name=f"{one.board}-{n}") for n, one in enumerate(dealt, 1)]


def _of_run(run: Summary, bandwidth_b_per_s: float, radio_w: float) -> Client:
    estimated = run.emulated and run.estimated_latency_s is not None
    time_s = run.estimated_latency_s if estimated else run.latency_s
    if time_s is None or time_s <= 0:
        raise UsageError(
            f"{run.run}: the run has no latency: a client's time is that of an inference; run it "
            "with --mode performance, or in all modes"
        )
    measured = "emulated" if run.emulated else "measured"
    energy_j = run.energy_per_inference_j
    kind: Origin | None = None
    if energy_j is not None:
        kind = "modelled" if run.energy_modelled else "measured"
    elif run.estimated_energy_j is not None:
        energy_j, kind = run.estimated_energy_j, "estimated"
    return Client(
        name=one_line(run.board), board=one_line(run.board), source=run.run, sample_s=time_s,
        time="estimated" if estimated else measured, bounds_s=_bounds(run) if estimated else None,
        sample_j=energy_j, energy=kind,
        bandwidth_b_per_s=bandwidth_b_per_s, radio_w=radio_w,
    )  # fmt: skip


def _bounds(run: Summary) -> tuple[float, float] | None:
    low_s, high_s = run.estimated_latency_low_s, run.estimated_latency_high_s
    return None if low_s is None or high_s is None else (low_s, high_s)


def _trainings(root: Path) -> Iterator[tuple[Path, Training]]:
    """Yield the finished trainings at or below a folder; links are not followed."""
    seen = 0
    for folder, below, names in os.walk(root):
        below.sort()
        place = Path(folder)
        if TRAINING_FILE in names and is_training(place):
            seen += 1
            if seen > CLIENTS_MOST:
                raise UsageError(f"{root}: more than {CLIENTS_MOST} trainings: name some of them")
            yield place, read_training(place)


def _of_training(
    stored_in: tuple[Path, Training], bandwidth_b_per_s: float, radio_w: float
) -> Client:
    """Return a client whose sample takes what it took on the board, its share of a step included.

    Of an emulated board with a model of its core that is of estimated cycles, as for runs.
    """
    folder, found = stored_in
    board_s = sum(one.board_s for one in found.trials)
    samples = sum(one.samples for one in found.trials)
    if board_s <= 0 or samples <= 0:
        raise UsageError(
            f"{folder}: nothing was learnt in this training: it has no time of a sample"
        )
    power_w = _power_w(found)
    time_s, bounds_s = board_s / samples, None
    kind: Origin = "emulated" if found.emulated else "measured"
    if found.emulated and found.cost is not None:
        one = found.cost
        low_s, time_s, high_s = (
            (one.batch * (body + add) + step) / (one.batch * one.clock_hz)
            for body, add, step in (
                (one.body.cycles_low, one.add.cycles_low, one.step.cycles_low),
                (one.body.cycles, one.add.cycles, one.step.cycles),
                (one.body.cycles_high, one.add.cycles_high, one.step.cycles_high),
            )
        )
        kind, bounds_s = "estimated", (low_s, high_s)
    board = one_line(found.asked.board_name)
    return Client(
        name=board, board=board, source=str(folder), sample_s=time_s, learning=1.0, time=kind,
        bounds_s=bounds_s, sample_j=None if power_w is None else power_w * time_s,
        energy=None if power_w is None else found.energy,
        bandwidth_b_per_s=bandwidth_b_per_s, radio_w=radio_w,
    )  # fmt: skip


def _power_w(found: Training) -> float | None:
    """Return the mean power of the seeds whose energy is known and not doubtful."""
    known = [
        (one.energy_j, one.board_s)
        for one in found.trials
        if one.energy_j is not None and one.board_s > 0 and not one.energy_doubts
    ]
    if found.energy is None or not known:
        return None
    return sum(joules for joules, _ in known) / sum(board_s for _, board_s in known)
