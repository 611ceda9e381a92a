"""The embedded pictures for image classification: ten kinds of things, drawn at 32 x 32 pixels.

Each picture depends on the seed, the split and its index alone. Colours say little about the class:
form must be recognised, in any size, turned, in front of clutter, partly hidden, in noise.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .archive import write_archive
from .drawing import (
    Array,
    Frame,
    box,
    colour,
    ellipse,
    limb,
    paint,
    photograph,
    place,
    polygon,
    texture,
)

SIDE_PX = 32
INPUT_B = SIDE_PX * SIDE_PX * 3

Split = Literal["train", "test"]
Fill = Callable[[Array, ArrayLike], None]
"""Paints a mask with a colour, under the light on the thing."""

_SPLITS: tuple[Split, ...] = ("train", "test")
_DARK = (0.08, 0.08, 0.1)


def picture(split: Split, index: int, seed: int) -> tuple[NDArray[np.uint8], int]:
    """Return a picture, (32, 32, 3) in RGB, and its class; ten in a row are of ten classes."""
    label = index % len(CLASSES)
    rng = np.random.default_rng([seed, _SPLITS.index(split), index])
    seen = _background(rng)
    unit = SIDE_PX * rng.uniform(0.24, 0.47)
    centre = rng.uniform(0.36, 0.64, 2) * SIDE_PX
    frame = place(
        SIDE_PX,
        (float(centre[0]), float(centre[1])),
        unit,
        rng.normal(0, 0.22),
        rng.uniform(0.7, 1.25) * rng.choice((-1, 1)),
        rng.uniform(-0.25, 0.25),
    )
    slope_x, slope_y = rng.uniform(-0.25, 0.25, 2)
    grain = texture(rng, SIDE_PX, (9, 9)) - 0.5
    light = np.clip(1 + slope_x * frame.x + slope_y * frame.y + 0.25 * grain, 0.4, 1.6)

    def fill(mask: Array, tint: ArrayLike) -> None:
        paint(seen, mask, np.asarray(tint, np.float32) * light[..., np.newaxis])

    _DRAW[label](frame, rng, fill)
    if rng.random() < 0.35:
        _cover_corner(seen, rng)
    return photograph(seen, rng, noise=0.07), label


def pictures(split: Split, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return `count` pictures, (count, 32, 32, 3), and their classes; as many of each class."""
    drawn = [picture(split, index, seed) for index in range(count)]
    return np.array([seen for seen, _ in drawn]), np.array([label for _, label in drawn], np.uint8)


def write_dataset(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Write pictures as the zip of an EEMBC dataset folder ic01: RGB, row by row, 3072 bytes each.

    A line of the label file is `apple_000000.bin,10,0`.
    """
    names = [f"{CLASSES[label]}_{index:06d}.bin" for index, label in enumerate(labels)]
    lines = [f"{name},{len(CLASSES)},{label}\n" for name, label in zip(names, labels, strict=True)]
    inputs = {name: image.tobytes() for name, image in zip(names, images, strict=True)}
    write_archive(path, "ic01", "".join(lines), inputs)


def _background(rng: np.random.Generator) -> Array:
    """Return a wall, a landscape or a cloth, with some clutter."""
    first, second = colour(rng), colour(rng)
    blend = texture(rng, SIDE_PX, (int(rng.integers(1, 7)), int(rng.integers(1, 7))))
    seen = (first + blend[..., np.newaxis] * (second - first)).astype(np.float32, copy=False)
    if rng.random() < 0.5:  # a horizon or the edge of a table
        edge = place(SIDE_PX, (16, rng.uniform(10, 30)), 16, rng.normal(0, 0.1))
        paint(seen, box(edge, (-3, 0), (3, 4)), colour(rng))
    for _ in range(rng.integers(0, 5)):
        _clutter(seen, rng, (rng.uniform(0, 32), rng.uniform(0, 32)), rng.uniform(2, 9))
    return seen


def _clutter(
    seen: Array, rng: np.random.Generator, centre: tuple[float, float], unit: float
) -> None:
    """Paint one meaningless form."""
    frame = place(SIDE_PX, centre, unit, rng.uniform(0, np.pi))
    form = rng.integers(3)
    mask = (
        ellipse(frame, (0, 0), (1, rng.uniform(0.3, 1)))
        if form == 0
        else box(frame, (-1, -rng.uniform(0.2, 1)), (1, 0.5))
        if form == 1
        else limb(frame, (-1.5, 0), (1.5, 0), (0.15, 0.15))
    )
    paint(seen, rng.uniform(0.4, 1) * mask, colour(rng))


def _cover_corner(seen: Array, rng: np.random.Generator) -> None:
    """Hide one side of the picture behind something near the camera."""
    angle_rad = rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(8, 13)
    centre = (16 + reach * np.cos(angle_rad), 16 + reach * np.sin(angle_rad))
    frame = place(SIDE_PX, centre, 16, angle_rad)
    paint(seen, box(frame, (0, -3), (3, 3)), colour(rng))


def _apple(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    skin = colour(rng)
    fill(limb(frame, (0, -0.5), (rng.uniform(-0.2, 0.2), -1), (0.07, 0.09)), _DARK)
    if rng.random() < 0.7:
        fill(ellipse(frame, (0.35, -0.8), (0.3, 0.13), -0.4), colour(rng))
    for x in (-0.3, 0.3):
        fill(ellipse(frame, (x, 0.15), (0.55, 0.72)), skin)
    fill(0.5 * ellipse(frame, (-0.4, -0.1), (0.14, 0.22)), (1, 1, 1))


def _bottle(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    glass, wide, neck = colour(rng), rng.uniform(0.28, 0.42), rng.uniform(0.1, 0.15)
    fill(box(frame, (-wide, -0.15), (wide, 1), 0.08), glass)
    fill(ellipse(frame, (0, -0.12), (wide, 0.3)), glass)
    fill(box(frame, (-neck, -0.9), (neck, 0)), glass)
    fill(box(frame, (-neck - 0.04, -1), (neck + 0.04, -0.82)), colour(rng))
    if rng.random() < 0.7:
        fill(box(frame, (-wide, 0.1), (wide, rng.uniform(0.45, 0.8))), colour(rng))


def _car(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    paintwork = colour(rng)
    front, rear = rng.uniform(0.3, 0.65), rng.uniform(-0.95, -0.5)
    fill(
        polygon(frame, [(rear, 0), (rear + 0.2, -0.5), (front - 0.35, -0.5), (front, 0)]), paintwork
    )
    window = [(rear + 0.12, -0.05), (rear + 0.26, -0.4), (front - 0.4, -0.4), (front - 0.15, -0.05)]
    fill(polygon(frame, window), colour(rng, 0.3))
    fill(box(frame, (-1, -0.08), (1, 0.4), 0.12), paintwork)
    for x in (-0.55, 0.55):
        fill(ellipse(frame, (x, 0.4), (0.24, 0.24)), _DARK)
        fill(ellipse(frame, (x, 0.4), (0.1, 0.1)), (0.7, 0.7, 0.7))


def _fish(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    scales, deep = colour(rng), rng.uniform(0.32, 0.55)
    fill(polygon(frame, [(0.45, 0), (1.05, -0.45), (0.92, 0), (1.05, 0.45)]), scales)
    fill(polygon(frame, [(-0.3, -0.2), (0.15, -deep - 0.25), (0.35, -0.1)]), colour(rng))
    fill(ellipse(frame, (-0.15, 0), (0.78, deep)), scales)
    if rng.random() < 0.5:
        for x in (-0.15, 0.2):
            fill(box(frame, (x, -0.6 * deep), (x + 0.13, 0.6 * deep)), colour(rng))
    fill(ellipse(frame, (-0.6, -0.1), (0.09, 0.09)), (1, 1, 1))
    fill(ellipse(frame, (-0.62, -0.1), (0.05, 0.05)), _DARK)


def _flower(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    petals, petal = int(rng.integers(5, 9)), colour(rng)
    stalk = colour(rng)
    fill(limb(frame, (0, -0.3), (rng.uniform(-0.25, 0.25), 1), (0.06, 0.06)), stalk)
    fill(ellipse(frame, (0.22, 0.6), (0.26, 0.1), -0.5), stalk)
    for turn in np.arange(petals) * (2 * np.pi / petals) + rng.uniform(0, 1):
        at = (0.4 * float(np.cos(turn)), -0.35 + 0.4 * float(np.sin(turn)))
        fill(ellipse(frame, at, (0.3, 1.1 / petals), turn), petal)
    fill(ellipse(frame, (0, -0.35), (0.2, 0.2)), colour(rng))


def _house(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    wall, eaves = colour(rng), rng.uniform(-0.35, 0)
    if rng.random() < 0.6:
        fill(box(frame, (0.3, -0.9), (0.52, -0.2)), colour(rng))
    fill(box(frame, (-0.75, eaves), (0.75, 0.85)), wall)
    fill(
        polygon(frame, [(-0.95, eaves), (rng.uniform(-0.2, 0.2), -0.95), (0.95, eaves)]),
        colour(rng),
    )
    fill(box(frame, (-0.15, 0.3), (0.2, 0.85)), _DARK)
    for x in (-0.58, 0.35):
        fill(box(frame, (x, 0.1), (x + 0.26, 0.4)), colour(rng))


def _key(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    metal, hole = colour(rng, 0.6), rng.uniform(0.15, 0.24)
    ring = ellipse(frame, (-0.55, 0), (0.42, 0.42)) * (1 - ellipse(frame, (-0.58, 0), (hole, hole)))
    fill(ring, metal)
    fill(box(frame, (-0.2, -0.1), (1, 0.1)), metal)
    for x in (0.55, 0.82):
        fill(box(frame, (x, 0), (x + 0.15, rng.uniform(0.25, 0.42))), metal)


def _mug(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    glaze, tall = colour(rng), rng.uniform(0.5, 0.75)
    handle = ellipse(frame, (0.5, 0), (0.42, 0.42)) * (1 - ellipse(frame, (0.5, 0), (0.24, 0.24)))
    fill(handle, glaze)
    fill(box(frame, (-0.62, -tall), (0.5, tall), 0.12), glaze)
    fill(ellipse(frame, (-0.06, -tall), (0.56, 0.17)), glaze)
    fill(ellipse(frame, (-0.06, -tall), (0.46, 0.11)), colour(rng, 0.5))
    if rng.random() < 0.4:
        fill(box(frame, (-0.62, -0.1), (0.5, 0.2)), colour(rng))


def _sailboat(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    sail, boom = colour(rng), rng.uniform(0.25, 0.4)
    fill(box(frame, (-0.04, -1), (0.04, 0.5)), _DARK)
    fill(polygon(frame, [(0.08, -0.95), (0.08, boom), (rng.uniform(0.5, 0.85), boom)]), sail)
    fill(polygon(frame, [(-0.08, -0.8), (-0.08, boom), (-rng.uniform(0.35, 0.6), boom)]), sail)
    fill(polygon(frame, [(-0.9, 0.48), (0.9, 0.48), (0.6, 0.88), (-0.6, 0.88)]), colour(rng))


def _tree(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    leaves = colour(rng)
    fill(box(frame, (-0.12, 0.1), (0.12, 1)), colour(rng, 0.5))
    if rng.random() < 0.5:
        for top, wide in ((-1, 0.45), (-0.65, 0.6), (-0.25, 0.75)):
            fill(polygon(frame, [(-wide, top + 0.75), (0, top), (wide, top + 0.75)]), leaves)
        return
    for x, y in ((-0.35, 0), (0.35, 0), (0, -0.45), (0, -0.1)):
        reach = rng.uniform(0.38, 0.52)
        fill(ellipse(frame, (x, y), (reach, reach)), leaves)


_DRAW = (_apple, _bottle, _car, _fish, _flower, _house, _key, _mug, _sailboat, _tree)
CLASSES = tuple(draw.__name__.removeprefix("_") for draw in _DRAW)
