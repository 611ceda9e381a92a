"""L2_POOL_2D: the root of the mean of the squares of a window, of floats."""

from ..step import Kind
from .average_pool_2d import FIELDS, SQUARES, float_pool

KIND = Kind(
    options="Pool2DOptions",
    fields=FIELDS,
    types=("FLOAT32",),
    lower=float_pool(SQUARES),
    by_type={"FLOAT32": float_pool(SQUARES)},
    each_image=True,
)
