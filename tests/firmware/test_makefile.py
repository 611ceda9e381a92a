"""The firmware Makefile refuses what it cannot build, and builds the same bytes anywhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.dut_process import FIRMWARE, build
from tinybench.runner.build.board import load_board
from tinybench.runner.build.make.board_mk import board_mk

FAMILIES = " ".join(sorted(path.stem for path in (FIRMWARE / "ports").glob("*.c")))


def refusal(*options: str) -> str:
    """Return what make says when it refuses."""
    done = subprocess.run(
        ["make", "-C", str(FIRMWARE), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


def test_missing_variable_is_named(tmp_path: Path) -> None:
    """Without BUILD, BOARD_MK or MODEL make says which one to set."""
    assert "set BUILD" in refusal()
    assert "set BOARD_MK" in refusal(f"BUILD={tmp_path}")
    assert "set MODEL" in refusal(f"BUILD={tmp_path}", f"BOARD_MK={tmp_path}/board.mk")


def test_space_in_a_path_is_refused(tmp_path: Path) -> None:
    """A folder with a space in its name is refused in words, not by a strange error of make."""
    words = refusal("BUILD=/tmp/a b", f"BOARD_MK={tmp_path}/board.mk", f"MODEL={tmp_path}")
    assert "BUILD='/tmp/a b' has a space in it" in words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("FAMILY := mps9", f"there is no ports/mps9.c; families: {FAMILIES}."),
        ("KERNELS := fast", "KERNELS is 'fast', not plain, blocked, rv32, thumb2, dsp or mve"),
    ],
)
def test_wrong_board_is_refused(tmp_path: Path, wrong: str, words: str) -> None:
    """An unknown port or kernel variant is named, with what there is."""
    mk = tmp_path / "board.mk"
    mk.write_text(board_mk(load_board("host")) + wrong + "\n")
    assert words in refusal(f"BUILD={tmp_path}", f"BOARD_MK={mk}", f"MODEL={tmp_path}")


@pytest.mark.parametrize("board", ["nucleo-l4r5", "stm32-h405"])
def test_a_serial_line_that_the_chip_has_not_is_named(tmp_path: Path, board: str) -> None:
    """The board's declaration is at fault, and make says so."""
    mk = tmp_path / "board.mk"
    mk.write_text(re.sub(r" USART=0x\w+", " USART=0x9u", board_mk(load_board(board))))
    (tmp_path / "model.c").write_text(Path(__file__).with_name("fake_model.c").read_text())
    words = refusal(f"BUILD={tmp_path}/out", f"BOARD_MK={mk}", f"MODEL={tmp_path}")
    assert "of the board's declaration is none of" in words


def test_a_constant_that_the_port_needs_is_named(tmp_path: Path) -> None:
    """A board that does not declare what its port must know does not build, and make says why."""
    mk = tmp_path / "board.mk"
    mk.write_text(board_mk(load_board("mps2-an386")) + "PORT_CONSTANTS :=\n")
    (tmp_path / "model.c").write_text(Path(__file__).with_name("fake_model.c").read_text())
    words = refusal(f"BUILD={tmp_path}/out", f"BOARD_MK={mk}", f"MODEL={tmp_path}")
    assert "the board's declaration lacks fpgaio_origin in [port]" in words


@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_the_image_does_not_depend_on_the_folder(tmp_path: Path, board: str) -> None:
    """The same sources give the same bytes wherever they lie, debug data included."""
    copy = tmp_path / "copied elsewhere" / "firmware"
    shutil.copytree(FIRMWARE, copy)
    here = build(load_board(board), tmp_path / "one")
    there = build(load_board(board), tmp_path / "another-folder", firmware=copy)
    assert here.read_bytes() == there.read_bytes()


def test_what_does_not_fit_is_refused_by_the_linker(tmp_path: Path) -> None:
    """An image larger than the board's memory does not link."""
    mk = tmp_path / "board.mk"
    mk.write_text(board_mk(load_board("mps2-an386")) + "RAM_SIZE_B := 4200\n")
    (tmp_path / "model.c").write_text(Path(__file__).with_name("fake_model.c").read_text())
    words = refusal(f"BUILD={tmp_path}/out", f"BOARD_MK={mk}", f"MODEL={tmp_path}")
    assert "region `RAM' overflowed by" in words
