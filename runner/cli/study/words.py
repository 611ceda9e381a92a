"""Words that studies on a board have in common: which board it is, and how it is reached."""

from pathlib import Path
from typing import Any

from ...results.defaults import DEFAULT_BAUD, DEFAULT_BOARD
from .. import options
from ..options import PATH
from ..tree import Option


def out_folder(kind: str = "study") -> Option:
    """Return the option that names the folder of a study, or of a training."""
    return Option(
        "-o",
        "--out",
        type=PATH,
        metavar="DIR",
        section="output",
        help=f"folder of the {kind}; one that was interrupted goes on there (default: runs/...)",
    )


def folder_of(out: Path | None, kind: str, of: str | None) -> Path:
    """Return the folder of a study: the named one, or a new one; `of`: what its name ends in."""
    from datetime import UTC, datetime

    from ...session.run_folder import default_folder

    return out or default_folder(kind, of or "rows", datetime.now(UTC))


def words_of(said: dict[str, Any], board: str | None) -> dict[str, Any]:
    """Return the words of a run that `on_board` took."""
    given = {name: value or None if name in ("emulate", "port") else value
             for name, value in said.items()}  # fmt: skip
    return {**given, "board": board or DEFAULT_BOARD}


def on_board(text: str = options.BOARD) -> tuple[Option, ...]:
    """Return the options that name a board and its line."""
    return (
        options.board(text),
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
