"""The families that are none of ST's, each as a board of it is."""

from tests.firmware.register_nordic import NRF5340, NRF52840, Nordic, with_dcdc
from tests.firmware.register_order import Kind
from tests.firmware.register_rp2 import RP2040, RP2350, Rp2, at
from tinybench.runner.build.board import Board

KINDS: tuple[Kind, ...] = (NRF52840, NRF5340, RP2040, RP2350)


def as_board(known: Kind, board: Board) -> Kind:
    """Return a family with the supply, or the core's frequency, that a board declares."""
    if isinstance(known, Nordic) and "dcdc" in board.port:
        return with_dcdc(known)
    if isinstance(known, Rp2):
        return at(known, board.clock_hz, hazard3="hazard3" in board.port)
    return known
