"""Boards as clients of a fleet, beside NumPy; who has died is asked again when it is chosen."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tinybench.datasets.reader import Sample
from tinybench.errors import BenchError, UsageError
from tinybench.plural import counted

from ..learning.head import Floats
from ..study.rows import split
from ..study.subject import CLASSES, subject
from ..train.given import Given
from ..train.reference import Learner
from .board import Order, Reply, do, whole_head
from .client import Client
from .data import Labels, Learnable, features
from .split import Members
from .train import Learnt, Trainer, Work, picks

BOARDS_MOST = 64
Ask = Callable[[Sequence[Order]], list[Reply]]
"""What has orders done at once, on this desk or elsewhere, and waits for all of them."""


def ask_here(orders: Sequence[Order]) -> list[Reply]:
    """Let boards of this desk learn at once."""
    with ThreadPoolExecutor(max(1, len(orders))) as pool:
        return list(pool.map(do, orders))


@dataclass(frozen=True)
class Seats:
    """The boards of a fleet, and all that they learn from."""

    names: Sequence[str]
    emulate: bool
    of: Given
    learnable: Learnable
    samples: Sequence[Sample]
    """Those that are learnt from, in the order of their rows."""


def seats(names: Sequence[str], emulate: bool, task: str, test: int, seed: int) -> Seats:
    """Return boards with the samples of a task, their features worked out on this computer.

    Features are as the body gives them, not scaled. Raises UsageError, and what `features` raises.
    """
    if not 1 <= len(names) <= BOARDS_MOST:
        raise UsageError(f"{len(names)} boards: a fleet has 1 to {BOARDS_MOST}")
    rows = features(subject(task, takes=CLASSES))  # first: it refuses what has no classes
    of = whole_head(task)
    learnt, tested = split(rows, test, seed)
    values, labels = rows.values.astype(np.float32), np.asarray(rows.targets, np.int64)
    data = Learnable(
        f"{rows.name}, on boards", values[learnt], labels[learnt], values[tested], labels[tested],
        tuple(of.task.classes),
    )  # fmt: skip
    return Seats(names, emulate, of, data, [of.inputs.samples.samples[n] for n in learnt])


def probed(
    of: Seats, ask: Ask, rate: float, bandwidth_b_per_s: float, radio_w: float
) -> list[Client]:
    """Return each board as a client, whose time is that of a sample that it learns from now.

    Raises UsageError for one that is none, and BenchError where one does not answer.
    """
    one = of.samples[0]
    replies = ask(
        [
            Order(
                board=name, emulate=of.emulate, task=of.of.task.name, rate=rate, seed=1, head=b"",
                inputs=[one.windows()[0]], labels=[one.label], steps=[[0]],
            )
            for name in of.names
        ]
    )  # fmt: skip
    found = list[Client]()
    for number, (name, reply) in enumerate(zip(of.names, replies, strict=True), 1):
        if reply.why:
            kind = UsageError if reply.status == UsageError.exit_status else BenchError
            raise kind(f"board {name} cannot take part: {reply.why}")
        sample_s = reply.compute_s
        found.append(
            Client(
                name=f"{name}-{number}", board=name, sample_s=sample_s, learning=1.0, live=True,
                time="emulated" if reply.emulated else "measured",
                sample_j=None if reply.power_w is None else reply.power_w * sample_s,
                energy=None if reply.power_w is None else "modelled",
                bandwidth_b_per_s=bandwidth_b_per_s, radio_w=radio_w,
            )
        )  # fmt: skip
    return found


def on_boards(of: Seats, members: Members, ask: Ask, say: Callable[[str], None]) -> Trainer:
    """Return what lets boards train, each beside NumPy; `say` hears who has died, and why."""

    def train(work: Work, start: Floats, clients: Sequence[int]) -> Learnt:
        chosen = [picks(work, members[n], n) for n in clients]
        orders = [_order(of, work, start, n, rows) for n, rows in zip(clients, chosen, strict=True)]
        replies = ask(orders)
        answered = np.array([not one.why for one in replies])
        updates = np.full((len(clients), len(start)), np.nan, np.float32)
        losses, took_s = np.full(len(clients), np.nan), np.full(len(clients), np.nan)
        differing = 0
        for at, (n, rows, reply) in enumerate(zip(clients, chosen, replies, strict=True)):
            if reply.why:
                name = of.names[n]
                say(
                    f"round {work.number}: {name}-{n + 1} has died: {reply.why}; it is left out, "
                    "and asked again when it is chosen again"
                )
                continue
            took_s[at] = reply.compute_s
            losses[at] = float(np.sqrt(np.square(reply.losses).mean()))
            if len(reply.head) != start.nbytes:
                continue
            head = _fleets(np.frombuffer(reply.head, "<f4"), work)
            differing += int(
                (head.view(np.uint32) != twin(of, work, start, rows).view(np.uint32)).sum()
            )
            updates[at] = head - start
        heard = np.count_nonzero(answered)
        say(
            f"round {work.number}: {heard} of {len(clients)} boards have learnt "
            f"{counted(work.steps, 'step')}"
        )
        return Learnt(updates, losses, answered, took_s, differing)

    return train


def _order(of: Seats, work: Work, start: Floats, client: int, rows: Labels) -> Order:
    used, places = np.unique(rows, return_inverse=True)
    return Order(
        board=of.names[client],
        emulate=of.emulate,
        task=of.of.task.name,
        rate=work.rate,
        seed=1,
        head=_boards(start, work).astype("<f4").tobytes(),
        inputs=[of.samples[n].windows()[0] for n in used],
        labels=[of.samples[n].label for n in used],
        steps=[[int(one) for one in batch] for batch in places.reshape(rows.shape)],
    )


def twin(of: Seats, work: Work, start: Floats, rows: Labels) -> Floats:
    """Return the head that NumPy learns from the same rows [steps][batch], as the firmware does."""
    learner = Learner(of.of.variant, work.rate, 0.0, work.batch, 1)
    head = _boards(start, work)
    split_at = learner.weights.size
    learner.weights = head[:split_at].reshape(learner.weights.shape).copy()
    learner.biases = head[split_at:].copy()
    with np.errstate(all="ignore"):
        for batch in rows:
            for n in batch:
                learner.add(of.learnable.values[n], int(of.learnable.labels[n]))
            learner.step()
    return _fleets(np.concatenate([learner.weights.ravel(), learner.biases]), work)


def _boards(weights: Floats, work: Work) -> Floats:
    """Return a head [features + 1][classes] as boards have it: [classes][features], then biases."""
    layer = weights.reshape(work.head.features + 1, work.head.classes)
    return np.concatenate([layer[:-1].T.ravel(), layer[-1]]).astype(np.float32)


def _fleets(head: Floats, work: Work) -> Floats:
    """Return a board's head as the fleet has it."""
    split_at = work.head.features * work.head.classes
    layer = head[:split_at].reshape(work.head.classes, work.head.features).T
    return np.concatenate([layer.ravel(), head[split_at:]]).astype(np.float32)
