"""One seed's training on a board: samples streamed or in its flash, evaluations between,
checkpoints kept."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinybench.errors import ProtocolError
from tinybench.track import Track

from ..dut.client import Dut
from ..dut.inference import answered
from ..measure.energy_mode import Ran
from ..results.score import auc
from .document import Asked, Point, Trial
from .head import Floats
from .kept import checkpoints, keep, name_of
from .link import DivergedError, Stepped, Trainee
from .reference import Learner, Words
from .samples import Piece, order
from .variant import Variant

MICRO = 1e-6
AT_ONCE_S = 60.0
"""Steps on the board between two answers take about as long at most."""


@dataclass(frozen=True)
class Lesson:
    """What all seeds have in common."""

    asked: Asked
    variant: Variant
    head_sha256: str
    trained: Sequence[Piece]
    held_out: Sequence[Sequence[Piece]]
    """The windows of each input."""
    power_w: float | None
    """Of the board at work, as it declares."""
    undrifted: Sequence[Sequence[Piece]] = ()
    """What is held out, as the sensor gave it before it drifted."""
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


def learn(
    lesson: Lesson,
    seed: int,
    dut: Dut,
    folder: Path,
    track: Track,
    said: Callable[[Point], None],
    ran: Ran | None = None,
) -> Trial:
    """Train one seed until it reaches the target or its end, from its last checkpoint on.

    Raises RunFolderError, and what a board raises; what was learnt is in `folder` then.
    """
    asked, of = lesson.asked, lesson.variant
    points, words = checkpoints(folder, seed, lesson.head_sha256, asked.model_sha256, of.words)
    own = Learner(of, asked.rate, asked.momentum, asked.batch, seed)
    trainee = Trainee(dut, of.shape)
    run = _Run(lesson, seed, trainee, dut, own, folder, track, said, points, ran)
    retries_before = dut.tally.retries
    ended, before = _ended(lesson, points), None
    if ended is None:
        run.trainee.begin(asked.rate, asked.momentum, asked.batch, seed)
        before = run.score(lesson.undrifted) if lesson.undrifted else None
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
    best = max(points, key=lambda one: one.score)
    last = points[-1]
    return Trial(
        seed=seed, reached=best.score >= asked.target, ended=ended, best=best.score,
        samples=last.samples, steps=last.step, board_s=last.board_s, host_s=last.host_s,
        energy_j=None if lesson.power_w is None else lesson.power_w * last.board_s,
        retries=retries, points=points, checkpoint=f"{folder.name}/{name_of(best.step)}.bin",
        before=before,
    )  # fmt: skip


def _ended(lesson: Lesson, points: Sequence[Point]) -> str | None:
    """Return why nothing is to be learnt any more; None where there is."""
    asked = lesson.asked
    if any(one.score >= asked.target for one in points):
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
    ran: Ran | None
    inference_s: float = 0.0
    """Time of one here, with the line; the most that was seen."""

    def go_on(self) -> str:
        """Train from the last point on; return why it ended. Raises DivergedError."""
        asked, last = self.lesson.asked, self.points[-1]
        board_s, host_s = last.board_s, last.host_s
        first, steps = last.step, self.lesson.steps
        if asked.samples == "flash":
            self._know_samples()
        most = self._at_once()
        chunks = -(-(steps - first) // min(most, asked.evaluate_every))
        # A board that began anew counts its steps from 0.
        for step, count in self.track(self._chunks(first, most), f"seed {self.seed}", chunks):
            start_s = time.monotonic()
            stepped, busy_us = self._steps(step, step - first, count)
            board_s += busy_us * MICRO
            host_s += time.monotonic() - start_s
            done = step + count
            due = done % asked.evaluate_every == 0 or done == steps
            if due or (asked.budget_s is not None and host_s >= asked.budget_s):
                self.evaluate(done, board_s, host_s, stepped.loss, stepped.saturated)
                if (ended := _ended(self.lesson, self.points)) is not None:
                    return ended
        return "epochs"

    def _at_once(self) -> int:
        """Return how many steps the board does before it answers, at most."""
        if self.lesson.asked.samples == "link":
            return 1
        return max(1, int(AT_ONCE_S / max(1e-6, self.inference_s * self.lesson.asked.batch)))

    def _chunks(self, first: int, most: int) -> Iterator[tuple[int, int]]:
        """Yield (step, count) of what the board does before it answers."""
        step, steps, every = first, self.lesson.steps, self.lesson.asked.evaluate_every
        while step < steps:
            count = min(most, every - step % every, steps - step)
            yield step, count
            step += count

    def _steps(self, step: int, number: int, count: int) -> tuple[Stepped, int]:
        """Do `count` steps from `step` on, here too; return the last, and how long all took, in us.

        `number`: those which the board has done since it began.
        """
        if self.lesson.asked.samples == "flash":
            usual_s = count * self.lesson.asked.batch * self.inference_s
            stepped = self.trainee.run(number, step, count, usual_s)
            if self.ran is not None:
                self.ran(f"steps to {step + count}", count)
            for one in range(step, step + count):
                for piece in self._batch(one):
                    self._add_here(piece, piece.data() if self.lesson.variant.squared else b"")
                self.own.step()
            return stepped, stepped.elapsed_us
        busy_us = sum(self._add(one, n) for n, one in enumerate(self._batch(step)))
        stepped = self.trainee.step(number)
        self.own.step()
        return stepped, busy_us + stepped.elapsed_us

    def _batch(self, step: int) -> Iterator[Piece]:
        epoch, place = divmod(step, self.lesson.steps_an_epoch)
        trained, size = self.lesson.trained, self.lesson.asked.batch
        chosen = order(self.seed, epoch, len(trained))[place * size : (place + 1) * size]
        return (trained[index] for index in chosen)

    def _know_samples(self) -> None:
        """Ask for the features of all samples in flash, by which NumPy learns beside the board."""
        known, start_s = self.lesson.features, time.monotonic()
        for index, one in enumerate(self.lesson.trained):
            if one.name not in known:
                label = self.trainee.sample(index)
                if label != one.label:
                    raise ProtocolError(f"sample {index} in flash has label {label}")
                known[one.name] = self.trainee.features(self.lesson.variant.body)
        took_s = (time.monotonic() - start_s) / len(self.lesson.trained)
        self.inference_s = max(self.inference_s, took_s)

    def _add(self, one: Piece, number: int) -> int:
        """Gather a sample's gradient, here too; return how long the board took, in us."""
        known, data = self.lesson.features, one.data()
        elapsed_us = self.trainee.add(data, one.label, number)
        if one.name not in known:
            known[one.name] = self.trainee.features(self.lesson.variant.body)
        self._add_here(one, data)
        return elapsed_us

    def _add_here(self, one: Piece, data: bytes) -> None:
        """Gather it here; of a softmax `data` counts for nothing."""
        self.own.add(self.lesson.features[one.name], one.label, data)

    def score(self, held_out: Sequence[Sequence[Piece]]) -> float:
        """Ask the board for what is held out, and score it. Raises DivergedError."""
        every = [one for group in held_out for one in group]
        squared = self.lesson.variant.squared
        wanted = 1 if squared else self.lesson.variant.weights.shape[0]
        answers = list[list[float]]()
        start_s = time.monotonic()
        data = every[0].data()
        for then in (*every[1:], None):
            after = None if then is None else then.data()
            found = self.dut.infer(data, 1, 0, after)
            data = after or b""
            answers.append(answered(found.results))
            if len(answers[-1]) != wanted:
                raise ProtocolError(f"{len(answers[-1])} results came of an evaluation")
            # Of a squared error -1 is none; probabilities are all 0.
            if not any(answers[-1]) or answers[-1][0] < 0:
                raise DivergedError
        took_s = (time.monotonic() - start_s) / len(every)
        self.inference_s = max(self.inference_s, took_s)
        if not squared:
            right = sum(
                shares.index(max(shares)) == one.label
                for shares, one in zip(answers, every, strict=True)
            )
            return right / len(every)
        errors = iter(answers)
        means = [sum(next(errors)[0] for _ in group) / len(group) for group in held_out]
        return auc(means, [group[0].of.label for group in held_out]) or 0.0

    def evaluate(
        self, step: int, board_s: float, host_s: float, loss: float | None, saturated: int
    ) -> None:
        """Score what is held out, and keep a checkpoint. Not timed."""
        words = self.trainee.read()
        differing, difference = _beside(words, self.own.words(), self.lesson.variant)
        point = Point(
            step=step, samples=step * self.lesson.asked.batch, board_s=board_s, host_s=host_s,
            score=self.score(self.lesson.held_out), loss=loss, saturated=saturated,
            differing=differing, difference=difference,
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
    ints = of.trained if of.bits != 32 else 0  # never beside a hidden layer
    wide = np.abs(there[:ints].view(np.int32) - here[:ints].view(np.int32).astype(np.int64))
    reals = [words[ints:-1].view(np.float32).astype(np.float64) for words in (there, here)]
    apart = np.abs(reals[0] - reals[1])
    return differing, float(max(wide.max(initial=0), apart.max(initial=0.0)))
