"""Text from a board or a file made harmless for a terminal and for XML."""

import re
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

# Control characters (ANSI escapes begin with one), half surrogates, what turns the direction, and
# the ends of lines that Unicode has of its own.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(text: str) -> str:
    """Return the text with every character that is a command spelt out, such as "\\x1b"."""
    return _UNSAFE.sub(lambda match: _spelt(ord(match[0])), text)


def one_line(text: str) -> str:
    """Return a name, or words with names in them, printable and without an end of a line."""
    return printable(text).replace("\n", "\\x0a").replace("\t", "\\x09")


def all_printable(record: T) -> T:
    """Return a structure with every text in it printable and in one line."""
    return msgspec.convert(_walk(msgspec.to_builtins(record)), type(record))


def _walk(value: object) -> object:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [_walk(item) for item in value]
    if isinstance(value, dict):
        return {_walk(key): _walk(item) for key, item in value.items()}
    return value


def _spelt(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
