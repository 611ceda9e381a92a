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
ENERGY_BAUD = 9600
"""Of a DUT without an interface board. Ref: energyrunner README, energy mode."""
UNITS_S = {"s": 1, "m": 60, "h": 3600}
LONGEST_S = 7 * 24 * 3600


def baud(text: str) -> tuple[int, bool]:
    """Return the rate to begin with, and whether to raise it."""
    if text == "auto":
        return DEFAULT_BAUD, True
    if not text.isdecimal() or not 300 <= int(text) <= 12_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no baud rate such as 115200, and not auto")
    return int(text), False


def duration(text: str) -> float:
    """Return a time in seconds, of "90", "90s", "10m" or "2h"."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS_S else (text, "s")
    if not (number.isascii() and number.isdecimal()) or int(number) * UNITS_S[unit] > LONGEST_S:
        raise argparse.ArgumentTypeError(f"'{text}' is no time such as 90s, 10m or 2h")
    return float(int(number) * UNITS_S[unit])


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
