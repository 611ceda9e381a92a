"""The folder of a study or a training: whoever asks for the same again goes on in it."""

from pathlib import Path

import msgspec

from tinybench.errors import OtherFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole

ASKED_FILE = "asked.json"


def open_asked(folder: Path, asked: msgspec.Struct, kind: str) -> None:
    """Make the folder of a `kind` ("study"), or see that the same was asked for in it.

    Raises OtherFolderError where it is another's, and OSError.
    """
    said = msgspec.json.format(msgspec.json.encode(asked), indent=2) + b"\n"
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / ASKED_FILE
    if before.exists():
        if read_bytes(before, DOCUMENT_MOST_B, links=False) != said:
            raise OtherFolderError(
                f"{folder} holds a {kind} that was asked for otherwise, or with another model or "
                f"other inputs (see {ASKED_FILE} in it): ask for the same again to go on with it, "
                "or give -o a new folder"
            )
    elif any(folder.iterdir()):
        raise OtherFolderError(f"{folder} is not empty, and no {kind}: give -o a new folder")
    else:
        write_whole(before, said)
