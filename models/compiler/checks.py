"""What operators have in common to check: their inputs, constants and quantisation.

All raise ModelError, which says what is not supported.
"""

import math

import numpy as np

from tinybench.errors import ModelError

from .fixed_point import INT8_MAX, INT8_MIN
from .graph import Graph, Operator, Tensor

ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6 = 0, 1, 3


def check_scales(tensor: Tensor) -> None:
    """Raise ModelError unless every scale is a positive number."""
    if any(not (math.isfinite(scale) and scale > 0) for scale in tensor.scales):
        raise ModelError(f"{tensor} has a scale that is not a positive number")


def inputs(graph: Graph, op: Operator, counts: tuple[int, ...]) -> list[Tensor | None]:
    """Return an operator's inputs, absent ones as None; `counts` are how many it may have."""
    if len(op.inputs) not in counts or len(op.outputs) != 1 or -1 in op.outputs:
        raise ModelError(
            f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs; "
            f"{' or '.join(map(str, counts))} and 1 are supported"
        )
    return [None if i == -1 else graph.tensors[i] for i in op.inputs]


def activation(tensor: Tensor | None) -> Tensor:
    """Return an input that must be an activation."""
    if tensor is None:
        raise ModelError("has no input")
    if tensor.data is not None:
        raise ModelError(f"its input, {tensor}, is a constant; only activations are supported")
    return tensor


def image(tensor: Tensor) -> tuple[int, int, int]:
    """Return height, width and channels."""
    if len(tensor.shape) != 4:
        raise ModelError(f"{tensor} has the shape {list(tensor.shape)}; NHWC is needed")
    return tensor.shape[1], tensor.shape[2], tensor.shape[3]


def constant(tensor: Tensor | None, kind: str, what: str) -> np.ndarray:
    """Return a constant's values in its shape."""
    if tensor is None or tensor.data is None:
        raise ModelError(f"its {what} are no constant")
    if tensor.type != kind:
        raise ModelError(f"its {what}, {tensor}, are {tensor.type}; {kind} is supported")
    dtype = np.dtype({"INT8": "<i1", "INT32": "<i4"}[kind])
    if len(tensor.data) != tensor.elements * dtype.itemsize:
        raise ModelError(
            f"its {what}, {tensor}, hold {len(tensor.data)} bytes, "
            f"but the shape {list(tensor.shape)} needs {tensor.elements * dtype.itemsize}"
        )
    return np.frombuffer(tensor.data, dtype).reshape(tensor.shape)


def activation_range(op: Operator, output: Tensor) -> tuple[int, int]:
    """Return the least and greatest int8 output that the fused activation leaves.

    Ref: CalculateActivationRangeQuantized.
    """
    kind = op.options["FusedActivationFunction"]
    if kind not in (ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6):
        raise ModelError(f"fused activation {kind} is not supported; NONE, RELU and RELU6 are")
    low, high = INT8_MIN, INT8_MAX
    if kind != ACTIVATION_NONE:
        low = max(low, output.zero_point)
    if kind == ACTIVATION_RELU6:
        six = float(np.float32(6.0) / np.float32(output.scale))
        high = int(min(high, output.zero_point + math.floor(min(six, 1e6) + 0.5)))
    return low, high


def check_same_quantisation(source: Tensor, target: Tensor) -> None:
    """Raise ModelError unless both stand for the same real numbers."""
    if source.zero_point != target.zero_point or abs(source.scale - target.scale) > 1e-6:
        raise ModelError(f"{source} and {target} must have the same scale and zero point")
