"""What a study of sparsity asks and finds: a row for each way to keep the weights."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
import numpy as np

from ..images import Boarded, Counted
from ..worth import Measure
from .candidates import LEARNT, MENDED, PRUNED, Candidate, squares_of
from .matrices import Matrix
from .sparsity_c import DENSE, Way, scratch_of

TINY = 1e-9
"""Of scores, which are no whole numbers."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "sparsity"
    format: int = 2
    source: str
    """A task, or the shape of a made matrix."""
    weights_sha256: str
    board: str
    schemes: list[str]
    """Beside the dense layers."""
    rates: list[float]
    blocks: list[str]
    samples: int
    """Inputs of the task that are scored; 0 of a made matrix."""
    mended: int = 0
    """Other inputs, without labels, that what is left is fitted to; 0: it is not."""
    learnt: int = 0
    """... with labels, that the whole model then learns from."""
    held: int = 0
    """Samples that are neither scored nor fitted to: the step is chosen by these."""
    model_sha256: str
    dataset_sha256: str
    inputs_sha256: str = ""
    """Of those that are taken, and of how they are scored; empty of a made matrix, or of before."""
    seed: int
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""
    board_sha256: str = ""
    """Of what its file says, of a board of one's own."""
    task_sha256: str = ""
    """Likewise of the task."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Return after which steps candidates are scored; a board runs the weights of the best."""
        fitted = ((MENDED,) if self.mended else ()), ((LEARNT,) if self.learnt else ())
        return (PRUNED, *fitted[0], *fitted[1])


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep the weights, at one rate."""

    scheme: str
    kernel: str
    rate: float
    """Asked for."""
    block: str
    chosen: bool
    """The fastest block of its rate and kernel; of one that is as fast the more accurate."""
    weights: str = PRUNED
    """Whose the board ran, and what is counted of: "pruned", "mended" or "learnt", those of the
    highest score of the inputs that are held out; "dense"."""
    left: float
    """Share of the weights that are not 0."""
    squares: float
    """... that pruning leaves of their squares, before anything is fitted again."""
    score: float | None
    """Of the whole task, with these layers pruned and nothing trained again."""
    mended: float | None
    """... with what is left of them fitted again, layer by layer."""
    learnt: float | None = None
    """... from where the whole model learnt, with labels."""
    held_score: float | None = None
    """As `score`, of the inputs that are held out, where there are any ..."""
    held_mended: float | None = None
    """... as `mended` ..."""
    held_learnt: float | None = None
    """... as `learnt`."""
    weights_b: int
    scratch_b: int | None = None
    """RAM that its C takes beside the inputs and a layer's sums: inputs of a block that are copied
    together, sums of rows in another order, or of those alone that are left. Of all layers the
    most; None of a study before it was told."""
    smaller: float
    """Bytes of the dense layers for each of them."""
    rows_equal: int
    """Inputs to which C answers here as the pruned dense layers do in Python."""
    speedup: float
    """Of the fastest dense kernel of this study: its time for each of this one's."""
    latency_s: float | None = None
    instructions: int | None = None
    cycles: int | None = None
    cycles_low: int | None = None
    cycles_high: int | None = None

    @property
    def counted_score(self) -> float | None:
        """Return the score of the weights that the board ran."""
        return {MENDED: self.mended, LEARNT: self.learnt}.get(self.weights, self.score)

    @property
    def chosen_by(self) -> float:
        """Return what tells blocks that are as fast apart, the more the better."""
        held = {MENDED: self.held_mended, LEARNT: self.held_learnt}
        score = held.get(self.weights, self.held_score)
        if score is None:
            score = self.counted_score
        return self.squares if score is None else score


class SparsityStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of sparsity found."""

    RENAMED: ClassVar[dict[str, str]] = {"energy": "squares"}
    """Of rows, as of studies that were done before."""
    asked: Asked
    tinybench: str
    layers: list[str]
    """Name and shape of each layer that is pruned."""
    left_out: list[str]
    """Fully connected layers that are not, and why."""
    clean: float | None
    metric: Measure | Literal[""]
    emulated: bool
    image_flash_b: int
    image_ram_b: int
    inputs: int
    board_rows_equal: int
    break_even: float | None
    """The least rate from which on blocks are faster than dense; None: at none that was asked."""
    break_even_csr: float | None
    """... faster than single weights."""
    break_even_reordered: float | None = None
    """... of blocks of reordered rows, faster than dense."""
    break_even_reordered_csr: float | None = None
    macs_share: float | None = None
    """Of the multiplications of the whole model, those of the layers that are pruned; None of a
    made layer, or of a study before it was told."""
    functions_b: dict[str, int] = {}
    """Code of the kernels' functions on the board; empty where that is not known."""
    rows: list[Row]


def best(scores: dict[str, float]) -> str:
    """Return the step of the highest score, of equal ones the last; as pruned where none is."""
    return max(reversed(scores), key=scores.__getitem__, default=PRUNED)


def cost(one: Row | Counted) -> float:
    """Return what a candidate takes: estimated cycles, else instructions, else seconds."""
    found: float = one.cycles or one.instructions or one.latency_s or 0.0
    return found


def rows_of(
    candidates: Sequence[Candidate],
    matrices: Sequence[Matrix],
    scores: Sequence[dict[str, float]],
    held: Sequence[dict[str, float]],
    board: Boarded,
) -> list[Row]:
    """Return a row for each candidate, the best blocks chosen.

    `scores`: of each, by the step; `held`: of the inputs that are held out, where there are any.
    One that is run in plain C, since its weights share no words any more, is the plain one.
    """
    counted = board.there.counted
    dense = min(
        cost(one) for of, one in zip(candidates, counted, strict=True) if of.way.scheme == DENSE
    )
    count = sum(one.values.size for one in matrices)
    squares = sum(squares_of(one.values) for one in matrices)
    rows, told = list[Row](), set[Way]()
    for n, (one, each, apart) in enumerate(zip(candidates, scores, held, strict=True)):
        way = one.way
        if way in told:
            continue
        told.add(way)
        rows.append(
            Row(
                scheme=way.scheme,
                kernel=way.kernel,
                rate=way.rate,
                block=str(way.block or ""),
                chosen=way.block is None,
                weights=one.weights,
                left=sum(int(np.count_nonzero(layer.whole)) for layer in one.layers) / count,
                squares=one.squares / squares if squares else 1.0,
                score=each.get(PRUNED),
                mended=each.get(MENDED),
                learnt=each.get(LEARNT),
                held_score=apart.get(PRUNED),
                held_mended=apart.get(MENDED),
                held_learnt=apart.get(LEARNT),
                weights_b=board.weights_b[n],
                scratch_b=scratch_of(way, one.layers).size_b,
                smaller=board.weights_b[0] / board.weights_b[n],
                rows_equal=board.equal[n],
                speedup=dense / cost(counted[n]) if cost(counted[n]) else 0.0,
                **msgspec.structs.asdict(counted[n]),
            )
        )
    return _chosen(rows)


def _chosen(rows: list[Row]) -> list[Row]:
    """Mark the best block of each scheme, rate and kernel: the fastest, then the most accurate."""
    best = dict[tuple[str, str, float], Row]()
    for row in rows:
        if row.block and (_which(row) not in best or _order(row) < _order(best[_which(row)])):
            best[_which(row)] = row
    return [
        msgspec.structs.replace(row, chosen=not row.block or best[_which(row)] is row)
        for row in rows
    ]


def _which(row: Row) -> tuple[str, str, float]:
    return row.scheme, row.kernel, row.rate


def _order(row: Row) -> tuple[float, float]:
    return cost(row), -row.chosen_by


def break_even(rows: Sequence[Row], scheme: str) -> tuple[float | None, float | None]:
    """Return from which rate on blocks of a scheme are faster than dense layers, and than CSR."""
    dense = min(cost(row) for row in rows if row.scheme == DENSE)
    blocked = dict[float, float]()
    for row in rows:
        if row.scheme == scheme and row.chosen:
            blocked[row.rate] = min(blocked.get(row.rate, math.inf), cost(row))
    csr = {row.rate: cost(row) for row in rows if row.scheme == "csr"}
    return _from(blocked, dict.fromkeys(blocked, dense)), _from(blocked, csr)


def fastest_within(rows: Sequence[Row], clean: float, lost: float) -> dict[str, Row | None]:
    """Return of each scheme the fastest way whose score is at most `lost` below `clean`, or None.

    By the score of the weights that the board ran; of equal times that of the higher score.
    """
    found = dict[str, Row | None].fromkeys(row.scheme for row in rows if row.scheme != DENSE)
    for row in sorted(rows, key=lambda one: (cost(one), -(one.counted_score or 0.0))):
        score = row.counted_score
        near = score is not None and score >= clean - lost - TINY
        if near and row.scheme in found and found[row.scheme] is None:
            found[row.scheme] = row
    return found


def _from(one: dict[float, float], other: dict[float, float]) -> float | None:
    """Return the least rate from which on `one` is always faster than `other`."""
    found = None
    for rate in sorted(set(one) & set(other), reverse=True):
        if one[rate] >= other[rate]:
            break
        found = rate
    return found
