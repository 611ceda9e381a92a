"""The report on a compiled model: its operators and what each costs."""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.models.compiler import Manifest
from tinybench.models.compiler.manifest import OperatorEntry
from tinybench.models.compiler.prune import Removed
from tinybench.models.compiler.stream import Streamed
from tinybench.models.compiler.strips import Strips

ALSO = {"blocked": (), "rv32": ("blocked",), "thumb2": ("blocked",), "dsp": ("blocked",), "mve": ()}
"""Kinds of kernels that a core calls where its own kind has none."""


def table(manifest: Manifest, folder: Path) -> RenderableType:
    """Return the table of operators with the totals below it."""
    operators = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "operator", "input", "output", "kernel"):
        operators.add_column(name, no_wrap=True)
    for name in ("MACs", "weights (bytes)", "arena (bytes)"):
        operators.add_column(name, justify="right", no_wrap=True)
    for entry in manifest.operators:
        operators.add_row(
            str(entry.index),
            entry.operator,
            ", ".join(_shape(shape) for shape in entry.input_shapes),
            _shape(entry.output_shape),
            entry.kernel or "-",
            computed_of(entry.macs, entry.computed_macs),
            f"{entry.weights_b:,}",
            f"{entry.arena_b:,}",
        )
    totals = (
        f"{computed_of(manifest.macs, manifest.computed_macs)} MACs, "
        f"{manifest.weights_b:,} bytes of weights and constants, "
        f"{manifest.tensor_ram_b:,} bytes of tensor RAM (upload buffer {manifest.input_b:,}, "
        f"arena {manifest.arena_b:,})"
    )
    lines = [
        totals,
        *left_out(manifest.removed),
        *in_strips(manifest.strips),
        *larger(manifest),
        *frame_by_frame(manifest.streamed),
        *slow(manifest.kernels, manifest.operators),
    ]
    return Group(operators, *map(Text, lines), Text(f"written to {folder}", overflow="fold"))


def computed_of(macs: int, computed: int | None) -> str:
    """Return how many multiply-accumulates are computed, and of how many where that is fewer."""
    return f"{macs:,}" if computed in (None, macs) else f"{computed:,} of {macs:,}"


def left_out(removed: Sequence[Removed]) -> list[str]:
    """Return lines about channels that are not computed, and why the outputs are the same."""
    if not removed:
        return []
    layers = ", ".join(
        f"{one.index} {one.operator}: {one.constant + one.unread}/{one.channels}" for one in removed
    )
    constant, unread = (sum(getattr(one, of) for one in removed) for of in ("constant", "unread"))
    return [
        f"channels left out, of all: {layers}",
        f"{constant:,} of these have one value for every input: it is in the biases of the layer "
        f"that reads them, and {unread:,} are read by nobody; every output is the same to the bit "
        "(--no-prune computes them)",
    ]


def in_strips(strips: Sequence[Strips]) -> list[str]:
    """Return lines about operators that are computed strip by strip."""
    if not strips:
        return []
    runs = "; ".join(
        f"operators {one.first} to {one.last} in {one.count} strips, of {one.rows} rows of the "
        f"last output each, {one.kept_b:,} bytes copied to keep rows"
        for one in strips
    )
    whole_b = max(one.arena_b for one in strips)
    return [
        f"strip by strip: {runs}; none is computed twice",
        f"the arena would take {whole_b:,} bytes else; each value is the sum of the same products "
        "by the same kernels, so every output is the same to the bit (--no-strips: each whole)",
    ]


def larger(manifest: Manifest) -> list[str]:
    """Return a line about layers that take more flash than they must."""
    if not manifest.faster_b:
        return []
    count = sum("conv_3x3_dsp" in entry.kernel for entry in manifest.operators)
    return [
        f"{count} CONV_2D by Winograd's F(2x2, 3x3), to the bit the same: fewer than half of their "
        f"MACs for {manifest.faster_b:,} bytes more of weights, for which the flash has room"
    ]


def frame_by_frame(streamed: Streamed | None) -> list[str]:
    """Return lines about how a model is evaluated frame by frame."""
    if streamed is None:
        return []
    kept = [
        f"{one.index} {one.operator}: {one.kept_frames}"
        for one in streamed.operators
        if one.kept_frames
    ]
    return [
        f"frame by frame: the input is one of {streamed.frames} frames; every output is that of "
        "the whole history, to the bit",
        f"frames kept for operators of the model as given: {', '.join(kept) or 'none'}; "
        f"{streamed.state_b:,} bytes of state, which begin as what frames of zeros leave",
        *(
            f"{one.index} {one.operator} is computed on its whole history: it {one.whole}"
            for one in streamed.operators
            if one.whole
        ),
    ]


def slow(kernels: str, operators: Sequence[OperatorEntry]) -> list[str]:
    """Return lines about layers that got a plain kernel where the core has faster ones."""
    total = sum(entry.macs for entry in operators)
    layers = [(entry.operator, entry.kernel, entry.macs / total) for entry in operators if total]
    return plain_kernels(kernels, [layer for layer in layers if layer[2]], "of the MACs")


def plain_kernels(
    kernels: str, layers: Sequence[tuple[str, str, float]], of_what: str
) -> list[str]:
    """Return a line for each reason why layers got a plain kernel where a core has faster ones.

    A layer is its operator, its kernel and its share `of_what`.
    """
    found = dict[str, list[tuple[str, float]]]()
    for operator, kernel, share in layers if kernels not in ("", "plain") else ():
        if is_plain(kernel):
            found.setdefault(_why_plain(kernels, kernel), []).append((operator, share))
    return [
        f"plain kernels, {why}: {counted(operator for operator, _ in each)}; "
        f"{sum(share for _, share in each):.1%} {of_what}"
        for why, each in found.items()
    ]


def _why_plain(kernels: str, kernel: str) -> str:
    """Return why a layer has a plain kernel, of all that it is computed by."""
    names = [name for name in kernel.split(" + ") if is_plain(name)]
    for ending, kind in (("_float32", "floats"), ("_int16", "int16")):
        if any(name.endswith(ending) for name in names):
            return f"for there are no faster ones on {kind}"
    there = _kernels()
    if any(
        f"{name}_{kind}" in there for name in names for kind in (kernels, *ALSO.get(kernels, ()))
    ):
        return f"for want of {kernels} ones for their shape or scales"
    return f"for want of {kernels} ones"


@functools.cache
def _kernels() -> frozenset[str]:
    """Return the names of all kernels' files."""
    folder = resources.files("tinybench.firmware") / "kernels"
    return frozenset(path.name.removesuffix(".c") for path in folder.iterdir())


def is_plain(kernel: str) -> bool:
    """Whether a plain kernel is among those of a layer, which are joined by " + "."""
    fast = tuple(f"_{kind}" for kind in ALSO)
    return not all(name.endswith(fast) for name in kernel.split(" + "))


def counted(names: Iterable[str]) -> str:
    """Return names with how many there are of each, the most frequent first."""
    return ", ".join(f"{name} ({count})" for name, count in Counter(names).most_common())


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))
