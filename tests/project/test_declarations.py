"""Declarations of others are bounded: each number has a range, each pattern ends where it says."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from msgspec import inspect

from tests import ROOT
from tests.project.rooms import MODULES, SOURCES
from tinybench.declare import Declaration, load
from tinybench.errors import DeclarationError
from tinybench.runner.build.board import Board, names


def _kinds() -> list[type[Declaration]]:
    """Return every kind of declaration in the house."""
    for module, path in MODULES.items():
        if "(Declaration" in path.read_text(encoding="utf-8"):
            importlib.import_module(module)
    kinds = [kind for kind in Declaration.__subclasses__() if kind.__module__ in MODULES]
    return sorted(kinds, key=lambda kind: kind.__name__)


KINDS = _kinds()


def _numbers(kind: inspect.Type) -> Iterator[inspect.IntType | inspect.FloatType]:
    """Yield the numbers in a type; a declaration in it is looked at by itself."""
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        yield kind
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _numbers(one)
    elif isinstance(kind, inspect.ListType):
        yield from _numbers(kind.item_type)
    elif isinstance(kind, inspect.DictType):
        yield from _numbers(kind.value_type)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_number_has_a_range(kind: type[Declaration]) -> None:
    """A least and a greatest: whatever is outside, infinity and no number too, is refused."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        for number in _numbers(field.type):
            assert (number.ge, number.gt) != (None, None), f"{field.name}: no least"
            assert (number.le, number.lt) != (None, None), f"{field.name}: no greatest"
            if isinstance(number, inspect.FloatType):
                for wrong in (float("nan"), float("inf"), float("-inf")):
                    with pytest.raises(msgspec.ValidationError):
                        msgspec.convert({field.encode_name: wrong}, _alone(kind, field.name))


def _alone(kind: type[Declaration], field: str) -> type[msgspec.Struct]:
    """Return a structure with one field of a declaration."""
    return msgspec.defstruct("Alone", [(field, get_type_hints(kind, include_extras=True)[field])])


def _patterns(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, pattern) of what is given to `re` or to `Meta` without re.MULTILINE."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or "MULTILINE" in ast.dump(node):
            continue
        called = ast.unparse(node.func)
        words = [one.value for one in node.keywords if one.arg == "pattern"]
        if called in ("re.compile", "re.match", "re.search", "re.fullmatch", "re.sub"):
            words += node.args[:1]
        for word in words:
            for part in ast.walk(word):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield node.lineno, part.value


def test_no_pattern_ends_before_a_newline() -> None:
    """In Python `$` also fits before a last newline: "abc\\n" would pass for a name."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {pattern}"
        for path in SOURCES
        for line, pattern in _patterns(path)
        if "$" in pattern.replace("\\$", "").replace("[$", "[")
    ]
    assert found == []


@pytest.mark.parametrize(
    ("was", "wrong", "said"),
    [
        ('name = "mps2-an386"', 'name = "abc\\n"', "key 'name'"),
        ("clock_hz = 25_000_000", "clock_hz = -1", "key 'clock_hz'"),
        ("clock_hz = 25_000_000", "clock_hz = 1_000_000_000_000", "key 'clock_hz'"),
        ("instruction_ns = 32", "instruction_ns = 64", "did you mean 'shift=6'"),
        ("instruction_ns = 32", "instruction_ns = 0", "instruction_ns is 0, but '-icount'"),
        ("instruction_ns = 32", "instruction_ns = -32", "key 'emulator.instruction_ns'"),
        ('"-icount", "shift=5"', '"-icount", "shift=4"', "instruction_ns is 32"),
        ('"-icount", "shift=5", ', "", "argv needs '-icount'"),
        ('"-icount", "shift=5"', '"-icount", "auto"', "instruction_ns is 32"),
    ],
)
def test_a_board_that_contradicts_itself_is_refused(
    was: str, wrong: str, said: str, tmp_path: Path
) -> None:
    """The file and the key, or the two words that disagree."""
    text = names()["mps2-an386"].read_text(encoding="utf-8")
    assert was in text
    path = tmp_path / "board.toml"
    path.write_text(text.replace(was, wrong))
    with pytest.raises(DeclarationError, match=said):
        load(path, Board)


def test_an_emulator_without_a_program_is_refused(tmp_path: Path) -> None:
    """An empty argument list starts nothing."""
    text = names()["host"].read_text(encoding="utf-8")
    path = tmp_path / "board.toml"
    path.write_text(text.replace('argv = ["{elf}"]', "argv = []"))
    with pytest.raises(DeclarationError, match=r"key 'emulator\.argv'"):
        load(path, Board)
