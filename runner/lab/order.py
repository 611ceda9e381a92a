"""What goes between leader and worker: plain data and files, checked on both sides.

Names of files are relative, with "/" between, and checked component by component.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tinybench.errors import BenchError
from tinybench.expected import like
from tinybench.files import is_file_name, is_partial, open_regular

from .job import Job
from .policy import Place

FILES_MOST_B = 512 << 20
"""Of one folder."""
FILES_MOST, DEPTH_MOST, NAME_MOST_B = 20_000, 6, 200
BOARDS_MOST = 10_000
"""Of one worker."""
TOPIC = "tinybench"
"""Of the events by which workers tell how far they are."""

WORDS_MOST = 2000
"""Characters that a worker says of something."""
Words = Annotated[str, msgspec.Meta(max_length=WORDS_MOST)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job for a board of a worker."""

    lab: Annotated[str, like(r"^[0-9a-f]{16}\Z", "16 digits of 0-9 and a-f")]
    id: Annotated[int, msgspec.Meta(ge=1)]
    attempt: Annotated[int, msgspec.Meta(ge=1)]
    board: str
    """Its name on the worker."""
    job: Job


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of it there."""

    status: Annotated[int, msgspec.Meta(ge=0, le=255)]
    """Exit status of the run: 0 valid, 1 a rule is broken, 2 usage, 3 the bench failed."""
    why: Words | None = None
    run_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    files: Annotated[dict[str, bytes], msgspec.Meta(max_length=FILES_MOST)] = {}
    """Of the folder of the run, or of the study: names with "/" between."""
    absent: Words | None = None
    """Why its board cannot be reached, where it cannot: that is no failure of the job."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    id: int
    attempt: int
    note: Words | None = None
    done: Count | None = None
    total: Count | None = None
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    """Of the latest inference or window, by the DUT's clock; of an emulated board a count."""
    power_w: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)] | None = None
    """What the DUT draws now, where an energy monitor runs."""
    modelled: bool = False
    """Whether that is a model's."""

    @property
    def doing(self) -> str | None:
        """What it does, in a word or two; None where it only said something on its way."""
        counts = self.total is not None or self.power_w is not None
        return self.note if counts or (self.note or "").startswith("waiting ") else None


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """Which boards of a worker are there, as it says now and then."""

    absent: dict[str, str]
    """Of those that are not, why: {name on the worker: words}."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself."""

    name: Annotated[
        str,
        like(
            r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z",
            "a name of at most 63 letters, digits, _, . and -",
        ),
    ]
    version: Annotated[str, msgspec.Meta(max_length=100)]
    """Of tinybench: another one may measure or judge otherwise."""
    clock_s: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    """Seconds since 1970, by its clock."""
    places: Annotated[list[Place], msgspec.Meta(max_length=BOARDS_MOST)]
    absent: dict[str, str] = {}
    """As in Here."""


def encoded(value: msgspec.Struct) -> bytes:
    """Return plain data as bytes."""
    return msgspec.msgpack.encode(value)


def decoded(data: Any, kind: type[msgspec.Struct]) -> Any:
    """Return plain data of bytes. Raises BenchError for what is none of that kind."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, TypeError) as error:
        raise BenchError(
            f"what came over the line is no {kind.__name__} of this tinybench: {error}"
        ) from None


def insist_name(name: str, *, deep: bool) -> None:
    """Raise BenchError for a name that is none of a file in a folder that was sent.

    `deep`: folders in it are a study's alone.
    """
    words = name.split("/")
    good = len(words) <= (DEPTH_MOST if deep else 1) and all(map(is_file_name, words))
    if not good or any(len(one.encode(errors="replace")) > NAME_MOST_B for one in words):
        raise BenchError(f"a worker sent a file that is none of a run or a study: {name!r:.80}")


def insist_files(files: Mapping[str, bytes], *, deep: bool) -> None:
    """Raise BenchError for files that no folder could hold: by name, by number, by bytes."""
    if len(files) > FILES_MOST or sum(map(len, files.values())) > FILES_MOST_B:
        raise BenchError(
            f"a worker sent {len(files)} files: at most {FILES_MOST} of {FILES_MOST_B >> 20} MiB "
            "together are kept"
        )
    for name in files:
        insist_name(name, deep=deep)
        words = name.split("/")
        if any("/".join(words[:n]) in files for n in range(1, len(words))):
            raise BenchError(f"a worker sent a file that is a folder as well: {name!r:.80}")


def taken(folder: Path, *, deep: bool) -> dict[str, bytes]:
    """Return the files of a folder, of a study those of folders in it as well; links are none.

    Raises OSError where they are too many, or too many bytes, to send.
    """
    found = dict[str, bytes]()
    left_b = FILES_MOST_B
    for name in listed(folder, deep=deep):
        with open_regular(folder / name, left_b, links=False) as file:
            found[name] = file.read(left_b + 1)
        left_b -= len(found[name])
        if left_b < 0:
            raise OSError(f"{folder} has more than {FILES_MOST_B >> 20} MiB")
    return found


def listed(folder: Path, *, deep: bool) -> list[str]:
    """Return the names of the files of a folder, in their order. Raises OSError for too many."""
    found, folders, seen = list[str](), [""], 0
    while folders:
        above = folders.pop()
        with os.scandir(folder / above) as entries:
            for entry in entries:
                name = f"{above}{entry.name}"
                if entry.is_file(follow_symlinks=False):
                    if not is_partial(entry.name):
                        found.append(name)
                elif deep and entry.is_dir(follow_symlinks=False):
                    if name.count("/") >= DEPTH_MOST - 1:
                        raise OSError(f"{folder} has more than {DEPTH_MOST} folders in each other")
                    folders.append(f"{name}/")
                seen += 1
                if seen > FILES_MOST:
                    raise OSError(f"{folder} has more than {FILES_MOST} files")
    return sorted(found)


def kept(folder: Path, files: Mapping[str, bytes], *, deep: bool) -> None:
    """Write files into a new folder. Raises OSError, BenchError."""
    insist_files(files, deep=deep)
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
