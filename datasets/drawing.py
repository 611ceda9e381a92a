"""Draw soft-edged shapes, textures and light into small RGB pictures, with numpy only.

A picture is float32 of shape (height, width, 3) within 0..1. A shape is a mask, float32 of shape
(height, width): the share of each pixel that it covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """The position of each pixel in the units of the thing to draw; y points down."""

    x: Array
    y: Array
    pixel: float
    """Side of a pixel in these units."""


def place(
    side: int,
    centre: Point,
    unit: float,
    angle_rad: float = 0.0,
    stretch: float = 1.0,
    shear: float = 0.0,
) -> Frame:
    """Return the frame of a thing whose unit is `unit` pixels, in a picture of side x side pixels.

    Its origin lies on the pixel position `centre` (x, y). It is turned by `angle_rad`; its width is
    multiplied by `stretch` (negative: mirrored), and `shear` slants it.
    """
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) + np.float32(0.5)
    right, down = columns - centre[0], rows - centre[1]
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    x = (cosine * right + sine * down) / unit
    y = (cosine * down - sine * right) / unit
    return Frame(
        ((x - shear * y) / stretch).astype(np.float32), y.astype(np.float32), 1 / float(unit)
    )


def _cover(distance: NDArray[np.floating], frame: Frame) -> Array:
    """Return the coverage from the distance to the edge, which is negative inside."""
    return np.clip(0.5 - distance / frame.pixel, 0, 1).astype(np.float32, copy=False)


def ellipse(frame: Frame, centre: Point, radii: Point, angle_rad: float = 0.0) -> Array:
    """Return the mask of an ellipse."""
    right, down = frame.x - centre[0], frame.y - centre[1]
    if angle_rad:
        cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
        right, down = cosine * right + sine * down, cosine * down - sine * right
    across, along = right / radii[0], down / radii[1]
    level = np.sqrt(across * across + along * along) + 1e-6
    slope = np.sqrt((across / radii[0]) ** 2 + (along / radii[1]) ** 2) / level + 1e-6
    return _cover(((level - 1) / slope).astype(np.float32), frame)


def limb(frame: Frame, start: Point, end: Point, radii: Point) -> Array:
    """Return the mask of a rounded stroke, its radius going from radii[0] to radii[1]."""
    step_x, step_y = end[0] - start[0], end[1] - start[1]
    right, down = frame.x - start[0], frame.y - start[1]
    length = step_x * step_x + step_y * step_y + 1e-9
    along = np.clip((right * step_x + down * step_y) / length, 0, 1)
    away = np.hypot(right - along * step_x, down - along * step_y)
    return _cover(away - (radii[0] + along * (radii[1] - radii[0])), frame)


def box(frame: Frame, low: Point, high: Point, corner: float = 0.0) -> Array:
    """Return the mask of a rectangle from corner `low` to corner `high`, with rounded corners."""
    across = np.abs(frame.x - (low[0] + high[0]) / 2) - (high[0] - low[0]) / 2 + corner
    along = np.abs(frame.y - (low[1] + high[1]) / 2) - (high[1] - low[1]) / 2 + corner
    outside = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
    return _cover(outside + np.minimum(np.maximum(across, along), 0) - corner, frame)


def polygon(frame: Frame, points: Sequence[Point]) -> Array:
    """Return the mask of a polygon, convex or not, whose sides do not cross."""
    nearest = np.full(frame.x.shape, np.inf, np.float32)
    inside = np.zeros(frame.x.shape, bool)
    for (x0, y0), (x1, y1) in zip(points, (*points[1:], points[0]), strict=True):
        step_x, step_y = x1 - x0, y1 - y0
        right, down = frame.x - x0, frame.y - y0
        length = step_x * step_x + step_y * step_y + 1e-9
        along = np.clip((right * step_x + down * step_y) / length, 0, 1)
        away = (right - along * step_x) ** 2 + (down - along * step_y) ** 2
        nearest = np.minimum(nearest, away)
        if step_y:
            inside ^= ((frame.y >= y0) != (frame.y >= y1)) & (right < down * (step_x / step_y))
    distance = np.sqrt(nearest)
    return _cover(np.where(inside, -distance, distance), frame)


def paint(picture: Array, mask: Array, colour: ArrayLike) -> None:
    """Lay a colour, (3,) or one for each pixel (height, width, 3), over a picture where a mask is.

    The picture is changed in place.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return
    touched = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    colour = np.asarray(colour, np.float32)
    under = picture[touched]
    under += mask[touched][..., np.newaxis] * (
        (colour[touched] if colour.ndim > 1 else colour) - under
    )


def texture(rng: np.random.Generator, side: int, cells: tuple[int, int]) -> Array:
    """Return smooth noise within 0..1, (side, side), between random values in (rows, columns)."""
    values = rng.random((cells[0] + 1, cells[1] + 1), dtype=np.float32)
    return _stretch(_stretch(values, side).T, side).T


def _stretch(values: Array, side: int) -> Array:
    """Return values (n, m) with `side` rows, smoothly between the given ones."""
    at = np.linspace(0, len(values) - 1, side, dtype=np.float32)
    below = np.minimum(at.astype(np.intp), len(values) - 2)
    part = at - below
    part = (part * part * (3 - 2 * part))[:, np.newaxis]
    stretched = values[below] * (1 - part) + values[below + 1] * part
    return stretched.astype(np.float32, copy=False)


def blur(picture: Array, sigma: float) -> Array:
    """Return a picture blurred by a Gaussian of `sigma` pixels, edge pixels repeated outside."""
    reach = max(1, int(np.ceil(2.5 * sigma)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        margin = [(reach, reach) if axis == at else (0, 0) for at in range(3)]
        wide = np.pad(picture, margin, mode="edge")
        size = picture.shape[axis]
        picture = np.zeros_like(picture)
        for shift, weight in enumerate(weights):
            picture += weight * np.take(wide, range(shift, shift + size), axis)
    return picture


def colour(rng: np.random.Generator, vivid: float = 1.0) -> Array:
    """Return any colour; with `vivid` near 0 the three channels are nearly equal."""
    tint = rng.random(3, dtype=np.float32)
    return tint.mean() + np.float32(vivid) * (tint - tint.mean())


def photograph(picture: Array, rng: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    """Return what a cheap camera makes of a picture: RGB565, the lower bits filled, as uint8.

    Light from one side, a colour cast, contrast, exposure and blur are drawn from `rng`; `noise`
    bounds the standard deviation of the sensor's noise.
    """
    side = len(picture)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    angle_rad = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.35) * (np.cos(angle_rad) * rows + np.sin(angle_rad) * columns)
    cast = rng.uniform(0.9, 1.1, 3).astype(np.float32)
    contrast, exposure = rng.uniform(0.7, 1.15), rng.uniform(-0.13, 0.12)
    seen = (picture * light[..., np.newaxis] * cast - 0.45) * contrast + 0.45 + exposure
    seen = blur(seen.astype(np.float32), rng.uniform(0.3, 0.9))
    seen += rng.uniform(0.2, 1) * noise * rng.standard_normal(seen.shape, np.float32)
    levels = np.array([31, 63, 31], np.float32)
    return np.round(np.round(np.clip(seen, 0, 1) * levels) * (255 / levels)).astype(np.uint8)
