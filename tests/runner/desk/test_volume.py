"""Copies to a board's drive: a folder that a thread treats as an ST-LINK treats its drive."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tinybench.errors import FlashError, UsageError
from tinybench.runner.desk import volume
from tinybench.runner.desk.volume import copy, find_drive

REASON = "The interface firmware FAILED to reset/halt the target MCU"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits."""
    monkeypatch.setattr(volume, "POLL_S", 0.01)
    monkeypatch.setattr(volume, "SETTLE_S", 0.1)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image to copy."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(bytes(range(256)) * 64)
    return path


def _drive(folder: Path) -> Path:
    drive = folder / "NODE_L4R5ZI"
    drive.mkdir()
    (drive / "DETAILS.TXT").write_text("Version: 0221\n")
    (drive / "MBED.HTM").write_text("<html></html>\n")
    return drive


@contextmanager
def _st_link(drive: Path, image: Path, answer: Callable[[], None]) -> Iterator[None]:
    """Do `answer` as soon as the whole image is on the drive."""
    stop = threading.Event()

    def watch() -> None:
        copied = drive / image.name
        while not stop.wait(0.005):
            if copied.exists() and copied.stat().st_size == image.stat().st_size:
                answer()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(60)


def test_a_drive_that_takes_the_image_goes_and_comes_back_without_it(
    tmp_path: Path, image: Path
) -> None:
    """What was copied reached the drive whole."""
    drive = _drive(tmp_path)
    written = tmp_path / "written"

    def answer() -> None:
        (drive / image.name).rename(written)
        shutil.rmtree(drive)
        time.sleep(0.2)
        _drive(tmp_path)

    with _st_link(drive, image, answer):
        copy(image, drive, 10)
    assert written.read_bytes() == image.read_bytes()


def test_a_drive_may_take_the_image_without_going(tmp_path: Path, image: Path) -> None:
    """The system may keep it mounted: then only the image vanishes."""
    drive = _drive(tmp_path)
    with _st_link(drive, image, (drive / image.name).unlink):
        copy(image, drive, 10)
    assert not (drive / image.name).exists()


@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("goes", [True, False], ids=["goes", "stays"])
def test_what_fail_txt_says_is_the_error(
    tmp_path: Path, image: Path, goes: bool, before: bool
) -> None:
    """Also when the copy before had failed as well, and its FAIL.TXT still lay there."""
    drive = _drive(tmp_path)
    if before:
        (drive / "FAIL.TXT").write_text(REASON if goes else "Another reason")

    def answer() -> None:  # the reason is there before the copy can be taken for a good one
        if goes:
            shutil.rmtree(drive)
            (tmp_path / "later").mkdir()
            later = _drive(tmp_path / "later")
            (later / "FAIL.TXT").write_text(REASON)
            time.sleep(0.1)
            later.rename(drive)
        else:
            (drive / "FAIL.TXT").write_text(REASON)
            (drive / image.name).unlink()

    with _st_link(drive, image, answer), pytest.raises(FlashError, match=REASON):
        copy(image, drive, 10)


def test_a_reason_that_is_written_after_its_file_is_still_read(tmp_path: Path, image: Path) -> None:
    """FAIL.TXT can be seen while it is still empty."""
    drive = _drive(tmp_path)
    (drive / "FAIL.TXT").write_text("Another reason")
    reader, writer = threading.Event(), threading.Event()
    poll = volume._wait

    def answer() -> None:
        with (drive / "FAIL.TXT").open("w") as file:
            assert reader.wait(60)
            file.write(REASON)
        writer.set()

    def wait(duration_s: float) -> None:
        if duration_s == volume.SETTLE_S:
            reader.set()
            assert writer.wait(60)
        poll(duration_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume, "_wait", wait)
        with _st_link(drive, image, answer), pytest.raises(FlashError, match=REASON):
            copy(image, drive, 60)


def test_an_old_fail_txt_does_not_fail_a_copy_that_went_well(tmp_path: Path, image: Path) -> None:
    """It is gone when the drive comes back."""
    drive = _drive(tmp_path)
    (drive / "FAIL.TXT").write_text(REASON)

    def answer() -> None:
        time.sleep(0.1)
        shutil.rmtree(drive)
        _drive(tmp_path)

    with _st_link(drive, image, answer):
        copy(image, drive, 10)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(shutil.rmtree, "went and did not come back"), (lambda _: None, "kept the image")],
    ids=["goes for good", "does nothing"],
)
def test_nothing_is_waited_for_without_end(
    tmp_path: Path, image: Path, answer: Callable[[Path], None], words: str
) -> None:
    """After the deadline the error says what to look at."""
    drive = _drive(tmp_path)
    with (
        _st_link(drive, image, lambda: answer(drive)),
        pytest.raises(FlashError, match=f"{words}.*FAIL.TXT"),
    ):
        copy(image, drive, 0.5)


def test_a_drive_that_takes_no_file_says_why(tmp_path: Path, image: Path) -> None:
    """As when the chip does not answer the probe: the drive is full from the start."""
    drive = _drive(tmp_path)
    (drive / image.name).symlink_to("/dev/full")
    with pytest.raises(FlashError, match="No space left on device"):
        copy(image, drive, 1)
    (drive / "FAIL.TXT").write_text(REASON)
    with pytest.raises(FlashError, match=REASON):
        copy(image, drive, 1)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer of which nothing is mounted yet."""
    disks = tmp_path / "disk"
    (disks / "by-id").mkdir(parents=True)
    (disks / "by-label").mkdir()
    monkeypatch.setattr(volume, "DISKS", disks)
    monkeypatch.setattr(volume, "MOUNTED", tmp_path / "mounts")
    monkeypatch.setattr(volume, "MOUNTS", (str(tmp_path / "media" / "{user}"),))
    (tmp_path / "mounts").write_text("proc /proc proc rw 0 0\n")
    return tmp_path


def test_a_drive_is_found_by_its_label(system: Path) -> None:
    """Of two with one label, which the system numbers, none is taken by guess."""
    first = system / "media" / "me" / "NODE_L4R5ZI"
    first.mkdir(parents=True)
    first.with_name("NODE_L4R5ZI-photos").mkdir()
    assert find_drive("NODE_L4R5ZI", None, "me") == first
    first.with_name("NODE_L4R5ZI1").mkdir()
    with pytest.raises(UsageError, match=r"several drives.*NODE_L4R5ZI, .*NODE_L4R5ZI1.*--probe"):
        find_drive("NODE_L4R5ZI", None, "me")


def test_a_drive_is_found_by_the_probe_that_shows_it(system: Path) -> None:
    """By the mount table, in which spaces are escaped."""
    for letter, serial in (("a", "066A"), ("b", "066B")):
        disk = system / "disk" / f"sd{letter}"
        disk.touch()
        (system / "disk" / "by-id" / f"usb-MBED_microcontroller_{serial}-0:0").symlink_to(disk)
    mounts = system / "mounts"
    mounts.write_text(f"{system}/disk/sdb {system}/my\\040boards/B vfat rw 0 0\n")
    assert find_drive("NODE_L4R5ZI", "066B", "me") == system / "my boards" / "B"
    with pytest.raises(FlashError, match=r"not mounted.*udisksctl mount -b .*/sda"):
        find_drive("NODE_L4R5ZI", "066A", "me")


def test_a_drive_that_is_not_there_or_not_mounted_is_told_apart(system: Path) -> None:
    """The second comes with what to type."""
    with pytest.raises(FlashError, match="no drive NODE_L4R5ZI is mounted here"):
        find_drive("NODE_L4R5ZI", None, "me")
    (system / "disk" / "sdc").touch()
    (system / "disk" / "by-label" / "NODE_L4R5ZI").symlink_to(system / "disk" / "sdc")
    with pytest.raises(FlashError, match=r"udisksctl mount -b .*/sdc"):
        find_drive("NODE_L4R5ZI", None, "me")
    with pytest.raises(FlashError, match="there is no drive at"):
        find_drive(f"{system}/nowhere", None, "me")
