"""Read TOML and JSON of others within bounds: of size, nesting, and digits of a number."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import msgspec

from .errors import DeclarationError
from .files import read_bytes

T = TypeVar("T")

TOML_MOST_B = 256 * 1024
"""Of what a person wrote."""
KEY_PARTS = 64
"""Of a dotted key; the time and memory of the parser grow with their square."""

_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{KEY_PARTS}}}")


def read_toml(path: Path, parse: Callable[[str], dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return what a TOML file says, parsed by `read_toml_text`. Raises DeclarationError."""
    try:
        text = read_bytes(path, TOML_MOST_B).decode()
    except FileNotFoundError:
        raise DeclarationError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        return (parse or read_toml_text)(text)
    except ValueError as error:
        raise DeclarationError(f"{path}: not valid TOML: {error}") from error


def read_toml_text(text: str) -> dict[str, Any]:
    """Return what a TOML text says. Raises ValueError, also where it is nested too deep."""
    if _LONG_KEY.search(text):
        raise ValueError(f"a dotted key of more than {KEY_PARTS} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # what int() says to a programmer
        raise ValueError("a number of thousands of digits") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


@overload
def read_json(
    raw: bytes | str, type: type[T], dec_hook: Callable[[Any, Any], Any] | None = None
) -> T: ...
@overload
def read_json(
    raw: bytes | str, type: Any = Any, dec_hook: Callable[[Any, Any], Any] | None = None
) -> Any: ...
def read_json(
    raw: bytes | str,
    type: Any = Any,  # noqa: A002
    dec_hook: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """Return what a JSON text says, as this type.

    Raises msgspec.MsgspecError, also where it is nested too deep, is no UTF-8, or a number in it
    has more digits than a machine's.
    """
    try:
        return msgspec.json.decode(raw, type=type, dec_hook=dec_hook)
    except RecursionError:
        raise msgspec.DecodeError("nested too deep") from None
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error}") from error
