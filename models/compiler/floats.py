"""Operators on floats: what their kernels have in common (firmware/kernels/floats.h)."""

from functools import partial

import numpy as np

from tinybench.errors import ModelError

from .checks import (
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_RELU6,
    ACTIVATION_RELU_N1_TO_1,
    activation,
    constant,
    inputs,
)
from .graph import Graph, Operator, Tensor
from .step import Constant, Step, call_on_one
from .window import Window

HEADER = "floats.h"
one_input = partial(call_on_one, HEADER)
MOST = float(np.finfo(np.float32).max)
_LIMITS = {
    ACTIVATION_NONE: (-MOST, MOST),
    ACTIVATION_RELU: (0.0, MOST),
    ACTIVATION_RELU_N1_TO_1: (-1.0, 1.0),
    ACTIVATION_RELU6: (0.0, 6.0),
}


def limit_fields(op: Operator) -> dict[str, float]:
    """Return the limits of a fused activation; those of all numbers where there is none."""
    kind = int(op.options.get("FusedActivationFunction", ACTIVATION_NONE))
    if kind not in _LIMITS:
        raise ModelError(f"fused activation {kind} is not supported; NONE, RELU, RELU_N1_TO_1 and "
                         "RELU6 are")  # fmt: skip
    low, high = _LIMITS[kind]
    return {"out_min": low, "out_max": high}


def reals(tensor: Tensor | None, what: str) -> np.ndarray:
    """Return a constant's floats in its shape; raises ModelError where one is no number."""
    values = constant(tensor, "FLOAT32", what)
    if not np.isfinite(values).all():
        raise ModelError(f"its {what}, {tensor}, hold what is no number")
    return values


def real_constant(field: str, values: np.ndarray) -> Constant:
    """Return floats as they lie in memory."""
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    return Constant(field, "float", flat, 4 * flat.size)


def biases_of(tensor: Tensor | None, count: int) -> np.ndarray:
    """Return a layer's biases: zeros where it has none."""
    if tensor is None:
        return np.zeros(count, np.float32)
    values = reals(tensor, "biases").reshape(-1)
    if values.size != count:
        raise ModelError(f"its biases, {tensor}, are {values.size}; {count} are needed")
    return values


def weighted(graph: Graph, op: Operator, dimensions: int) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Return the input of a layer, its weights of so many dimensions, and its biases."""
    source, filters, biases = (*inputs(graph, op, (2, 3)), None)[:3]
    weights = reals(filters, "weights")
    if weights.ndim != dimensions:
        raise ModelError(
            f"its weights have the shape {list(weights.shape)}; {dimensions} dimensions needed"
        )
    count = graph.tensors[op.outputs[0]].shape[-1:]
    return activation(source), weights, biases_of(biases, count[0] if count else 1)


def convolution(
    op: Operator,
    source: Tensor,
    target: Tensor,
    window: Window,
    rows: np.ndarray,
    biases: np.ndarray,
    group_c: int | None = None,
) -> Step:
    """Return a convolution; `rows` are its weights [channels][taps], in groups of `group_c`."""
    filter_c = rows.shape[1] // (window.kernel_h * window.kernel_w)
    return Step(
        operator=op,
        function="conv_2d_float32",
        header=HEADER,
        fields={
            **window.fields(),
            **window.dilations(),
            "filter_c": filter_c,
            "group_c": group_c or window.out_c,
            **limit_fields(op),
        },
        constants=[real_constant("weights", rows), real_constant("biases", biases)],
        inputs=[source.index],
        output=target.index,
        macs=window.pixels * rows.size,
    )
