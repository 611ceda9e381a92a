"""Quantise a float model after training: its tensors by the ranges that they had on some inputs.

Ref: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, arXiv 1712.05877; the TensorFlow Lite 8-bit quantization
specification.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import structs

from tinybench.errors import ModelError

from .compiler.graph import Graph, Operator
from .compiler.graph import Tensor as Read
from .tflite_writer import Model, Tensor, write
from .tflite_writer import Operator as Written

Scheme = Literal["int8-tensor", "int8-channel", "int16x8"]
Range = tuple[float, float]
WEIGHTED = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""Operators of weights and biases, with the dimension of the weights that is their output's."""
KEPT = ("RESHAPE", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "SQUEEZE")
"""Operators whose output has the scale of their input."""
RESHAPED = ("RESHAPE", "SQUEEZE")
OTHERS = ("ADD", "MUL", "MEAN", "RELU", "RELU6", "SOFTMAX", "LOGISTIC", "TANH")
FIXED = {"SOFTMAX": (1 / 256, -128), "LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
"""Scale and zero point of outputs of int8; of int16 the scale is 1/32768 and the zero point 0."""
MOST, WIDE_MOST, BIAS_MOST = 127, 32767, (1 << 31) - 1
WIDE_BIAS_MOST = (1 << 39) - 1
"""Of a bias of int64: more does not fit what accumulates it."""
LEAST = 1e-7
"""Of a range: one of no width has no scale."""


@dataclass(frozen=True)
class Step:
    """What a step of a tensor stands for."""

    scale: float
    zero_point: int


def quantised(
    graph: Graph, ranges: Mapping[int, Range], scheme: Scheme, source: Step | None = None
) -> bytes:
    """Return a float model as the .tflite of a scheme.

    `ranges`: least and largest value of each activation, by its number. `source`: that of the int8
    input, such as that of a set whose inputs are int8 already. Raises ModelError for an operator
    that is not among those that are quantised here.
    """
    wide = scheme == "int16x8"
    steps = steps_of(graph, ranges, source, wide=wide)
    tensors = [_activation(one, steps.get(one.index), wide=wide) for one in graph.tensors]
    for op in graph.operators:
        if op.name in WEIGHTED:
            _weigh(graph, op, steps, scheme, tensors)
    return _written(graph, tensors)


def _written(graph: Graph, tensors: Sequence[Tensor]) -> bytes:
    """Return the operators of a graph on other tensors, without those that nobody uses."""
    used = sorted({i for op in graph.operators for i in (*op.inputs, *op.outputs) if i >= 0})
    places = {index: place for place, index in enumerate(used)} | {-1: -1}

    def ends(numbers: Sequence[int]) -> list[int]:
        return [places[one] for one in numbers]

    kept, operators = [tensors[index] for index in used], list[Written]()
    for op in graph.operators:
        name, inputs = op.name, ends(op.inputs)
        if name in RESHAPED:  # whose shape the compiler reads off the output: other readers do not
            shape = np.array(graph.tensors[op.outputs[0]].shape, "<i4")
            name, inputs = "RESHAPE", [inputs[0], len(kept)]
            kept.append(Tensor([len(shape)], "INT32", data=shape))
        operators.append(Written(name, inputs, ends(op.outputs), op.options))
    return write(Model(kept, operators, ends(graph.inputs), ends(graph.outputs)))


def check_float(graph: Graph) -> None:
    """Raise ModelError for a model that is not one of floats, or has other operators."""
    for op in graph.operators:
        if op.name not in (*WEIGHTED, *KEPT, *OTHERS):
            known = ", ".join(sorted((*WEIGHTED, *KEPT, *OTHERS)))
            raise ModelError(f"{op} is not quantised here; what is: {known}")
    for index in (*graph.inputs, *graph.outputs):
        if graph.tensors[index].type != "FLOAT32":
            raise ModelError(
                f"{graph.tensors[index]} is {graph.tensors[index].type}: give a model whose inputs "
                "and outputs are floats"
            )
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError("a model of one input and one output is quantised here")


def steps_of(
    graph: Graph, ranges: Mapping[int, Range], source: Step | None = None, *, wide: bool = False
) -> dict[int, Step]:
    """Return the step of each tensor of floats that is no weight; arguments as of `quantised`."""
    found = {index: step_of(*each, wide=wide) for index, each in ranges.items()}
    for op in graph.operators:
        if op.name in FIXED:
            scale, zero_point = FIXED[op.name]
            found[op.outputs[0]] = Step(1 / 32768, 0) if wide else Step(scale, zero_point)
    for op in graph.operators:
        if op.name in WEIGHTED:
            continue
        for index in op.inputs:
            one = None if index < 0 else graph.tensors[index]
            if one is not None and one.data is not None and one.type == "FLOAT32":
                values = np.frombuffer(one.data, "<f4")
                low, high = float(values.min()), float(values.max())
                found[index] = step_of(low, high, wide=wide)
    if source is not None and not wide:
        found[graph.inputs[0]] = source
    return _kept(graph, found)


def _kept(graph: Graph, steps: dict[int, Step]) -> dict[int, Step]:
    """Let what an operator only moves, or averages, keep its step."""
    found = dict(steps)
    for op in graph.operators:
        if op.name in KEPT:
            found[op.outputs[0]] = found[op.inputs[0]]
    return found


def step_of(low: float, high: float, *, wide: bool) -> Step:
    """Return the step of values of a range, in which 0 is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ModelError("an activation of the float model is infinite, or no number")
    if wide:
        return Step(max(-low, high, LEAST) / WIDE_MOST, 0)
    scale = max(high - low, LEAST) / 255
    return Step(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def as_steps(values: npt.NDArray[np.float32], step: Step, *, wide: bool) -> npt.NDArray[np.generic]:
    """Return values as int8 or int16."""
    most = WIDE_MOST if wide else MOST
    rounded = np.rint(values.astype(np.float64) / step.scale) + step.zero_point
    return np.clip(rounded, -most - 1, most).astype("<i2" if wide else "i1")


def _activation(one: Read, step: Step | None, *, wide: bool) -> Tensor:
    """Return a tensor as it is written; weights come later, other constants stay."""
    if step is None or one.type != "FLOAT32":
        data = None if one.data is None else np.frombuffer(one.data, np.uint8)
        return Tensor(one.shape, one.type, one.scales, one.zero_points, data=data, name=one.name)
    data = None
    if one.data is not None:
        data = as_steps(np.frombuffer(one.data, "<f4").astype(np.float32), step, wide=wide)
    return Tensor(
        one.shape, "INT16" if wide else "INT8", [step.scale], [step.zero_point], data=data,
        name=one.name,
    )  # fmt: skip


def _weigh(
    graph: Graph, op: Operator, steps: Mapping[int, Step], scheme: Scheme, tensors: list[Tensor]
) -> None:
    """Put the weights and biases of an operator into `tensors`."""
    one = graph.tensors[op.inputs[1]]
    if one.data is None or one.type != "FLOAT32":
        raise ModelError(f"{op}: its weights are no constant floats")
    axis, source = WEIGHTED[op.name], steps[op.inputs[0]].scale
    values = np.frombuffer(one.data, "<f4").reshape(one.shape).astype(np.float64)
    wide = scheme == "int16x8"
    bias = _bias(graph, op)
    most = WIDE_BIAS_MOST if wide else BIAS_MOST
    others = tuple(n for n in range(values.ndim) if n != axis)
    largest = np.abs(values).max(axis=others)
    if scheme == "int8-tensor":
        largest = np.full_like(largest, largest.max())
    least = np.abs(bias) / source / most if bias is not None else np.zeros_like(largest)
    if scheme == "int8-tensor":
        least = np.full_like(least, least.max())
    scales = np.maximum(np.maximum(largest, LEAST) / MOST, least).astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    each = scales.astype(np.float64)
    rounded = np.clip(np.rint(values / each.reshape(shape)), -MOST, MOST).astype(np.int8)
    told: Sequence[float] = scales[:1].tolist() if scheme == "int8-tensor" else scales.tolist()
    tensors[one.index] = Tensor(
        one.shape, "INT8", told, [0] * len(told), axis=axis, data=rounded, name=one.name
    )
    if bias is None:
        return
    steps_of_bias = np.float64(np.float32(source)) * each
    data = np.clip(np.rint(bias / steps_of_bias), -most, most).astype("<i8" if wide else "<i4")
    told = (steps_of_bias[:1] if scheme == "int8-tensor" else steps_of_bias).tolist()
    tensors[op.inputs[2]] = Tensor(
        graph.tensors[op.inputs[2]].shape, "INT64" if wide else "INT32", told, [0] * len(told),
        data=data, name=graph.tensors[op.inputs[2]].name,
    )  # fmt: skip


def _bias(graph: Graph, op: Operator) -> npt.NDArray[np.float64] | None:
    """Return the biases of an operator; None where it has none."""
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return None
    data = graph.tensors[op.inputs[2]].data
    if data is None:
        raise ModelError(f"{op}: its biases are no constants")
    return np.frombuffer(data, "<f4").astype(np.float64)


def as_floats(graph: Graph) -> bytes:
    """Return an int8 model as one of floats: each weight is what its step stands for.

    Raises ModelError for an operator that is not among those that are quantised here.
    """
    found = list[Tensor]()
    for one in in_floats(graph).tensors:
        data = None
        if one.data is not None:
            data = np.frombuffer(one.data, "<f4" if one.type == "FLOAT32" else np.uint8)
            data = data.reshape(one.shape) if one.type == "FLOAT32" else data
        found.append(Tensor(one.shape, one.type, data=data, name=one.name))
    return _written(graph, found)


def in_floats(graph: Graph) -> Graph:
    """Return the graph of an int8 model with the same tensors as floats; other constants stay."""
    tensors = list(graph.tensors)
    for one in graph.tensors:
        steps = one.scales and one.type in ("INT8", "INT32")
        if one.data is None or steps:
            data = _stood_for(one) if one.data is not None else None
            tensors[one.index] = structs.replace(one, type="FLOAT32", data=data)
    return structs.replace(graph, tensors=tuple(tensors))


def along(one: Read, each: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return scales or zero points of a tensor, so shaped that they go with its values."""
    shape = [1] * len(one.shape)
    shape[one.axis if len(each) > 1 else 0] = -1
    return np.array(each, np.float64).reshape(shape)


def _stood_for(one: Read) -> bytes:
    values = np.frombuffer(one.data or b"", "i1" if one.type == "INT8" else "<i4")
    zeros = along(one, one.zero_points or (0,))
    return ((values.reshape(one.shape) - zeros) * along(one, one.scales)).astype("<f4").tobytes()
