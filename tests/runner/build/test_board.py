"""Board declarations: what ships is sound, and what is wrong in one is named."""

from pathlib import Path

import pytest

from tinybench.errors import DeclarationError, UsageError
from tinybench.runner.build import board as boards
from tinybench.runner.build.board import load_board, names


@pytest.mark.parametrize("name", names())
def test_what_ships_loads(name: str) -> None:
    """Each declaration is valid and carries the name of its file."""
    assert load_board(name).name == name


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('kernels = "dsp"', 'kernels = "simd"', r"'toolchain.kernels'.*plain\|blocked\|dsp\|mve"),
        ("fpgaio_origin = 0x", "fpgaio-origin = 0x", r"\[a-z\].*port"),
        ("fpgaio_origin = 0x", "fpgaio_origin = -1 # 0x", r"'port.*>= 0"),
        ('"-mthumb"', '"-mthumb;id"', r"key 'toolchain\.cflags\[1\]'"),
        ('"-mthumb"', '"-DX=`id`"', r"key 'toolchain\.cflags\[1\]'"),
        ('"-mthumb"', '"-mthumb $(id)"', r"key 'toolchain\.cflags\[1\]'"),
        ('"-mthumb"', '"-mthumb\\n"', r"key 'toolchain\.cflags\[1\]'"),
        ('"arm-none-eabi-"', '"id;"', "key 'toolchain.prefix'"),
        ("ram_size_b", "ram_size_kb", "unknown key 'memory.ram_size_kb'.*'ram_size_b'"),
    ],
    ids=[
        *("kernels", "constant's name", "constant's value"),
        *("a command after a flag", "a command in a flag", "two flags", "a line's end", "a prefix"),
        "memory",
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, right: str, wrong: str, words: str) -> None:
    """A mistake gives the key and what would be right."""
    text = names()["mps2-an386"].read_text()
    assert right in text
    (tmp_path / "mine.toml").write_text(text.replace(right, wrong))
    with pytest.raises(DeclarationError, match=words):
        load_board(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", ["rp2040", "nucleo-h7a3", "esp32", "nrf52840dk", "STM32F746"])
def test_a_chip_without_a_port_of_ours_is_never_taken_for_another(name: str) -> None:
    """It is said how its own firmware is driven."""
    for error in (
        boards.no_board(name, boards.names()),
        str(pytest.raises(UsageError, boards.load_board, name).value),
    ):
        assert "did you mean" not in error
        assert "--port /dev/ttyACM0 --task auto" in error


@pytest.mark.parametrize(("name", "meant"), [("nucleo-l4r55", "nucleo-l4r5"), ("hots", "host")])
def test_a_slip_of_the_finger_gets_the_board_that_was_meant(name: str, meant: str) -> None:
    """Also where the name begins as that of many chips."""
    assert f"did you mean '{meant}'" in boards.no_board(name, boards.names())
