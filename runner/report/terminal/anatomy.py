"""What a model is and where it fits, for a terminal and as a document."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.models.compiler.anatomy import Anatomy, End, Need
from tinybench.printable import one_line

from ...build.fit import Fit
from .model import computed_of, frame_by_frame, in_strips, left_out, slow

BAR = 40
"""Characters of a full arena."""


def document(found: Anatomy, fitting: Sequence[Fit]) -> dict[str, Any]:
    """Return all that is known of a model, as it is written as JSON."""
    boards = [
        {**msgspec.to_builtins(one), "verdict": one.verdict, "label": "estimated"}
        for one in fitting
    ]
    return {**msgspec.to_builtins(found), "boards": boards}


def told(found: Anatomy, fitting: Sequence[Fit]) -> RenderableType:
    """Return what a person reads: facts, operators with the arena's use, and the boards."""
    kernels = fitting[0].kernels if len(fitting) == 1 else next(iter(found.needs))
    need = found.needs[kernels]
    return Group(
        _facts(found, need),
        Text(),
        _operators(need),
        Text(
            f"arena: bytes in use during each operator, of {need.arena_b:,}, with the {kernels} "
            "kernels"
        ),
        *map(Text, left_out(found.removed)),
        *map(Text, [*in_strips(need.strips), *frame_by_frame(found.streamed)]),
        *map(
            Text,
            dict.fromkeys(
                line
                for kind, each in found.needs.items()
                if kind == kernels or len(fitting) != 1
                for line in slow(kind, each.operators)
            ),
        ),
        Text(),
        _boards(fitting),
        Text(
            "flash and RAM of the whole image are estimated, from - to: the model's part is exact, "
            "the firmware's is that of every task built here"
        ),
    )


def _facts(found: Anatomy, need: Need) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    kinds = ", ".join(f"{count} {name}" for name, count in found.operators.items())
    for name, value in (
        ("model", f"{one_line(found.file)}, {found.size_b:,} bytes, SHA-256 {found.sha256[:16]}"),
        *(("input", _end(end)) for end in found.inputs),
        *(("output", _end(end)) for end in found.outputs),
        ("operators", f"{sum(found.operators.values())}: {kinds}"),
        ("MACs", f"{computed_of(found.macs, found.computed_macs)} an inference"),
        ("weights", f"{need.weights_b:,} bytes, tables of the kernels included"),
        ("tensor RAM", f"{need.tensor_ram_b:,} bytes, {need.arena_b:,} of them the arena"),
        *(
            [("state", f"{found.state_b:,} bytes of them: --state keep infers a stream")]
            if found.state_b and found.streamed is None
            else []
        ),
    ):
        table.add_row(name, Text(value))
    return table


def _end(end: End) -> str:
    shape = "x".join(map(str, end.shape))
    steps = ""
    if end.scale is not None:
        steps = f", scale {end.scale:.6g}, zero point {end.zero_point}"
    return f"{one_line(end.name)[:60]}: {end.type.lower()} {shape}{steps}"


def _operators(need: Need) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "operator", "output", "kernel"):
        table.add_column(name, no_wrap=True)
    for name in ("MACs", "weights B", "arena B"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    most_b = max(entry.arena_b for entry in need.operators)
    for entry in need.operators:
        bar = "#" * round(BAR * entry.arena_b / most_b) if most_b else ""
        peak = most_b and entry.arena_b == most_b
        table.add_row(
            str(entry.index),
            entry.operator,
            "x".join(map(str, entry.output_shape)),
            entry.kernel or "-",
            computed_of(entry.macs, entry.computed_macs),
            f"{entry.weights_b:,}",
            f"{entry.arena_b:,}",
            Text(bar, "bold red" if peak else "cyan"),
        )
    return table


def _boards(fitting: Sequence[Fit]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("board", "core", "kernels"):
        table.add_column(name, no_wrap=True)
    for name in ("flash needed", "of", "RAM needed", "of"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for one in fitting:
        flash_b, ram_b = one.missing_b
        less = [f"{flash_b:,} bytes of flash"] * bool(flash_b) + [f"{ram_b:,} of RAM"] * bool(ram_b)
        said = f"{one.verdict}: at least {' and '.join(less)} too few" if less else one.verdict
        style = {"fits": "green", "does not fit": "red"}.get(one.verdict, "yellow")
        table.add_row(
            one.board,
            one.core,
            one.kernels,
            f"{_kb(one.flash_b[0])} - {_kb(one.flash_b[1])} kB",
            f"{_kb(one.flash_has_b)} kB",
            f"{_kb(one.ram_b[0])} - {_kb(one.ram_b[1])} kB",
            f"{_kb(one.ram_has_b)} kB",
            Text(said, style),
        )
    return table


def _kb(size_b: int) -> str:
    return f"{size_b / 1000:,.1f}"
