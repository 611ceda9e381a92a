"""FULLY_CONNECTED: a product of a matrix and a vector."""

import numpy as np

from tinybench.errors import ModelError

from ..dsp.matrix import matrix_dsp
from ..floats import convolution, weighted
from ..graph import Graph, Operator, Tensor
from ..layer import Convolution, Layer, layer_channels, multipliers, read_layer
from ..output_stage import (
    Channels,
    plain_constant,
    plain_fields,
    short_fields,
    weights_constant,
)
from ..step import Kind, Step, Variant
from ..window import Window
from .conv_2d import convolve, matrix_blocked, matrix_rv32, mve_constants
from .int16 import INT32_BIASES
from .int16 import convolution as wide_convolution


def read(graph: Graph, op: Operator) -> Convolution:
    """Return the layer, checked, as a convolution whose pixels are the rows of its input."""
    layer = read_layer(graph, op, 2)
    row = rows_of(op, layer.source, layer.target, layer.weights)
    channels = layer_channels(op, layer, layer.weights, 0)
    return Convolution(layer.source, layer.target, row, layer.weights, channels)


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    layer = read_layer(graph, op, 2)
    source, target, weights = layer.source, layer.target, layer.weights
    row = rows_of(op, source, target, weights)
    channels = layer_channels(op, layer, weights, 0)
    short, conv = channels.short, Convolution(source, target, row, weights, channels)
    if row.pixels > 1:  # a pixel each
        return convolve(op, conv, variant)
    if variant.kernels == "plain":
        return _plain(op, layer, channels)
    if variant.kernels == "dsp":
        return matrix_dsp(op, source, target, weights, channels)
    if variant.kernels == "rv32":
        return matrix_rv32(op, source, target, weights, channels, short)
    if variant.kernels != "mve":
        return matrix_blocked(op, source, target, weights, channels)
    return convolve(op, conv, variant) if short is None else _mve(op, layer, channels, short)


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, weights, biases = weighted(graph, op, 2)
    target = graph.tensors[op.outputs[0]]
    return convolution(op, source, target, rows_of(op, source, target, weights), weights, biases)


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    layer = read_layer(graph, op, 2)
    window = rows_of(op, layer.source, layer.target, layer.weights)
    scales = multipliers(layer, 0, window.out_c)
    narrow = op.options["QuantizedBiasType"] == INT32_BIASES
    return wide_convolution(op, layer, window, layer.weights, scales, window.out_c, narrow)


def rows_of(op: Operator, source: Tensor, target: Tensor, weights: np.ndarray) -> Window:
    """Return the window of a layer whose rows are pixels."""
    out_c, in_c = weights.shape
    batch = max(1, source.elements // in_c)
    if source.elements != batch * in_c or target.elements != batch * out_c:
        raise ModelError(
            f"weights of {list(weights.shape)} for {source.elements} inputs and "
            f"{target.elements} outputs"
        )
    if op.options["WeightsFormat"] != 0:
        raise ModelError("shuffled weights are not supported")
    return Window(1, batch, in_c, 1, batch, out_c, 1, 1, 1, 1, 0, 0)


def _plain(op: Operator, layer: Layer, channels: Channels) -> Step:
    out_c, in_c = layer.weights.shape
    return Step(
        operator=op,
        function="fully_connected",
        fields={
            "in_c": in_c,
            "out_c": out_c,
            **plain_fields(layer.source, layer.target, channels),
        },
        constants=[weights_constant(layer.weights), plain_constant(channels)],
        inputs=[layer.source.index],
        output=layer.target.index,
        macs=layer.weights.size,
    )


def _mve(op: Operator, layer: Layer, channels: Channels, short: np.ndarray) -> Step:
    out_c, in_c = layer.weights.shape
    return Step(
        operator=op,
        function="fully_connected_mve",
        fields={"in_c": in_c, "out_c": out_c, **short_fields(channels)},
        constants=mve_constants(layer.weights, short),
        inputs=[layer.source.index],
        output=layer.target.index,
        macs=layer.weights.size,
    )


KIND = Kind(
    options="FullyConnectedOptions",
    fields=("FusedActivationFunction", "WeightsFormat", "QuantizedBiasType"),
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
)
