"""What a graph answers, as TensorFlow computes it: with gradients, and rounded where that is asked.

Ref: Jacob et al., arXiv 1712.05877, section 3 (training with simulated quantisation).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench.errors import ModelError

from ..compiler.graph import Graph, Operator
from ..quantiser import MOST, WEIGHTED, Scheme, Step
from .command import tensorflow

NEAR = 1e-6
"""What a probability or a scale is at least."""
ACTIVATIONS = {0: "", 1: "relu", 3: "relu6"}
Floats = npt.NDArray[np.float32]
Values = dict[int, Any]


def constant(graph: Graph, index: int) -> Floats:
    """Return a constant of floats."""
    one = graph.tensors[index]
    return np.frombuffer(one.data or b"", "<f4").reshape(one.shape).astype(np.float32)


def apart(tf: Any, graph: Graph, wanted: Any, found: Any) -> Any:
    """Return how far answers are from those that are wanted: of classes by cross entropy."""
    if graph.operators[-1].name != "SOFTMAX":
        return tf.reduce_mean(tf.square(found - wanted))
    return -tf.reduce_mean(tf.reduce_sum(wanted * tf.math.log(found + NEAR), axis=-1))


def answers(graph: Graph, batch: Any) -> Any:
    """Return what a graph of floats answers to a batch [inputs, ...]; as of `computed`."""
    return computed(graph, batch)[graph.outputs[0]]


def computed(
    graph: Graph,
    batch: Any,
    weights: Values | None = None,
    grids: Mapping[int, Step] | None = None,
    scheme: Scheme | None = None,
) -> Values:
    """Return all that a graph computes of a batch [inputs, ...], by tensors, with gradients.

    `weights`: by their tensors, in place of its own. `grids`: activations are rounded to these; the
    outputs are not, for a rounded 0 has no logarithm. `scheme`: how weights are rounded, if at all.
    Raises ModelError for an operator that is not quantised.
    """
    tf = tensorflow()
    values: Values = {}
    constants = {one.index: one for one in graph.tensors if one.data is not None}

    def value(index: int) -> Any:
        if index not in values:
            own = constant(graph, index) if constants[index].type == "FLOAT32" else None
            values[index] = tf.constant(own) if own is not None else index
        return values[index]

    def put(index: int, found: Any) -> None:
        grid = None if grids is None or index in graph.outputs else grids.get(index)
        values[index] = found if grid is None else _rounded(tf, found, grid)

    put(graph.inputs[0], batch)
    values |= weights or {}
    for op in graph.operators:
        given = [value(index) if index >= 0 else None for index in op.inputs]
        if scheme is not None and op.name in WEIGHTED:
            given[1] = _weights_rounded(tf, given[1], op, scheme)
        found = _operator(tf, graph, op, given)
        put(op.outputs[0], _activated(tf, op, found))
    return values


def straight(tf: Any, found: Any, rounded: Any) -> Any:
    """Return what is rounded, with the gradient of what it was (straight-through)."""
    return found + tf.stop_gradient(rounded - found)


def _rounded(tf: Any, found: Any, grid: Step) -> Any:
    low, high = (grid.scale * (end - grid.zero_point) for end in (-MOST - 1, MOST))
    inside = tf.clip_by_value(found, low, high)
    return straight(tf, inside, tf.round(inside / grid.scale) * grid.scale)


def _weights_rounded(tf: Any, found: Any, op: Operator, scheme: Scheme) -> Any:
    axis = WEIGHTED[op.name]
    others = None if scheme == "int8-tensor" else [n for n in range(found.shape.rank) if n != axis]
    largest = tf.reduce_max(tf.abs(found), axis=others, keepdims=True)
    scale = tf.stop_gradient(tf.maximum(largest, NEAR) / MOST)
    return straight(tf, found, tf.round(found / scale) * scale)


def _activated(tf: Any, op: Operator, found: Any) -> Any:
    name = ACTIVATIONS.get(int(op.options.get("FusedActivationFunction", 0)))
    if name is None:
        raise ModelError(f"{op}: its activation function is not one that is tuned here")
    return getattr(tf.nn, name)(found) if name else found


def _operator(tf: Any, graph: Graph, op: Operator, given: list[Any]) -> Any:
    x, said = given[0], op.options
    padding = "VALID" if said.get("Padding") else "SAME"
    strides = [1, int(said.get("StrideH", 1)), int(said.get("StrideW", 1)), 1]
    dilations = [int(said.get(f"Dilation{side}Factor", 1)) for side in "HW"]
    bias = given[2] if op.name in WEIGHTED and len(given) > 2 and given[2] is not None else 0.0
    match op.name:
        case "CONV_2D":
            kernel = tf.transpose(given[1], (1, 2, 3, 0))
            found = tf.nn.conv2d(x, kernel, strides, padding, dilations=dilations) + bias
        case "DEPTHWISE_CONV_2D":
            inputs = x.shape[-1]
            kernel = tf.reshape(given[1][0], (*given[1].shape[1:3], inputs, -1))
            found = tf.nn.depthwise_conv2d(x, kernel, strides, padding, dilations=dilations) + bias
        case "FULLY_CONNECTED":
            flat = tf.reshape(x, (-1, given[1].shape[1]))
            found = tf.matmul(flat, given[1], transpose_b=True) + bias
        case "AVERAGE_POOL_2D" | "MAX_POOL_2D":
            pool = tf.nn.avg_pool2d if op.name[0] == "A" else tf.nn.max_pool2d
            window = [1, int(said["FilterHeight"]), int(said["FilterWidth"]), 1]
            found = pool(x, window, strides, padding)
        case "RESHAPE" | "SQUEEZE":
            found = tf.reshape(x, (-1, *graph.tensors[op.outputs[0]].shape[1:]))
        case "ADD" | "MUL":
            found = x + given[1] if op.name == "ADD" else x * given[1]
        case "MEAN":
            axes = np.frombuffer(graph.tensors[op.inputs[1]].data or b"", "<i4").tolist()
            found = tf.reduce_mean(x, axes, keepdims=bool(said.get("KeepDims")))
        case "PAD":
            sides = np.frombuffer(graph.tensors[op.inputs[1]].data or b"", "<i4").reshape(-1, 2)
            found = tf.pad(x, sides)
        case "RELU" | "RELU6" | "TANH" | "SOFTMAX":
            found = getattr(tf.nn, op.name.lower())(x)
        case "LOGISTIC":
            found = tf.nn.sigmoid(x)
        case _:
            raise ModelError(f"{op} is not tuned here")
    return found
