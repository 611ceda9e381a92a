"""Several boards of this desk that a study is dealt out over: which they are, and of what kind."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from tinybench.declare import nearest
from tinybench.errors import UsageError
from tinybench.transport.usb_ports import one_name

from ..build.board import load_board
from ..desk.bench import DeskBoard, find_bench, load_bench
from .declared import board_asked

ONE = ("port", "probe", "emulate", "monitor")
"""Words that are of one board."""


def kind_of(names: Sequence[str], said: Mapping[str, Any]) -> str:
    """Return of which kind boards of bench.toml are, as its `board` says it.

    `said`: the other words of a run. Raises UsageError for boards that no study can be dealt out
    over.
    """
    shown = ",".join(names)
    for word in ONE:
        if said.get(word):
            raise UsageError(
                f"--{word} is of one board, and --board {shown} is a list, each of which is as "
                "bench.toml says: leave it out"
            )
    desk = load_bench(find_bench()).boards
    for name in names:
        if name not in desk:
            raise UsageError(
                f"--board {shown}: there is no '{name}' in bench.toml, which names the boards of "
                f"this desk: {nearest(name, desk)}"
            )
    if len(set(names)) < len(names):
        raise UsageError(f"--board {shown}: name each board once")
    for one, other in itertools.combinations(names, 2):
        if shared := _held(desk[one]) & _held(desk[other]):
            raise UsageError(
                f"--board {shown}: {one} and {other} have {min(shared)} in common, which a run has "
                "for itself: name one of them"
            )
    first, *others = names
    for name in others:
        if board_asked(desk[name].board) != board_asked(desk[first].board):
            raise UsageError(
                f"--board {shown}: {first} is a {load_board(desk[first].board).name}, and {name} a "
                f"{load_board(desk[name].board).name}: what boards of two kinds take is no one "
                "study; ask for each kind apart"
            )
    return desk[first].board


def _held(desk: DeskBoard) -> set[str]:
    """Return what a run on a board locks, as far as the bench file says it."""
    serials = {f"serial number {one}" for one in (desk.serial, desk.probe) if one is not None}
    port = desk.port if desk.serial is None else None  # else it is locked by that
    return serials | {text for text in (port and f"port {one_name(port)}", desk.lock) if text}
