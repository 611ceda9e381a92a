"""Engines side by side, on one model and board: a table, and the same as a document."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import one_line
from tinybench.uncertain import uncertain

from ...results.firmware import EngineUsed, told_layers
from ...results.result import Result
from ...session.side_by_side import Row
from ..document import document as as_document


def table(rows: Sequence[Row]) -> RenderableType:
    """Return a line for each engine, and below them why some have none."""
    results = [row.outcome.result for row in rows if row.outcome is not None]
    emulated = any(result.emulated for result in results)
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("engine", "model", "board"):
        shown.add_column(name, no_wrap=True)
    cost = "instructions" if emulated else "latency us"
    for name in ("layers by it", cost, "flash B", "RAM B", "arena B"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name in ("exact", "verdict", "run"):
        shown.add_column(name, no_wrap=name != "run")
    for row in rows:
        shown.add_row(row.engine, *_cells(row))
    said = [f"{row.engine}: {one_line(row.why_not)}" for row in rows if row.why_not]
    for row in rows:
        found = row.outcome and row.outcome.result.reference
        if found and (found.first_differing or found.why_not):
            said.append(f"{row.engine}: {one_line(found.first_differing or found.why_not)}")
        used = row.outcome and row.outcome.result.firmware and row.outcome.result.firmware.engine
        if used and (own := told_layers(used.layers, used.own_layers)):
            said.append(f"{row.engine}: {own}")
    if emulated:
        said.append("emulated: time is an instruction count, not a measurement")
    return Group(shown, *_images(rows), *map(Text, said))


def _images(rows: Sequence[Row]) -> list[RenderableType]:
    """Return what the images are made of, a line for each; nothing where none was built."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("bytes of", no_wrap=True)
    for name in ("text", "rodata", "data", "bss", "of it arena", "stack"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        image = row.outcome and row.outcome.result.firmware
        if image and (of := image.sections):
            sizes_b = (of.text_b, of.rodata_b, of.data_b, of.bss_b, of.arena_b, of.stack_b)
            shown.add_row(row.engine, *("-" if b is None else f"{b:,}" for b in sizes_b))
    return ["", shown, ""] if shown.row_count else []


def _cells(row: Row) -> list[str]:
    if row.outcome is None:
        return [*["-"] * 8, "not run", "-"]
    result = row.outcome.result
    image = result.firmware
    arena_b = image and image.engine and image.engine.arena_b
    if arena_b is None and image and image.sections:  # ours
        arena_b = image.sections.arena_b
    return [
        one_line(result.model.name),
        result.board,
        _layers(image and image.engine),
        _cost(result),
        "-" if image is None else f"{image.flash_b:,}",
        "-" if image is None else f"{image.ram_b:,}",
        "-" if arena_b is None else f"{arena_b:,}",
        exact(result),
        "not valid" if row.outcome.violations else "valid",
        one_line(str(row.outcome.folder)),
    ]


def _layers(engine: EngineUsed | None) -> str:
    """Return how many layers an engine computes itself: all, but for a library's gaps."""
    if engine is None or not engine.layers or not engine.own_layers:
        return "all"
    return f"{engine.layers - sum(engine.own_layers.values())} of {engine.layers}"


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the same as it is written as JSON, with each run whole."""
    return {
        "engines": [
            {
                "engine": row.engine,
                "why_not": row.why_not or None,
                "run": row.outcome
                and as_document(row.outcome.result, row.outcome.verdict, row.outcome.folder),
            }
            for row in rows
        ]
    }


def exact(result: Result) -> str:
    """Return whether all outputs are those of the reference kernels."""
    found = result.reference
    if found is None or found.why_not:
        return "not known"
    return "yes" if found.equal == found.count else f"{found.equal} of {found.count}"


def _cost(result: Result) -> str:
    performance = result.performance
    if performance is None:
        return "-"
    if performance.instructions_per_inference is not None:
        return f"{performance.instructions_per_inference:,}"
    if performance.latency_uncertainty_s is None:
        return f"{performance.latency_s * 1e6:,.2f}"
    return uncertain(performance.latency_s * 1e6, performance.latency_uncertainty_s * 1e6)
