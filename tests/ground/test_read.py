"""TOML and JSON of others: whatever they hold, it is read, or refused with words."""

import contextlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.errors import DeclarationError
from tinybench.read import TOML_MOST_B, read_json, read_toml, read_toml_text

DEEP = 100_000


class Kept(msgspec.Struct):
    """What is read of a document."""

    kept: int = 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * DEEP, "nested too deep"),
        ("a = " + "{a=" * DEEP, "nested too deep"),
        ("a." * DEEP + "a = 1", "a dotted key of more than 64 parts"),
        ("[" + "a." * DEEP + "a]", "a dotted key of more than 64 parts"),
        ("'a' . " * DEEP + "a = 1", "a dotted key of more than 64 parts"),
        ("a = {" + "a." * DEEP + "a = 1}", "a dotted key of more than 64 parts"),
        ("a = " + "9" * 5000, "a number of thousands of digits"),
        ("a = \x00", "Invalid value"),
    ],
)
def test_toml_that_would_break_the_reader_is_refused(text: str, said: str) -> None:
    """Deep nesting, keys of many parts, numbers of many digits."""
    with pytest.raises(ValueError, match=said):
        read_toml_text(text)


def test_toml_that_looks_alike_is_read() -> None:
    """Many keys, many dots in a text, a long word."""
    text = "\n".join(f"k{i}.a.b = '{'.' * 200}'" for i in range(200)) + f"\nw = '{'a' * 100_000}'"
    assert len(read_toml_text(text)) == 201


def test_a_file_is_refused_by_its_name(tmp_path: Path) -> None:
    """None there, a folder, no UTF-8, too large, not TOML."""
    path = tmp_path / "a.toml"
    for content, said in (
        (None, "there is no such file"),
        (b"\xff", "cannot be read"),
        (b"#" * (TOML_MOST_B + 1), "cannot be read: more than 262144 bytes"),
        (b"a", "not valid TOML"),
    ):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DeclarationError, match=said) as caught:
            read_toml(path)
        assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(DeclarationError, match="cannot be read"):
        read_toml(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * DEEP,
        b'{"other": ' + b"[" * DEEP,
        b'{"kept": ' + b"9" * 5000 + b"}",
        b'{"kept": 1e5000}',
        b'"\xff"',
        b"",
    ],
)
def test_json_that_would_break_the_reader_is_refused(raw: bytes) -> None:
    """As this type and as any; each with the one error that callers know."""
    for kind in (Kept, object):
        with pytest.raises(msgspec.MsgspecError):
            read_json(raw, kind)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """No other error comes out."""
    with contextlib.suppress(msgspec.MsgspecError):
        read_json(raw, Kept)
    with contextlib.suppress(ValueError):
        read_toml_text(raw.decode("latin-1"))
