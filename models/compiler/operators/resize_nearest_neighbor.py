"""RESIZE_NEAREST_NEIGHBOR: an image of another size, by the nearest pixel.

Ref: GetNearestNeighbor in tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h.
"""

import math

import numpy as np

from tinybench.errors import ModelError

from ..checks import activation, check_same_quantisation, image, inputs
from ..graph import WIDTHS_B, Graph, Operator, Tensor
from ..step import Constant, Kind, Step, Variant

SIDE_MAX = 1 << 12
ALIGNED, HALF_PIXELS = "AlignCorners", "HalfPixelCenters"


def resized(graph: Graph, op: Operator) -> tuple[Tensor, Tensor, tuple[int, int, int, int, int]]:
    """Return both images, and height, width before, after, and channels."""
    source = activation(inputs(graph, op, (1,))[0])
    target = graph.tensors[op.outputs[0]]
    in_h, in_w, channels = image(source)
    out_h, out_w, out_c = image(target)
    check_same_quantisation(source, target)
    if max(out_h, out_w) > SIDE_MAX:
        raise ModelError(f"{out_h}x{out_w} pixels; {SIDE_MAX} a side are the most")
    if channels != out_c:
        raise ModelError(f"{channels} channels in, {out_c} out")
    return source, target, (in_h, in_w, out_h, out_w, channels)


def nearest(before: int, after: int, aligned: bool, half_pixels: bool) -> np.ndarray:
    """Return which pixel of a side each new one takes."""
    one = np.float32
    corners = 1 if aligned and after > 1 else 0
    scale = one(before - corners) / one(after - corners)
    found = []
    for at in range(after):
        place = float(one((one(at) + one(0.5 if half_pixels else 0)) * scale))
        found.append(min(math.floor(place + 0.5) if aligned else math.floor(place), before - 1))
    return np.array(found, np.int64)


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, (in_h, in_w, out_h, out_w, channels) = resized(graph, op)
    channels *= WIDTHS_B[source.type]
    aligned, half_pixels = bool(op.options[ALIGNED]), bool(op.options[HALF_PIXELS])
    return Step(
        operator=op,
        function="resize_nearest_neighbor",
        header="move.h",
        fields={"in_w": in_w, "out_h": out_h, "out_w": out_w, "channel_count": channels},
        constants=[
            Constant(name, "int32_t", nearest(before, after, aligned, half_pixels), 4 * after)
            for name, before, after in (("rows", in_h, out_h), ("columns", in_w, out_w))
        ],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(
    options="ResizeNearestNeighborOptions",
    fields=(ALIGNED, HALF_PIXELS),
    types=("INT8", "INT16", "FLOAT32"),
    reads=1,
    each_image=True,
    lower=_lower,
)
