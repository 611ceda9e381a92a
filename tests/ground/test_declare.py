"""Declarations: what is wrong with a TOML file is said with file, key and nearest name."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.declare import Declaration, load, nearest
from tinybench.errors import DeclarationError, UsageError
from tinybench.models.compiler import KERNELS
from tinybench.runner.build import board, task

MPS2 = board.names()["mps2-an386"].read_text()


def _board(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", board.names())
def test_every_board_in_the_package_loads_under_its_file_name(name: str) -> None:
    """A new board is one file; this test finds it."""
    assert board.load_board(name).name == name


@pytest.mark.parametrize("name", task.names())
def test_every_task_in_the_package_loads_under_its_file_name(name: str) -> None:
    """A new task is one file; this test finds it."""
    assert task.load_task(name).name == name


def test_a_misspelt_key_is_named_with_the_file_and_the_nearest_key(tmp_path: Path) -> None:
    """The user sees where, what, and what would be right."""
    path = _board(tmp_path, MPS2.replace("prefix", "prefx"))
    with pytest.raises(DeclarationError, match=r"mine\.toml.*toolchain\.prefx.*'prefix'"):
        board.load_board(str(path))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """A declaration without its family cannot be built."""
    path = _board(tmp_path, MPS2.replace('family = "mps2"', ""))
    with pytest.raises(DeclarationError, match=r"missing key `family`"):
        board.load_board(str(path))


def test_a_value_of_the_wrong_type_is_named_with_its_key(tmp_path: Path) -> None:
    """Text where a number is wanted does not pass."""
    path = _board(tmp_path, MPS2.replace("clock_hz = 25_000_000", 'clock_hz = "25 MHz"'))
    with pytest.raises(DeclarationError, match="'clock_hz': give a whole number, not '25 MHz'"):
        board.load_board(str(path))


def test_kernels_that_are_none_are_answered_by_those_there_are(tmp_path: Path) -> None:
    """The same as the compiler has, and no regular expression."""
    path = _board(tmp_path, MPS2.replace('kernels = "dsp"', 'kernels = "dps"'))
    said = f"key 'toolchain.kernels': give one of {', '.join(KERNELS)}, not 'dps'"
    with pytest.raises(DeclarationError, match=re.escape(said)):
        board.load_board(str(path))


def test_a_name_that_could_leave_its_folder_is_refused(tmp_path: Path) -> None:
    """Board names become parts of paths."""
    path = _board(tmp_path, MPS2.replace('name = "mps2-an386"', 'name = "../../x"'))
    with pytest.raises(DeclarationError, match="'name'"):
        board.load_board(str(path))


@pytest.mark.parametrize("text", ["name = ", "\x00", "[a]\n[a]"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    """The parser's own words follow the file's name."""
    with pytest.raises(DeclarationError, match=r"mine\.toml: not valid TOML"):
        board.load_board(str(_board(tmp_path, text)))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A binary file given as a declaration is an error of usage."""
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DeclarationError, match="cannot be read"):
        board.load_board(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path that ends in .toml is a file, and must exist."""
    with pytest.raises(DeclarationError, match="no such file"):
        board.load_board(str(tmp_path / "mine.toml"))


def test_an_unknown_board_suggests_the_nearest_one() -> None:
    """A slip of the finger costs one look."""
    with pytest.raises(UsageError, match="did you mean 'mps2-an386'"):
        board.load_board("mps2-an368")


def test_an_unknown_task_lists_what_there_is_when_nothing_is_near() -> None:
    """No guess is better than a wild one."""
    with pytest.raises(UsageError, match=r"valid: .*kws"):
        task.load_task("zzzzzzzz")


def test_nearest_of_nothing_says_so() -> None:
    """An empty list has no nearest name."""
    assert nearest("x", []) == "there is none"


class _Small(Declaration, frozen=True):
    number: int
    words: list[str] = []


@given(st.text())
def test_any_text_is_a_declaration_or_an_error_of_one_kind(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """No file content brings a traceback."""
    path = tmp_path_factory.mktemp("fuzz") / "any.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        assert isinstance(load(path, _Small), _Small)
    except DeclarationError as error:
        assert "any.toml" in str(error)
