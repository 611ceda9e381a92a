"""What a DUT heard of a recording that an interface board played, for a person."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import one_line

from ...measure.playing import Playing
from ...results.stream import PERIOD_S


def told(found: Playing) -> RenderableType:
    """Return what was heard, how busy the DUT was by both clocks, and what makes it doubtful."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(found):
        facts.add_row(name, Text(value))
    return Group(facts, *(Text(f"no result: {one_line(doubt)}", "red") for doubt in found.doubts))


def _facts(found: Playing) -> list[tuple[str, str]]:
    heard, first, frames = found.infer, found.dutycycle, found.all_frames
    facts = [
        ("recording", f"{one_line(heard.wav_file)}, {heard.length_sec:g} s"),
        ("DUT", one_line(found.dut)),
        ("detections", str(max(0, len(heard.detections) - 1))),
    ]
    if first.duty_cycle is not None and first.processing_time is not None:
        facts.append(
            (
                "duty cycle",
                f"{first.duty_cycle:.5f}, a frame takes {first.processing_time * 1e3:.3f} ms: the "
                f"first {len(first.start_times_s)} frames, by the interface board's timer",
            )
        )
    if frames is not None:
        facts += [
            (
                "",
                f"{frames.duty_cycle:.5f}, a frame takes up to {frames.longest_s * 1e3:.3f} ms: "
                f"all {frames.frames:,} frames, by the DUT's clock",
            ),
            ("deadlines", f"{frames.late} of {PERIOD_S * 1e3:g} ms missed"),
        ]
    if found.energy is not None:
        power = "no result" if found.power_w is None else f"{found.power_w * 1e3:.4f} mW"
        facts.append(("mean power", f"{power}, measured by {one_line(found.energy.monitor)}"))
    return facts
