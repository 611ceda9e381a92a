"""What a board heard of a recording, for a person."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted
from tinybench.printable import one_line

from ...measure.listening import Detection, Listening
from .cycles import estimated
from .model import computed_of

RUNS_SHOWN = 40


def told(found: Listening) -> RenderableType:
    """Return detections, and how busy the board was."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(found):
        facts.add_row(name, Text(value))
    runs = _runs(found.detections)
    return Group(facts, *_detections(found, runs))


def _facts(found: Listening) -> list[tuple[str, str]]:
    way = "whole inferences" if found.whole else "frame by frame"
    way = "with a state of its own" if found.keeps_state else way
    macs = computed_of(found.macs, found.computed_macs)
    facts = [
        ("board", f"{found.board} ({found.core})" + ", emulated" * found.emulated),
        ("model", f"{one_line(found.model)}, {way}: {macs} MACs a frame"),
        (
            "memory",
            f"{found.tensor_ram_b:,} bytes for tensors, {found.state_b:,} of them state; image: "
            f"{found.flash_b:,} bytes of flash, {found.ram_b:,} of RAM",
        ),
        (
            "heard",
            f"{counted(found.frames, 'frame')} of {found.period_s * 1e3:g} ms, "
            f"{found.frames * found.period_s:.3f} s, by front end {found.front_end}",
        ),
    ]
    if found.outside:
        done = "went around" if found.wraps else "were saturated"
        facts.append(("features", f"{found.outside:,} beyond int8 {done}"))
    if found.overruns is not None:
        said = "none would have been lost"
        if found.overruns:
            said = (
                f"no result: {counted(found.overruns, 'frame')} would have been "
                "lost, too late for them"
            )
        facts.append(("by sample clock", said))
    facts.append(("a frame takes", _times(found)))
    if found.cycles is not None and found.duty is not None:
        facts += [
            ("its cycles", estimated(found.cycles)),
            ("duty cycle", f"estimated {found.duty:.3f} of {found.period_s * 1e3:g} ms"),
        ]
    if found.power_w is not None:
        facts.append(("mean power", f"modelled {found.power_w * 1e3:.3f} mW, not a measurement"))
    if found.no_cycles:
        facts.append(("its cycles", one_line(found.no_cycles)))
    return facts


def _times(found: Listening) -> str:
    if found.instructions is not None:
        p50, p90, most = found.instructions
        return f"{p50:,} instructions (median; 90 %: {p90:,}, most: {most:,}), counted"
    times = found.busy
    return (
        f"{times.p50_s * 1e3:.3f} ms (median; 90 %: {times.p90_s * 1e3:.3f}, most: "
        f"{times.max_s * 1e3:.3f}), duty cycle {times.duty:.4f}, {times.missed} deadlines missed"
    )


def _runs(detections: Sequence[Detection]) -> list[list[Detection]]:
    """Return detections, those of neighbouring frames together."""
    runs = list[list[Detection]]()
    for one in detections:
        if runs and one.frame == runs[-1][-1].frame + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _detections(found: Listening, runs: list[list[Detection]]) -> list[RenderableType]:
    least = found.threshold + 1
    if not runs:
        return [Text(f"no frame has an output 0 of {least} or more")]
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("detected from", "to", "frames", "highest"):
        rows.add_column(name, justify="right", no_wrap=True)
    for run in runs[:RUNS_SHOWN]:
        frames = f"{run[0].frame} - {run[-1].frame}" if len(run) > 1 else str(run[0].frame)
        highest = max(one.activation for one in run)
        rows.add_row(f"{run[0].end_s:.3f} s", f"{run[-1].end_s:.3f} s", frames, str(highest))
    more = len(runs) - RUNS_SHOWN
    beyond = [Text(f"and {more} more; --to json has all")] if more > 0 else []
    return [
        Text(f"{len(found.detections)} frames with an output 0 of {least} or more:"),
        rows,
        *beyond,
    ]
