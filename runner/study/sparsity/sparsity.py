"""Does pruning pay on this core? Fully connected layers by blocks, single weights or channels."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

import msgspec
import numpy as np

from tinybench.errors import UsageError

from ..images import Boarded, boarded, images_left, pieces_of, same_in
from ..kept import Key, Trial, open_study, store_study
from ..one_image import Candidates, on_boards
from ..parts import Part, Pieces, Share, share
from ..runs import board_of, is_emulated
from ..subject import Subject
from ..work import Work
from ..worth import measure
from .fitted import FITTED, save_model
from .matrices import Matrix
from .pruned import EIGHT, FOUR, Block, shares_words
from .scored import (
    LEARNT,
    MENDED,
    Pruned,
    Wanted,
    insist_learnable,
    key_of_way,
    score_all,
    wanted_of,
)
from .sparsity_c import DENSE, Way, left, told, write_ways

SCHEMES = ("dense", "bcr", "csr", "channel")
RATE_MOST = 1024.0
ROWS_MOST = 64
INPUTS = 16
"""Random ones, that all candidates are compared on."""
FAST = ("dsp", "mve")
"""Kernels that there are beside plain C."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "sparsity"
    format: int = 1
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
    model_sha256: str
    dataset_sha256: str
    seed: int
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep the weights, at one rate."""

    scheme: str
    kernel: str
    rate: float
    """Asked for."""
    block: str
    chosen: bool
    """The fastest block of its rate and kernel; of one that is as fast the more accurate."""
    left: float
    """Share of the weights that are left."""
    energy: float
    """... of their squares."""
    score: float | None
    """Of the whole task, with these layers pruned and nothing trained again."""
    mended: float | None
    """... with what is left of them fitted again, layer by layer."""
    learnt: float | None = None
    """... from where the whole model learnt, with labels."""
    weights_b: int
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


class SparsityStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of sparsity found."""

    asked: Asked
    tinybench: str
    layers: list[str]
    """Name and shape of each layer that is pruned."""
    left_out: list[str]
    """Fully connected layers that are not, and why."""
    clean: float | None
    metric: str
    emulated: bool
    image_flash_b: int
    image_ram_b: int
    inputs: int
    board_rows_equal: int
    break_even: float | None
    """The least rate from which on blocks are faster than dense; None: at none that was asked."""
    break_even_csr: float | None
    """... faster than single weights."""
    rows: list[Row]


def ask(
    matrices: Sequence[Matrix],
    source: str,
    board: str,
    schemes: Sequence[str],
    rates: Sequence[float],
    blocks: Sequence[Block],
    of: Subject | None,
    seed: int,
    first: Subject | None = None,
    *,
    learn: bool = False,
    emulate: bool = False,
) -> Asked:
    """Return what a study is asked for, checked.

    `first`: what pruned layers are fitted to; `learn`: and the whole model learns from. Raises
    UsageError, and ModelError where it cannot learn.
    """
    chosen = sorted(set(rates))
    for rate in chosen:
        if not 1 <= rate <= RATE_MOST:
            raise UsageError(f"--rates {rate:g}: 1 to {RATE_MOST:g}")
    if not matrices:
        raise UsageError(
            f"{source} has no such layer of int8 that keeps {EIGHT}x{FOUR} weights at a rate of "
            f"{chosen[-1]:g}: take lower --rates, --convolutions of a task such as kws, fully "
            "connected layers of one such as ad, or --shape 128x640"
        )
    for one in matrices:
        if one.values.size < EIGHT * FOUR * chosen[-1]:
            raise UsageError(
                f"--rates {chosen[-1]:g} prunes layer {one.name} whole: at least {EIGHT}x{FOUR} "
                "weights of it must be left"
            )
    for block in blocks:
        if block.rows % EIGHT or not EIGHT <= block.rows <= ROWS_MOST or block.width % FOUR:
            raise UsageError(
                f"--blocks {block}: {EIGHT} to {ROWS_MOST} rows in eights, by columns in fours or "
                "'all'"
            )
    if learn and first is not None:
        insist_learnable(first)
    digest = hashlib.sha256(b"".join(one.values.tobytes() for one in matrices))
    return Asked(
        source=source, weights_sha256=digest.hexdigest(), board=board,
        schemes=[one for one in dict.fromkeys(schemes) if one != DENSE], rates=chosen,
        blocks=list(dict.fromkeys(map(str, blocks))), samples=0 if of is None else len(of.labels),
        model_sha256="" if of is None else of.model_sha256,
        dataset_sha256="" if of is None else of.dataset_sha256, seed=seed,
        mended=0 if first is None else len(first.inputs),
        learnt=0 if first is None or not learn else len(first.inputs),
        emulated=is_emulated(board, emulate=emulate),
    )  # fmt: skip


def ways_of(asked: Asked, blocks: Sequence[Block], kernels: Sequence[str]) -> list[Way]:
    """Return all candidates: dense ones first."""
    found = [Way(DENSE, kernel, 1.0) for kernel in kernels]
    for rate in asked.rates:
        for scheme in asked.schemes:
            if scheme == "csr":
                found.append(Way(scheme, "plain", rate))
            elif scheme == "channel":
                found.append(Way(scheme, kernels[-1], rate))
            else:
                found += [Way(scheme, kernel, rate, one) for one in blocks for kernel in kernels]
    return found


def pieces(matrices: Sequence[Matrix], asked: Asked, blocks: Sequence[Block]) -> Pieces:
    """Return what the folder of a study keeps beside trials. Raises as `board_of`."""
    count = len(ways_of(asked, blocks, _kernels(asked.board, matrices)))
    return replace(pieces_of(count), more=(FITTED,))


def run_sparsity(
    of: Subject | None,
    matrices: list[Matrix],
    without: list[str],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    first: Subject | None = None,
) -> SparsityStudy:
    """Prune the matrices each way, score the task with them, and run all on the board.

    `of`: the task, where the matrices are of one. `first`: what pruned layers are fitted to, and
    learn from where that is asked. What the folder has is not done again. Raises UsageError,
    RunFolderError, ToolMissingError, ModelError and what a board raises.
    """
    ways, known, _ = _done(of, matrices, asked, blocks, work, first, None)
    board = boarded(work.folder, len(ways))
    found = _summed(of, matrices, without, asked, blocks, ways, known, board)
    store_study(work.folder, found)
    return found


def share_sparsity(
    of: Subject | None,
    matrices: list[Matrix],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    first: Subject | None,
    part: Part,
) -> Share:
    """Score and run the candidates of a part, as `run_sparsity` does all."""
    ways, _, scored = _done(of, matrices, asked, blocks, work, first, part)
    done = {"scores": scored, "candidates": len(share(ways, part))}
    same = same_in(work.folder, len(ways), part, INPUTS)
    return Share(study=asked.study, part=str(part), done=done, same=same)


def _done(
    of: Subject | None,
    matrices: list[Matrix],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    first: Subject | None,
    part: Part | None,
) -> tuple[list[Way], dict[Key, Trial], int]:
    """Do what a part has and the folder does not; return all candidates, and scores of the part."""
    kernels = _kernels(asked.board, matrices)
    if kernels[-1] != _kernels(asked.board)[-1]:
        work.say("a weight of -128, or sums beyond 23 bits: no two rows share words, plain C alone")
    ways = ways_of(asked, blocks, kernels)
    wanted = list[Wanted]()
    with open_study(work.folder, asked, str(part or "")) as (known, keep):
        if of is not None:
            steps = ("", *((MENDED,) if asked.mended else ()), *((LEARNT,) if asked.learnt else ()))
            wanted = wanted_of(ways, blocks, steps, part)
            task = Pruned(of, first or of, [one.tensor for one in matrices], asked.seed)
            score_all(
                task,
                wanted,
                known,
                keep,
                partial(save_model, of, work.folder, work.say),
                work.track,
            )
        left_ = images_left(work.folder, len(ways), work.shards, part)
        on_boards(_candidates(matrices, ways, asked), left_, work)
    return ways, known, len(wanted)


def _kernels(board: str, matrices: Sequence[Matrix] = ()) -> list[str]:
    """Return which kernels a board's core has for matrices."""
    toolchain = board_of(board).toolchain
    fast = "plain" if toolchain is None else toolchain.kernels
    if fast == "dsp" and not all(shares_words(one.values) for one in matrices):
        return ["plain"]
    return ["plain", fast] if fast in FAST else ["plain"]


def _candidates(matrices: list[Matrix], ways: list[Way], asked: Asked) -> Candidates:
    whole = [one.values for one in matrices]
    rng = np.random.default_rng(asked.seed)
    columns = max(one.shape[1] for one in whole)
    inputs = rng.integers(-128, 128, (INPUTS, -(-columns // 4) * 4), np.int8)
    return Candidates(
        names=[f"{way.scheme} {way.kernel} {way.rate:g}x {way.block or ''}" for way in ways],
        data=inputs,
        board_rows=len(inputs),
        wanted=lambda n: told([left(ways[n], one) for one in whole], inputs),
        write=lambda engine, which: write_ways(engine, [ways[n] for n in which], whole),
    )


def cost(one: Any) -> float:
    """Return what a candidate takes: estimated cycles, else instructions, else seconds."""
    found: float = one.cycles or one.instructions or one.latency_s or 0.0
    return found


def _summed(
    of: Subject | None,
    matrices: list[Matrix],
    without: list[str],
    asked: Asked,
    blocks: Sequence[Block],
    ways: list[Way],
    known: dict[Key, Trial],
    board: Boarded,
) -> SparsityStudy:
    there, rows = board.there, list[Row]()
    scores = {key: one.score for key, one in known.items()} if of is not None else {}
    dense = min(
        cost(one) for way, one in zip(ways, there.counted, strict=True) if way.scheme == DENSE
    )
    dense_b = board.weights_b[0]
    squares = sum(float((one.values.astype(np.float64) ** 2).sum()) for one in matrices)
    count = sum(one.values.size for one in matrices)
    for n, way in enumerate(ways):
        pruned = [left(way, one.values) for one in matrices]
        energy = sum(float((one.astype(np.float64) ** 2).sum()) for one in pruned)
        rows.append(
            Row(
                scheme=way.scheme,
                kernel=way.kernel,
                rate=way.rate,
                block=str(way.block or ""),
                chosen=way.block is None,
                left=sum(int((one != 0).sum()) for one in pruned) / count,
                energy=energy / squares if squares else 1.0,
                score=scores.get(key_of_way(way, blocks)),
                mended=scores.get(key_of_way(way, blocks, MENDED)),
                learnt=scores.get(key_of_way(way, blocks, LEARNT)),
                weights_b=board.weights_b[n],
                smaller=dense_b / board.weights_b[n],
                rows_equal=board.equal[n],
                speedup=dense / cost(there.counted[n]) if cost(there.counted[n]) else 0.0,
                **msgspec.structs.asdict(there.counted[n]),
            )
        )
    rows = _chosen(rows)
    blocked = dict[float, float]()
    for row in rows:
        if row.scheme == "bcr" and row.chosen:
            blocked[row.rate] = min(blocked.get(row.rate, math.inf), cost(row))
    csr = {row.rate: cost(row) for row in rows if row.scheme == "csr"}
    return SparsityStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        layers=[f"{one.name}" for one in matrices],
        left_out=without,
        clean=scores.get((DENSE, 1.0, -1, 0)),
        metric="" if of is None else measure(of),
        emulated=there.emulated,
        image_flash_b=there.flash_b,
        image_ram_b=there.ram_b,
        inputs=there.rows,
        board_rows_equal=there.rows_equal,
        break_even=_from(blocked, dict.fromkeys(blocked, dense)),
        break_even_csr=_from(blocked, csr),
        rows=rows,
    )


def _chosen(rows: list[Row]) -> list[Row]:
    """Mark the best block of each rate and kernel."""
    best = dict[tuple[str, float], Row]()
    for row in rows:
        if row.block:
            key = (row.kernel, row.rate)
            if key not in best or _order(row) < _order(best[key]):
                best[key] = row
    return [
        msgspec.structs.replace(row, chosen=not row.block or best[row.kernel, row.rate] is row)
        for row in rows
    ]


def _order(row: Row) -> tuple[float, float]:
    return cost(row), -(row.energy if row.score is None else row.score)


def _from(one: dict[float, float], other: dict[float, float]) -> float | None:
    """Return the least rate from which on `one` is always faster than `other`."""
    found = None
    for rate in sorted(set(one) & set(other), reverse=True):
        if one[rate] >= other[rate]:
            break
        found = rate
    return found
