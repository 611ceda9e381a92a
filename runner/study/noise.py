"""How much noise and how many faults a model survives: many trials of its compiled C here."""

import math
import os
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from tinybench.errors import BenchError, UsageError
from tinybench.scratch import scratch
from tinybench.track import Track

from .host_engine import ANY, Built, Loaded, build, infer, load, patch
from .kept import Key, Trial, key_of, open_study, store_study
from .perturb import BITS, NOISES, Weights, disturbed, stuck_cells, weights_of
from .subject import Subject, score

Where = Literal["weights", "activations"]
DEFAULTS = {
    **dict.fromkeys(("gaussian", "multiplicative"), (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4)),
    "levels": (256.0, 64.0, 32.0, 16.0, 8.0, 4.0),
    "drift": (0.0, 0.01, 0.02, 0.05, 0.1),
    **dict.fromkeys(BITS, (0.0, 1e-5, 1e-4, 1e-3, 1e-2)),
}
"""Amounts of each kind of noise."""
ALL, LAYER, BIT = "all", "layer", "bit"
"""Parts of a study: everything disturbed, or one layer, or one bit of each byte."""
FEW = 4
"""One trial in so many of a layer or a bit alone."""
AMOUNTS_MOST, TRIALS_MOST = 64, 100_000
BIT_COUNT = 8
DROPS = (0.01, 0.05)
HALF = 0.5
FORMAT = 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study, and nothing else: the same, the same figures."""

    study: str = "noise"
    format: int = FORMAT
    task: str
    noise: str
    where: Where
    amounts: list[float]
    """In the order of growing harm; eta, levels, exponents or rates."""
    trials: int
    seed: int
    parts: bool
    """Whether layers, and bits, are taken one by one as well."""
    samples: int
    model_sha256: str
    dataset_sha256: str


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of trials that differ by their seed alone."""

    amount: float
    trials: int
    mean: float
    deviation: float
    """Standard deviation of a trial."""
    error: float
    """Standard error of the mean."""
    least: float
    most: float
    normalised: float
    """The mean, as a share of the score without noise."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A layer or a bit that is disturbed alone."""

    name: str
    weights: int | None
    score: Spread


class NoiseStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of noise found; shares of 1."""

    asked: Asked
    kind: str = "simulated"
    """Noise is drawn by this computer, which then infers by the same C as a board."""
    tinybench: str
    metric: str
    model: str
    model_origin: str
    dataset: str
    dataset_origin: str
    weights: int
    """How many there are."""
    clean: float
    """Score without noise."""
    clean_identical: bool | None
    """Whether an amount of 0 gave the same outputs to the bit; None where there was none."""
    points: list[Spread]
    at_drop: dict[str, float | None]
    """The amount at which the mean has lost so many per cent of the clean score, between points;
    None where it never has. Of levels, the fewest that have not lost as much."""
    layers: list[Part] = []
    """The most fragile first."""
    bits: list[Part] = []
    """Likewise; 7 is the sign of an int8."""


@dataclass(frozen=True)
class Job:
    """A trial to do; `index` is that of its amount."""

    part: str
    index: int
    amount: float
    which: int
    trial: int

    @property
    def key(self) -> Key:
        """What it is kept under."""
        return self.part, self.amount, self.which, self.trial


@dataclass(frozen=True)
class Bench:
    """What all trials share; each thread has libraries of its own."""

    of: Subject
    asked: Asked
    weights: list[Weights]
    blocked: Built
    folder: Path
    clean: bytes
    """Outputs without noise."""
    own: threading.local = field(default_factory=threading.local)
    lock: threading.Lock = field(default_factory=threading.Lock)
    plain: list[Built] = field(default_factory=list)
    """At most one: kernels that take any weights, built where a trial needs them."""
    loads: list[int] = field(default_factory=list)


def ask(
    of: Subject,
    noise: str,
    amounts: Sequence[float] | None,
    trials: int,
    seed: int,
    where: Where = "weights",
    *,
    parts: bool = True,
) -> Asked:
    """Return what a study is asked for, checked. Raises UsageError."""
    if noise not in NOISES:
        raise UsageError(f"--noise {noise}: valid: {', '.join(NOISES)}")
    if where == "activations" and noise not in BITS:
        raise UsageError(
            f"--where activations is for faults of memory ({', '.join(BITS)}), not for {noise}"
        )
    chosen = sorted(set(DEFAULTS[noise] if amounts is None else amounts))
    if noise == "levels":
        chosen.reverse()
    if not 0 < len(chosen) <= AMOUNTS_MOST:
        raise UsageError(f"{len(chosen)} amounts of noise: 1 to {AMOUNTS_MOST} are studied at once")
    for amount in chosen:
        _check(noise, amount)
    if not 0 < trials * len(chosen) <= TRIALS_MOST:
        raise UsageError(
            f"{trials} trials of {len(chosen)} amounts: a study has 1 to {TRIALS_MOST} of them"
        )
    return Asked(
        task=of.task,
        noise=noise,
        where=where,
        amounts=chosen,
        trials=trials,
        seed=seed,
        parts=parts,
        samples=len(of.labels),
        model_sha256=of.model_sha256,
        dataset_sha256=of.dataset_sha256,
    )


def _check(noise: str, amount: float) -> None:
    """Raise UsageError for an amount that means nothing."""
    if noise == "levels":
        if amount != int(amount) or not 2 <= amount <= 1 << 16:
            raise UsageError(f"--levels {amount:g}: a cell has 2 to 65536 of them, a whole number")
    elif noise in BITS:
        if not 0 <= amount <= 1:
            raise UsageError(f"--rate {amount:g}: a share of the bits is 0 to 1")
    elif not 0 <= amount <= 100:
        raise UsageError(f"--eta {amount:g}: a standard deviation is 0 or more, at most 100 here")


def run_noise(
    of: Subject,
    asked: Asked,
    folder: Path,
    jobs: int,
    track: Track,
    say: Callable[[str], None],
) -> NoiseStudy:
    """Do all trials that the folder does not have yet, `jobs` at a time, and sum them up.

    Raises UsageError for a model without weights; RunFolderError, BuildError, ModelError.
    """
    weights = weights_of(of.graph)
    if not weights and asked.where == "weights":
        raise UsageError(
            f"{of.model} has no weights that noise could disturb (int8 or float32, of "
            "convolutions, dense layers, SVDF or LSTM); --where activations takes any model"
        )
    with open_study(folder, asked) as (known, keep), scratch() as libraries:
        blocked = build(of.graph, of.interface, of.model_id)
        first = load(blocked, libraries, 0)
        outputs = infer(first, of.inputs)
        clean = score(of, outputs)
        if clean <= 0:
            raise UsageError(
                f"{of.model} gets none of {len(of.labels)} inputs right: there is nothing to lose"
            )
        bench = Bench(of, asked, weights, blocked, libraries, outputs.tobytes())
        if known:
            say(f"{folder}: {len(known)} trials are there already")
        _do(bench, list(_sweep(asked)), jobs, known, keep, track, "noise")
        points = [_spread(known, ALL, amount, clean) for amount in asked.amounts]
        if asked.parts:
            index = _harmful(points)
            _do(bench, list(_parts(bench, index)), jobs, known, keep, track, "one by one")
        found = _summed(bench, clean, points, known, _identical(bench, first))
    store_study(folder, found)
    return found


def _sweep(asked: Asked) -> Iterator[Job]:
    for index, amount in enumerate(asked.amounts):
        for trial in range(_needed(asked, amount)):
            yield Job(ALL, index, amount, ANY, trial)


def _needed(asked: Asked, amount: float) -> int:
    """Return how many trials an amount has: one where nothing is drawn."""
    return 1 if amount == 0 or asked.noise == "levels" else asked.trials


def _few(asked: Asked) -> int:
    return 1 if asked.noise == "levels" else max(1, asked.trials // FEW)


def _parts(bench: Bench, index: int) -> Iterator[Job]:
    """Yield the trials of each layer alone, and of each bit, at one amount."""
    asked = bench.asked
    amount = asked.amounts[index]
    layers = len(bench.weights) if asked.where == "weights" else len(bench.blocked.layers)
    if asked.where == "activations" and asked.noise != "bit-flip":
        return  # a cell that is stuck is in the way of all layers that share it
    for which in range(layers):
        for trial in range(_few(asked)):
            yield Job(LAYER, index, amount, which, trial)
    if asked.noise in BITS and _only_int8(bench):
        for which in range(BIT_COUNT):
            for trial in range(_few(asked)):
                yield Job(BIT, index, amount, which, trial)


def _only_int8(bench: Bench) -> bool:
    return all(bench.of.graph.tensors[one.tensor].type == "INT8" for one in bench.weights)


def _harmful(points: Sequence[Spread]) -> int:
    """Return the first amount that leaves less than half, at which parts differ; else the last."""
    lost = (i for i, point in enumerate(points) if point.normalised < HALF)
    return next(lost, len(points) - 1)


def _do(
    bench: Bench,
    wanted: Sequence[Job],
    jobs: int,
    known: dict[Key, Trial],
    keep: Callable[[Trial], None],
    track: Track,
    label: str,
) -> None:
    """Do the trials that are not known, in threads, and keep each."""
    left = [job for job in wanted if job.key not in known]
    if not left:
        return
    with ThreadPoolExecutor(min(jobs, len(left))) as pool:
        try:
            futures = [pool.submit(partial(_trial, bench, job)) for job in left]
            for future in track(as_completed(futures), label, len(left)):
                done = future.result()
                keep(done)
                known[key_of(done)] = done
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _trial(bench: Bench, job: Job) -> Trial:
    """Disturb, infer all inputs, and score."""
    of, asked = bench.of, bench.asked
    part = (ALL, LAYER, BIT).index(job.part)
    rng = np.random.default_rng([asked.seed, part, job.index, job.which + 1, job.trial])
    layer = job.which if job.part == LAYER else ANY
    bit = job.which if job.part == BIT else ANY
    if asked.where == "activations":
        loaded = _loaded(bench, bench.blocked)
        if asked.noise == "bit-flip":
            seed = int(rng.integers(1 << 63))
            outputs = infer(loaded, of.inputs, seed=seed, rate=job.amount, layer=layer, bit=bit)
        else:
            stuck = stuck_cells(loaded.built.arena_b, asked.noise, job.amount, rng)
            outputs = infer(loaded, of.inputs, stuck=stuck)
    else:
        weights = bench.weights if layer == ANY else [bench.weights[layer]]
        only = None if bit == ANY else bit
        graph = disturbed(of.graph, weights, asked.noise, job.amount, rng, only)
        loaded = _loaded(bench, bench.blocked)
        if not patch(loaded, graph):  # such as scales that the short output stage is not exact for
            loaded = _loaded(bench, _any_weights(bench))
            if not patch(loaded, graph):
                raise BenchError(
                    f"disturbed weights of {of.model} do not fit the kernels that were built for "
                    f"its own ({asked.noise} {job.amount:g}, trial {job.trial})"
                )
        outputs = infer(loaded, of.inputs)
    return Trial(job.part, job.amount, job.trial, score(of, outputs), job.which)


def _loaded(bench: Bench, built: Built) -> Loaded:
    """Return this thread's own copy of a library."""
    mine: dict[str, Loaded] = bench.own.__dict__.setdefault("libraries", {})
    if built.kernels not in mine:
        with bench.lock:
            bench.loads.append(0)
            number = len(bench.loads)
        mine[built.kernels] = load(built, bench.folder, number)
    return mine[built.kernels]


def _any_weights(bench: Bench) -> Built:
    with bench.lock:
        if not bench.plain:
            of = bench.of
            bench.plain.append(build(of.graph, of.interface, of.model_id, "plain"))
        return bench.plain[0]


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


def _spread(
    known: dict[Key, Trial], part: str, amount: float, clean: float, which: int = ANY
) -> Spread:
    scores = [
        one.score for (p, a, w, _), one in known.items() if (p, a, w) == (part, amount, which)
    ]
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    mean = statistics.fmean(scores)
    return Spread(
        amount=amount,
        trials=len(scores),
        mean=mean,
        deviation=deviation,
        error=deviation / math.sqrt(len(scores)),
        least=min(scores),
        most=max(scores),
        normalised=mean / clean,
    )


def _summed(
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
        spread = _spread(known, part, amount, clean, which)
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
    )


def at_drop(points: Sequence[Spread], noise: str, drop: float) -> float | None:
    """Return the amount at which the normalised mean has fallen by `drop`; None where it has not.

    Between two points it is taken as a straight line, of rates over their logarithm. Of levels, the
    fewest before which nothing has fallen as much; None where the first has already.
    """
    wanted = 1 - drop
    for before, after in zip([None, *points], points, strict=False):
        if after.normalised >= wanted:
            continue
        if before is None:
            return None if noise == "levels" else after.amount
        if noise == "levels":
            return before.amount
        share = (before.normalised - wanted) / (before.normalised - after.normalised)
        if noise in BITS and before.amount > 0:
            return before.amount * (after.amount / before.amount) ** share
        return before.amount + share * (after.amount - before.amount)
    return points[-1].amount if noise == "levels" and points else None


def processors() -> int:
    """Return how many trials are done at a time by default."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
