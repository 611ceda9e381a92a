"""How much noise and how many faults a model survives, from the model to what was found."""

import itertools
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from tinybench.errors import UsageError
from tinybench.plural import counted
from tinybench.scratch import scratch

from ..host_engine import Loaded, infer, load, patch
from ..kept import (
    Key,
    Trial,
    keep_part,
    kept_part,
    open_study,
    read_trials,
    store_study,
)
from ..parts import Part, Pieces, Share
from ..subject import Subject, engine_of
from ..work import Work
from ..worth import Worth, answers, measure, with_clean, worth
from .asked import Asked
from .findings import DROPS, Alone, NoiseStudy, at_drop, by_board, ends_at_drop, spread_of
from .on_board import opened
from .perturb import disturbed, stuck_cells, weights_of
from .trials import BIT, LAYER, Bench, Job, alone_of, do, first_of, points_of

LINE_NAME = "line"


class Line(msgspec.Struct, frozen=True):
    """How boards get the weights of a trial."""

    patched: bool
    """Over their line, and not built in."""


PIECES = Pieces(LINE_NAME, Line)


@dataclass(frozen=True)
class _Begun:
    """A study all of whose trials, or those of a part, are done."""

    bench: Bench
    known: dict[Key, Trial]
    clean: Worth
    identical: bool | None
    first: list[Job]
    alone: list[Job]
    patched: bool | None


def run_noise(
    of: Subject,
    asked: Asked,
    work: Work,
) -> NoiseStudy:
    """Do all trials that the folder does not have yet, and sum them up.

    Raises UsageError for a model without weights; RunFolderError, BuildError, ModelError, and
    what a board raises.
    """
    with scratch() as libraries:
        found = summed(_done(of, asked, work, None, libraries))
    store_study(work.folder, found)
    return found


def share_noise(
    of: Subject,
    asked: Asked,
    work: Work,
    part: Part,
) -> Share:
    """Do the trials of a part, as `run_noise` does all."""
    with scratch() as libraries:
        done = _done(of, asked, work, part, libraries)
    mine = [done.known[job.key] for job in (*done.first, *done.alone)]
    same = all(one.equal in (None, len(of.inputs)) for one in mine)
    return Share(study=asked.study, part=str(part), done={"trials": len(mine)}, same=same)


def _done(
    of: Subject,
    asked: Asked,
    work: Work,
    part: Part | None,
    libraries: Path,
) -> _Begun:
    """Do the trials of a part that the folder does not have yet; boards are opened for these."""
    weights = weights_of(of.graph)
    if not weights and asked.where == "weights":
        raise UsageError(
            f"{of.model} has no weights that noise could disturb (int8 or float32, of "
            "convolutions, dense layers, SVDF or LSTM); --where activations takes any model"
        )
    blocked = engine_of(of)
    loaded = load(blocked, libraries, 0)
    outputs = infer(loaded, of.inputs)
    found = answers(of, outputs)
    of = with_clean(of, found)
    start = worth(of, found)
    clean = start.score
    if clean <= 0:
        raise UsageError(
            f"{of.model} gets nothing of {of.count} {'frames' if of.sound else 'inputs'} right: "
            "there is nothing to lose"
        )
    bench = Bench(of, asked, weights, blocked, libraries, outputs.tobytes(), None)
    first = first_of(asked, part)
    with ExitStack() as stack:
        there = None
        if work.words and _left(bench, first, _trials_in(work.folder), clean, part):
            # First: no folder for a board that there is not.
            there = stack.enter_context(opened(of, work))
        known, keep = stack.enter_context(open_study(work.folder, asked, str(part or "")))
        line = work.folder / f"{LINE_NAME}.json"
        jobs = work.shards
        if there is not None:
            bench = replace(bench, there=there)
            keep_part(line, Line(there.patched))
            jobs = there.seats.left
        if known:
            work.say(f"{work.folder}: {counted(len(known), 'trial')} there already")
        do(bench, first, jobs, known, keep, work.track, "noise")
        alone = alone_of(bench, known, clean, part)
        do(bench, alone, jobs, known, keep, work.track, "one by one")
        if there is not None:
            there.seats.insist()
        kept = kept_part(line, Line) if asked.board else None
    return _Begun(
        bench, known, start, _identical(bench, loaded), first, alone, kept and kept.patched
    )


def _trials_in(folder: Path) -> dict[Key, Trial]:
    try:
        return read_trials(folder)
    except OSError:  # which is said when the folder is opened
        return {}


def _left(
    bench: Bench, first: Sequence[Job], known: dict[Key, Trial], clean: float, part: Part | None
) -> bool:
    """Return whether a trial is left to do."""
    return any(job.key not in known for job in first) or any(
        job.key not in known for job in alone_of(bench, known, clean, part)
    )


def _identical(bench: Bench, first: Loaded) -> bool | None:
    """Return whether no noise, on the way that noise goes, leaves the outputs as they are."""
    asked, of = bench.asked, bench.of
    if 0 not in asked.amounts:
        return None
    if asked.where == "activations":
        stuck = stuck_cells(first.built.arena_b, asked.noise, 0.0, np.random.default_rng(0))
        return infer(first, of.inputs, stuck=stuck).tobytes() == bench.clean
    rng = np.random.default_rng(asked.seed)
    if not patch(first, disturbed(of.graph, bench.weights, asked.noise, 0.0, rng)):
        return False
    return infer(first, of.inputs).tobytes() == bench.clean


def summed(done: _Begun) -> NoiseStudy:
    """Return what all trials come to."""
    bench, known = done.bench, done.known
    asked, of = bench.asked, bench.of
    clean = done.clean.score
    points = points_of(asked, done.first, known, clean)
    by_part: dict[str, list[Alone]] = {LAYER: [], BIT: []}
    for (part, which), each in itertools.groupby(done.alone, lambda job: (job.part, job.which)):
        name, weights, own = f"bit {which}", None, list(each)
        if part == LAYER and asked.where == "weights":
            one = bench.weights[which]
            name, weights = f"{one.operator} {one.kind}", one.count
        elif part == LAYER:
            name = bench.blocked.layers[which]
        spread = spread_of([known[job.key] for job in own], own[0].amount, clean)
        by_part[part].append(Alone(name=name, weights=weights, score=spread))
    for parts in by_part.values():
        parts.sort(key=lambda one: one.score.mean)
    trials = [known[job.key] for job in (*done.first, *done.alone)]
    ends = {f"{drop:.0%}": ends_at_drop(points, asked.noise, drop, clean) for drop in DROPS}
    return NoiseStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        metric=measure(of),
        model=of.model,
        model_origin=of.model_origin,
        dataset=of.dataset,
        dataset_origin=of.dataset_origin,
        weights=sum(one.count for one in bench.weights),
        clean=clean,
        words=len(of.sound.words_s) if of.sound else None,
        clean_missed=done.clean.missed,
        clean_false_alarms=done.clean.false_alarms,
        clean_identical=done.identical,
        points=points,
        at_drop={f"{drop:.0%}": at_drop(points, asked.noise, drop) for drop in DROPS},
        at_drop_ends={drop: one for drop, one in ends.items() if one is not None},
        layers=by_part[LAYER],
        bits=by_part[BIT],
        board_trials=sum(one.equal is not None for one in trials),
        board_equal=sum(one.equal == len(of.inputs) for one in trials),
        by_board=by_board(trials, len(of.inputs)),
        patched=done.patched,
    )


def processors() -> int:
    """Return how many trials are done at a time by default."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
