"""The drive that a debug probe shows: a file copied to it is written into the chip's flash."""

import contextlib
import getpass
import os
import time
from pathlib import Path

from tinybench.errors import FlashError, UsageError
from tinybench.files import STREAM_MOST_B, open_regular

FAIL_FILE = "FAIL.TXT"
"""What the drive shows after a copy that failed, with the reason in it. Ref: RN0093 (ST-LINK),
DAPLink's user documentation."""
POLL_S = 0.2
SETTLE_S = 1.0
"""A drive that shows neither the file nor FAIL_FILE for so long has taken the file."""
EXCERPT = 300
MOUNTS = ("/media/{user}", "/run/media/{user}", "/media", "/mnt", "/Volumes")
"""Where systems mount drives by their labels."""
DISKS = Path("/dev/disk")
MOUNTED = Path("/proc/self/mounts")


def copy(image: Path, drive: Path, timeout_s: float) -> None:
    """Copy an image to a board's drive, and wait until the drive says that it was written.

    The drive vanishes and comes back meanwhile. Raises FlashError with what FAIL.TXT says, or
    when the drive does not take the file, does not come back, or keeps it, within `timeout_s`.
    """
    deadline_s = time.monotonic() + timeout_s
    old_failure = _written(drive), _failure(drive)
    target = drive / image.name
    try:
        with target.open("wb") as file:
            file.write(image.read_bytes())
            file.flush()
            with contextlib.suppress(OSError):  # it may go the moment it has all
                os.fsync(file.fileno())
    except OSError as error:
        _wait(SETTLE_S)
        why = _failure(drive) or f"{error.strerror}. Is the board supplied, and its chip free?"
        raise FlashError(f"cannot copy the image to {drive}: {why}") from error
    went = False
    settled_s: float | None = None
    while time.monotonic() < deadline_s:
        try:
            names = {path.name for path in drive.iterdir()}
        except OSError:
            went, settled_s = True, None
            _wait(POLL_S)
            continue
        seen = _written(drive), _failure(drive)
        if seen[1] is not None and (went or seen != old_failure):
            _wait(SETTLE_S)  # the first look may come before the reason is all there
            raise FlashError(
                f"the drive {drive} did not write the image: {_failure(drive) or seen[1]}"
            )
        if target.name in names:
            settled_s = None
        elif settled_s is None:
            settled_s = time.monotonic() + SETTLE_S
        elif time.monotonic() > settled_s:
            return
        _wait(POLL_S)
    raise FlashError(
        f"the drive {drive} "
        + (
            "went and did not come back"
            if went and not drive.is_dir()
            else "kept the image, and did not say that it was written,"
        )
        + f" within {timeout_s:.0f} s: mount it again and look for {FAIL_FILE}, or take another "
        "--flasher"
    )


def find_drive(volume: str, probe: str | None, user: str) -> Path:
    """Return where a board's drive is mounted.

    `volume` is its label, or its path when there is a slash in it; `probe` the serial number of
    the probe that shows it. Raises FlashError when it is not there or not mounted, UsageError when
    there are several.
    """
    if os.sep in volume:
        if not Path(volume).is_dir():
            raise FlashError(f"there is no drive at {volume}: is the board plugged in?")
        return Path(volume)
    disks = sorted(DISKS.glob(f"by-id/*{probe}*")) if probe else []
    if not disks:
        disks = sorted(DISKS.glob(f"by-label/{volume}"))
        found = _by_label(volume, user)
    else:
        found = [point for disk in disks for point in _mount_points(disk)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"there are several drives {volume}: {', '.join(map(str, found))}; choose the board by "
            "its serial number with --probe"
        )
    if disks:
        raise FlashError(
            f"the drive {volume} is there, but not mounted; mount it with: udisksctl mount -b "
            f"{disks[0].resolve()}"
        )
    raise FlashError(
        f"no drive {volume} is mounted here: is the board plugged in, and does its probe show a "
        "drive?"
    )


def mounted_drives(serial: str | None) -> list[Path]:
    """Return where devices with such a serial number are mounted; None: where any is."""
    if serial:
        disks = sorted(DISKS.glob(f"by-id/*{serial}*"))
        return list(dict.fromkeys(point for disk in disks for point in _mount_points(disk)))
    try:
        lines = MOUNTED.read_text(encoding="utf-8").splitlines()
    except OSError:  # a system without that table
        roots = [Path(pattern.format(user=getpass.getuser())) for pattern in MOUNTS]
        return [path for root in roots if root.is_dir() for path in sorted(root.iterdir())]
    return [Path(_unescaped(line.split(" ")[1])) for line in lines if line.startswith("/dev/")]


def _wait(seconds: float) -> None:
    """Let the drive have so much time."""
    time.sleep(seconds)


def _failure(drive: Path) -> str | None:
    """Return what FAIL.TXT says; None when there is none."""
    try:
        with open_regular(drive / FAIL_FILE, STREAM_MOST_B) as file:
            said = file.read(EXCERPT)
    except OSError:
        return None
    return f"{FAIL_FILE} says '{said.decode(errors='replace').strip()}'"


def _written(drive: Path) -> int:
    """Return when FAIL.TXT was written, in ns; 0 when there is none."""
    try:
        return (drive / FAIL_FILE).lstat().st_mtime_ns
    except OSError:
        return 0


def _by_label(volume: str, user: str) -> list[Path]:
    """Return the folders of drives with this label; of equal ones the system numbers the later."""
    found: dict[Path, None] = {}
    for pattern in MOUNTS:
        for path in sorted(Path(pattern.format(user=user)).glob(f"{volume}*")):
            if path.name.removeprefix(volume).strip(" ").isdecimal() or path.name == volume:
                found[path.resolve()] = None
    return list(found)


def _mount_points(disk: Path) -> list[Path]:
    """Return where a block device is mounted."""
    device = str(disk.resolve())
    try:
        lines = MOUNTED.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    parts = [line.split(" ") for line in lines]
    return [Path(_unescaped(part[1])) for part in parts if part[0] == device]


def _unescaped(text: str) -> str:
    """Return a path without the octal escapes of the mount table. Ref: getmntent(3)."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode()
