"""The folder of a study or a training: whoever asks for the same again goes on in it."""

from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import OtherFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.read import read_json

ASKED_FILE = "asked.json"
SHOWN = 80
"""Characters of what differs."""


def open_asked(folder: Path, asked: msgspec.Struct, kind: str) -> None:
    """Make the folder of a `kind` ("study"), or see that the same was asked for in it.

    Raises OtherFolderError where it is another's, and OSError.
    """
    said = msgspec.json.format(msgspec.json.encode(asked), indent=2) + b"\n"
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / ASKED_FILE
    if before.exists():
        there = read_bytes(before, DOCUMENT_MOST_B, links=False)
        if there != said:
            raise OtherFolderError(
                f"{folder} holds a {kind} that was asked for otherwise (see {ASKED_FILE} in it): "
                f"{_differing(there, said)}; ask for the same again to go on with it, or give -o a "
                "new folder"
            )
    elif any(folder.iterdir()):
        raise OtherFolderError(f"{folder} is not empty, and no {kind}: give -o a new folder")
    else:
        write_whole(before, said)


def difference(there: Any, here: Any, path: str = "what was asked for") -> str:
    """Return the first thing in which two documents differ, in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in [*here, *(name for name in there if name not in here)]:
            if there.get(name) != here.get(name):
                return difference(there.get(name), here.get(name), name[:40])
    return f"{path} is {_short(there)} there, and {_short(here)} here"


def _differing(there: bytes, here: bytes) -> str:
    try:
        return difference(read_json(there), read_json(here))
    except msgspec.MsgspecError as error:
        return f"it cannot be read: {error}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
