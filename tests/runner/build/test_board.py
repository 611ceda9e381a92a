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
        (
            'kernels = "dsp"',
            'kernels = "simd"',
            "'toolchain.kernels': give one of plain, blocked, rv32, thumb2, dsp, mve",
        ),
        (
            "fpgaio_origin = 0x",
            "fpgaio-origin = 0x",
            "key 'port': give a name of lower-case letters",
        ),
        (
            "fpgaio_origin = 0x",
            "fpgaio_origin = -1 # 0x",
            "'port.fpgaio_origin': give a whole number of 0 or more, not -1",
        ),
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


@pytest.mark.parametrize("name", ["rp2040", "nucleo-h7a3", "esp32", "nrf9160-dk", "STM32F746"])
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


@pytest.mark.parametrize(
    ("name", "port", "tree", "source_hz"),
    [
        ("b-l475e-iot01a", "", "stm32l4", 48_000_000),
        ("nucleo-l4r5", "", "stm32l4plus", 48_000_000),
        ("stm32-h405", "hse_hz = 8_000_000\n", "stm32f405", 8_000_000),
        ("nucleo-f446re", "hse_hz = 8_000_000\n", "stm32f446", 8_000_000),
    ],
)
def test_a_file_without_a_clock_has_that_of_its_family(
    tmp_path: Path, name: str, port: str, tree: str, source_hz: int
) -> None:
    """As it was declared when its port knew one source alone; `hse_hz` is no macro any more."""
    text = names()[name].read_text(encoding="utf-8")
    before, table = text.split("[clock]\n")
    text = before + "[toolchain]\n" + table.split("[toolchain]\n")[1]
    (tmp_path / "mine.toml").write_text(text.replace("[port]\n", "[port]\n" + port))
    board = load_board(str(tmp_path / "mine.toml"))
    assert board.clock is not None
    assert (board.clock.tree, board.clock.source_hz) == (tree, source_hz)
    assert board.clock.source == ("hse" if port else "msi")
    assert "HSE_HZ" not in board.constants
