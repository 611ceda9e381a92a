"""Other constants for the model that a DUT holds, in a build that takes them."""

import zlib
from collections.abc import Sequence

from tinybench.errors import ProtocolError

from .client import Dut
from .frame_link import PATCH_HEAD_B, FrameLink

CAPABILITY = "patch"


def takes_patches(dut: Dut) -> bool:
    """Return whether a DUT said at the handshake that its model's constants may be written."""
    return dut.frames is not None and dut.can(CAPABILITY)


def patch(dut: Dut, constants: Sequence[bytes]) -> None:
    """Write these over the constants of the model, where they differ from what is there.

    Raises ProtocolError where the firmware takes no patches, or such ones; DeadlineError.
    """
    link = _link(dut)
    step = link.chunk_b - PATCH_HEAD_B
    for place, data in enumerate(constants):
        if link.patch(place, 0, b"") == zlib.crc32(data):
            continue
        for at in range(0, len(data), step):
            link.patch(place, at, data[at : at + step])
    if not holds(dut, constants):
        raise ProtocolError("the DUT holds other constants than were written")


def holds(dut: Dut, constants: Sequence[bytes]) -> bool:
    """Return whether these are the constants of the model; after a restart they are not any more.

    Raises as `patch`.
    """
    link = _link(dut)
    return all(
        link.patch(place, 0, b"") == zlib.crc32(data) for place, data in enumerate(constants)
    )


def _link(dut: Dut) -> FrameLink:
    if dut.frames is None or not dut.can(CAPABILITY):
        raise ProtocolError("this firmware takes no patches of its model's constants")
    return dut.frames
