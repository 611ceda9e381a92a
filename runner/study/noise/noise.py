"""How much noise and how many faults a model survives, from the model to what was found."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tinybench.errors import UsageError
from tinybench.scratch import scratch
from tinybench.track import Track

from ..host_engine import Loaded, build, infer, load, patch
from ..kept import Key, Trial, open_study, store_study
from ..subject import Subject, score
from .asked import Asked
from .findings import DROPS, NoiseStudy, Part, Spread, at_drop, harmful, spread_of
from .on_board import There, opened
from .perturb import disturbed, stuck_cells, weights_of
from .trials import ALL, BIT, LAYER, Bench, do, one_by_one, together


def run_noise(
    of: Subject,
    asked: Asked,
    folder: Path,
    jobs: int,
    track: Track,
    say: Callable[[str], None],
    words: dict[str, Any] | None = None,
) -> NoiseStudy:
    """Do all trials that the folder does not have yet, `jobs` at a time, and sum them up.

    `words` are of a run on the board, where one is asked for: then `jobs` emulated ones at a time.
    Raises UsageError for a model without weights; RunFolderError, BuildError, ModelError, and
    what a board raises.
    """
    weights = weights_of(of.graph)
    if not weights and asked.where == "weights":
        raise UsageError(
            f"{of.model} has no weights that noise could disturb (int8 or float32, of "
            "convolutions, dense layers, SVDF or LSTM); --where activations takes any model"
        )
    with (
        _there(of, words, jobs, say) as there,  # first: no folder for a board that there is not
        open_study(folder, asked) as (known, keep),
        scratch() as libraries,
    ):
        blocked = build(of.graph, of.interface, of.model_id)
        first = load(blocked, libraries, 0)
        outputs = infer(first, of.inputs)
        clean = score(of, outputs)
        if clean <= 0:
            raise UsageError(
                f"{of.model} gets none of {len(of.labels)} inputs right: there is nothing to lose"
            )
        bench = Bench(of, asked, weights, blocked, libraries, outputs.tobytes(), there)
        if there is not None and not there.patched:
            jobs = 1  # one line, and one image on the board
        if known:
            say(f"{folder}: {len(known)} trials are there already")
        do(bench, list(together(asked)), jobs, known, keep, track, "noise")
        points = [spread_of(known, ALL, amount, clean) for amount in asked.amounts]
        if asked.parts:
            index = harmful(points)
            do(bench, list(one_by_one(bench, index)), jobs, known, keep, track, "one by one")
        found = summed(bench, clean, points, known, _identical(bench, first))
    store_study(folder, found)
    return found


def _there(
    of: Subject, words: dict[str, Any] | None, jobs: int, say: Callable[[str], None]
) -> AbstractContextManager[There | None]:
    return nullcontext() if words is None else opened(of, words, jobs, say)


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


def summed(
    bench: Bench,
    clean: float,
    points: list[Spread],
    known: dict[Key, Trial],
    identical: bool | None,
) -> NoiseStudy:
    asked, of = bench.asked, bench.of
    by_part: dict[str, list[Part]] = {LAYER: [], BIT: []}
    for part, amount, which in sorted({key[:3] for key in known if key[0] != ALL}):
        name, weights = f"bit {which}", None
        if part == LAYER and asked.where == "weights":
            one = bench.weights[which]
            name, weights = f"{one.operator} {one.kind}", one.count
        elif part == LAYER:
            name = bench.blocked.layers[which]
        spread = spread_of(known, part, amount, clean, which)
        by_part[part].append(Part(name=name, weights=weights, score=spread))
    for parts in by_part.values():
        parts.sort(key=lambda one: one.score.mean)
    return NoiseStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        metric=of.metric,
        model=of.model,
        model_origin=of.model_origin,
        dataset=of.dataset,
        dataset_origin=of.dataset_origin,
        weights=sum(one.count for one in bench.weights),
        clean=clean,
        clean_identical=identical,
        points=points,
        at_drop={f"{drop:.0%}": at_drop(points, asked.noise, drop) for drop in DROPS},
        layers=by_part[LAYER],
        bits=by_part[BIT],
        board_trials=sum(one.equal is not None for one in known.values()),
        board_equal=sum(one.equal == len(of.inputs) for one in known.values()),
        patched=None if bench.there is None else bench.there.patched,
    )


def processors() -> int:
    """Return how many trials are done at a time by default."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
