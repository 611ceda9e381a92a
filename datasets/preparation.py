"""How a picture or a sound becomes the input of a model, as it is declared."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinybench.declare import Declaration, Name, find, load, named
from tinybench.errors import DatasetError

from .coco import shrink
from .image import read_png
from .mfcc import mfcc
from .wake.wav import read_wav

FOLDER = "preparations"
GREY = np.array([0.299, 0.587, 0.114])
"""Ref: ITU-R BT.601, 2.5.1: luminance of red, green and blue."""
COLOURS = 3

Term = Annotated[float, Meta(ge=-1e6, le=1e6)]
Divisor = Annotated[float, Meta(gt=0, le=1e6)]
EachColour = Meta(min_length=COLOURS, max_length=COLOURS)


class Picture(Declaration, frozen=True):
    """Values of 0 to 255 become (value - subtract) / divide."""

    resize: bool = False
    """To the height and width of the model's input; else a picture has these already."""
    subtract: Term | Annotated[list[Term], EachColour] = 0.0
    """For all colours, or for red, green and blue."""
    divide: Divisor | Annotated[list[Divisor], EachColour] = 1.0


class Sound(Declaration, frozen=True):
    """Samples of int16 at 16 kHz become (sample - subtract) / divide, or features."""

    features: Literal["samples", "mfcc"] = "samples"
    """mfcc: 49 x 10 of one second, as those of the keyword task of MLPerf Tiny."""
    subtract: Term = 0.0
    divide: Divisor = 1.0


class Preparation(Declaration, frozen=True):
    """What real values an input has that comes as a file of another kind."""

    name: Name
    title: str = ""
    picture: Picture | None = None
    sound: Sound | None = None


def names() -> list[str]:
    """Return the names of the preparations in the package, sorted."""
    return list(named("datasets", FOLDER))


def load_preparation(name: str) -> Preparation:
    """Load one by its name, or by the path of a .toml file. Raises UsageError, DeclarationError."""
    return load(find("preparation", name, named("datasets", FOLDER)), Preparation)


def prepared(
    raw: bytes, file: Path, shape: list[int], how: Preparation | None
) -> NDArray[np.float64]:
    """Return the real values of a .png or .wav for an input of such a shape.

    Raises DatasetError for what cannot be read, does not fit, or is not declared; ToolMissingError
    without Pillow.
    """
    what = "picture" if file.suffix == ".png" else "sound"
    declared = None if how is None else how.picture if what == "picture" else how.sound
    if declared is None:
        known = [one for one in names() if getattr(load_preparation(one), what) is not None]
        raise DatasetError(
            f"{file}: what the values of a {what} become is not said: give --prepare "
            f"{' or '.join(known)}, or a .toml file with a [{what}] (docs/model.md)"
        )
    if isinstance(declared, Picture):
        return _picture(read_png(raw, str(file)), file, shape, declared)
    samples = read_wav(raw, str(file))
    if declared.features == "mfcc":
        try:
            return mfcc(samples)
        except DatasetError as error:
            raise DatasetError(f"{file}: {error}") from error
    return (samples.astype(np.float64) - declared.subtract) / declared.divide


def _picture(
    pixels: NDArray[np.uint8], file: Path, shape: list[int], how: Picture
) -> NDArray[np.float64]:
    high, wide, channels = ([0, 0, 0, *shape])[-3:]
    planes = channels not in (1, COLOURS)  # as in ONNX
    if planes:
        channels, high, wide = high, wide, channels
    if channels not in (1, COLOURS) or not high * wide:
        raise DatasetError(f"{file}: the model's input, {shape}, is no picture of 1 or 3 channels")
    coloured = np.repeat(pixels, COLOURS, axis=2) if pixels.shape[2] == 1 else pixels
    if coloured.shape[:2] != (high, wide):
        if not how.resize:
            raise DatasetError(
                f"{file}: {pixels.shape[1]}x{pixels.shape[0]} pixels, and the model takes "
                f"{wide}x{high}: scale it before, or declare resize = true"
            )
        coloured = shrink(coloured, high, wide)
    values = (coloured - np.asarray(how.subtract)) / np.asarray(how.divide)
    if channels == 1:
        values = (values @ GREY)[..., np.newaxis]
    return values.transpose(2, 0, 1) if planes else values
