"""Count the flashers that can be exercised without a board; part of `make bench`.

Run alone: python -m tests.bench.flash
"""

import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.runner.build.test_tool import STAND_IN
from tinybench.errors import FlashError, TinybenchError
from tinybench.runner.build.board import load_board
from tinybench.runner.build.tool import Tool, call
from tinybench.runner.desk.flash import flasher_of, power_cycle
from tinybench.runner.desk.volume import copy

BOARD = "nucleo-l4r5"
IMAGE_B = 100_000
PROBE_RS = """\
import sys
chip, probe = "STM32L4R5ZITx", "0483:374b:066A"
wanted = ["download", "--non-interactive", "--chip", chip, "--probe", probe, "--verify"]
if sys.argv[1:] != [*wanted, "firmware.elf"]:
    sys.exit("error: unexpected argument")
print("Finished in 1.2s")
"""
"""Ref: probe-rs, download."""


def figures() -> list[Figure]:
    """Drive each flasher of the reference board once, and the hub switch; takes ten seconds."""
    board = load_board(BOARD)
    real, exercised = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        image = folder / "firmware.bin"
        image.write_bytes(bytes(IMAGE_B))
        for name in board.flash:
            flasher = flasher_of(board, name)[1]
            if name == "stm32-programmer-cli":
                exercised += [name] * _stand_in(flasher, folder, STAND_IN % {"probe": "066A"})
            elif name == "probe-rs":
                exercised += [name] * _stand_in(flasher, folder, PROBE_RS)
            elif flasher.copy:
                exercised += [name] * _drive(image, folder)
            elif _misses_only_the_probe(flasher, image):
                real.append(name)
    exercised += real
    where = f"of {len(board.flash)} of {BOARD}: {', '.join(sorted(exercised))}"
    switches = [*real, *["uhubctl"] * _misses_only_the_hub()]
    return [
        Figure("flash.flashers_exercised", len(exercised), "1", len(board.flash), where, "higher"),
        Figure(
            "flash.real_programs",
            len(switches),
            "1",
            4,
            f"up to what needs hardware: {', '.join(switches)}",
            "higher",
        ),
    ]


def _misses_only_the_probe(flasher: Tool, image: Path) -> bool:
    """Return whether the real program takes each call, and says that there is no probe."""
    words = {
        "elf": str(image),
        "bin": str(image),
        "image": str(image),
        "address": "0x8000000",
        **flasher.words,
    }
    for argv in (flasher.write, flasher.verify, flasher.reset):
        try:
            if argv:
                call(flasher, argv, words, "write it", flasher.written)
                return False
        except TinybenchError as error:
            if not re.search("there is no debug probe|no chip is in its boot loader", str(error)):
                return False
    return True


def _misses_only_the_hub() -> bool:
    try:
        power_cycle("1-1.4:2")
    except TinybenchError as error:
        return "can switch its ports" in str(error)
    return False


def _stand_in(flasher: Tool, folder: Path, text: str) -> bool:
    """Return whether a stand-in that knows the manual takes our command line."""
    program = folder / "stand_in.py"
    program.write_text(text)
    argv = [sys.executable, str(program), *flasher.write[1:]]
    words = {"elf": "firmware.elf", "probe": "066A", "probe_usb": "0483:374b", **flasher.words}
    try:
        call(flasher, argv, words, "write it", flasher.written)
    except (TinybenchError, subprocess.SubprocessError):
        return False
    return True


def _drive(image: Path, folder: Path) -> bool:
    """Return whether a copy that is taken is told from one that fails."""
    drive = folder / "drive"
    drive.mkdir()
    target = drive / image.name

    def answer() -> None:
        for attempt in range(2):
            while not (target.exists() and target.stat().st_size == IMAGE_B):
                time.sleep(0.01)
            target.unlink()
            if attempt:
                (drive / "FAIL.TXT").write_text("no")

    threading.Thread(target=answer, daemon=True).start()
    copy(image, drive, 10)
    try:
        copy(image, drive, 10)
    except FlashError:
        return True
    return False


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.name:<26} {figure.value:g}, {figure.where}")
