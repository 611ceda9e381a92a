"""What operators have in common to check: their inputs, constants and quantisation.

All raise ModelError, which says what is not supported.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tinybench.errors import ModelError

from .fixed_point import INT8_MAX, INT8_MIN
from .graph import Graph, Operator, Tensor

RANGES = {"INT8": (INT8_MIN, INT8_MAX), "UINT8": (0, 255), "INT16": (-32768, 32767)}
"""Values of the types that are quantised."""
DTYPES = {"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FLOAT32": "<f4",
          "BOOL": "?"}  # fmt: skip
"""Of constants, as numpy calls them."""
SCALE_BITS = 60
"""Quotients of two scales fit single precision, and no converter gives one that is further off."""
ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU_N1_TO_1, ACTIVATION_RELU6 = 0, 1, 2, 3
_REACH = {
    ACTIVATION_NONE: (None, None),
    ACTIVATION_RELU: (0.0, None),
    ACTIVATION_RELU_N1_TO_1: (-1.0, 1.0),
    ACTIVATION_RELU6: (0.0, 6.0),
}
"""Least and greatest real number of fused activations."""


KINDS_MOST = 8
"""That are named in one refusal."""


def counted(kinds: Counter[str]) -> str:
    """Return kinds of operators with how many there are of each; the most frequent by name."""
    named = [f"{name} ({count})" for name, count in kinds.most_common(KINDS_MOST)]
    more = len(kinds) - len(named)
    return ", ".join(named) + (f" and {more} kinds more" if more else "")


def is_quantised(tensor: Tensor) -> bool:
    """Whether a tensor's integers stand for other numbers; those of an int32 may be its own."""
    if tensor.type != "INT32":
        return tensor.type in RANGES and bool(tensor.scales)
    scales = tensor.scales
    fits = len(scales) == 1 and math.isfinite(scales[0]) and scales[0] > 0
    return fits and tensor.zero_points == (0,)


def check_scales(tensor: Tensor) -> None:
    """Raise ModelError unless every scale is a positive number."""
    if any(not (math.isfinite(scale) and scale > 0) for scale in tensor.scales):
        raise ModelError(f"{tensor} has a scale that is not a positive number")


def check_quantisation(tensor: Tensor) -> None:
    """Raise ModelError unless a tensor of int8 or uint8 has one sensible scale and zero point."""
    if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
        raise ModelError(f"{tensor} needs one scale and one zero point, for all of it")
    check_scales(tensor)
    if abs(math.log2(tensor.scale)) > SCALE_BITS:
        raise ModelError(f"{tensor} has the scale {tensor.scale:g}, which is no sensible one")
    low, high = RANGES[tensor.type]
    if not low <= tensor.zero_point <= high:
        raise ModelError(f"{tensor} has the zero point {tensor.zero_point}, outside {tensor.type}")


def inputs(graph: Graph, op: Operator, counts: Sequence[int]) -> list[Tensor | None]:
    """Return an operator's inputs, absent ones as None; `counts` are how many it may have."""
    if len(op.inputs) not in counts or len(op.outputs) != 1 or -1 in op.outputs:
        raise ModelError(
            f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs; "
            f"{counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''} and 1 are supported"
        )
    return [None if i == -1 else graph.tensors[i] for i in op.inputs]


def activation(tensor: Tensor | None) -> Tensor:
    """Return an input that must be an activation."""
    if tensor is None:
        raise ModelError("has no input")
    if tensor.data is not None:
        raise ModelError(f"its input, {tensor}, is a constant; only activations are supported")
    return tensor


def source_and_target(graph: Graph, op: Operator) -> tuple[Tensor, Tensor]:
    """Return the input and the output of an operator that has one of each."""
    source = activation(inputs(graph, op, (1,))[0])
    return source, graph.tensors[op.outputs[0]]


def operand(tensor: Tensor | None) -> Tensor:
    """Return an input that may be an activation or a constant, of floats or quantised."""
    if tensor is None:
        raise ModelError("has no input")
    if tensor.data is not None:
        kind = tensor.type if tensor.type in ("INT16", "INT32", "FLOAT32", "BOOL") else "INT8"
        constant(tensor, kind, "values")
        if kind in RANGES:
            check_quantisation(tensor)
    return tensor


def numbers(tensor: Tensor | None, what: str) -> list[int]:
    """Return a constant list of int32 or int64, such as axes; a lone number is a list of one."""
    kind = "INT64" if tensor is not None and tensor.type == "INT64" else "INT32"
    return [int(value) for value in constant(tensor, kind, what).reshape(-1)]


def axis_of(axis: int, tensor: Tensor) -> int:
    """Return which dimension an axis means, counted from the end where negative."""
    count = len(tensor.shape)
    if not -count <= axis < count:
        raise ModelError(f"axis {axis} of {tensor}, which has {count} dimensions")
    return axis % count


def check_shape(tensor: Tensor, wanted: Sequence[int]) -> None:
    """Raise ModelError unless a tensor has the shape that an operator gives."""
    if tuple(wanted) != tensor.shape:
        raise ModelError(f"gives the shape {list(wanted)}, but {tensor} is {list(tensor.shape)}")


def image(tensor: Tensor) -> tuple[int, int, int]:
    """Return height, width and channels."""
    if len(tensor.shape) != 4:
        raise ModelError(f"{tensor} has the shape {list(tensor.shape)}; NHWC is needed")
    if tensor.shape[0] != 1:
        raise ModelError(
            f"{tensor} has the shape {list(tensor.shape)}; only a batch of 1 is supported"
        )
    return tensor.shape[1], tensor.shape[2], tensor.shape[3]


def constant(tensor: Tensor | None, kind: str, what: str) -> np.ndarray:
    """Return a constant's values in its shape."""
    if tensor is None or tensor.data is None:
        raise ModelError(f"its {what} are no constant")
    if tensor.type != kind:
        raise ModelError(f"its {what}, {tensor}, are {tensor.type}; {kind} is supported")
    dtype = np.dtype(DTYPES[kind])
    if len(tensor.data) != tensor.elements * dtype.itemsize:
        raise ModelError(
            f"its {what}, {tensor}, hold {len(tensor.data)} bytes, "
            f"but the shape {list(tensor.shape)} needs {tensor.elements * dtype.itemsize}"
        )
    return np.frombuffer(tensor.data, dtype).reshape(tensor.shape)


def activation_range(op: Operator, output: Tensor) -> tuple[int, int]:
    """Return the least and greatest output that the fused activation leaves.

    Ref: CalculateActivationRangeQuantized.
    """
    kind = op.options["FusedActivationFunction"]
    if kind not in _REACH:
        raise ModelError(f"fused activation {kind} is not supported; NONE, RELU, RELU_N1_TO_1 and "
                         "RELU6 are")  # fmt: skip
    least, most = _REACH[int(kind)]
    low, high = RANGES[output.type]
    return (
        low if least is None else step_of(least, output),
        high if most is None else step_of(most, output),
    )


def step_of(real: float, tensor: Tensor) -> int:
    """Return the integer that stands for a real number.

    Ref: QuantizeActivation, in single precision.
    """
    steps = float(np.float32(real) / np.float32(tensor.scale))
    rounded = math.copysign(math.floor(min(abs(steps), 1e6) + 0.5), steps)
    low, high = RANGES[tensor.type]
    return max(low, min(high, tensor.zero_point + int(rounded)))


def check_same_quantisation(source: Tensor, target: Tensor) -> None:
    """Raise ModelError unless both stand for the same real numbers; floats always do."""
    if not (source.scales or target.scales):
        return
    for tensor in (source, target):
        if not tensor.scales or not tensor.zero_points:
            raise ModelError(f"{tensor} has no scale and zero point, as its other end has")
    if source.zero_point != target.zero_point or abs(source.scale - target.scale) > 1e-6:
        raise ModelError(f"{source} and {target} must have the same scale and zero point")
