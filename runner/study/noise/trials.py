"""Trials of noise: disturb, infer all inputs by the compiled C here, and score."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinybench.errors import BenchError, BoardOutError
from tinybench.track import Track

from ..host_engine import ANY, Built, Loaded, infer, load, patch
from ..kept import Key, Trial, key_of
from ..parts import Part, share
from ..subject import Subject, engine_of
from ..worth import answers, worth
from .asked import Asked
from .findings import Spread, harmful, spread_of
from .on_board import There, infer_there, same
from .perturb import BITS, Weights, disturbed, stuck_cells

ALL, LAYER, BIT = "all", "layer", "bit"
"""Parts of a study: everything disturbed, or one layer, or one bit of each byte."""
FEW = 4
"""One trial in so many of a layer or a bit alone."""
PILOTS = 3
"""Trials of each amount that say at which one layers and bits are taken alone."""
BIT_COUNT = 8


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
    there: There | None
    """The boards, where trials are done on any."""
    own: threading.local = field(default_factory=threading.local)
    lock: threading.Lock = field(default_factory=threading.Lock)
    plain: list[Built] = field(default_factory=list)
    """At most one: kernels that take any weights, built where a trial needs them."""
    loads: list[int] = field(default_factory=list)


def together(asked: Asked) -> Iterator[Job]:
    for index, amount in enumerate(asked.amounts):
        for trial in range(_needed(asked, amount)):
            yield Job(ALL, index, amount, ANY, trial)


def _needed(asked: Asked, amount: float) -> int:
    """Return how many trials an amount has: one where nothing is drawn."""
    return 1 if amount == 0 or asked.noise == "levels" else asked.trials


def _few(asked: Asked) -> int:
    return 1 if asked.noise == "levels" else max(1, asked.trials // FEW)


def first_of(asked: Asked, part: Part | None) -> list[Job]:
    """Return the trials of a part with everything disturbed.

    Where layers are taken alone, every part has the pilots, which say at which amount; of the
    others its share.
    """
    every = list(together(asked))
    if not is_one_by_one(asked):
        return share(every, part)
    rest = [job for job in every if job.trial >= PILOTS]
    return [job for job in every if job.trial < PILOTS] + share(rest, part)


def alone_of(bench: Bench, known: dict[Key, Trial], clean: float, part: Part | None) -> list[Job]:
    """Return the trials of a part with one layer, or one bit, disturbed.

    At the first amount whose pilots, which are known by now, leave less than half; none where a
    board failed at a pilot.
    """
    if not is_one_by_one(bench.asked):
        return []
    pilots = [job for job in together(bench.asked) if job.trial < PILOTS]
    if any(job.key not in known for job in pilots):
        return []
    return share(one_by_one(bench, harmful(points_of(bench.asked, pilots, known, clean))), part)


def points_of(
    asked: Asked, jobs: Sequence[Job], known: dict[Key, Trial], clean: float
) -> list[Spread]:
    """Return the spread of each amount over trials that are known."""
    each = [[job for job in jobs if job.amount == amount] for amount in asked.amounts]
    return [spread_of([known[job.key] for job in of], of[0].amount, clean) for of in each]


def is_one_by_one(asked: Asked) -> bool:
    """Return whether layers are taken alone.

    A cell of activations that is stuck is in the way of all layers that share it.
    """
    return asked.alone and (asked.where == "weights" or asked.noise == "bit-flip")


def one_by_one(bench: Bench, index: int) -> Iterator[Job]:
    """Yield the trials of each layer alone, and of each bit, at one amount."""
    asked = bench.asked
    amount = asked.amounts[index]
    layers = len(bench.weights) if asked.where == "weights" else len(bench.blocked.layers)
    for which in range(layers):
        for trial in range(_few(asked)):
            yield Job(LAYER, index, amount, which, trial)
    if asked.noise in BITS and _only_int8(bench):
        for which in range(BIT_COUNT):
            for trial in range(_few(asked)):
                yield Job(BIT, index, amount, which, trial)


def _only_int8(bench: Bench) -> bool:
    return all(bench.of.graph.tensors[one.tensor].type == "INT8" for one in bench.weights)


def do(
    bench: Bench,
    wanted: Sequence[Job],
    jobs: int,
    known: dict[Key, Trial],
    keep: Callable[[Trial], None],
    track: Track,
    label: str,
) -> None:
    """Do the trials that are not known, in threads, and keep each.

    Those that a board failed at are left out, and the rest once no board is left. What is at work
    when another trial fails, or at Ctrl-C, is kept as well.
    """
    left = [job for job in wanted if job.key not in known]
    if not left or _all_out(bench):
        return
    stop, untold = threading.Event(), set[Future[Trial]]()

    def told(future: Future[Trial]) -> None:
        done = future.result()
        try:
            keep(done)
        except OSError:  # behind half a line nothing may be written
            untold.clear()
            raise
        known[key_of(done)] = done

    with ThreadPoolExecutor(min(jobs, len(left))) as pool:
        try:
            for job in left:
                untold.add(pool.submit(_trial, bench, job, stop))
            for future in track(as_completed(list(untold)), label, len(left)):
                untold.remove(future)
                try:
                    told(future)
                except BoardOutError:  # the others go on
                    if _all_out(bench):
                        break
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            for future in list(untold):
                if not future.cancelled() and future.exception() is None:
                    told(future)


def _all_out(bench: Bench) -> bool:
    """Return whether there were boards, and none is left."""
    return bench.there is not None and not bench.there.seats.left


def _trial(bench: Bench, job: Job, stop: threading.Event) -> Trial:
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
        if bench.there is not None:
            there, name = infer_there(bench.there, graph, stop)
            equal = same(there, outputs, bench.there.decimals)
            return Trial(
                job.part, job.amount, job.trial, worth(of, there).score, job.which, equal,
                board=name,
            )  # fmt: skip
    found = worth(of, answers(of, outputs))
    return Trial(
        job.part, job.amount, job.trial, found.score, job.which, None, found.missed,
        found.false_alarms,
    )  # fmt: skip


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
            bench.plain.append(engine_of(bench.of, "plain"))
        return bench.plain[0]
