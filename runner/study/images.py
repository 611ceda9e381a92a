"""What a study keeps of its candidates, image by image, and which images are left to do."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from tinybench.errors import RunFolderError

from .kept import kept_part
from .parts import Part, Pieces, names_of, share

ENGINE_NAME = "engine"


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What one candidate takes, an inference."""

    latency_s: float
    """Of an emulated board no measurement: see `instructions`."""
    instructions: int | None = None
    """Exact; of emulated boards alone."""
    cycles: int | None = None
    """Estimated, as are its bounds."""
    cycles_low: int | None = None
    cycles_high: int | None = None


class OnBoard(msgspec.Struct, frozen=True, kw_only=True):
    """What a board answered, and how long each candidate took."""

    board: str
    emulated: bool
    flash_b: int
    """Of the image with all candidates; of several images, of the largest."""
    ram_b: int
    rows: int
    odd: list[int]
    """Rows to which a candidate answered otherwise than the same C does on this computer."""
    counted: list[Counted]

    @property
    def rows_equal(self) -> int:
        """Return to how many rows all candidates answered as on this computer."""
        return self.rows - len(self.odd)


class Boarded(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the candidates of an image, or found of all."""

    there: OnBoard
    weights_b: list[Annotated[int, msgspec.Meta(gt=0)]]
    """Flash of each one's weights."""
    equal: list[int]
    """Rows to which each one's C answers here what it should."""

    @property
    def same(self) -> bool:
        """Return whether each answered to each row as on this computer."""
        return not self.there.odd


PIECES = Pieces(rf"{ENGINE_NAME}(?:-[0-9]{{1,6}}-of-[0-9]{{1,6}})?", Boarded, ("{}",))
"""An image each: candidates K, K + N, ... of engine-K-of-N."""


def pieces_of(count: int) -> Pieces:
    """Return the images of a study of so many candidates."""
    return replace(PIECES, fits=lambda name, image: _fits(image, _group(name, count)))


def images_left(folder: Path, count: int, shards: int, part: Part | None) -> list[range]:
    """Return the candidates of each image that the folder of a study does not have yet.

    All `count` are dealt out evenly to parts, and there to `shards` images; of a whole study, to as
    many as were begun. Raises RunFolderError.
    """
    known = _known(folder, count)
    images = shards if part is None else shards * part.count
    if part is None:
        images = max([images, *(group.step for group, _ in known.values())])
    images = min(images, count)
    groups = share((range(k, count, images) for k in range(images)), part)
    return [group for group in groups if any(at not in known for at in group)]


def boarded(folder: Path, count: int, part: Part | None = None) -> Boarded:
    """Return what the folder of a study has of candidates, as if they were in one image.

    Of a part, of its own candidates. Raises RunFolderError.
    """
    known = _known(folder, count)
    at = {n: (known[n][1], known[n][0].index(n)) for n in share(range(count), part)}
    images = list({id(image): image for image, _ in at.values()}.values())
    there = images[0].there
    for image, path in ((known[n][1], folder / f"{name_of(known[n][0])}.json") for n in at):
        if _where(image) != _where(images[0]):
            first = folder / f"{name_of(known[next(iter(at))][0])}.json"
            raise RunFolderError(
                f"{first} is of {_where(images[0])}, and {path} of {_where(image)}: what is "
                "counted and measured otherwise is no one study; remove one of them"
            )
    return Boarded(
        there=msgspec.structs.replace(
            there,
            flash_b=max(image.there.flash_b for image in images),
            ram_b=max(image.there.ram_b for image in images),
            odd=sorted({row for image in images for row in image.there.odd}),
            counted=[image.there.counted[place] for image, place in at.values()],
        ),
        weights_b=[image.weights_b[place] for image, place in at.values()],
        equal=[image.equal[place] for image, place in at.values()],
    )


def same_in(folder: Path, count: int, part: Part, rows: int) -> bool:
    """Return whether the candidates of a part answer to all rows as they should, here and there."""
    if not share(range(count), part):
        return True
    found = boarded(folder, count, part)
    return found.same and all(equal == rows for equal in found.equal)


def _where(image: Boarded) -> str:
    """Return on what an image ran, in words."""
    there = image.there
    return f"{there.rows} rows on {there.board[:40]}{', emulated' if there.emulated else ''}"


def _known(folder: Path, count: int) -> dict[int, tuple[range, Boarded]]:
    """Return of each candidate the image that it is in; of several, that of the fewest."""
    found = dict[int, tuple[range, Boarded]]()
    groups = {name: _group(name, count) for name in names_of(folder, PIECES)}
    for name, group in sorted(groups.items(), key=lambda one: (one[1].step, one[1].start)):
        path = folder / f"{name}.json"
        image = kept_part(path, Boarded)
        if image is None:
            continue
        if not _fits(image, group):
            raise RunFolderError(f"{path}: not of {count} candidates; give -o a new folder")
        found |= dict.fromkeys(group, (group, image))
    return found


def _fits(image: Boarded, group: range) -> bool:
    """Return whether an image has figures of the candidates of a group, which are some."""
    lengths = len(image.weights_b), len(image.equal), len(image.there.counted)
    return bool(group) and lengths == (len(group),) * 3


def name_of(group: range) -> str:
    return ENGINE_NAME if group.step == 1 else f"{ENGINE_NAME}-{group.start}-of-{group.step}"


def _group(name: str, count: int) -> range:
    """Return the candidates of the image of a name."""
    start, images = map(int, name.split("-")[1::2]) if name != ENGINE_NAME else (0, 1)
    return range(start, count, images) if start < images else range(0)
