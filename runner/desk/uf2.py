"""UF2: the files that the drive of a boot loader takes, and that drive, known by INFO_UF2.TXT.

Ref: github.com/microsoft/uf2, README: File format, Files exposed by bootloaders.
"""

import contextlib
import os
import re
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from tinybench.errors import FlashError, UsageError
from tinybench.files import STREAM_MOST_B, open_regular, read_bytes

from .volume import mounted_drives

INFO_FILE = "INFO_UF2.TXT"
BLOCK_B, PAYLOAD_B = 512, 256
MAGIC, MAGIC_2, MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
NO_FLASH, FAMILY = 0x1, 0x2000
"""Flags of a block: it is not for the flash; its family is named."""
FILE_MOST_B = 64 << 20
POLL_S = 0.1
EXCERPT_B = 4096


def packed(raw: bytes, address: int, family: int) -> bytes:
    """Return a raw image as UF2: blocks of 256 bytes, the last one filled as erased flash is."""
    parts = [raw[at : at + PAYLOAD_B] for at in range(0, len(raw), PAYLOAD_B)]
    return b"".join(
        struct.pack(
            "<8I",
            *(MAGIC, MAGIC_2, FAMILY, address + number * PAYLOAD_B, PAYLOAD_B),
            *(number, len(parts), family),
        )
        + part.ljust(PAYLOAD_B, b"\xff").ljust(BLOCK_B - 36, b"\0")
        + struct.pack("<I", MAGIC_END)
        for number, part in enumerate(parts)
    )


def families_of(file: Path) -> set[int]:
    """Return the families that the blocks of a UF2 file are for, 0 for a block that names none.

    Raises UsageError for a file that is none, or is cut short.
    """
    try:
        raw = read_bytes(file, FILE_MOST_B)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file}: {error}") from error
    found: set[int] = set()
    for at in range(0, len(raw), BLOCK_B):
        block = raw[at : at + BLOCK_B].ljust(BLOCK_B, b"\0")
        first, second, flags = struct.unpack_from("<3I", block)
        family, end = struct.unpack_from("<I476xI", block, 28)
        if (first, second, end) != (MAGIC, MAGIC_2, MAGIC_END):
            raise UsageError(f"{file} is no UF2 file: block {at // BLOCK_B} is none")
        if not flags & NO_FLASH:
            found.add(family if flags & FAMILY else 0)
    if not found:
        raise UsageError(f"{file} has no block for the flash")
    return found


ANY = ".+"
"""Of any board. Ref: firmware/tools/uf2.toml."""


def board_id_of(drive: Path) -> str | None:
    """Return what the boot loader of a drive calls its board; None where it is no such drive."""
    try:
        with open_regular(drive / INFO_FILE, STREAM_MOST_B) as file:
            said = file.read(EXCERPT_B).decode(errors="replace")
    except OSError:
        return None
    found = re.search(r"(?m)^Board-ID: *(\S+)", said)
    return found[1] if found else ""


def find_drive(board_id: str, serial: str | None, drives: Iterable[Path] | None = None) -> Path:
    """Return the drive of the one boot loader whose Board-ID the regular expression fits.

    `serial`: that of its USB device, where one was chosen. Raises FlashError when there is none,
    with those of other boards, UsageError when there are several.
    """
    there = {
        drive: name
        for drive in (mounted_drives(serial) if drives is None else drives)
        if (name := board_id_of(drive)) is not None
    }
    found = [drive for drive, name in there.items() if re.fullmatch(board_id, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"there are {len(found)} boards in their boot loader: {', '.join(map(str, found))}; "
            "unplug all but one, or choose one by the serial number of its USB device with --probe "
            "('tinybench boards --attached' shows them)"
        )
    others = ", ".join(f"{drive} is of a board '{name}'" for drive, name in there.items())
    raise FlashError(
        "no drive of a UF2 boot loader"
        + (f" '{board_id}'" if board_id != ANY else "")
        + " is mounted here"
        + (f" ({others})" if others else "")
        + ": bring the board into its boot loader (hold BOOTSEL while it is plugged in, or press "
        "reset twice), and mount its drive"
    )


def copy(data: bytes, name: str, drive: Path, timeout_s: float) -> None:
    """Copy a UF2 file to a drive, and wait until that goes: the boot loader has started the image.

    Raises FlashError when the drive has no room, does not take the file, or stays.
    """
    free_b = _free_b(drive)
    if free_b is not None and free_b < len(data):
        raise FlashError(
            f"the drive {drive} is full: it has {free_b} bytes left, and the image has "
            f"{len(data)}; remove what is on it, or bring the board into its boot loader again"
        )
    deadline_s = time.monotonic() + timeout_s
    written = False
    try:
        with (drive / name).open("wb") as file:
            file.write(data)
            file.flush()
            written = True
            os.fsync(file.fileno())
    except OSError as error:
        if not written and board_id_of(drive) is not None:
            raise FlashError(
                f"cannot copy the image to {drive}: {error.strerror}. Is there room on it?"
            ) from error
        # Else it went the moment that it had all of it.
    while board_id_of(drive) is not None:
        if time.monotonic() > deadline_s:
            with contextlib.suppress(OSError):
                (drive / name).unlink()
            raise FlashError(
                f"the drive {drive} took the image, and did not start it within {timeout_s:.0f} s: "
                "is it for this board? Else press reset, and try again"
            )
        time.sleep(POLL_S)


def _free_b(drive: Path) -> int | None:
    """Return how many bytes a drive has left; None where it does not say."""
    try:
        said = os.statvfs(drive)
    except (OSError, AttributeError):
        return None
    return said.f_bavail * said.f_frsize if said.f_blocks else None
