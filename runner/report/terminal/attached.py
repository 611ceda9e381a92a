"""What a person reads about what is attached, and about the bench file."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import all_printable

from ...desk.attached import Attached, Thing


def table(found: Attached) -> RenderableType:
    """Return what is attached, one row a device."""
    found = all_printable(found)
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("port", "VID:PID", "serial number", "what it may be", "hub port"):
        rows.add_column(column, overflow="fold")
    for thing in found.things:
        cells = [_ports(thing), thing.usb, thing.serial, _what(thing), thing.hub]
        rows.add_row(*(Text(cell or "-") for cell in cells))
    parts: list[RenderableType] = [rows if found.things else Text("nothing is attached")]
    if found.free_hub_ports:
        parts.append(Text("switchable hub ports with nothing known behind them: "
                          + ", ".join(found.free_hub_ports)))  # fmt: skip
    return Group(*parts)


def _ports(thing: Thing) -> str:
    return "\n".join([*thing.ports, *thing.by_id]) or thing.location


def _what(thing: Thing) -> str:
    """Return the boards, the kind of probe and the monitor that it may be."""
    words = [" or ".join(thing.boards)] if thing.boards else []
    words += [f"debug probe {thing.probe}"] if thing.probe else []
    words += [f"boot loader of {thing.boot_loader}"] if thing.boot_loader else []
    words += [thing.application] if thing.application else []
    words += [f"board {' or '.join(thing.may_be)}"] if thing.may_be else []
    words += [f"energy monitor {thing.monitor}"] if thing.monitor else []
    words += [f"next: {thing.next}"] if thing.next else []
    return "; ".join(words) or thing.product
