"""Weights in less flash: shared (ROBE), coded (palettes) or left out, on a net trained here."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.plural import counted

from ..images import Boarded, boarded, images_left, pieces_of, same_in, singly
from ..kept import Key, Trial, key_of, open_study, store_study
from ..one_image import Candidates, insist_fit, on_boards
from ..parts import Part, Pieces, Share, share
from ..rows import Parts, Rows, split
from ..runs import insist_run
from ..work import Work
from ..worth import Measure
from .asked import BITS, Asked, Form, Way, candidates_of, form_of
from .compress_c import Named, weights_b, write_nets
from .robe import Robe
from .tables import as_bytes, unknown
from .tied import (
    Inputs,
    IntNet,
    Net,
    answers,
    as_ints,
    drawn,
    palettised,
    pruned,
    ties_of,
    trained,
    untied,
)

TUNED = 20
"""Epochs of training again what was pruned or coded."""
BOARD_ROWS_MOST = 100


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep the weights, at one rate."""

    method: str
    rate: float
    """Weights for each one that is kept; of a palette: what an int8 shrinks by."""
    score: float
    """Mean over the trials; by which metric the study says."""
    deviation: float
    lost: float
    """Of that of the dense net."""
    weights_b: int
    """Flash of all that stands for the weights: values, codes, columns, constants of the hash."""
    tables_b: int = 0
    """Of that, what stands for embedding tables."""
    smaller: float
    """Bytes of the dense net for each of them."""
    rows_equal: int
    """Rows to which this computer's C answers what the integers of Python do; of `compared`."""
    latency_s: float | None = None
    instructions: int | None = None
    cycles: int | None = None
    cycles_low: int | None = None
    cycles_high: int | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The embedding table of one column."""

    column: str
    rows: int
    """Values of the rows that are learnt from, and one for all others."""
    unknown: int
    """Tested rows with one of the others."""


class CompressStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of compression found."""

    asked: Asked
    tinybench: str
    features: int
    """Columns of numbers."""
    classes: int
    learnt_from: int
    tested: int
    emulated: bool
    image_flash_b: int
    """Of the image that holds all ways together."""
    image_ram_b: int
    board_rows: int
    board_rows_equal: int
    """Rows to which the board answered what the same C does here."""
    rows: list[Row]
    tables: list[Table] = []
    metric: Measure = "top1"
    """What scores are."""
    layers: list[str] = []
    """Of a model, where its own are kept in less flash and no net is trained."""
    left_out: list[str] = []
    """Its other fully connected layers, and why."""
    dataset: str = ""
    """Of the inputs that such layers are fitted to, and that are scored."""
    macs_share: float | None = None
    """Of the multiplications of the whole model, those of these layers; None where nets are
    trained, or of a study before it was told."""
    functions_b: dict[str, int] = {}
    """Code of the kernels' functions on the board; empty where that is not known."""

    @property
    def compared(self) -> int:
        """Return the rows to which C and Python answer: all tested ones, or those of a board."""
        return self.board_rows if self.layers else self.tested

    @property
    def same(self) -> bool:
        """Return whether board, C and Python answered the same to each row."""
        equal = all(row.rows_equal == self.compared for row in self.rows)
        return equal and self.board_rows_equal == self.board_rows


def pieces(asked: Asked) -> Pieces:
    """Return what the folder of a study keeps beside trials."""
    return pieces_of(singly(len(candidates_of(asked))))


def run_compress(
    rows: Rows,
    asked: Asked,
    work: Work,
) -> CompressStudy:
    """Train each net, run those of the first trial on the board, and sum up.

    What the folder has is not done again. Raises UsageError, DatasetError, RunFolderError,
    ToolMissingError, ModelError and what a board raises.
    """
    parts, known = _done(rows, asked, work, None)
    found = _summed(parts, asked, known, boarded(work.folder, singly(len(candidates_of(asked)))))
    store_study(work.folder, found)
    return found


def share_compress(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part,
) -> Share:
    """Train the nets of a part and run its candidates, as `run_compress` does all."""
    parts, _ = _done(rows, asked, work, part)
    count = len(candidates_of(asked))
    done = {
        "nets": len(share(range(asked.trials * count), part)),
        "candidates": len(share(range(count), part)),
    }
    same = same_in(work.folder, singly(count), part, len(parts.test))
    return Share(study=asked.study, part=str(part), done=done, same=same)


def _done(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part | None,
) -> tuple[Parts, dict[Key, Trial]]:
    """Train the nets of a part and run its candidates: what the folder does not have yet.

    The nets of the first trial are the candidates, dealt out alike.
    """
    insist_run(work.words)
    parts = Parts(rows, *split(rows, asked.test, asked.seed))
    form, inputs = form_of(parts, asked)
    learnt, tested = inputs.of(parts.train), inputs.of(parts.test)
    labels = rows.targets.astype(np.intp)
    ways = candidates_of(asked)
    mine = share([(trial, at) for trial in range(asked.trials) for at in range(len(ways))], part)
    with open_study(work.folder, asked, str(part or "")) as (known, keep):
        if known:
            work.say(f"{work.folder}: {counted(len(known), 'net')} there already")
        left = images_left(work.folder, singly(len(ways)), work.shards, part)
        for group in left:  # what fits no board is said before anything is learnt
            insist_fit([sum(_weights_b(form, ways[at])) for at in group.which], work.words)
        needed = {(0, at) for group in left for at in group.which}
        first = dict[int, IntNet]()
        for trial in work.track(range(asked.trials), "trials", asked.trials):
            wanted = {at: Trial(*ways[at], trial, 0.0) for of, at in mine if of == trial}
            wanted = {
                at: one
                for at, one in wanted.items()
                if key_of(one) not in known or (trial, at) in needed
            }
            nets = _nets(learnt, labels[parts.train], form, wanted, asked.seed + trial)
            if trial == 0:
                first = nets
            for at, one in wanted.items():
                if key_of(one) not in known:
                    right = answers(nets[at], tested)
                    score = float(np.mean(right == labels[parts.test]))
                    done = msgspec.structs.replace(one, score=score)
                    keep(done)
                    known[key_of(one)] = done
        on_boards(_candidates(first, ways, tested, form), left, work)
    return parts, known


def _nets(
    learnt: Inputs,
    labels: npt.NDArray[np.intp],
    form: Form,
    wanted: dict[int, Trial],
    seed: int,
) -> dict[int, IntNet]:
    """Train some nets of one trial; what is coded or pruned begins as the dense one."""
    shapes, found = form.shapes, dict[int, IntNet]()

    @cache
    def dense() -> Net:
        return trained(drawn(untied(shapes), seed), learnt, labels, seed)

    for at, one in wanted.items():
        if one.part == "robe":
            ties = ties_of(form.shared(one.amount), shapes)
            net = trained(drawn(ties, seed), learnt, labels, seed)
        elif one.part == "palette":
            net = trained(palettised(dense(), BITS[one.amount]), learnt, labels, seed, TUNED)
        elif one.part == "prune":
            net = trained(pruned(dense(), one.amount), learnt, labels, seed, TUNED)
        else:
            net = dense()
        found[at] = as_ints(net, learnt)
    return found


def _candidates(
    nets: dict[int, IntNet], ways: Sequence[Way], tested: Inputs, form: Form
) -> Candidates:
    """Return all candidates, of which those with a net can be written."""

    def write(engine: Path, which: Sequence[int]) -> list[int]:
        some = [Named(ways[at][0], nets[at], _array(form, ways[at])) for at in which]
        write_nets(engine, some, form.tables, form.numbers)
        return [sum(_weights_b(form, ways[at])) for at in which]

    return Candidates(
        names=[f"{method} {rate:g}x" for method, rate in ways],
        data=as_bytes(tested),
        board_rows=BOARD_ROWS_MOST,
        wanted=lambda at: answers(nets[at], tested),
        write=write,
    )


def _array(form: Form, way: Way) -> Robe | None:
    method, rate = way
    return form.shared(rate) if method == "robe" else None


def _weights_b(form: Form, way: Way) -> tuple[int, int]:
    """Return the flash of tables and of layers."""
    return weights_b(*way, form.shapes, _array(form, way))


def _summed(parts: Parts, asked: Asked, known: dict[Key, Trial], board: Boarded) -> CompressStudy:
    ways = candidates_of(asked)
    form, inputs = form_of(parts, asked)
    scores = {
        way: np.array([known[(*way, -1, trial)].score for trial in range(asked.trials)])
        for way in ways
    }
    clean, there = float(scores[ways[0]].mean()), board.there
    found = [
        Row(
            method=method,
            rate=rate,
            score=float(scores[method, rate].mean()),
            deviation=float(scores[method, rate].std(ddof=1)) if asked.trials > 1 else 0.0,
            lost=clean - float(scores[method, rate].mean()),
            weights_b=size_b,
            tables_b=_weights_b(form, (method, rate))[0],
            smaller=board.weights_b[0] / size_b,
            rows_equal=equal,
            **msgspec.structs.asdict(counted),
        )
        for (method, rate), size_b, equal, counted in zip(
            ways, board.weights_b, board.equal, there.counted, strict=True
        )
    ]
    return CompressStudy(
        asked=asked, tinybench=version("tinybench-mcu"), features=parts.rows.values.shape[1],
        classes=len(parts.rows.classes), learnt_from=len(parts.train), tested=len(parts.test),
        functions_b=there.functions_b,
        emulated=there.emulated, image_flash_b=there.flash_b, image_ram_b=there.ram_b,
        board_rows=there.rows, board_rows_equal=there.rows_equal, rows=found,
        tables=[
            Table(column=name, rows=count, unknown=missing)
            for name, count, missing in zip(
                form.tables.names, form.tables.rows, unknown(inputs.of(parts.test)), strict=True
            )
        ],
    )  # fmt: skip
