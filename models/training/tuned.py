"""Tune the weights of a float model for its quantised form: it learns to answer as the floats do.

Ref: Jacob et al., arXiv 1712.05877, section 3 (training with simulated quantisation); Hinton et
al., arXiv 1503.02531 (distillation); Zhang et al., arXiv 1710.09412 (mixtures of inputs).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import ModelError

from ..compiler.graph import Graph, Operator
from ..quantiser import MOST, WEIGHTED, Range, Scheme, Step, steps_of
from .command import tensorflow

STEPS, BATCH = 300, 32
RATE = 1e-4
"""Of Adam, falling along a cosine, in units of the largest weight of a layer."""
NEAR = 1e-6
"""What a probability is at least, in a logarithm."""
ACTIVATIONS = {0: "", 1: "relu", 3: "relu6"}
Floats = npt.NDArray[np.float32]
Values = dict[int, Any]


def tuned(
    graph: Graph,
    inputs: Floats,
    ranges: Mapping[int, Range],
    scheme: Scheme,
    source: Step,
    seed: int,
    steps: int = STEPS,
) -> Graph:
    """Return a float graph with weights and biases that lose less when it is quantised.

    It learns, with its values rounded as the scheme rounds them, to answer mixtures of `inputs`
    [inputs][elements] as the graph does; no labels are needed. `ranges` and `source` as in
    `quantiser.quantised`. Raises ToolMissingError without TensorFlow, ModelError for an operator
    that is not among those that are quantised.
    """
    tf = tensorflow(seed)
    grids = steps_of(graph, ranges, source)
    weights = _variables(tf, graph)
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    schedule = tf.keras.optimizers.schedules.CosineDecay(RATE, steps, alpha=0.01)
    optimizer = tf.keras.optimizers.Adam(schedule)

    @tf.function(autograph=False)
    def step(batch: Any) -> None:
        wanted = answers(graph, batch)
        with tf.GradientTape() as tape:
            scaled = {index: one * size for index, (one, size) in weights.items()}
            loss = _apart(tf, graph, wanted, answers(graph, batch, scaled, grids, scheme))
        variables = [one for one, _ in weights.values()]
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for _ in range(steps):
        step(tf.constant(_mixed(inputs, rng).reshape(-1, *shape[1:])))
    tensors = list(graph.tensors)
    for index, (one, size) in weights.items():
        data = (one.numpy() * size).astype("<f4").tobytes()
        tensors[index] = msgspec.structs.replace(tensors[index], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))


def _variables(tf: Any, graph: Graph) -> dict[int, tuple[Any, float]]:
    """Return weights and biases, each in units of its largest value, with that."""
    found = dict[int, tuple[Any, float]]()
    for op in graph.operators:
        for index in op.inputs[1:3] if op.name in WEIGHTED else ():
            if index >= 0:
                values = _constant(graph, index)
                size = float(np.abs(values).max()) or 1.0
                found[index] = tf.Variable(values / np.float32(size)), size
    return found


def _constant(graph: Graph, index: int) -> Floats:
    one = graph.tensors[index]
    return np.frombuffer(one.data or b"", "<f4").reshape(one.shape).astype(np.float32)


def _mixed(inputs: Floats, rng: np.random.Generator) -> Floats:
    """Return a batch: each a mixture of two inputs, one of them by far the larger part."""
    first, second = rng.integers(0, len(inputs), (2, BATCH))
    share = rng.beta(0.2, 0.2, (BATCH, 1)).astype(np.float32)
    return (share * inputs[first] + (1 - share) * inputs[second]).astype(np.float32)


def _apart(tf: Any, graph: Graph, wanted: Any, found: Any) -> Any:
    """Return how far answers are from those that are wanted: of classes by cross entropy."""
    if graph.operators[-1].name != "SOFTMAX":
        return tf.reduce_mean(tf.square(found - wanted))
    return -tf.reduce_mean(tf.reduce_sum(wanted * tf.math.log(found + NEAR), axis=-1))


def answers(
    graph: Graph,
    batch: Any,
    weights: Values | None = None,
    grids: Mapping[int, Step] | None = None,
    scheme: Scheme = "int8-channel",
) -> Any:
    """Return what a graph answers to a batch [inputs, ...], as a tensor with gradients.

    `weights`: by their tensors, in place of its own. `grids`: activations are rounded to these, and
    weights as `scheme` has them; the outputs are not, for a rounded 0 has no logarithm. Raises
    ModelError for an operator that is not quantised.
    """
    tf = tensorflow()
    values: Values = {}
    constants = {one.index: one for one in graph.tensors if one.data is not None}

    def value(index: int) -> Any:
        if index not in values:
            own = _constant(graph, index) if constants[index].type == "FLOAT32" else None
            values[index] = tf.constant(own) if own is not None else index
        return values[index]

    def put(index: int, found: Any) -> None:
        grid = None if grids is None or index in graph.outputs else grids.get(index)
        values[index] = found if grid is None else _rounded(tf, found, grid)

    put(graph.inputs[0], batch)
    values |= weights or {}
    for op in graph.operators:
        given = [value(index) if index >= 0 else None for index in op.inputs]
        if grids is not None and op.name in WEIGHTED:
            given[1] = _weights_rounded(tf, given[1], op, scheme)
        found = _operator(tf, graph, op, given)
        put(op.outputs[0], _activated(tf, op, found))
    return values[graph.outputs[0]]


def _straight(tf: Any, found: Any, rounded: Any) -> Any:
    """Return what is rounded, with the gradient of what it was (straight-through)."""
    return found + tf.stop_gradient(rounded - found)


def _rounded(tf: Any, found: Any, grid: Step) -> Any:
    low, high = (grid.scale * (end - grid.zero_point) for end in (-MOST - 1, MOST))
    inside = tf.clip_by_value(found, low, high)
    return _straight(tf, inside, tf.round(inside / grid.scale) * grid.scale)


def _weights_rounded(tf: Any, found: Any, op: Operator, scheme: Scheme) -> Any:
    axis = WEIGHTED[op.name]
    others = None if scheme == "int8-tensor" else [n for n in range(found.shape.rank) if n != axis]
    largest = tf.reduce_max(tf.abs(found), axis=others, keepdims=True)
    scale = tf.stop_gradient(tf.maximum(largest, NEAR) / MOST)
    return _straight(tf, found, tf.round(found / scale) * scale)


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
