"""Edits of a run folder, one field at a time, by somebody who makes every hash right again.

What is edited is one file. The hashes of it in result.json and in SHA256SUMS are those of the
edited file; what other files say of it is left as it was.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tinybench.errors import TinybenchError
from tinybench.runner.results.result import read_result
from tinybench.runner.results.transcript import inferred
from tinybench.runner.rules.evidence.said import claimed, said
from tinybench.runner.rules.judge import judge

WORDS = re.compile(r"^(?P<key>\w+) = (?P<value>.+)$", re.MULTILINE)


class Edit(NamedTuple):
    """One file of a run as it is after an edit."""

    file: str
    field: str
    text: bytes


def of_folder(folder: Path) -> Iterator[Edit]:
    """Yield the edits of every field of a run folder."""
    for name in ("result.json", "manifest.json", "energy.json", "profile.json"):
        if not (folder / name).exists():
            continue
        document = json.loads((folder / name).read_bytes())
        for field, edited in of_value(document):
            yield Edit(name, field, json.dumps(edited).encode())
    yield from _of_lines(folder / "journal.jsonl")
    for path in sorted(folder.glob("*.toml")):
        yield from _of_toml(path)
    yield from _of_list(folder / "inputs.csv")
    yield from _of_transcripts(folder)
    yield from _of_list(folder / "SHA256SUMS")
    for pattern in ("*.elf", "*.jls", "*.png", "cycles.txt"):
        for path in sorted(folder.glob(pattern)):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            yield Edit(path.name, "a bit", bytes(data))


def of_value(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (field, edited document) of each field of a JSON document, with several values."""
    if isinstance(value, dict):
        for key, one in value.items():
            for field, edited in of_value(one, f"{path}.{key}" if path else key):
                yield field, {**value, key: edited}
    elif isinstance(value, list):
        if value:
            yield path, value[:-1]
            yield path, [*value, value[-1]]
        for number, one in enumerate(value):
            for field, edited in of_value(one, path):
                yield field, [*value[:number], edited, *value[number + 1 :]]
    else:
        for edited in _others(value):
            yield path, edited


def _others(value: Any) -> list[Any]:
    """Return values that may stand for another."""
    if isinstance(value, bool):
        return [not value]
    if value is None:
        return [1, "x"]
    if isinstance(value, int):
        return [value + 1, -1, 0] if value else [1]
    if isinstance(value, float):
        return [value * 1.001 + 1e-9, value / 2 + 1e-9, 1e308, float("nan")]
    return [value + "x", ""] if value else ["x"]


def _of_lines(path: Path) -> Iterator[Edit]:
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        for field, edited in of_value(json.loads(line)):
            text = json.dumps(edited).encode() + b"\n"
            yield Edit(path.name, field, b"".join([*lines[:number], text, *lines[number + 1 :]]))


def _of_toml(path: Path) -> Iterator[Edit]:
    text = path.read_text()
    for match in WORDS.finditer(text):
        for value in _other_words(match["value"]):
            edited = text[: match.start("value")] + value + text[match.end("value") :]
            yield Edit(path.name, match["key"], edited.encode())


def _other_words(value: str) -> list[str]:
    """Return values that may stand for another in TOML."""
    if value in ("true", "false"):
        return ["false" if value == "true" else "true"]
    if value.startswith('"'):
        return [value[:-1] + 'x"' if len(value) > 1 else value + "x"]
    if re.fullmatch(r"[0-9_.]+", value):
        return [other for other in (value + "1", "1") if other != value]
    return [value + " # edited"]


def _of_list(path: Path) -> Iterator[Edit]:
    """Yield the edits of a list with a hash in each line: another hash, or a line less."""
    lines = path.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        around = lines[:number], lines[number + 1 :]
        digit = re.search("[0-9a-f]{64}", line)
        assert digit is not None
        other = "0" if line[digit.start()] != "0" else "1"
        hashed = line[: digit.start()] + other + line[digit.start() + 1 :]
        for field, edited in (("hash", hashed), ("line", "")):
            text = "".join([*around[0], edited, *around[1]])
            yield Edit(path.name, field, text.encode())


def _of_transcripts(folder: Path) -> Iterator[Edit]:
    """Yield transcripts in which one answer that the result holds is another."""
    claims = Counter(one for _, one in claimed(read_result(folder)))
    heard = said(folder)
    # What was said more often than it is claimed, as by a calibration, can be spared.
    wanted = {one for one, count in claims.items() if heard[one] == count}
    for path in sorted(folder.glob("transcript*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        alone = path.parent / "alone"
        for number, line in enumerate(lines):
            entry = json.loads(line)
            if entry["to"] != "host" or "hex" not in entry:
                continue
            alone.write_bytes(line)
            if not wanted.intersection(inferred(alone)):
                continue
            middle = len(entry["hex"]) // 2
            digit = "0" if entry["hex"][middle] != "0" else "1"
            entry["hex"] = entry["hex"][:middle] + digit + entry["hex"][middle + 1 :]
            text = json.dumps(entry).encode() + b"\n"
            yield Edit(path.name, "hex", b"".join([*lines[:number], text, *lines[number + 1 :]]))
        alone.unlink(missing_ok=True)


def noticed(folder: Path, edit: Edit) -> bool:
    """Make an edit in a run folder, and say whether `check` finds it; the folder is as before."""
    before = {name: (folder / name).read_bytes() for name in ("result.json", "SHA256SUMS")}
    before[edit.file] = (folder / edit.file).read_bytes()
    try:
        (folder / edit.file).write_bytes(edit.text)
        result = json.loads((folder / "result.json").read_bytes())
        if edit.file in result.get("files_sha256") or {}:
            result["files_sha256"][edit.file] = hashlib.sha256(edit.text).hexdigest()
            (folder / "result.json").write_text(json.dumps(result))
        if edit.file != "SHA256SUMS":
            seal_again(folder)
        return bool(judge(folder, thorough=True).violations)
    except TinybenchError:
        return True
    finally:
        for name, data in before.items():
            (folder / name).write_bytes(data)


def seal_again(folder: Path) -> None:
    """Make the seal of a run folder that of what is in it."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    names = [line.split("  ", 1)[1] for line in lines]
    sums = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
    text = "".join(f"{digest}  {name}\n" for digest, name in zip(sums, names, strict=True))
    (folder / "SHA256SUMS").write_text(text)
