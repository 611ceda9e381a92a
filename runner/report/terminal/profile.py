"""A profile as a table, as CSV and as a trace that Perfetto shows."""

import csv
import io

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...measure.profile import Layer, Profile
from .cycles import estimates
from .model import computed_of, plain_kernels

COLUMNS = (
    *("index", "operator", "kernel", "output", "macs", "computed_macs"),
    *("microseconds", "instructions"),
)
COSTS = ("share", "instructions_per_mac", "flash_b", "ram_b")
CYCLES = ("cycles", "cycles_low", "cycles_high", "limited_by")


def table(profile: Profile, *, summed: bool = True) -> RenderableType:
    """Return the layers with what each costs in one inference, and the sum below them.

    `summed`: with the estimate of the whole, which the report of a run says by itself.
    """
    unit = "instructions" if profile.emulated else "us"
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "operator", "output"):
        rows.add_column(name, no_wrap=True)
    per_mac, scale = ("per MAC", 1) if profile.emulated else ("ns per MAC", 1000)
    memory = () if profile.engine else ("flash B", "RAM B")
    for name in ("MACs", unit, "share", per_mac, *memory):
        rows.add_column(name, justify="right")
    for layer in profile.layers:
        cost = layer.microseconds if layer.instructions is None else layer.instructions
        rows.add_row(
            str(layer.index) if layer.index >= 0 else "",
            layer.operator,
            "x".join(map(str, layer.output_shape)),
            computed_of(layer.macs, layer.computed_macs),
            f"{cost:,.0f}" if profile.emulated else f"{cost:,.2f}",
            f"{layer.share:.1%}",
            f"{scale * cost / layer.computed:.2f}" if layer.computed else "-",
            *(f"{size_b:,}" for size_b in (layer.flash_b, layer.ram_b) if size_b is not None),
        )
    layers, whole = sum(layer.microseconds for layer in profile.layers), profile.inference_us
    shown = f"layers {layers:,.1f} us, inference as a whole {whole:,.1f} us"
    if (counts := [one.instructions for one in profile.layers if one.instructions]) and layers:
        layers, whole = sum(counts), sum(counts) / layers * whole
        shown = f"layers {layers:,.0f} instructions, inference as a whole {whole:,.0f}"
    said = (
        f"{profile.task} on {profile.board} ({profile.core}): {shown}, mean of {profile.iterations}"
    )
    if profile.engine:
        said += f"; by engine {profile.engine}"
        if any(layer.kernel == profile.engine for layer in profile.layers):
            said += ", a pass over its graph for each layer"
    if profile.emulated:
        said += "; emulated: time is an instruction count, not a measurement"
    return Group(rows, *map(Text, [said, *_slow(profile)]), *_estimate(profile, summed=summed))


def _estimate(profile: Profile, *, summed: bool) -> list[RenderableType]:
    """Return the estimated cycles of each layer and of the whole, or why there are none."""
    if profile.cycles is None:
        return [Text(profile.no_cycles)] if summed and profile.no_cycles else []
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "operator"):
        rows.add_column(name, no_wrap=True)
    for name in ("est. cycles", "low", "high", "per MAC"):
        rows.add_column(name, justify="right")
    rows.add_column("limited by")
    for layer in profile.layers:
        if (found := layer.cycles) is None:
            continue
        limits = [
            f"{what} {share / max(1, found.usual):.0%}" for what, share in found.limited_by.items()
        ]
        rows.add_row(
            str(layer.index) if layer.index >= 0 else "",
            layer.operator,
            f"{found.usual:,}",
            f"{found.low:,}",
            f"{found.high:,}",
            f"{found.usual / layer.computed:.2f}" if layer.computed else "-",
            ", ".join(limits[:3]),
        )
    words = [
        f"{name}: {value}" if name == "limited by" else value
        for name, value in (estimates(profile.cycles) if summed else ())
    ]
    return [Text(), rows, *map(Text, words)]


def _slow(profile: Profile) -> list[str]:
    """Return lines about layers that ran by a plain kernel where the core has faster ones."""
    layers = [(layer.operator, layer.kernel, layer.share) for layer in profile.layers]
    return plain_kernels(profile.kernels, layers, "of the time")


def as_csv(profile: Profile) -> str:
    """Return one line a layer under a header; what does not apply is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *COSTS, "emulated", *CYCLES))
    for layer in profile.layers:
        writer.writerow(
            (
                layer.index,
                layer.operator,
                layer.kernel,
                "x".join(map(str, layer.output_shape)),
                layer.macs,
                layer.computed,
                layer.microseconds,
                layer.instructions,
                layer.share,
                layer.instructions_per_mac,
                layer.flash_b,
                layer.ram_b,
                profile.emulated,
                *_bounds(layer),
            )
        )
    return text.getvalue()


def _bounds(layer: Layer) -> tuple[int | str, ...]:
    """Return the columns CYCLES of a layer."""
    found = layer.cycles
    if found is None:
        return ("",) * len(CYCLES)
    return found.usual, found.low, found.high, next(iter(found.limited_by), "")


def as_trace(profile: Profile) -> bytes:
    """Return a trace of one inference, in microseconds, each layer a slice inside it.

    Ref: Trace Event Format, complete events; ui.perfetto.dev opens it.
    """
    clock = "emulated: time is an instruction count" if profile.emulated else "the board's clock"
    total_us = sum(layer.microseconds for layer in profile.layers)
    where = {"ph": "X", "pid": 1, "tid": 1}
    name = f"{profile.task} on {profile.board}"
    events = [where | {"name": name, "ts": 0.0, "dur": total_us, "args": {"time": clock}}]
    start_us = 0.0
    for layer in profile.layers:
        events.append(
            where
            | {
                "name": f"{layer.index} {layer.operator}" if layer.index >= 0 else layer.operator,
                "ts": start_us,
                "dur": layer.microseconds,
                "args": msgspec.to_builtins(layer),
            }
        )
        start_us += layer.microseconds
    return msgspec.json.encode({"traceEvents": events, "displayTimeUnit": "ns"})
