"""What the words of a command line may be."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command is added."""

DEFAULT_BOARD = "mps2-an386"
PORT_BOARD = "serial"
DEFAULT_BAUD = 115_200


def baud(text: str) -> tuple[int, bool]:
    """Return the rate to begin with, and whether to raise it."""
    if text == "auto":
        return DEFAULT_BAUD, True
    if not text.isdecimal() or not 300 <= int(text) <= 12_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no baud rate such as 115200, and not auto")
    return int(text), False


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
