"""What the words of a command line may be."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from tinybench.errors import UsageError

from ..results.request import DEFAULT_BAUD
from ..results.words import BAUDS, seconds

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command is added."""


def baud(text: str) -> tuple[int, bool]:
    """Return the rate to begin with, and whether to raise it."""
    if text == "auto":
        return DEFAULT_BAUD, True
    if not text.isdecimal() or int(text) not in BAUDS:
        raise argparse.ArgumentTypeError(f"'{text}' is no baud rate such as 115200, and not auto")
    return int(text), False


def duration(text: str) -> float:
    """Return a time in seconds, of "90", "90s", "10m" or "2h"."""
    try:
        return seconds(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """Return a count of 0 or more."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """Return a count of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 1 or more")
    return int(text)


def command_missing(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Return what a command does that wants a further word: show its help."""

    def show(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    return show
