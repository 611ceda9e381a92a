"""Whether pruning pays on a core."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BOARD
from ...study.asking.options import BLOCKS, LAYER, RATES
from .. import options
from ..options import positive
from ..output import Voice
from ..tree import Option
from .in_lab import study_command
from .lists import numbers, several
from .show import do
from .words import boards_of, on_board, place_of, shards, work_of

if TYPE_CHECKING:
    from ...study.sparsity.pruned import Block

SCHEMES = ("dense", "bcr", "reordered", "csr", "channel")
USUAL = "dense,bcr,csr,channel"
_SHAPE = re.compile(r"([1-9][0-9]{0,6})x([1-9][0-9]{0,6})")


def shape(text: str) -> tuple[int, int]:
    """Return outputs and inputs."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"'{text[:40]}' is no OUTPUTSxINPUTS, such as {LAYER}")
    return int(found[1]), int(found[2])


def blocks(text: str) -> "tuple[Block, ...]":
    """Return the blocks of a list such as 16xall,32x128."""
    from ...study.sparsity.pruned import block_of

    try:
        return tuple(dict.fromkeys(map(block_of, text.split(","))))
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


@study_command(
    "sparsity",
    options.task("a task whose fully connected layers are pruned, such as ad, and whose score is "
                 "told (default: a made layer)"),
    options.model(),
    options.data(),
    Option("--convolutions", is_flag=True,
           help="with --task: prune its convolutions of one pixel, such as those of kws, instead"),
    Option("--windows", is_flag=True,
           help="with --convolutions: those of larger windows, such as those of ic, too"),
    Option("--mend", is_flag=True,
           help="with --task: fit what is left again, layer by layer, to three eighths of the "
           "inputs, without their labels (ADMM and least squares); another eighth says whether it "
           "is better so, and the other half is scored"),
    Option("--learn", is_flag=True,
           help="as --mend, and then the whole model learns from the same inputs with their labels "
           "(ADMM, then what is left alone), by TensorFlow"),
    Option("--shape", type=shape, metavar="SHAPE",
           help=f"of the made layer of random weights, outputs x inputs (default: {LAYER})"),
    Option("--scheme", type=several(SCHEMES), default=USUAL, metavar="LIST",
           help="of dense (which stands beside the others always), bcr (columns and rows of "
           "blocks), reordered (bcr of rows of like columns, wherever they are), csr (single "
           f"weights), channel (whole rows); default: {USUAL}"),
    Option("--rates", type=numbers, default=RATES, metavar="LIST",
           help=f"weights for each that is left (default: {RATES})"),
    Option("--blocks", type=blocks, default=BLOCKS, metavar="LIST",
           help="rows by columns of a block: rows in eights, columns in fours or all (default: "
           f"{BLOCKS}); the fastest is chosen"),
    Option("--limit", type=positive, metavar="N",
           help="with --task: only so many inputs, drawn, of each label its share"),
    Option("--seed", type=options.count, default="1", metavar="N",
           help="of what is random (default: 1)"),
    *on_board(),
    shards("so many emulated ones at a time, each with its share of the candidates (default: 1)"),
    examples=(
        "tinybench study sparsity                        a layer of 128x640, emulated Cortex-M4",
        "tinybench study sparsity --task ad --rates 1.5,2,4",
        "tinybench study sparsity --task kws --convolutions --rates 1.5,2,4",
        "tinybench study sparsity --task kws --convolutions --rates 1.5,2 --mend",
        "tinybench study sparsity --task kws --convolutions --rates 2,4 --blocks 32xall --learn",
        "tinybench study sparsity --task ic --convolutions --windows --rates 2,4 --mend",
        "tinybench study sparsity --shape 64x256 --scheme bcr --blocks 16xall,32x64",
    ),
)  # fmt: skip
def sparsity(
    voice: Voice, task: str | None, model: Path | None, data: Path | None, limit: int | None,
    board: str | None, to: str, out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Prune fully connected layers, or --convolutions, and count them on a board beside dense ones.

    They are pruned by magnitude, as they are, or fitted again (--mend), or the model learns again
    (--learn). All candidates are in one image, and each must give the sums of the pruned dense
    layer to the bit; exit status 1 where one does not.
    """
    from ...report.study import sparsity as report
    from ...study.sparsity.matrices import made, matrices_of
    from ...study.sparsity.sparsity import (
        ask,
        insist_together,
        pieces,
        run_sparsity,
        share_sparsity,
    )
    from ...study.sparsity.split import split
    from ...study.subject import SINGLE, subject

    board, boards = boards_of(said, board)
    wanted, schemes, rates = said.pop("shape"), said.pop("scheme"), said.pop("rates")
    forms_of_blocks, seed = said.pop("blocks"), said.pop("seed")
    convolutions, windows = said.pop("convolutions"), said.pop("windows")
    mend, learn = said.pop("mend"), said.pop("learn")
    insist_together(
        task, wanted, of_task=bool(model or data or limit or mend or learn),
        convolutions=convolutions, windows=windows,
    )  # fmt: skip
    of, without, parts = None, list[str](), None
    if task is None:
        matrices = made(wanted or shape(LAYER), seed)
        source = matrices[0].name
    else:
        of = subject(task, data, model, limit, SINGLE)
        voice.note(of.note)
        matrices, without = matrices_of(
            of.graph, max(rates), convolutions=convolutions, windows=windows
        )
        source = of.model
        if mend or learn:
            parts = split(of, seed)
            of = parts.scored
    named = board or DEFAULT_BOARD
    asked = ask(
        matrices,
        source,
        named,
        schemes,
        rates,
        forms_of_blocks,
        of,
        seed,
        parts,
        learn=learn,
        emulate=said["emulate"],
        without=without,
    )
    place = place_of(said, out, "sparsity", task or "layer")
    work = work_of(voice, place, said, board, boards)
    given = (asked, forms_of_blocks, work, parts)
    return do(
        voice, to, place, report, asked, pieces(matrices, asked, forms_of_blocks, named),
        lambda: run_sparsity(of, matrices, without, *given),
        lambda part: share_sparsity(of, matrices, *given, part),
        lambda found: all(row.rows_equal == found.inputs for row in found.rows)
        and found.board_rows_equal == found.inputs,
    )  # fmt: skip
