"""What a person reads about the line to a board."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted

from ...measure.link import Quality


def table(quality: Quality) -> RenderableType:
    """Return the measured line, and what each task's accuracy set will take on it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("board", f"{quality.board}: {quality.dut}, {quality.model_id}")
    proof = "verified" if quality.verified else "NOT verified"
    facts.add_row("protocol", f"{quality.protocol}, {quality.chunk_b} bytes at a time, {proof}")
    facts.add_row(
        "rate", "none: a child process" if quality.baud is None else f"{quality.baud:,} baud"
    )
    if quality.latency_timer_ms is not None:
        facts.add_row("adapter", _adapter(quality.latency_timer_ms))
    facts.add_row(
        "round trip",
        f"{quality.round_trip_p50_s * 1e3:.3f} ms, 99th percentile "
        f"{quality.round_trip_p99_s * 1e3:.3f} ms",
    )
    share = "" if quality.line_share is None else f", {quality.line_share:.0%} of the line"
    facts.add_row(
        "upload",
        f"{quality.upload_b:,} bytes in {quality.upload_s * 1e3:.3f} ms: "
        f"{quality.throughput_bps:,.0f} bytes/s{share}",
    )
    found = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in quality.errors.items() if n)
    facts.add_row("errors", f"{found or 'none'} in {counted(quality.uploads, 'input')}")
    times = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    times.add_column("task")
    times.add_column("inputs", justify="right")
    times.add_column("bytes each", justify="right")
    times.add_column("time on the line", justify="right")
    for row in quality.expected:
        times.add_row(row.task, str(row.inputs), f"{row.input_b:,}", _duration(row.link_s))
    return Group(facts, Text(), Text("accuracy sets on this line, without the inferences:"), times)


def _adapter(latency_ms: int) -> str:
    text = f"FTDI, latency timer {latency_ms} ms"
    if latency_ms > 1:
        text += (
            "; every answer may wait so long: set it to 1 by "
            "echo 1 | sudo tee /sys/bus/usb-serial/devices/ttyUSB*/latency_timer"
        )
    return text


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
