"""Figures of the layers: what each costs, and how far from the cheapest MAC that is."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from tinybench.errors import TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.printable import all_printable
from tinybench.read import read_json

from ...build.board import load_board
from ...measure.profile import Layer, Profile
from ...results.cycles import Cycles
from ...results.names import MANIFEST_FILE, PROFILE_FILE
from ...results.result import Result
from ..terminal.cycles import estimated
from . import plots
from .parts import Behind, card, figure, note
from .timed import COUNTED


class _Operator(msgspec.Struct, frozen=True):
    operator: str
    macs: int
    weights_b: int
    computed_macs: int | None = None

    @property
    def computed(self) -> int:
        return self.macs if self.computed_macs is None else self.computed_macs


class _Manifest(msgspec.Struct, frozen=True):
    operators: list[_Operator]


class _Cost(NamedTuple):
    """Of a layer, and what that is: instructions, cycles."""

    each: float
    what: str
    stamp: str


def layers(result: Result, folder: Path) -> list[str]:
    """Return the layers' times from the run's profile, else their MACs from the manifest."""
    timed, compiled = folder / PROFILE_FILE, folder / MANIFEST_FILE
    try:
        if timed.exists():
            profile = read_json(read_bytes(timed, DOCUMENT_MOST_B, links=False), type=Profile)
            return _profile(all_printable(profile), result, folder)
        if not compiled.exists():
            return []
        manifest = read_json(read_bytes(compiled, DOCUMENT_MOST_B, links=False), type=_Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        return [card("Layers", note(f"cannot be read: {error}"))]
    found = [operator for operator in manifest.operators if operator.macs]
    if not found:
        return []
    names = [operator.operator for operator in found]
    tips = [f"{o.operator}: {o.computed:,} MACs, {o.weights_b:,} bytes of weights" for o in found]
    rows = [(o.operator, f"{o.computed:,}", f"{o.weights_b:,}") for o in found]
    return [
        figure(
            "Layers",
            plots.layers(names, [float(o.computed) for o in found], tips, "MACs"),
            Behind(("operator", "MACs", "bytes of weights"), rows),
            "by arithmetic",
            note="not by time: this run's firmware timed no layers",
        )
    ]


def _profile(profile: Profile, result: Result, folder: Path) -> list[str]:
    unit = COUNTED if profile.emulated else "us"
    stamp = "emulated" if profile.emulated else "measured"
    if not profile.emulated and result.board == "host":
        stamp = "host process"
    costs = [
        layer.microseconds if layer.instructions is None else layer.instructions
        for layer in profile.layers
    ]
    names = [f"{_name(layer)}" for layer in profile.layers]
    tips = [
        f"{name} ({layer.kernel}): {cost:,.6g} {unit}\n{layer.computed:,} MACs, "
        f"{layer.flash_b or 0:,} bytes of weights, "
        f"output {'x'.join(map(str, layer.output_shape))}{_cycles(layer.cycles)}"
        for name, layer, cost in zip(names, profile.layers, costs, strict=True)
    ]
    rows = [
        (name, layer.kernel, f"{cost:,.6g}", f"{layer.share:.1%}", f"{layer.computed:,}",
         f"{layer.flash_b or 0:,}", "x".join(map(str, layer.output_shape)))
        for name, layer, cost in zip(names, profile.layers, costs, strict=True)
    ]  # fmt: skip
    said = f"{profile.task} on {profile.board}, model {profile.model}"
    if profile.cycles is not None:
        said += f"; {estimated(profile.cycles)}"
    elif not profile.emulated:
        said += f"; one inference as a whole: {profile.inference_us:,.6g} us"
    head = ("layer", "kernel", unit, "share", "MACs", "bytes of weights", "output")
    picture = plots.layers(names, costs, tips, unit)
    return [
        figure("Layers", picture, Behind(head, rows), stamp, note=said),
        *_roofline(profile, stamp, _clock_hz(result, folder)),
    ]


def _clock_hz(result: Result, folder: Path) -> int:
    """Return the clock of the board that ran; 0 where it is not known."""
    if result.emulated or result.board == "host":
        return 0
    path = folder / "board.toml"
    try:
        return 0 if path.is_symlink() else load_board(str(path)).clock_hz
    except TinybenchError:
        return 0


def _roofline(profile: Profile, stamp: str, clock_hz: int) -> list[str]:
    """Return what a multiply-accumulate costs in each layer, against how many a byte is good for.

    Layers at the left wait for bytes, those at the right for the multiplier. The roof is the
    cheapest layer here: no figure of a data sheet.
    """
    found = []
    for layer in profile.layers:
        cost = _cost(layer, stamp, clock_hz)
        moved_b = (layer.flash_b or 0) + _size(layer.output_shape)
        if cost is not None and layer.computed and cost.each > 0:
            found.append((layer, cost, layer.computed / max(1, moved_b)))
    if len(found) < 2:
        return []
    what, kind = found[0][1].what, found[0][1].stamp
    best = min(cost.each / layer.computed for layer, cost, _ in found)
    unit = f"{what} a MAC"
    marks = [
        plots.Mark(
            intensity,
            cost.each / layer.computed,
            f"{_name(layer)}: {cost.each / layer.computed:.3g} {unit}, {intensity:.3g} MACs a byte",
            str(layer.index),
        )
        for layer, cost, intensity in found
    ]
    rows = [
        (f"{_name(layer)}", f"{intensity:.3g}", f"{cost.each / layer.computed:.3g}",
         f"{best * layer.computed / cost.each:.0%}")
        for layer, cost, intensity in found
    ]  # fmt: skip
    total = sum(cost.each for _, cost, _ in found) / sum(layer.computed for layer, *_ in found)
    return [
        figure(
            "Roofline",
            plots.scatter(marks, "MACs a byte of weights and outputs", unit, level=best),
            Behind(("layer", "MACs a byte", unit, "of the best here"), rows),
            kind,
            note=f"numbers: the layers; dashed: the cheapest one, {best:.3g}; all together "
            f"{total:.3g} {unit}",
        )
    ]


def _name(layer: Layer) -> str:
    """Return a layer as the model counts it; what is none of it, as features, has no number."""
    return layer.operator if layer.index < 0 else f"{layer.index} {layer.operator}"


def _cost(layer: Layer, stamp: str, clock_hz: int) -> _Cost | None:
    """Return cycles where they are estimated, or measured by a known clock; else instructions."""
    if layer.cycles is not None:
        return _Cost(float(layer.cycles.usual), "cycles", "estimated")
    if layer.instructions is not None:
        return _Cost(layer.instructions, "instructions", "emulated")
    return _Cost(layer.microseconds * 1e-6 * clock_hz, "cycles", stamp) if clock_hz else None


def _size(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= max(1, length)
    return size


def _cycles(found: Cycles | None) -> str:
    """Return the estimate of a layer, as a line of its tip."""
    if found is None:
        return ""
    limits = ", ".join(
        f"{what} {spent / max(1, found.usual):.0%}" for what, spent in found.limited_by.items()
    )
    return f"\nestimated {found.usual:,} cycles ({found.low:,} to {found.high:,}): {limits}"
