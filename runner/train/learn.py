"""One seed's training on a board: samples streamed, evaluations between, checkpoints kept."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinybench.datasets.reader import Sample
from tinybench.errors import ProtocolError
from tinybench.track import Track

from ..dut.client import Dut
from ..dut.inference import answered
from .document import Asked, Point, Trial
from .head import Floats
from .kept import checkpoints, keep, name_of
from .link import DivergedError, Trainee
from .reference import Learner, Words
from .variant import Variant

MICRO = 1e-6


@dataclass(frozen=True)
class Lesson:
    """What all seeds have in common."""

    asked: Asked
    variant: Variant
    head_sha256: str
    trained: Sequence[Sample]
    held_out: Sequence[Sample]
    power_w: float | None
    """Of the board at work, as it declares."""
    features: dict[str, Floats] = field(default_factory=dict[str, Floats])
    """Of the samples that were seen, by name: the body is frozen."""

    @property
    def steps_an_epoch(self) -> int:
        """Whole batches of an epoch; what is over waits for another order."""
        return len(self.trained) // self.asked.batch

    @property
    def steps(self) -> int:
        """Of all epochs."""
        return self.steps_an_epoch * self.asked.epochs


def split(samples: Sequence[Sample], share: float) -> tuple[list[Sample], list[Sample]]:
    """Return what is trained on and what is held out: of each class its share, spread evenly."""
    trained, held_out, seen = list[Sample](), list[Sample](), dict[int, int]()
    for one in samples:
        before = seen.get(one.label, 0)
        seen[one.label] = before + 1
        out = int((before + 1) * share + 1e-9) > int(before * share + 1e-9)
        (held_out if out else trained).append(one)
    return trained, held_out


def order(seed: int, epoch: int, count: int) -> list[int]:
    """Return in which order the samples of an epoch come."""
    return np.random.default_rng([seed, epoch]).permutation(count).tolist()


def learn(
    lesson: Lesson,
    seed: int,
    dut: Dut,
    folder: Path,
    track: Track,
    said: Callable[[Point], None],
) -> Trial:
    """Train one seed until it reaches the target or its end, from its last checkpoint on.

    Raises RunFolderError, and what a board raises; what was learnt is in `folder` then.
    """
    asked, of = lesson.asked, lesson.variant
    points, words = checkpoints(folder, seed, lesson.head_sha256, asked.model_sha256, of.words)
    own = Learner(of, asked.rate, asked.momentum, asked.batch, seed)
    classes, features = of.weights.shape
    shape = (features, classes, len(of.rows), len(of.columns), of.bits, of.words)
    run = _Run(lesson, seed, Trainee(dut, shape), dut, own, folder, track, said, points)
    retries_before = dut.tally.retries
    ended = _ended(lesson, points)
    if ended is None:
        run.trainee.begin(asked.rate, asked.momentum, asked.batch, seed)
        if points:
            run.trainee.write(words)
            own.load(words)
        else:
            run.evaluate(0, 0.0, 0.0, None, 0)
        ended = _ended(lesson, points)
    if ended is None:
        try:
            with np.errstate(all="ignore"):  # the board says when a number is none any more
                ended = run.go_on()
        except DivergedError:
            ended = "diverged"
        run.trainee.end()
    retries = run.trainee.retries + dut.tally.retries - retries_before
    best = max(points, key=lambda one: one.accuracy)
    last = points[-1]
    return Trial(
        seed=seed, reached=best.accuracy >= asked.target, ended=ended, best=best.accuracy,
        samples=last.samples, steps=last.step, board_s=last.board_s, host_s=last.host_s,
        energy_j=None if lesson.power_w is None else lesson.power_w * last.board_s,
        retries=retries, points=points, checkpoint=f"{folder.name}/{name_of(best.step)}.bin",
    )  # fmt: skip


def _ended(lesson: Lesson, points: Sequence[Point]) -> str | None:
    """Return why nothing is to be learnt any more; None where there is."""
    asked = lesson.asked
    if any(one.accuracy >= asked.target for one in points):
        return "target"
    if points and points[-1].step >= lesson.steps:
        return "epochs"
    if points and asked.budget_s is not None and points[-1].host_s >= asked.budget_s:
        return "budget"
    return None


@dataclass
class _Run:
    """A training under way."""

    lesson: Lesson
    seed: int
    trainee: Trainee
    dut: Dut
    own: Learner
    folder: Path
    track: Track
    said: Callable[[Point], None]
    points: list[Point]

    def go_on(self) -> str:
        """Train from the last point on; return why it ended. Raises DivergedError."""
        asked, last = self.lesson.asked, self.points[-1]
        board_s, host_s = last.board_s, last.host_s
        first, steps = last.step, self.lesson.steps
        # A board that began anew counts its steps from 0.
        for step in self.track(range(first, steps), f"seed {self.seed}", steps - first):
            start_s = time.monotonic()
            busy_us = sum(self._add(one, n) for n, one in enumerate(self._batch(step)))
            stepped = self.trainee.step(step - first)
            self.own.step()
            board_s += (busy_us + stepped.elapsed_us) * MICRO
            host_s += time.monotonic() - start_s
            due = (step + 1) % asked.evaluate_every == 0 or step + 1 == steps
            late = asked.budget_s is not None and host_s >= asked.budget_s
            if due or late:
                self.evaluate(step + 1, board_s, host_s, stepped.loss, stepped.saturated)
                if (ended := _ended(self.lesson, self.points)) is not None:
                    return ended
        return "epochs"

    def _batch(self, step: int) -> Iterator[Sample]:
        epoch, place = divmod(step, self.lesson.steps_an_epoch)
        trained, size = self.lesson.trained, self.lesson.asked.batch
        chosen = order(self.seed, epoch, len(trained))[place * size : (place + 1) * size]
        return (trained[index] for index in chosen)

    def _add(self, one: Sample, number: int) -> int:
        """Gather a sample's gradient, here too; return how long the board took, in us."""
        known = self.lesson.features
        elapsed_us = self.trainee.add(one.windows()[0], one.label, number)
        if one.name not in known:
            known[one.name] = self.trainee.features(self.lesson.variant.weights.shape[1])
        self.own.add(known[one.name], one.label)
        return elapsed_us

    def evaluate(
        self, step: int, board_s: float, host_s: float, loss: float | None, saturated: int
    ) -> None:
        """Ask the board for the classes of what is held out, and keep a checkpoint. Not timed."""
        words = self.trainee.read()
        differing, difference = _beside(words, self.own.words(), self.lesson.variant)
        right = 0
        held_out = self.lesson.held_out
        inputs = [one.windows()[0] for one in held_out]
        for one, data, then in zip(held_out, inputs, [*inputs[1:], None], strict=True):
            shares = answered(self.dut.infer(data, 1, 0, then).results)
            if len(shares) != self.lesson.variant.weights.shape[0]:
                raise ProtocolError(f"{len(shares)} results came of an evaluation")
            if not any(shares):
                raise DivergedError
            right += shares.index(max(shares)) == one.label
        point = Point(
            step=step, samples=step * self.lesson.asked.batch, board_s=board_s, host_s=host_s,
            accuracy=right / len(held_out), loss=loss, saturated=saturated, differing=differing,
            difference=difference,
        )  # fmt: skip
        head, model = self.lesson.head_sha256, self.lesson.asked.model_sha256
        keep(self.folder, point, self.seed, words, head, model)
        self.points.append(point)
        self.said(point)


def _beside(there: Words, here: Words, of: Variant) -> tuple[int, float]:
    """Return how many words of the board differ from NumPy's, and the largest difference.

    Of int weights that is in steps.
    """
    differing = int((there != here).sum())
    if not differing:
        return 0, 0.0
    ints = of.trained if of.bits != 32 else 0
    wide = np.abs(there[:ints].view(np.int32) - here[:ints].view(np.int32).astype(np.int64))
    reals = [words[ints:-1].view(np.float32).astype(np.float64) for words in (there, here)]
    apart = np.abs(reals[0] - reals[1])
    return differing, float(max(wide.max(initial=0), apart.max(initial=0.0)))
