"""UF2: the file, the drive of a boot loader, and what is refused before anything is copied."""

import os
import shutil
import struct
import threading
import time
from pathlib import Path

import pytest

from tests import ROOT
from tinybench.errors import FlashError, TinybenchError, UsageError
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build, converted
from tinybench.runner.build.task import load_task
from tinybench.runner.desk import flash, uf2
from tinybench.runner.desk.flash import Site, write_file, write_image

NRF52840, RP2040 = 0xADA52840, 0xE48BFF56
XIAO = "nRF52840-SeeedXiao-v1"


def _drive(folder: Path, board_id: str, name: str = "drive") -> Path:
    drive = folder / name
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_bytes(
        b"UF2 Bootloader 0.9.2\r\nModel: any\r\nBoard-ID: %s\r\n" % board_id.encode()
    )
    return drive


def _takes(drive: Path, into: list[bytes], blocks: int) -> threading.Thread:
    """Let a boot loader take the whole of a file, and go."""

    def take() -> None:
        while True:
            for file in drive.glob("*.uf2"):
                if file.stat().st_size == blocks * 512:
                    into.append(file.read_bytes())
                    shutil.rmtree(drive)
                    return
            time.sleep(0.01)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return thread


def test_a_raw_image_is_packed_and_read_again(tmp_path: Path) -> None:
    """Each block of 512 bytes says where its 256 go, which one it is, and for which family."""
    raw = os.urandom(256 * 3 + 5)
    data = uf2.packed(raw, 0x27000, NRF52840)
    assert len(data) == 4 * 512
    got = b""
    for number in range(4):
        block = data[512 * number : 512 * number + 512]
        head = struct.unpack_from("<8I", block)
        assert head == (
            *(0x0A324655, 0x9E5D5157, 0x2000, 0x27000 + 256 * number, 256, number, 4),
            NRF52840,
        )
        assert block[508:] == bytes.fromhex("306fb10a")
        got += block[32 : 32 + 256]
    assert got == raw.ljust(1024, b"\xff")
    file = tmp_path / "a.uf2"
    file.write_bytes(data)
    assert uf2.families_of(file) == {NRF52840}


@pytest.mark.parametrize("harm", ["cut", "magic", "end", "empty", "no flash"])
def test_what_is_no_uf2_is_refused(tmp_path: Path, harm: str) -> None:
    """A file that is cut short, is something else, or has nothing for the flash."""
    data = bytearray(uf2.packed(bytes(600), 0, RP2040))
    file = tmp_path / "a.uf2"
    if harm == "magic":
        data[512] ^= 1
    if harm == "end":
        data[1023] ^= 1
    if harm == "no flash":
        for at in range(0, len(data), 512):
            data[at + 8] |= 1
    file.write_bytes({"cut": data[:-1], "empty": b""}.get(harm, data))
    with pytest.raises(UsageError, match=r"no UF2 file|no block for the flash"):
        uf2.families_of(file)


def test_the_drive_is_found_by_its_board(tmp_path: Path) -> None:
    """One of the kind; none, with those of others; two are not chosen between."""
    xiao = _drive(tmp_path, XIAO, "one")
    pico = _drive(tmp_path, "RPI-RP2", "two")
    (tmp_path / "three").mkdir()
    drives = sorted(tmp_path.iterdir())
    assert uf2.find_drive("nRF52840-SeeedXiao.*", None, drives) == xiao
    assert uf2.find_drive("RPI-RP2", None, drives) == pico
    with pytest.raises(FlashError, match=r"two is of a board 'RPI-RP2'\).*BOOTSEL"):
        uf2.find_drive("RP2350", None, drives)
    with pytest.raises(UsageError, match=r"2 boards in their boot loader: .*one.*two.*--probe"):
        uf2.find_drive(".+", None, drives)


def test_a_drive_takes_the_image_and_goes(tmp_path: Path) -> None:
    """What reached it is the whole file."""
    drive = _drive(tmp_path, XIAO)
    data = uf2.packed(os.urandom(3000), 0x27000, NRF52840)
    taken: list[bytes] = []
    thread = _takes(drive, taken, len(data) // 512)
    uf2.copy(data, "fw.uf2", drive, 20)
    thread.join(20)
    assert taken == [data]


def test_a_full_drive_is_told_before_and_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the bytes that are left; a drive that stays is given up, without the file on it."""
    drive = _drive(tmp_path, XIAO)
    data = uf2.packed(bytes(3000), 0, NRF52840)
    with pytest.raises(FlashError, match=r"did not start it within 0 s"):
        uf2.copy(data, "fw.uf2", drive, 0.3)
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]
    monkeypatch.setattr(uf2, "_free_b", lambda _: 100)
    with pytest.raises(FlashError, match=r"is full: it has 100 bytes left, and the image has 6144"):
        uf2.copy(data, "fw.uf2", drive, 1)
    monkeypatch.setattr(uf2, "_free_b", lambda _: None)
    (drive / "fw.uf2").mkdir()  # any error of a write
    with pytest.raises(FlashError, match=r"cannot copy the image to .*Is there room"):
        uf2.copy(data, "fw.uf2", drive, 1)


def test_a_board_is_written_by_its_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image as it is linked, behind boot loader and SoftDevice, for its family."""
    board = load_board("xiao-nrf52840")
    image = build(board, load_task("kws"), ROOT / "models" / "embedded" / "kws01.tflite")
    raw = converted(board, image, "bin").read_bytes()
    wanted = uf2.packed(raw, 0x27000, NRF52840)
    drive = _drive(tmp_path, XIAO)
    monkeypatch.setattr(uf2, "mounted_drives", lambda _: [tmp_path, drive])
    taken: list[bytes] = []
    thread = _takes(drive, taken, len(wanted) // 512)
    assert "copied to its boot loader's drive" in write_image(board, image, Site())
    thread.join(20)
    assert taken == [wanted]
    reset = struct.unpack_from("<I", raw, 4)[0]
    assert 0x27000 <= reset < 0x27000 + len(raw)


def test_another_chip_s_image_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the family in its blocks and the drive's board; one without a family is let through."""
    drive = _drive(tmp_path, XIAO)
    monkeypatch.setattr(uf2, "mounted_drives", lambda _: [drive])
    file = tmp_path / "fw.uf2"
    file.write_bytes(uf2.packed(bytes(600), 0x10000000, RP2040))
    with pytest.raises(UsageError, match=r"family 0xe48bff56, and the drive .* takes 0xada52840"):
        write_file(file, "uf2", {})
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]
    for wrong in (tmp_path / "fw.bin", tmp_path / "none.uf2"):
        with pytest.raises(TinybenchError, match=r"takes a \.uf2|there is no file"):
            write_file(wrong, "uf2", {})
    data = bytearray(uf2.packed(bytes(600), 0x27000, NRF52840))
    for at in range(0, len(data), 512):
        data[at + 8 : at + 12] = bytes(4)
    file.write_bytes(data)
    taken: list[bytes] = []
    thread = _takes(drive, taken, len(data) // 512)
    assert "its boot loader started it" in write_file(file, "uf2", {})
    thread.join(20)
    assert taken == [bytes(data)]


def test_the_port_of_a_boot_loader_is_not_the_board_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nano 33 BLE: none waits, one does, two do."""
    from tinybench.runner.build.tool import tool
    from tinybench.runner.desk.attached import Attached, Thing

    waiting = [Thing(usb="2341:005a", ports=[f"/dev/ttyACM{n}"]) for n in range(2)]
    other = Thing(usb="0403:6001", ports=["/dev/ttyUSB0"])
    bossac = tool("bossac")

    def port(*things: Thing) -> dict[str, str]:
        return flash.port_of(bossac, "/dev/ttyUSB0", lambda: Attached([*things, other], [], []))

    assert port(waiting[0]) == {"port": "/dev/ttyACM0"}
    with pytest.raises(FlashError, match="press reset twice"):
        port()
    with pytest.raises(UsageError, match=r"2 boards in their boot loader .*ttyACM0.*ttyACM1"):
        port(*waiting)
    assert flash.port_of(tool("esptool"), "/dev/ttyUSB0") == {"port": "/dev/ttyUSB0"}


def test_a_boot_loader_is_not_chosen_by_a_probe_that_is_attached_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pico: picotool gets the ELF, and a serial number only where one was given."""
    board = load_board("pico")
    image = build(board, load_task("kws"), ROOT / "models" / "embedded" / "kws01.tflite")
    record = tmp_path / "words"
    program = tmp_path / "picotool"
    program.write_text(f'#!/bin/sh\necho "$@" >{record}\necho "Verifying Flash: 100% OK"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "written and verified by picotool" in write_image(board, image, Site())
    assert record.read_text() == f"load -f -v -x {image.elf}\n"
    write_image(board, image, Site(probe="E66"))
    assert record.read_text() == f"load -f -v -x {image.elf} --ser E66\n"
    words = "ERROR: Command requires a single RP-series device to be targeted."
    program.write_text(f'#!/bin/sh\necho "{words}"\nexit 254\n')
    with pytest.raises(UsageError, match="several chips are in their boot loader"):
        write_image(board, image, Site())
