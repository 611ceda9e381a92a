"""What shows as which VID:PID, as firmware/usb.toml lists it: probes, boot loaders, boards."""

import functools
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tinybench.declare import Declaration, Name, load

VidPid = Annotated[str, Meta(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}\Z")]


class Listed(Declaration, frozen=True, kw_only=True):
    """One kind of device."""

    usb: Annotated[list[VidPid], Meta(min_length=1)]
    name: str
    boards: list[Name] = []
    """Declared boards that it may be."""
    next: str = ""
    """How firmware gets into it."""


class UsbList(Declaration, frozen=True, kw_only=True):
    """All that is known by its number."""

    vendors: dict[str, str]
    """Kind of probe by VID, of vendors that make nothing else."""
    probe: list[Listed]
    boot_loader: list[Listed]
    """Chips that wait to be written."""
    application: list[Listed]
    """Boards by their chip's own USB."""

    @property
    def own(self) -> list[Listed]:
        """Boards that show by their chip, not by a probe or an adapter."""
        return [*self.boot_loader, *self.application]


@functools.cache
def usb_list() -> UsbList:
    """Return the list of the package."""
    return load(Path(str(files("tinybench.firmware"))) / "usb.toml", UsbList)
