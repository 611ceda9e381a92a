"""Options of studies that are lists, with commas between."""

import math
from collections.abc import Callable, Sequence

import click

from ..options import OneOf


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers, 0 or more, of a list."""
    found = []
    for word in text.split(","):
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise click.BadParameter(f"'{word[:40]}' is no number of 0 or more")
        found.append(number)
    return tuple(found)


def names(text: str) -> tuple[str, ...]:
    """Return the names of a list, each once."""
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not all(found):
        raise click.BadParameter(f"'{text[:40]}' has an empty name")
    return found


def several(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return what reads a list of some of these words."""
    choice = OneOf(choices)

    def read(text: str) -> tuple[str, ...]:
        return tuple(choice.convert(word.strip(), None, None) for word in text.split(","))

    return read
