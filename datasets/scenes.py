"""The embedded scenes for visual wake words: rooms and streets, with a person or without, 96 x 96.

Each scene depends on the seed, the split and its index alone. In place of a person there is
a thing of that size: a lamp, a tree, a coat on a stand, an animal. A person stands, walks, waves,
sits or bends, near or far, cut by the edge or partly hidden.
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
    Point,
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

CLASSES = ("no_person", "person")
PERSON = CLASSES.index("person")
SIDE_PX = 96
PARTS = 12
INPUT_B = SIDE_PX * SIDE_PX * 3

Split = Literal["train", "test"]
Fill = Callable[[Array, ArrayLike], None]
"""Paints a mask with a colour, under the light on the thing."""
Thing = Callable[[Frame, np.random.Generator, Fill], None]
"""Draws a thing that stands on the origin and is about one unit high."""

_SPLITS: tuple[Split, ...] = ("train", "test")
_DARK = (0.1, 0.1, 0.12)

# From light to dark skin; each person has a mixture of two neighbours.
_SKIN = np.array([(0.95, 0.8, 0.7), (0.85, 0.65, 0.5), (0.6, 0.42, 0.3), (0.3, 0.2, 0.15)])


def scene(split: Split, index: int, seed: int) -> tuple[NDArray[np.uint8], int, Array]:
    """Return a scene, (96, 96, 3) in RGB, its class, and the person's part of each 8x8 pixels.

    The class is 1 with a person; with and without take turns. The parts, (12, 12), are within 0..1.
    """
    label = index % 2
    rng = np.random.default_rng([seed, _SPLITS.index(split), index])
    indoors = bool(rng.integers(2))
    horizon = rng.uniform(0.35, 0.7) * SIDE_PX
    seen = _room(rng, horizon) if indoors else _street(rng, horizon)
    things = _INDOORS if indoors else _OUTDOORS

    for _ in range(rng.integers(0, 3)):
        _stand(seen, rng, things[rng.integers(len(things))], horizon, rng.uniform(15, 60))
    # One thing of a person's size, or the person.
    high = float(np.exp(rng.uniform(np.log(48), np.log(140))))
    if label == PERSON:
        figure = _stand(seen, rng, _person, horizon, high)
    else:
        figure = _stand(seen, rng, things[rng.integers(len(things))], horizon, high)
    for _ in range(rng.integers(0, 2)):
        front = seen.copy()
        thing = things[rng.integers(len(things))]
        hidden = _stand(front, rng, thing, horizon, rng.uniform(0.3, 0.8) * high)
        if (figure * (1 - hidden)).sum() > 0.75 * figure.sum():
            seen, figure = front, figure * (1 - hidden)
    figure = figure if label == PERSON else np.zeros_like(figure)
    parts = figure.reshape(PARTS, SIDE_PX // PARTS, PARTS, SIDE_PX // PARTS).mean(axis=(1, 3))
    return photograph(seen, rng, noise=0.035), label, parts


def scenes(split: Split, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return `count` scenes, (count, 96, 96, 3), and their classes; half with a person."""
    drawn = [scene(split, index, seed) for index in range(count)]
    images = np.array([image for image, _, _ in drawn])
    return images, np.array([label for _, label, _ in drawn], np.uint8)


def write_dataset(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Write scenes as the zip of an EEMBC dataset folder vww01: RGB, row by row, 27648 bytes each.

    A line of the label file is `000000000001.bin,2,1`.
    """
    names = [f"{index:012d}.bin" for index in range(len(labels))]
    lines = [f"{name},{len(CLASSES)},{label}\n" for name, label in zip(names, labels, strict=True)]
    inputs = {name: image.tobytes() for name, image in zip(names, images, strict=True)}
    write_archive(path, "vww01", "".join(lines), inputs)


def _stand(
    seen: Array, rng: np.random.Generator, thing: Thing, horizon: float, high: float
) -> Array:
    """Paint a thing `high` pixels high on the floor; returns the mask of what it covers."""
    across = rng.uniform(0.12, 0.88) * SIDE_PX
    # The camera is at the height of a chest: what is near reaches below the edge, not above it.
    foot = np.clip(horizon + rng.uniform(0.25, 0.75) * high, high - 2, high + 24)
    frame = place(
        SIDE_PX,
        (across, foot),
        high,
        rng.normal(0, 0.04),
        rng.uniform(0.85, 1.2) * rng.choice((-1, 1)),
    )
    grain = texture(rng, SIDE_PX, (12, 12)) - 0.5
    slope = rng.uniform(-0.5, 0.5)
    light = np.clip(rng.uniform(0.8, 1.1) + slope * frame.x + 0.2 * grain, 0.35, 1.5)
    covered = np.zeros((SIDE_PX, SIDE_PX), np.float32)

    def fill(mask: Array, tint: ArrayLike) -> None:
        paint(seen, mask, np.asarray(tint, np.float32) * light[..., np.newaxis])
        np.maximum(covered, mask, out=covered)

    shadow = 0.4 * ellipse(frame, (0.05, 0), (rng.uniform(0.15, 0.3), 0.04))
    paint(seen, shadow.astype(np.float32), _DARK)
    thing(frame, rng, fill)
    return covered


def _surface(rng: np.random.Generator, tint: ArrayLike) -> Array:
    """Return a texture in shades of a colour, (96, 96, 3)."""
    cells = (int(rng.integers(2, 14)), int(rng.integers(2, 14)))
    grain = texture(rng, SIDE_PX, cells) + 0.5 * texture(rng, SIDE_PX, (32, 32)) - 0.75
    shade = 1 + rng.uniform(0.1, 0.5) * grain[..., np.newaxis]
    return (np.asarray(tint, np.float32) * shade).astype(np.float32)


def _room(rng: np.random.Generator, horizon: float) -> Array:
    """Return a wall with pictures, windows and shelves above a floor."""
    seen = _surface(rng, 0.3 + 0.6 * colour(rng, 0.6))
    wall = place(SIDE_PX, (48, horizon), 48, rng.normal(0, 0.03))
    for _ in range(rng.integers(0, 3)):
        x, y = rng.uniform(-1, 0.7), rng.uniform(-1.3, -0.4)
        wide, tall = rng.uniform(0.15, 0.7, 2)
        paint(
            seen, box(wall, (x - 0.04, y - 0.04), (x + wide + 0.04, y + tall + 0.04)), colour(rng)
        )
        paint(seen, box(wall, (x, y), (x + wide, y + tall)), _surface(rng, colour(rng)))
    if rng.random() < 0.4:
        shelf = rng.uniform(-0.9, -0.3)
        for x in np.arange(rng.uniform(-0.9, 0), 0.9, 0.11):
            top = shelf - rng.uniform(0.12, 0.3)
            paint(seen, box(wall, (x, top), (x + rng.uniform(0.05, 0.1), shelf)), colour(rng))
        paint(seen, box(wall, (-1, shelf), (1, shelf + 0.05)), colour(rng, 0.4))
    floor = box(wall, (-3, rng.uniform(0.05, 0.5)), (3, 4))
    paint(seen, floor, _surface(rng, 0.15 + 0.6 * colour(rng, 0.5)))
    return seen


def _street(rng: np.random.Generator, horizon: float) -> Array:
    """Return sky, hills or houses, and ground."""
    seen = _surface(rng, 0.4 + 0.55 * colour(rng, 0.4))
    land = place(SIDE_PX, (48, horizon), 48, rng.normal(0, 0.03))
    if rng.random() < 0.5:
        for _ in range(3):
            at = (rng.uniform(-1, 1), rng.uniform(0, 0.3))
            hill = ellipse(land, at, (rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.7)))
            paint(seen, hill, _surface(rng, 0.8 * colour(rng, 0.6)))
    else:
        for x in np.arange(-1.1, 1.1, rng.uniform(0.35, 0.8)):
            top, wide = rng.uniform(-1.3, -0.3), rng.uniform(0.3, 0.6)
            paint(seen, box(land, (x, top), (x + wide, 0.1)), _surface(rng, colour(rng, 0.6)))
            pane = colour(rng, 0.5)
            for row in np.arange(top + 0.1, -0.1, 0.25):
                for column in np.arange(x + 0.06, x + wide - 0.1, 0.16):
                    paint(seen, box(land, (column, row), (column + 0.08, row + 0.13)), pane)
    paint(seen, box(land, (-3, 0), (3, 4)), _surface(rng, 0.15 + 0.6 * colour(rng, 0.5)))
    return seen


def _from(start: Point, length: float, angle_rad: float) -> Point:
    """Return the end of a limb from `start`; at angle 0 it hangs down."""
    return (
        start[0] + length * float(np.sin(angle_rad)),
        start[1] + length * float(np.cos(angle_rad)),
    )


def _person(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    tone = rng.uniform(0, len(_SKIN) - 1)
    skin = [np.interp(tone, range(len(_SKIN)), channel) for channel in _SKIN.T]
    shirt, trousers, shoes, hair = colour(rng), colour(rng), colour(rng, 0.4), colour(rng, 0.3)
    stout = rng.uniform(0.85, 1.35)
    pose = rng.choice(("stand", "walk", "wave", "sit", "bend"), p=(0.3, 0.3, 0.15, 0.15, 0.1))
    lean = rng.uniform(0.5, 1) if pose == "bend" else rng.normal(0, 0.06)
    hips: Point = (0, -0.3 if pose == "sit" else -0.49)
    neck = _from(hips, 0.32, np.pi - lean)
    stride = rng.uniform(0.25, 0.55) if pose == "walk" else rng.uniform(0.03, 0.15)
    half = 0.085 * stout
    shoulders = [(neck[0] - half, neck[1] + 0.02), (neck[0] + half, neck[1] + 0.02)]

    def arm(side: int) -> None:
        outward = 1 if side else -1
        swing = stride * outward * rng.uniform(-1, 1) + 0.15 * outward
        bend = rng.uniform(-0.2, 0.9) * outward
        if pose == "wave" and side:
            swing, bend = rng.uniform(1.8, 2.8), rng.uniform(-0.5, 0.8)
        elbow = _from(shoulders[side], 0.16, swing)
        wrist = _from(elbow, 0.15, swing + bend)
        bare = rng.random() < 0.4
        fill(limb(frame, elbow, wrist, (0.026 * stout, 0.02)), skin if bare else shirt)
        fill(limb(frame, shoulders[side], elbow, (0.036 * stout, 0.028 * stout)), shirt)
        fill(ellipse(frame, wrist, (0.025, 0.025)), skin)

    def leg(side: int) -> None:
        hip = (hips[0] + (0.045 if side else -0.045) * stout, hips[1])
        swing = stride * (1 if side else -1) + rng.normal(0, 0.04)
        knee_bend = -rng.uniform(0, 0.3) if pose == "walk" else rng.normal(0, 0.04)
        if pose == "sit":
            swing, knee_bend = rng.uniform(1.0, 1.5), -rng.uniform(1.0, 1.5)
        knee = _from(hip, 0.24, swing)
        ankle = _from(knee, 0.23, swing + knee_bend)
        fill(limb(frame, knee, ankle, (0.042 * stout, 0.028)), lower)
        fill(limb(frame, hip, knee, (0.06 * stout, 0.045 * stout)), trousers)
        fill(limb(frame, ankle, (ankle[0] + 0.05, ankle[1] + 0.01), (0.028, 0.022)), shoes)

    lower = skin if rng.random() < 0.25 else trousers
    arm(0)
    leg(0)
    leg(1)
    if pose != "sit" and rng.random() < 0.2:  # a skirt or a coat
        hem = rng.uniform(0.14, 0.3)
        corners = [(-0.06, 0), (0.06, 0), (0.14, hem), (-0.14, hem)]
        fill(polygon(frame, [(hips[0] + x * stout, hips[1] + y) for x, y in corners]), trousers)
    fill(limb(frame, hips, neck, (0.082 * stout, 0.072 * stout)), shirt)
    fill(limb(frame, shoulders[0], shoulders[1], (0.045, 0.045)), shirt)
    _head(frame, rng, fill, neck, lean, skin, hair, shoes)
    arm(1)


def _head(
    frame: Frame,
    rng: np.random.Generator,
    fill: Fill,
    neck: Point,
    lean: float,
    skin: ArrayLike,
    hair: Array,
    hat: Array,
) -> None:
    head = _from(neck, 0.125, np.pi - lean - rng.normal(0, 0.1))
    if rng.random() < 0.35:  # long hair
        fill(ellipse(frame, (head[0], head[1] + 0.02), (0.07, 0.11)), hair)
    fill(limb(frame, neck, head, (0.03, 0.03)), skin)
    fill(ellipse(frame, head, (0.056, 0.073)), skin)
    if rng.random() < 0.7:  # a face; else seen from behind
        fill(ellipse(frame, (head[0], head[1] - 0.045), (0.06, 0.04)), hair)
        for x in (-0.022, 0.022):
            fill(ellipse(frame, (head[0] + x, head[1] - 0.005), (0.009, 0.007)), _DARK)
    else:
        fill(ellipse(frame, head, (0.06, 0.076)), hair)
    if rng.random() < 0.2:  # a hat
        fill(ellipse(frame, (head[0], head[1] - 0.04), (0.09, 0.016)), hat)
        fill(ellipse(frame, (head[0], head[1] - 0.06), (0.055, 0.04)), hat)


def _tree(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    leaves = colour(rng, 0.8) * np.array([0.7, 1, 0.6], np.float32)
    fill(limb(frame, (0, 0), (0, -0.6), (0.06, 0.03)), colour(rng, 0.3) * 0.6)
    for _ in range(rng.integers(3, 7)):
        at = (rng.uniform(-0.2, 0.2), rng.uniform(-0.9, -0.5))
        fill(ellipse(frame, at, (rng.uniform(0.1, 0.25), rng.uniform(0.1, 0.25))), leaves)


def _lamp(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    post, glow = colour(rng, 0.4), 0.5 + 0.5 * colour(rng, 0.5)
    fill(box(frame, (-0.12, -0.03), (0.12, 0.01), 0.01), post)
    fill(limb(frame, (0, 0), (0, -0.9), (0.022, 0.016)), post)
    if rng.random() < 0.5:
        fill(ellipse(frame, (0, -0.92), (0.07, 0.08)), glow)
    else:
        fill(polygon(frame, [(-0.16, -0.75), (-0.08, -1), (0.08, -1), (0.16, -0.75)]), glow)


def _coats(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    """A coat and a hat on a stand: no person."""
    wood = colour(rng, 0.4)
    fill(limb(frame, (0, 0), (0, -0.98), (0.02, 0.02)), wood)
    for x in (-0.15, 0.15):
        fill(limb(frame, (0, -0.08), (x, 0), (0.018, 0.018)), wood)
        fill(limb(frame, (0, -0.85), (x, -0.93), (0.015, 0.015)), wood)
    hem, wide = rng.uniform(-0.5, -0.25), rng.uniform(0.1, 0.17)
    corners = [(-0.05, -0.87), (0.06, -0.87), (wide, hem), (-wide, hem + 0.03)]
    fill(polygon(frame, corners), colour(rng))
    if rng.random() < 0.5:
        fill(ellipse(frame, (0, -0.97), (0.1, 0.02)), colour(rng))
        fill(ellipse(frame, (0, -1), (0.06, 0.045)), colour(rng))


def _plant(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    leaf = colour(rng, 0.8) * np.array([0.6, 1, 0.6], np.float32)
    for _ in range(rng.integers(5, 10)):
        tip = _from((0, -0.3), rng.uniform(0.3, 0.7), np.pi + rng.uniform(-0.9, 0.9))
        fill(limb(frame, (0, -0.3), tip, (0.02, 0.035)), leaf)
    fill(polygon(frame, [(-0.17, -0.34), (0.17, -0.34), (0.12, 0), (-0.12, 0)]), colour(rng))


def _animal(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    """A dog, a cow, a horse: four legs, seen from the side."""
    fur, long = colour(rng, 0.5), rng.uniform(0.3, 0.5)
    for x in (-long, -long + 0.15, long - 0.15, long):
        foot = (x + rng.uniform(-0.1, 0.1), 0)
        fill(limb(frame, (x, -0.45), foot, (0.06, 0.035)), fur)
    fill(limb(frame, (-long, -0.5), (long, -0.52), (0.15, 0.17)), fur)
    head = (long + rng.uniform(0.1, 0.25), rng.uniform(-0.95, -0.65))
    fill(limb(frame, (long, -0.55), head, (0.1, 0.07)), fur)
    fill(limb(frame, head, (head[0] + 0.16, head[1] + 0.06), (0.09, 0.05)), fur)
    fill(limb(frame, (-long - 0.1, -0.55), (-long - 0.25, -0.3), (0.03, 0.02)), fur)
    fill(ellipse(frame, (head[0] - 0.03, head[1] - 0.09), (0.03, 0.06)), fur * 0.7)


def _chair(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    wood, seat = colour(rng, 0.5), rng.uniform(-0.5, -0.4)
    for x in (-0.24, 0.24):
        fill(limb(frame, (x, seat), (x * 1.1, 0), (0.03, 0.025)), wood)
    fill(box(frame, (-0.28, -1), (0.28, seat), 0.06), colour(rng))
    fill(box(frame, (-0.3, seat - 0.05), (0.3, seat + 0.05), 0.03), wood)


def _cupboard(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    front, wide = colour(rng, 0.5), rng.uniform(0.2, 0.45)
    fill(box(frame, (-wide, -1), (wide, 0), 0.02), front)
    split = rng.uniform(-0.7, -0.3)
    fill(box(frame, (-wide, split), (wide, split + 0.02)), front * 0.5)
    fill(box(frame, (wide - 0.1, split - 0.2), (wide - 0.06, split - 0.06)), _DARK)


def _bottle(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    """A vase or a bottle, on a stool."""
    glass = colour(rng)
    fill(box(frame, (-0.2, -0.4), (0.2, -0.34)), colour(rng, 0.4))
    for x in (-0.15, 0.15):
        fill(limb(frame, (x, -0.36), (x, 0), (0.025, 0.025)), _DARK)
    fill(ellipse(frame, (0, -0.58), (0.12, 0.19)), glass)
    fill(limb(frame, (0, -0.6), (0, -0.93), (0.05, 0.04)), glass)
    fill(ellipse(frame, (0, -0.95), (0.06, 0.03)), glass)


def _sign(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    face, edge = colour(rng), colour(rng)
    fill(limb(frame, (0, 0), (0, -0.9), (0.02, 0.02)), colour(rng, 0.2))
    if rng.random() < 0.5:
        fill(ellipse(frame, (0, -0.85), (0.14, 0.14)), edge)
        fill(ellipse(frame, (0, -0.85), (0.1, 0.1)), face)
    else:
        fill(box(frame, (-0.25, -1), (0.25, -0.7), 0.02), edge)
        fill(box(frame, (-0.2, -0.95), (0.2, -0.75)), face)


def _post(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    """A post box, a pillar, a hydrant."""
    coat, wide = colour(rng), rng.uniform(0.1, 0.2)
    fill(box(frame, (-wide, -0.85), (wide, 0), 0.02), coat)
    fill(ellipse(frame, (0, -0.85), (wide * 1.1, 0.13)), coat)
    fill(box(frame, (-wide * 0.7, -0.7), (wide * 0.7, -0.64)), _DARK)
    fill(box(frame, (-wide * 1.15, -0.1), (wide * 1.15, 0)), coat * 0.6)


def _cone(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    fill(polygon(frame, [(-0.3, 0), (-0.04, -1), (0.04, -1), (0.3, 0)]), colour(rng))
    fill(polygon(frame, [(-0.21, -0.35), (-0.14, -0.6), (0.14, -0.6), (0.21, -0.35)]), colour(rng))


def _vehicle(frame: Frame, rng: np.random.Generator, fill: Fill) -> None:
    body = colour(rng)
    fill(polygon(frame, [(-0.8, -0.5), (-0.5, -1), (0.5, -1), (0.8, -0.5)]), body)
    fill(
        polygon(frame, [(-0.65, -0.53), (-0.42, -0.9), (0.42, -0.9), (0.65, -0.53)]),
        colour(rng, 0.3),
    )
    fill(box(frame, (-1.2, -0.6), (1.2, -0.12), 0.1), body)
    for x in (-0.7, 0.7):
        fill(ellipse(frame, (x, -0.17), (0.19, 0.19)), _DARK)


_INDOORS: tuple[Thing, ...] = (
    _lamp, _coats, _plant, _animal, _chair, _chair, _cupboard, _bottle, _bottle,
)  # fmt: skip
_OUTDOORS: tuple[Thing, ...] = (
    _tree, _tree, _lamp, _animal, _sign, _post, _cone, _vehicle, _plant, _coats,
)  # fmt: skip
