"""A file of others is written by a flasher of the package: stand-ins hold its command line."""

import os
import sys
from pathlib import Path

import pytest

from tests.program import tinybench
from tinybench.errors import FlashError
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.tool import call, tool

STAND_IN = """#!{python}
import pathlib, sys
words = sys.argv[1:]
if "-CommandFile" in words:
    words += pathlib.Path(words[words.index("-CommandFile") + 1]).read_text().split("\\n")
pathlib.Path({record!r}).write_text("\\n".join(words))
print({said!r})
"""
CASES = [
    (
        *("esptool", "esptool", ".bin", ["--port", "/dev/ttyUSB7"]),
        "Hash of data verified.",
        ["--chip", "auto", "--port", "/dev/ttyUSB7", "write-flash", "0x0", "FILE"],
    ),
    (
        *("picotool", "picotool", ".uf2", ["--probe", "E66"]),
        "Verifying Flash: [====] 100%\n  OK",
        ["load", "-f", "-v", "-x", "FILE", "--ser", "E66"],
    ),
    (
        *("dfu-util", "dfu-util", ".bin", []),
        "File downloaded successfully",
        ["-d", "0483:df11", "-a", "0", "-s", "0x08000000:leave", "-D", "FILE"],
    ),
    (
        *("probe-rs", "probe-rs", ".elf", ["--word", "chip:STM32F446RETx"]),
        "Finished in 1.2s",
        ["download", "--non-interactive", "--chip", "STM32F446RETx", "--verify", "FILE"],
    ),
    (
        *("probe-rs", "probe-rs", ".elf", ["--probe", "0483:374b:06:A", "--word", "chip:nRF52840"]),
        "Finished in 1.2s",
        ["download", "--non-interactive", "--chip", "nRF52840", "--probe", "0483:374b:06:A"],
    ),
    (
        *("bossac", "bossac", ".bin", ["--port", "/dev/ttyACM1"]),
        "Verify successful",
        ["--port=/dev/ttyACM1", "-U", "-i", "-e", "-w", "FILE", "-v", "-R"],
    ),
    (
        *("nrfutil", "nrfutil", ".hex", ["--probe", "001050012345"]),
        "###### 100% [1/1 1050012345] Programmed",
        ["device", "program", "--firmware", "FILE", "--serial-number", "001050012345", "--options"],
    ),
    (
        *("jlink", "JLinkExe", ".elf", ["--probe", "123", "--word", "device:STM32F446RE"]),
        "O.K.",
        ["-NoGui", "1", "-ExitOnError", "1", "-USB", "123", "-Device", "STM32F446RE", "-If", "SWD"],
    ),
]


def stand_in(folder: Path, program: str, said: str) -> tuple[Path, str]:
    """Write a program that records its words; return the record, and a PATH that has it."""
    record = folder / "words"
    path = folder / program
    text = STAND_IN.format(python=sys.executable, record=str(record), said=said)
    path.write_text(text.replace("\\\\n", "\\n"))
    path.chmod(0o755)
    return record, f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(("flasher", "program", "suffix", "words", "said", "wanted"), CASES)
def test_a_file_of_others_is_written_by_the_published_command_line(
    tmp_path: Path,
    flasher: str,
    program: str,
    suffix: str,
    words: list[str],
    said: str,
    wanted: list[str],
) -> None:
    """And what the program says when it has not written it is a failure."""
    file = tmp_path / f"a firmware{suffix}"
    file.write_bytes(b"firmware")
    typed = ["flash", "--image", str(file), "--flasher", flasher, *words]
    record, path = stand_in(tmp_path, program, said)
    done = tinybench(*typed, PATH=path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"a firmware{suffix} was written by {flasher}\n"
    heard = record.read_text().split("\n")
    assert heard[: len(wanted)] == [str(file) if word == "FILE" else word for word in wanted]
    if flasher == "jlink":
        assert f'loadfile "{file}"' in heard
    _, path = stand_in(tmp_path, program, "nothing of that kind")
    assert tinybench(*typed, PATH=path).returncode == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--image needs the --flasher"),
        (["--flasher", "esptol"], "did you mean 'esptool'"),
        (["--flasher", "esptool"], "takes .bin"),
        (["--flasher", "jlink"], "needs to know device: --word device:"),
        (["--flasher", "jlink", "--word", "device"], "give it as KEY:VALUE"),
        (["--flasher", "probe-rs", "--word", "chip:x", "--probe", "06A"], "VID:PID:SERIAL"),
        (["--flasher", "mass-storage"], "writes no file by itself"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_written(
    tmp_path: Path, words: list[str], said: str
) -> None:
    """With exit status 2."""
    file = tmp_path / "fw.elf"
    file.write_bytes(b"firmware")
    done = tinybench("flash", "--image", str(file), *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_neither_image_nor_board_is_a_question() -> None:
    """What to name is said."""
    done = tinybench("flash")
    assert done.returncode == 2
    assert "--image" in done.stderr


DFU = [name for name in names() if "dfu-util" in load_board(name).flash]


@pytest.mark.parametrize("board", DFU)
def test_dfu_util_takes_the_command_line_and_misses_only_the_chip(board: str) -> None:
    """The real program; what brings this board into its boot loader is said."""
    declared = load_board(board)
    flasher = declared.flash["dfu-util"]
    whole = tool("dfu-util", flasher)
    words = {**whole.words, "image": __file__}
    with pytest.raises(FlashError, match="no chip is in its boot loader: ") as refused:
        call(whole, whole.write, words, "write it", whole.written)
    assert flasher.words["enter"] in str(refused.value)
    assert "No DFU capable USB device" in str(refused.value)
