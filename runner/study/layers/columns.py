"""The inputs of a layer as rows of a matrix, a row for each pixel that it writes (im2col)."""

import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph, Operator
from tinybench.models.compiler.window import Window, window_of

from .layer import Int8

Places = npt.NDArray[np.intp]


def pixels_of(graph: Graph, op: Operator) -> int:
    """Return how many pixels a layer writes of an input; a fully connected one rows, mostly one."""
    return graph.tensors[op.outputs[0]].elements // graph.tensors[op.inputs[1]].shape[0]


def columns_of(graph: Graph, op: Operator, read: Int8, which: Places) -> Int8:
    """Return what a layer multiplies by its matrix, [pixels][inputs], at some of all pixels.

    `read`: [inputs][elements]; `which`: of those of the first input, then of the second, and so on.
    Raises ModelError.
    """
    source, weights = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    if op.name != "CONV_2D":
        return read.reshape(-1, weights.shape[1])[which]
    window = window_of(op, source, graph.tensors[op.outputs[0]], *weights.shape[1:3])
    return _windows(read, window, which, source.zero_point)


def _windows(read: Int8, window: Window, which: Places, outside: int) -> Int8:
    """Return the windows at some pixels, in the order of OHWI weights."""
    images = read.reshape(-1, window.in_h, window.in_w, window.in_c)
    image, pixel = np.divmod(which, window.pixels)
    row, column = np.divmod(pixel, window.out_w)
    shape = (len(which), window.kernel_h, window.kernel_w, window.in_c)
    found = np.full(shape, outside, np.int8)
    for tap_y in range(window.kernel_h):
        y = row * window.stride_h - window.pad_top + tap_y * window.dilation_h
        for tap_x in range(window.kernel_w):
            x = column * window.stride_w - window.pad_left + tap_x * window.dilation_w
            there = (y >= 0) & (y < window.in_h) & (x >= 0) & (x < window.in_w)
            found[there, tap_y, tap_x] = images[image[there], y[there], x[there]]
    return found.reshape(len(which), -1)
