"""RESIZE_BILINEAR: an image of another size, between the four nearest pixels.

Ref: ResizeBilinearInteger in tensorflow/lite/kernels/internal/reference/resize_bilinear.h.
"""

import math
from collections.abc import Callable

import numpy as np

from tinybench.errors import ModelError

from ..floats import one_input
from ..graph import Graph, Operator
from ..step import Constant, Kind, Step, Variant
from .resize_nearest_neighbor import ALIGNED, HALF_PIXELS, resized

ONE = 1 << 10
"""Steps between two pixels."""


def _toward_zero(a: int, b: int) -> int:
    return -(-a // b) if a < 0 else a // b


def _between(before: int, after: int, aligned: bool, half_pixels: bool) -> np.ndarray:
    """Return [after][3]: the pixel before, the pixel after, and the steps from the first."""
    if aligned and after > 1:
        scale = (ONE * (before - 1) + (after - 1) // 2) // (after - 1)
    else:
        scale = (ONE * before + after // 2) // after
    found = []
    for at in range(after):
        place = at * scale + (scale // 2 - ONE // 2 if half_pixels else 0)
        low = max(_toward_zero(place, ONE), 0)
        high = min(_toward_zero(place + ONE - 1, ONE), before - 1)
        if low >= before:
            raise ModelError(f"{before} to {after} pixels: rounding leaves the image")
        found.append((low, high, place - ONE * low))
    return np.array(found, np.int64)


def _tables(
    op: Operator,
    size: tuple[int, int, int, int, int],
    struct: str,
    between: Callable[[int, int, bool, bool], np.ndarray],
) -> tuple[dict[str, int], list[Constant]]:
    """Return the fields of either kernel, and its tables of rows and columns."""
    in_h, in_w, out_h, out_w, channels = size
    aligned, half_pixels = bool(op.options[ALIGNED]), bool(op.options[HALF_PIXELS])
    if aligned and half_pixels:
        raise ModelError("has aligned corners and half pixels; one of them is supported")
    fields = {"in_w": in_w, "out_h": out_h, "out_w": out_w, "channel_count": channels}
    constants = [
        Constant(name, struct, between(before, after, aligned, half_pixels), 12 * after)
        for name, before, after in (("rows", in_h, out_h), ("columns", in_w, out_w))
    ]
    return fields, constants


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, size = resized(graph, op)
    fields, constants = _tables(op, size, "struct between", _between)
    return Step(
        operator=op,
        function="resize_bilinear",
        header="reduce.h",
        fields=fields,
        constants=constants,
        inputs=[source.index],
        output=target.index,
    )


def _float_between(before: int, after: int, aligned: bool, half_pixels: bool) -> np.ndarray:
    """Return [after][3]: the pixel before, the pixel after, and the part of the second.

    Ref: ComputeInterpolationValues.
    """
    one = np.float32
    corners = 1 if aligned and after > 1 else 0
    scale = one(before - corners) / one(after - corners)
    found = []
    for at in range(after):
        place = one(at) * scale
        if half_pixels:
            place = one(one(one(at) + one(0.5)) * scale) - one(0.5)
        low, high = max(math.floor(place), 0), min(math.ceil(place), before - 1)
        found.append((min(low, before - 1), high, float(one(place - one(low)))))
    return np.array(found, np.float64)


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, size = resized(graph, op)
    fields, constants = _tables(op, size, "struct between_float32", _float_between)
    return one_input(op, "resize_bilinear_float32", source, target, fields, constants)


KIND = Kind(
    options="ResizeBilinearOptions",
    fields=(ALIGNED, HALF_PIXELS),
    reads=1,
    lower=_lower,
    by_type={"FLOAT32": _lower_float},
    each_image=True,
)
