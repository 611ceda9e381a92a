"""The report on a compiled model: its operators and what each costs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.models.compiler import Manifest
from tinybench.models.compiler.manifest import OperatorEntry


def table(manifest: Manifest, folder: Path) -> RenderableType:
    """Return the table of operators with the totals below it."""
    operators = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "operator", "input", "output", "kernel"):
        operators.add_column(name)
    for name in ("MACs", "weights (bytes)", "arena (bytes)"):
        operators.add_column(name, justify="right")
    for entry in manifest.operators:
        operators.add_row(
            str(entry.index),
            entry.operator,
            ", ".join(_shape(shape) for shape in entry.input_shapes),
            _shape(entry.output_shape),
            entry.kernel or "-",
            f"{entry.macs:,}",
            f"{entry.weights_b:,}",
            f"{entry.arena_b:,}",
        )
    totals = (
        f"{manifest.macs:,} MACs, {manifest.weights_b:,} bytes of weights and constants, "
        f"{manifest.tensor_ram_b:,} bytes of tensor RAM (upload buffer {manifest.input_b:,}, "
        f"arena {manifest.arena_b:,})"
    )
    lines = [totals, *slow(manifest.kernels, manifest.operators)]
    return Group(operators, *map(Text, lines), Text(f"written to {folder}", overflow="fold"))


def slow(kernels: str, operators: Sequence[OperatorEntry]) -> list[str]:
    """Return a line about layers that got a plain kernel where a faster one was asked for."""
    found = [entry for entry in operators if entry.macs and is_plain(entry.kernel)]
    if kernels == "plain" or not found:
        return []
    share = sum(entry.macs for entry in found) / sum(entry.macs for entry in operators)
    return [
        f"plain kernels, for want of {kernels} ones for their shape or scales: "
        f"{counted(entry.operator for entry in found)}; {share:.0%} of the MACs"
    ]


def is_plain(kernel: str) -> bool:
    """Whether a plain kernel is among those of a layer, which are joined by " + "."""
    return not all(name.endswith(("_blocked", "_dsp", "_mve")) for name in kernel.split(" + "))


def counted(names: Iterable[str]) -> str:
    """Return names with how many there are of each, the most frequent first."""
    return ", ".join(f"{name} ({count})" for name, count in Counter(names).most_common())


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))
