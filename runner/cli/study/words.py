"""Words that studies on a board have in common: which board it is, and how it is reached."""

from ...results.defaults import DEFAULT_BAUD
from .. import options
from ..tree import Option


def on_board() -> tuple[Option, ...]:
    """Return the options that name a board and its line."""
    return (
        options.board(options.BOARD),
        options.emulate(),
        options.port(),
        Option(
            "--baud",
            type=options.baud,
            metavar="N",
            shared=True,
            help=f"rate of the port (default: {DEFAULT_BAUD})",
        ),
        options.probe(),
        options.wait(),
    )
