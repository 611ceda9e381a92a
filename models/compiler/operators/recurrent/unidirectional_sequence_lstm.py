"""UNIDIRECTIONAL_SEQUENCE_LSTM: long short-term memory over a sequence, its cell of int16."""

import math

import numpy as np

from tinybench.errors import ModelError

from ...checks import RANGES, check_quantisation
from ...fixed_point import quantised_multiplier
from ...floats import MOST, real_constant
from ...graph import Graph, Operator, Tensor
from ...output_stage import weights_constant
from ...step import Constant, Kind, Step, Variant
from ..int16 import REACH, check_symmetric, short_multiplier
from ..pairs import product_scaling
from . import FIELDS, GATES, Memory, read_memory

HEADER = "lstm.h"
GATE_SCALE = 2.0**-12
"""Of what the functions of the gates are given ..."""
SHARE_SCALE = 2.0**-15
"""... and of what they give."""
CELL_BITS = range(-24, 3)
"""Of the cell's scale, such that three times its values fit 32 bits."""
BLOCKS = {"dsp": 4, "mve": 16}
"""Weights of a gate that lie together, by the kernel; all of a unit's elsewhere."""


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    memory = read_memory(graph, op, weights="INT8", biases="INT32", cell="INT16")
    check_quantisation(memory.hidden)
    fields, constants = dict[str, int](), list[Constant]()
    for name, end, filters, weights, biases in (
        ("in", memory.source, memory.in_filters, memory.in_weights, memory.biases),
        ("hidden", memory.hidden, memory.hidden_filters, memory.hidden_weights, None),
    ):
        fields |= _gate_fields(name, end, filters, weights, biases)
        zeros = end.zero_point * weights.astype(np.int64).sum(axis=2)
        folded = -zeros if biases is None else biases - zeros
        constants += [
            _blocks(f"{name}_weights", weights, BLOCKS.get(variant.kernels)),
            Constant(f"{name}_biases", "int32_t", folded.T.reshape(-1), 4 * folded.size),
        ]
    return Step(
        operator=op,
        function=f"lstm_{variant.kernels}" if variant.kernels in BLOCKS else "lstm",
        parameters="lstm",
        header=HEADER,
        fields={**_sequence_fields(memory), **fields, **_cell_fields(memory)},
        constants=constants,
        inputs=[memory.source.index, memory.hidden.index, memory.cell.index],
        output=memory.target.index,
        macs=memory.macs,
    )


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    memory = read_memory(graph, op, weights="INT8", biases="INT64", cell="INT16")
    check_quantisation(memory.hidden)
    check_symmetric(memory.source, memory.hidden, memory.target)
    fields = dict[str, int]()
    for name, end, filters, weights, biases in (
        ("in", memory.source, memory.in_filters, memory.in_weights, memory.biases),
        ("hidden", memory.hidden, memory.hidden_filters, memory.hidden_weights, None),
    ):
        sums = REACH * np.abs(weights.astype(np.int64)).sum(axis=2)
        sums += 0 if biases is None else np.abs(biases)
        for gate, (tensor, most) in enumerate(zip(filters, sums.max(axis=1), strict=True)):
            multiplier, shift = short_multiplier(_gate_scale(end, tensor), int(most))
            fields[f"{name}_gates[{gate}].multiplier"] = multiplier
            fields[f"{name}_gates[{gate}].shift"] = shift
    biases = Constant("biases", "int64_t", memory.biases.T.reshape(-1), 8 * memory.biases.size)
    return Step(
        operator=op,
        function="lstm_int16",
        header=HEADER,
        fields={**_sequence_fields(memory), **fields, **_cell_fields(memory)},
        constants=[
            _blocks("in_weights", memory.in_weights, None),
            _blocks("hidden_weights", memory.hidden_weights, None),
            biases,
        ],
        inputs=[memory.source.index, memory.hidden.index, memory.cell.index],
        output=memory.target.index,
        macs=memory.macs,
    )


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    memory = read_memory(graph, op, weights="FLOAT32", biases="FLOAT32", cell="FLOAT32")
    named = {
        "in_weights": memory.in_weights,
        "hidden_weights": memory.hidden_weights,
        "biases": memory.biases,
    }
    for what, values in named.items():
        if not np.isfinite(values).all():
            raise ModelError(f"its {what} hold what is no number")
    return Step(
        operator=op,
        function="lstm_float32",
        header=HEADER,
        fields={
            **_sequence_fields(memory),
            "cell_max": MOST if memory.clip is None else memory.clip,
        },
        constants=[real_constant(name, values.swapaxes(0, 1)) for name, values in named.items()],
        inputs=[memory.source.index, memory.hidden.index, memory.cell.index],
        output=memory.target.index,
        macs=memory.macs,
    )


def _sequence_fields(memory: Memory) -> dict[str, int]:
    return {f"sequences.{name}": value for name, value in memory.sequences.items()}


def _gate_fields(
    name: str, end: Tensor, filters: list[Tensor], weights: np.ndarray, biases: np.ndarray | None
) -> dict[str, int]:
    """Return how the sums of each gate are scaled."""
    low, high = RANGES[end.type]
    reach = max(high - end.zero_point, end.zero_point - low, -low)
    sums = np.abs(weights.astype(np.int64)).sum(axis=2) * (reach + abs(end.zero_point))
    sums += 0 if biases is None else np.abs(biases.astype(np.int64))
    fields = dict[str, int]()
    for gate, (tensor, most) in enumerate(zip(filters, sums.max(axis=1), strict=True)):
        multiplier, shift = product_scaling(_gate_scale(end, tensor), int(most))
        fields[f"{name}_gates[{gate}].multiplier"] = multiplier
        fields[f"{name}_gates[{gate}].shift"] = shift
    return fields


def _gate_scale(end: Tensor, filters: Tensor) -> float:
    """Return the scale of a gate's sums, by that of what its function is given."""
    check_quantisation(filters)
    if filters.zero_point != 0:
        raise ModelError(f"its weights, {filters}, have the zero point {filters.zero_point}")
    return end.scale * filters.scale / GATE_SCALE


def _cell_fields(memory: Memory) -> dict[str, int]:
    """Return how a cell takes a step and what it gives."""
    check_quantisation(memory.cell)
    scale = memory.cell.scale
    bits = round(math.log2(scale))
    if bits not in CELL_BITS or 2.0**bits != scale or memory.cell.zero_point != 0:
        raise ModelError(
            f"its cell has the scale {scale:g} and the zero point {memory.cell.zero_point}; a "
            f"power of two from 2^{CELL_BITS[0]} to 2^{CELL_BITS[-1]} and 0 are supported"
        )
    low, high = RANGES["INT16"]
    if memory.clip is not None:
        high = int(min(memory.clip / scale, float(high)))
        low = -high
    multiplier, shift = quantised_multiplier(SHARE_SCALE**2 / scale)
    out = product_scaling(SHARE_SCALE**2 / memory.hidden.scale, 1 << 30)
    # To steps of GATE_SCALE / 3.
    left = bits - round(math.log2(GATE_SCALE))
    return {
        "cell.multiplier": multiplier,
        "cell.shift": shift,
        "cell.min": low,
        "cell.max": high,
        "cell.tanh_multiplier": 3 << max(left, 0),
        "cell.tanh_right_shift": max(-left, 0),
        "cell.out_multiplier": out[0],
        "cell.out_shift": out[1],
        "cell.out_offset": memory.hidden.zero_point,
    }


def _blocks(field: str, weights: np.ndarray, block: int | None) -> Constant:
    """Return weights [gates][units][count] as [units][blocks][gates][block], filled up with 0.

    Without `block`, it is all of them.
    """
    units, count = weights.shape[1:]
    width = int(count) if block is None else block
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -count % width)))
    packed = padded.reshape(GATES, units, -1, width).transpose(1, 2, 0, 3)
    flat = weights_constant(packed)
    return Constant(field, flat.ctype, flat.values, flat.size_b)


KIND = Kind(
    options="UnidirectionalSequenceLSTMOptions",
    fields=FIELDS,
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
)
