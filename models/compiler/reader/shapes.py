"""Shapes that a converter left open, worked out of those of the inputs, operator by operator.

A model that was converted without the size of its batch says "1" where nothing is known; what its
operators make of the inputs may be something else: blocks of pixels that became images of a batch.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinybench.errors import ModelError

from ..checks import axis_of, numbers
from ..graph import Operator, Tensor
from ..operators.moves.strided_slice import FIELDS, spans

Shape = tuple[int, ...]
Sources = Sequence[Tensor]
Shaped = Callable[[Sources, Any, Tensor], Sequence[int]]
"""From the inputs, the table of options and the output as the file has it to the output's shape."""


def _first(sources: Sources, _options: Any, _target: Tensor) -> Shape:
    return sources[0].shape


def _stretched(sources: Sources, _options: Any, _target: Tensor) -> Shape:
    return np.broadcast_shapes(*(source.shape for source in sources))


def _batch_of(sources: Sources, _options: Any, target: Tensor) -> Shape:
    """Return the shape of what an image by itself becomes."""
    return (sources[0].shape[0], *target.shape[1:])


def _reshaped(sources: Sources, options: Any, _target: Tensor) -> Sequence[int]:
    if len(sources) > 1:
        wanted = numbers(sources[1], "shape")
    else:
        wanted = [int(options.NewShape(i)) for i in range(options.NewShapeLength())]
    rest = math.prod(n for n in wanted if n != -1)
    return [sources[0].elements // rest if n == -1 else n for n in wanted]


def _blocks(sources: Sources) -> tuple[list[int], list[int]]:
    """Return the blocks, and what is added to, or taken from, each dimension of pixels."""
    blocks, borders = (numbers(source, "blocks and borders") for source in sources[1:])
    return blocks, [a + b for a, b in zip(borders[::2], borders[1::2], strict=True)]


def _into_batches(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    batch, *pixels = sources[0].shape
    blocks, added = _blocks(sources)
    inner = zip(pixels, blocks, added, strict=False)
    rest = pixels[len(blocks) :]
    return [batch * math.prod(blocks), *((n + more) // size for n, size, more in inner), *rest]


def _out_of_batches(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    batch, *pixels = sources[0].shape
    blocks, taken = _blocks(sources)
    inner = zip(pixels, blocks, taken, strict=False)
    rest = pixels[len(blocks) :]
    return [batch // math.prod(blocks), *(n * size - less for n, size, less in inner), *rest]


def _joined(sources: Sources, options: Any, _target: Tensor) -> Sequence[int]:
    axis = axis_of(options.Axis(), sources[0])
    shape = list(sources[0].shape)
    shape[axis] = sum(source.shape[axis] for source in sources)
    return shape


def _packed(sources: Sources, options: Any, target: Tensor) -> Sequence[int]:
    axis = axis_of(options.Axis(), target)
    shape = list(sources[0].shape)
    shape.insert(axis, len(sources))
    return shape


def _turned(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    return [sources[0].shape[i] for i in numbers(sources[1], "order")]


def _bordered(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    borders = numbers(sources[1], "borders")
    pairs = zip(sources[0].shape, borders[::2], borders[1::2], strict=True)
    return [n + before + after for n, before, after in pairs]


def _repeated(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    times = numbers(sources[1], "numbers of times")
    return [n * size for n, size in zip(times, sources[0].shape, strict=True)]


def _sliced(sources: Sources, options: Any, _target: Tensor) -> Sequence[int]:
    begins, ends, steps = (numbers(source, "ends") for source in sources[1:])
    masks = {name: int(getattr(options, name)()) for name in FIELDS}
    return spans(sources[0].shape, begins, ends, steps, masks)[1]


def _reduced(sources: Sources, options: Any, _target: Tensor) -> Sequence[int]:
    axes = {axis_of(axis, sources[0]) for axis in numbers(sources[1], "axes")}
    kept = [1 if i in axes else n for i, n in enumerate(sources[0].shape)]
    return kept if options.KeepDims() else [n for i, n in enumerate(kept) if i not in axes]


def _wider(sources: Sources, _options: Any, target: Tensor) -> Sequence[int]:
    axis = axis_of(numbers(sources[1], "axis")[0], target)
    return [*sources[0].shape[:axis], 1, *sources[0].shape[axis:]]


def _narrower(sources: Sources, options: Any, _target: Tensor) -> Sequence[int]:
    said = [options.SqueezeDims(i) for i in range(options.SqueezeDimsLength())]
    gone = {axis_of(axis, sources[0]) for axis in said}
    shape = sources[0].shape
    return [n for i, n in enumerate(shape) if n != 1 or (gone and i not in gone)]


def _said(sources: Sources, _options: Any, _target: Tensor) -> Sequence[int]:
    return numbers(sources[1], "shape")


SAME = (
    *(
        "ABS",
        "CAST",
        "CEIL",
        "COS",
        "DEQUANTIZE",
        "ELU",
        "EXP",
        "FLOOR",
        "HARD_SWISH",
        "LEAKY_RELU",
    ),
    *("L2_NORMALIZATION", "LOG", "LOGICAL_NOT", "LOGISTIC", "LOG_SOFTMAX", "NEG", "PRELU"),
    *("QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "REVERSE_V2", "ROUND", "RSQRT"),
    *("SIGN", "SIN", "SOFTMAX", "SQRT", "SQUARE", "TANH"),
)
PAIRS = (
    *("ADD", "DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS"),
    *("LESS_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "MAXIMUM", "MINIMUM", "MUL", "NOT_EQUAL", "POW"),
    *("SELECT_V2", "SQUARED_DIFFERENCE", "SUB"),
)
IMAGES = (
    *("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "L2_POOL_2D"),
    *("MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH"),
)
SHAPED: dict[str, tuple[str, Shaped]] = {
    **dict.fromkeys(SAME, ("", _first)),
    **dict.fromkeys(PAIRS, ("", _stretched)),
    **dict.fromkeys(IMAGES, ("", _batch_of)),
    "BATCH_TO_SPACE_ND": ("", _out_of_batches),
    "BROADCAST_TO": ("", _said),
    "CONCATENATION": ("ConcatenationOptions", _joined),
    "MIRROR_PAD": ("", _bordered),
    "PACK": ("PackOptions", _packed),
    "PAD": ("", _bordered),
    "PADV2": ("", _bordered),
    "RESHAPE": ("ReshapeOptions", _reshaped),
    "SPACE_TO_BATCH_ND": ("", _into_batches),
    "EXPAND_DIMS": ("", _wider),
    "SQUEEZE": ("SqueezeOptions", _narrower),
    "STRIDED_SLICE": ("StridedSliceOptions", _sliced),
    **dict.fromkeys(("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM"), ("ReducerOptions", _reduced)),
    "TILE": ("", _repeated),
    "TRANSPOSE": ("", _turned),
}
"""Options that are read, and the shape; what it raises means: as the file has it."""


def known_shape(
    call: Operator,
    sources: Sources,
    target: Tensor,
    opened: Sequence[int],
    options: Callable[[Operator, str], Any],
) -> Shape:
    """Return the shape of an operator's output, of which the dimensions `opened` were left open."""
    if not opened or call.name not in SHAPED or not sources:
        return target.shape
    table, function = SHAPED[call.name]
    try:
        read = options(call, table) if table else None
        found = tuple(int(n) for n in function(sources, read, target))
    except (ModelError, ValueError, IndexError, TypeError, ZeroDivisionError, AttributeError):
        return target.shape
    fixed = [n for i, n in enumerate(target.shape) if i not in opened]
    if [n for i, n in enumerate(found) if i not in opened] != fixed or min(found, default=0) < 1:
        return target.shape
    return found
