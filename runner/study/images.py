"""What a study keeps of its candidates, image by image, and which images are left to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec

from tinybench.errors import RunFolderError
from tinybench.plural import counted

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
    functions_b: dict[str, int] = {}
    """Code of the functions that candidates call; empty where no symbols say it."""

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
    weights_sha256: list[str] = []
    """Of each one's weights, where they are found anew once they are gone; else none."""

    @property
    def same(self) -> bool:
        """Return whether each answered to each row as on this computer."""
        return not self.there.odd


PIECES = Pieces(rf"{ENGINE_NAME}(?:-[0-9]{{1,6}}-of-[0-9]{{1,6}})?", Boarded, ("{}",))
"""An image each: candidates K, K + N, ... of engine-K-of-N, or bunches of them."""
Bunches = Sequence[range]
"""All candidates, in those that are never dealt out apart, as kernels of the same weights."""
Digest = Callable[[int], str]
"""Of the weights that a candidate has now: an image with one of others is as if it were not there.
"""


@dataclass(frozen=True)
class Group:
    """The candidates of one image."""

    start: int
    """Of the first bunch ..."""
    images: int
    """... and to the next one, as there are so many images."""
    which: tuple[int, ...]

    @property
    def name(self) -> str:
        """Return what the image is kept under."""
        return ENGINE_NAME if self.images == 1 else f"{ENGINE_NAME}-{self.start}-of-{self.images}"


def singly(count: int) -> Bunches:
    """Return so many candidates that may be dealt out each by itself."""
    return [range(at, at + 1) for at in range(count)]


def pieces_of(of: Bunches) -> Pieces:
    """Return the images of a study of candidates."""
    return replace(PIECES, fits=lambda name, image: _fits(image, _named(name, of)))


def images_left(
    folder: Path, of: Bunches, shards: int, part: Part | None, digest: Digest | None = None
) -> list[Group]:
    """Return the images that the folder of a study does not have yet.

    All bunches are dealt out evenly to parts, and there to `shards` images; of a whole study, to as
    many as were begun. Raises RunFolderError.
    """
    known = _known(folder, of, digest)
    images = shards if part is None else shards * part.count
    if part is None:
        images = max([images, *(group.images for group, _ in known.values())])
    images = min(images, len(of))
    groups = share((_group(start, images, of) for start in range(images)), part)
    return [group for group in groups if any(at not in known for at in group.which)]


def candidates_of(of: Bunches, part: Part | None) -> list[int]:
    """Return the candidates of a part; of None all."""
    return [at for bunch in share(of, part) for at in bunch]


def boarded(
    folder: Path, of: Bunches, part: Part | None = None, digest: Digest | None = None
) -> Boarded:
    """Return what the folder of a study has of candidates, as if they were in one image.

    Of a part, of its own candidates. Raises RunFolderError.
    """
    known = _known(folder, of, digest)
    at = {n: (known[n][1], known[n][0].which.index(n)) for n in candidates_of(of, part)}
    images = list({id(image): image for image, _ in at.values()}.values())
    there = images[0].there
    for image, path in ((known[n][1], folder / f"{known[n][0].name}.json") for n in at):
        if _where(image) != _where(images[0]):
            first = folder / f"{known[next(iter(at))][0].name}.json"
            raise RunFolderError(
                f"{first} is of {_where(images[0])}, and {path} of {_where(image)}: what is "
                "counted and measured otherwise is no one study; remove one of them"
            )
    return Boarded(
        there=msgspec.structs.replace(
            there,
            flash_b=max(image.there.flash_b for image in images),
            ram_b=max(image.there.ram_b for image in images),
            functions_b={
                name: size_b for image in images for name, size_b in image.there.functions_b.items()
            },
            odd=sorted({row for image in images for row in image.there.odd}),
            counted=[image.there.counted[place] for image, place in at.values()],
        ),
        weights_b=[image.weights_b[place] for image, place in at.values()],
        equal=[image.equal[place] for image, place in at.values()],
    )


def same_in(folder: Path, of: Bunches, part: Part, rows: int, digest: Digest | None = None) -> bool:
    """Return whether the candidates of a part answer to all rows as they should, here and there."""
    if not share(of, part):
        return True
    found = boarded(folder, of, part, digest)
    return found.same and all(equal == rows for equal in found.equal)


def _where(image: Boarded) -> str:
    """Return on what an image ran, in words."""
    there = image.there
    return (
        f"{counted(there.rows, 'row')} on "
        f"{there.board[:40]}{', emulated' if there.emulated else ''}"
    )


def _known(folder: Path, of: Bunches, digest: Digest | None) -> dict[int, tuple[Group, Boarded]]:
    """Return of each candidate the image that it is in; of several, that of the fewest."""
    found = dict[int, tuple[Group, Boarded]]()
    groups = {name: _named(name, of) for name in names_of(folder, PIECES)}
    for name, group in sorted(groups.items(), key=lambda one: (one[1].images, one[1].start)):
        path = folder / f"{name}.json"
        image = kept_part(path, Boarded)
        if image is None:
            continue
        if not _fits(image, group):
            count = len(candidates_of(of, None))
            raise RunFolderError(f"{path}: not of {count} candidates; give -o a new folder")
        if digest is None or image.weights_sha256 == [digest(at) for at in group.which]:
            found |= dict.fromkeys(group.which, (group, image))
    return found


def _fits(image: Boarded, group: Group) -> bool:
    """Return whether an image has figures of the candidates of a group, which are some."""
    lengths = len(image.weights_b), len(image.equal), len(image.there.counted)
    return bool(group.which) and lengths == (len(group.which),) * 3


def _named(name: str, of: Bunches) -> Group:
    """Return the candidates of the image of a name; none where it cannot be of these."""
    start, images = map(int, name.split("-")[1::2]) if name != ENGINE_NAME else (0, 1)
    return _group(start, images, of) if start < images else Group(start, images, ())


def _group(start: int, images: int, of: Bunches) -> Group:
    return Group(start, images, tuple(at for bunch in of[start::images] for at in bunch))
