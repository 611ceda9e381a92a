"""Does pruning pay on this core? Fully connected layers by blocks, single weights or channels."""

import functools
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.models.compiler.lower import macs_share

from ..declared import board_asked
from ..images import Digest, boarded, candidates_of, images_left, pieces_of, same_in
from ..kept import chosen_rates, open_study, store_study
from ..layers.reads import enough
from ..layers.told import told
from ..one_image import Candidates, insist_fit, on_boards
from ..parts import Part, Pieces, Share
from ..runs import board_of, is_emulated
from ..subject import Subject, digest
from ..work import Work
from ..worth import insist_scored, measure
from .candidates import PRUNED, Makes
from .findings import Asked, SparsityStudy, best, break_even, rows_of
from .fitted import FITTED, Store
from .matrices import Matrix
from .pruned import EIGHT, FOUR, Block, shares_words
from .reordered import PAIRS_MOST, pairs_of
from .scored import (
    HELD,
    SCORED,
    Wanted,
    bunches_of,
    insist_learnable,
    place_of_way,
    pruned,
    score_all,
    wanted_of,
)
from .sparsity_c import BLOCKS, DENSE, REORDERED, Way, weights_b, write_ways
from .split import Split

SCHEMES = (DENSE, BLOCKS, REORDERED, "csr", "channel")
RATE_MOST = 1024.0
ROWS_MOST, SIDE_MOST = 64, 0xFFFF
PLAIN_SHOWN, WHY_SHOWN = 4, 2
INPUTS = 16
"""Random ones, that all candidates are compared on."""
FAST = ("dsp", "mve")
"""Kernels that there are beside plain C."""


def insist_together(
    task: str | None,
    shape: tuple[int, int] | None,
    *,
    of_task: bool,
    convolutions: bool,
    windows: bool,
) -> None:
    """Raise UsageError for words that do not go together; `of_task`: there are any of a task's."""
    if task is None and (of_task or convolutions):
        raise UsageError(
            "--model, --data, --limit, --convolutions, --mend and --learn are of --task: name "
            "that, such as ad"
        )
    if windows and not convolutions:
        raise UsageError("--windows is of --convolutions: give both, with a --task such as ic")
    if task is not None and shape is not None:
        raise UsageError("--shape is of a made layer: leave it out, or --task")


def insist_sparsity(rates: Sequence[float], blocks: Sequence[Block]) -> list[float]:
    """Return the rates, each once: what is known without a layer. Raises UsageError."""
    chosen = chosen_rates(rates)
    for rate in chosen:
        if not 1 <= rate <= RATE_MOST:
            raise UsageError(f"--rates {rate:g}: 1 to {RATE_MOST:g}")
    for block in blocks:
        if block.rows % EIGHT or not EIGHT <= block.rows <= ROWS_MOST or block.width % FOUR:
            raise UsageError(
                f"--blocks {block}: {EIGHT} to {ROWS_MOST} rows in eights, by columns in fours or "
                "'all'"
            )
    return chosen


def insist_layers(
    layers: Sequence[tuple[str, tuple[int, ...]]],
    rates: Sequence[float],
    schemes: Sequence[str],
    blocks: Sequence[Block],
) -> None:
    """Raise UsageError for layers, of a name and a shape each, that are not pruned like this."""
    for name, shape in layers:
        if max(shape) > SIDE_MOST:
            raise UsageError(
                f"layer {name} has {max(shape):,} rows or columns, and their places "
                f"are told by 16 bits: at most {SIDE_MOST:,} of each"
            )
        most = math.prod(shape) / (EIGHT * FOUR)
        if max(rates) > most:
            raise UsageError(
                f"--rates {max(rates):g} prunes layer {name} whole: at least {EIGHT}x{FOUR} "
                f"weights of it must be left; take --rates up to {most:g}, or a larger --shape"
            )
    _insist_orders(layers, schemes, blocks)


def ask(
    matrices: Sequence[Matrix],
    source: str,
    board: str,
    schemes: Sequence[str],
    rates: Sequence[float],
    blocks: Sequence[Block],
    of: Subject | None,
    seed: int,
    split: Split | None = None,
    *,
    learn: bool = False,
    emulate: bool = False,
    without: Sequence[str] = (),
) -> Asked:
    """Return what a study is asked for, checked.

    `split`: the inputs that pruned layers are fitted to, of which `of` is scored; `learn`: and the
    whole model learns from. `without`: why other layers are not pruned. Raises UsageError, and
    ModelError where it cannot learn.
    """
    chosen = insist_sparsity(rates, blocks)
    if not matrices:
        why = f" ({'; '.join(without[:WHY_SHOWN])})" if without else ""
        raise UsageError(
            f"{source} has no such layer of int8 that keeps {EIGHT}x{FOUR} weights at a rate of "
            f"{chosen[-1]:g}{why}: take lower --rates, --convolutions of a task such as kws, fully "
            "connected layers of one such as ad, or --shape 128x640"
        )
    layers = [(one.name, one.values.shape) for one in matrices]
    insist_layers(layers, chosen, schemes, blocks)
    if learn and split is not None:
        insist_learnable(split.fitted)
    if split is not None:
        parts = {"that are held out": split.held, "that are scored": split.scored}
        taken = (split.fitted, split.held, split.scored)
    else:
        parts, taken = ({}, ()) if of is None else ({"that are scored": of}, (of,))
    for which, one in parts.items():
        insist_scored(one, which)
    weights = hashlib.sha256(b"".join(one.values.tobytes() for one in matrices))
    there = board_asked(board)
    return Asked(
        source=source, weights_sha256=weights.hexdigest(), board=there.name,
        board_sha256=there.sha256, task_sha256="" if of is None else of.task_sha256,
        schemes=[one for one in dict.fromkeys(schemes) if one != DENSE], rates=chosen,
        blocks=list(dict.fromkeys(map(str, blocks))), samples=0 if of is None else of.count,
        model_sha256="" if of is None else of.model_sha256,
        dataset_sha256="" if of is None else of.dataset_sha256, seed=seed,
        inputs_sha256=digest(*taken) if taken else "",
        mended=0 if split is None else enough(split.fitted, [one.tensor for one in matrices]).count,
        learnt=0 if split is None or not learn else split.fitted.count,
        held=0 if split is None else split.held.count,
        emulated=is_emulated(board, emulate=emulate),
    )  # fmt: skip


def _insist_orders(
    layers: Sequence[tuple[str, tuple[int, ...]]], schemes: Sequence[str], blocks: Sequence[Block]
) -> None:
    """Raise UsageError where it would take hours, and gigabytes, to put rows in another order."""
    for name, (rows, *_) in layers if REORDERED in schemes else ():
        most = next((each for each in blocks if pairs_of(rows, each) > PAIRS_MOST), None)
        if most is not None:
            raise UsageError(
                f"--scheme reordered of layer {name} in blocks of {most.rows} rows: that is "
                f"{pairs_of(rows, most):,} pairs of a row and a block, and {PAIRS_MOST:,} are "
                "looked at; take larger --blocks, or leave reordered out"
            )


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


def pieces(matrices: Sequence[Matrix], asked: Asked, blocks: Sequence[Block], board: str) -> Pieces:
    """Return what the folder of a study on a board keeps beside trials. Raises as `board_of`."""
    ways = ways_of(asked, blocks, _kernels(board, matrices))
    return replace(pieces_of(bunches_of(ways)), more=(FITTED,))


def run_sparsity(
    of: Subject | None,
    matrices: list[Matrix],
    without: list[str],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    split: Split | None = None,
) -> SparsityStudy:
    """Prune the matrices each way, score the task with them, and run all on the board.

    `of`: the task, where the matrices are of one. `split`: what pruned layers are fitted to, and
    learn from where that is asked, and what steps are chosen by. What the folder has is not done
    again. Raises UsageError, RunFolderError, ToolMissingError, ModelError and what a board raises.
    """
    done = _done(of, matrices, asked, blocks, work, split, None)
    ways, makes = done.ways, done.makes
    board = boarded(work.folder, bunches_of(ways), digest=done.digest)
    each, held = ([done.scores(way, kind) for way in ways] for kind in (SCORED, HELD))
    rows = rows_of([makes.candidate(way) for way in ways], matrices, each, held, board)
    there, ends = board.there, [break_even(rows, scheme) for scheme in (BLOCKS, REORDERED)]
    found = SparsityStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        layers=[one.name for one in matrices],
        left_out=without,
        clean=each[0].get(PRUNED),
        metric="" if of is None else measure(of),
        macs_share=None if of is None else macs_share(of.graph, [one.tensor for one in matrices]),
        emulated=there.emulated,
        image_flash_b=there.flash_b,
        image_ram_b=there.ram_b,
        functions_b=there.functions_b,
        inputs=there.rows,
        board_rows_equal=there.rows_equal,
        break_even=ends[0][0],
        break_even_csr=ends[0][1],
        break_even_reordered=ends[1][0],
        break_even_reordered_csr=ends[1][1],
        rows=rows,
    )
    store_study(work.folder, found)
    return found


def share_sparsity(
    of: Subject | None,
    matrices: list[Matrix],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    split: Split | None,
    part: Part,
) -> Share:
    """Score and run the candidates of a part, as `run_sparsity` does all."""
    found = _done(of, matrices, asked, blocks, work, split, part)
    bunches = bunches_of(found.ways)
    done = {"scores": found.scored, "candidates": len(candidates_of(bunches, part))}
    same = same_in(work.folder, bunches, part, INPUTS, found.digest)
    return Share(study=asked.study, part=str(part), done=done, same=same)


@dataclass(frozen=True)
class _Done:
    """What there is of a study."""

    ways: list[Way]
    makes: Makes
    scores: Callable[[Way, int], dict[str, float]]
    """Of a way, and of which inputs; by the step."""
    scored: int
    """How many scores are of the part."""
    digest: Digest


def _done(
    of: Subject | None,
    matrices: list[Matrix],
    asked: Asked,
    blocks: Sequence[Block],
    work: Work,
    split: Split | None,
    part: Part | None,
) -> _Done:
    """Do what a part has and the folder does not."""
    board = str(work.words["board"])
    kernels = _kernels(board, matrices)
    if kernels[-1] != _kernels(board)[-1]:
        work.say("a weight of -128, or sums beyond 23 bits: no two rows share words, plain C alone")
    ways, wanted = ways_of(asked, blocks, kernels), list[Wanted]()
    bunches = bunches_of(ways)
    with open_study(work.folder, asked, str(part or "")) as (known, keep):

        def scores(way: Way, kind: int) -> dict[str, float]:
            keys = {step: (*place_of_way(way, blocks, step), kind) for step in asked.steps}
            return {step: known[key].score for step, key in keys.items() if key in known}

        store = None if of is None else Store(of, work.folder, matrices, work.say)
        makes = Makes(matrices, lambda way: best(scores(way, HELD)), store)
        if of is not None and store is not None:
            for group in images_left(work.folder, bunches, work.shards, part):
                sizes = [weights_b(ways[n], makes.pruned(ways[n]).layers) for n in group.which]
                insist_fit(sizes, work.words)  # before hours of learning
            wanted = wanted_of(ways, blocks, asked.steps, part)
            for place, way, step in wanted:
                if step != PRUNED and not store.has(way, step):
                    known.pop((*place, SCORED), None)  # a score without its weights is found again
            task = pruned(of, split, makes, asked.seed)
            score_all(task, wanted, known, keep, store.save, work.track)
        digest = functools.cache(lambda at: makes.digest(ways[at]))  # no weights change any more
        done = _Done(ways, makes, scores, len(wanted), digest)
        left_ = images_left(work.folder, bunches, work.shards, part, done.digest)
        _say_plain(makes, [ways[n] for n in candidates_of(bunches, part)], work)
        on_boards(_candidates(done, asked), left_, work)
    return done


def _say_plain(makes: Makes, ways: Sequence[Way], work: Work) -> None:
    """Say which fitted weights are run in plain C, though the core has more."""
    fast = [way for way in ways if way.kernel == "dsp" and makes.step(way) != PRUNED]
    plain = [_name(way) for way in fast if makes.candidate(way).way != way]
    if plain:
        more = ", ..." if len(plain) > PLAIN_SHOWN else ""
        work.say(
            f"{', '.join(plain[:PLAIN_SHOWN])}{more}: fitted again, with a weight of -128, or sums "
            "beyond 23 bits: no two rows share words, plain C alone"
        )


def _kernels(board: str, matrices: Sequence[Matrix] = ()) -> list[str]:
    """Return which kernels a board's core has for matrices."""
    toolchain = board_of(board).toolchain
    fast = "plain" if toolchain is None else toolchain.kernels
    if fast == "dsp" and not all(shares_words(one.values) for one in matrices):
        return ["plain"]
    return ["plain", fast] if fast in FAST else ["plain"]


def _name(way: Way) -> str:
    return f"{way.scheme} {way.kernel} {way.rate:g}x {way.block or ''}".strip()


def _candidates(of: _Done, asked: Asked) -> Candidates:
    ways, makes = of.ways, of.makes
    rng = np.random.default_rng(asked.seed)
    columns = max(one.values.shape[1] for one in makes.matrices)
    inputs = rng.integers(-128, 128, (INPUTS, -(-columns // 4) * 4), np.int8)

    def wanted(n: int) -> npt.NDArray[np.float32]:
        return told([one.whole for one in makes.candidate(ways[n]).layers], inputs)

    def write(engine: Path, which: Sequence[int]) -> list[int]:
        every = [makes.candidate(ways[n]) for n in which]
        return write_ways(engine, [one.way for one in every], [one.layers for one in every])

    return Candidates(
        names=[_name(way) for way in ways],
        data=inputs,
        board_rows=len(inputs),
        wanted=wanted,
        write=write,
        digest=of.digest,
    )
