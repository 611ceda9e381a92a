"""Tags of a run: words that its owner keeps in its folder, beside what was measured."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tinybench.errors import RunFolderError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.read import read_json

from ..results.result import RESULT_FILE

TAGS_FILE = "tags.json"
MOST = 64
"""Tags of a run."""
LONGEST = 500
"""Characters of what a tag says."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def read_tags(folder: Path) -> dict[str, str]:
    """Return the tags of a run; none where the file is not there, or is none of ours."""
    try:
        found = read_json(read_bytes(folder / TAGS_FILE, DOCUMENT_MOST_B), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}
    kept = {k: v for k, v in found.items() if NAME.fullmatch(k) and 0 < len(v) <= LONGEST}
    return dict(sorted(kept.items())[:MOST])


def parse_tags(words: Sequence[str], taken: Sequence[str] = ()) -> dict[str, str]:
    """Return what "commit=1a2b", "rig=3" say; "rig=" takes a tag away.

    `taken` are names that a tag may not have. Raises UsageError.
    """
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not NAME.fullmatch(name):
            raise UsageError(
                f"'{word[:60]}': a tag is NAME=WORDS, such as commit=1a2b3c, its name of small "
                "letters, digits and _"
            )
        if name in taken:
            raise UsageError(f"'{name}' is a figure of the run itself: give the tag another name")
        if len(value) > LONGEST:
            raise UsageError(f"tag {name}: {len(value)} characters; at most {LONGEST}")
        found[name] = value
    return found


def tag(folder: Path, tags: Mapping[str, str]) -> dict[str, str]:
    """Add tags to a run, in its own file; return all it has then. Raises RunFolderError."""
    if not (folder / RESULT_FILE).is_file():
        raise RunFolderError(f"{folder}: no run, for it has no {RESULT_FILE}")
    if not tags:
        return read_tags(folder)
    kept = {k: v for k, v in {**read_tags(folder), **tags}.items() if v}
    if len(kept) > MOST:
        raise RunFolderError(f"{folder}: {len(kept)} tags, and {MOST} are the most; take some away")
    try:
        data = msgspec.json.format(msgspec.json.encode(dict(sorted(kept.items()))), indent=1)
        write_whole(folder / TAGS_FILE, data + b"\n")
    except OSError as error:
        raise RunFolderError(f"cannot write {folder / TAGS_FILE}: {error}") from error
    return kept
