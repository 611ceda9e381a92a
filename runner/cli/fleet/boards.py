"""Boards that learn themselves as clients of a fleet: on this desk, or those of a lab."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError

from ..output import Voice
from .words import BOARD_RATE, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...fleet.boards import Ask
    from ...fleet.federate import Fleet
    from ...fleet.study import Parts
    from ...fleet.train import Trainer

    Hands = Callable[[Fleet], contextlib.AbstractContextManager[Trainer]]


def reached(
    leader: str, tls: Path | None, names: tuple[str, ...]
) -> "contextlib.AbstractContextManager[tuple[list[str], Ask]]":
    """Return what connects to a leader: on this computer, or by certificates of its lab."""
    from ...fleet.workers import elsewhere
    from ...lab import safety

    return elsewhere(leader, safety.joining(leader, tls), names)


def seated(
    voice: Voice, names: "Sequence[str]", ask: "Ask | None", emulate: bool, said: dict[str, Any],
    products: list[dict[str, Any]], availability: Path | None,
) -> "tuple[Parts, Hands]":  # fmt: skip
    """Return a study whose clients are boards, each asked once how long a sample takes it."""
    from ...fleet.boards import ask_here, on_boards, probed, seats
    from ...fleet.client import BITS, KILO

    for word in ("runs", "capacities", "clients", "csv"):
        if said.get(word):
            raise UsageError(f"boards are the clients, and learn from --task: leave --{word} out")
    if said["task"] is None:
        raise UsageError("boards learn the head of a task: --task kws")
    of = seats(names, emulate, said["task"], said["test"], said["seed"])
    bandwidth, radio_w = said.pop("bandwidth") * KILO / BITS, said.pop("radio")
    for word in ("runs", "capacities", "clients"):
        del said[word]
    asks = ask or ask_here
    clients = probed(of, asks, said["rate"] or BOARD_RATE, bandwidth, radio_w)
    parts = parts_of(said, products, availability, (clients, of.learnable))

    def hands(fleet: "Fleet") -> "contextlib.AbstractContextManager[Trainer]":
        return contextlib.nullcontext(on_boards(of, fleet.members, asks, voice.note))

    return parts, hands
