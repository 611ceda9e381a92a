"""TRANSPOSE_CONV: each input pixel adds its filters to a window of the output."""

import numpy as np

from tinybench.errors import ModelError

from ..checks import activation, constant, image, inputs
from ..floats import HEADER, biases_of, limit_fields, real_constant, reals
from ..graph import Graph, Operator, Tensor
from ..layer import Layer, layer_channels, multipliers
from ..output_stage import plain_constant, plain_fields, weights_constant
from ..step import Kind, Step, Variant
from ..window import PADDING_SAME, PADDING_VALID, Window
from .int16 import HEADER as WIDE_HEADER
from .int16 import stage


def _read(graph: Graph, op: Operator) -> tuple[Layer, Window]:
    _, filters, first, biases = (*inputs(graph, op, (3, 4)), None)[:4]
    source, target = activation(first), graph.tensors[op.outputs[0]]
    weights = constant(filters, "INT8", "weights")
    if filters is None:
        raise ModelError("has no weights")
    window = _window(op, source, target, weights)
    return Layer(source, target, filters, weights, biases), window


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    layer, window = _read(graph, op)
    source, target = layer.source, layer.target
    rows = layer.weights.reshape(window.out_c, -1)
    channels = layer_channels(op, layer, rows, 0)
    return Step(
        operator=op,
        function="transpose_conv",
        fields={**window.fields(), **plain_fields(source, target, channels)},
        constants=[weights_constant(rows), plain_constant(channels)],
        inputs=[source.index],
        output=target.index,
        macs=window.in_h * window.in_w * rows.size,
    )


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    layer, window = _read(graph, op)
    rows = layer.weights.reshape(window.out_c, -1)
    if layer.biases is not None and layer.biases.type != "INT64":
        raise ModelError(f"its biases, {layer.biases}, are {layer.biases.type}; INT64 is supported")
    fields, constants = stage(op, layer, rows, multipliers(layer, 0, window.out_c))
    return Step(
        operator=op,
        function="transpose_conv_int16",
        header=WIDE_HEADER,
        fields={**window.fields(), **fields},
        constants=constants,
        inputs=[layer.source.index],
        output=layer.target.index,
        macs=window.in_h * window.in_w * rows.size,
    )


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    _, filters, first, biases = (*inputs(graph, op, (3, 4)), None)[:4]
    source, target = activation(first), graph.tensors[op.outputs[0]]
    weights = reals(filters, "weights")
    window = _window(op, source, target, weights)
    return Step(
        operator=op,
        function="transpose_conv_float32",
        header=HEADER,
        fields={**window.fields(), **limit_fields(op)},
        constants=[
            real_constant("weights", weights),
            real_constant("biases", biases_of(biases, window.out_c)),
        ],
        inputs=[source.index],
        output=target.index,
        macs=window.in_h * window.in_w * weights.size,
    )


def _window(op: Operator, source: Tensor, target: Tensor, weights: np.ndarray) -> Window:
    """Return where the filters go; raises ModelError where the shapes do not fit."""
    if weights.ndim != 4:
        raise ModelError(f"its weights have the shape {list(weights.shape)}; 4 dimensions needed")
    (in_h, in_w, in_c), (out_h, out_w, out_c) = image(source), image(target)
    count, kernel_h, kernel_w, depth = weights.shape
    if (count, depth) != (out_c, in_c):
        raise ModelError(f"weights of {list(weights.shape)} for {in_c} channels in, {out_c} out")
    stride_h, stride_w = int(op.options["StrideH"]), int(op.options["StrideW"])
    padding = op.options["Padding"]
    if stride_h < 1 or stride_w < 1 or padding not in (PADDING_SAME, PADDING_VALID):
        raise ModelError(f"stride {stride_h}x{stride_w}, padding {padding}")
    pads = []
    for before, after, kernel, stride in (
        (in_h, out_h, kernel_h, stride_h),
        (in_w, out_w, kernel_w, stride_w),
    ):
        same = padding == PADDING_SAME
        wanted = -(-after // stride) if same else (after - kernel + stride) // stride
        if wanted != before:
            raise ModelError(f"{in_h}x{in_w} in, {out_h}x{out_w} out; stride and padding differ")
        pads.append(max(0, (before - 1) * stride + kernel - after) // 2)
    return Window(
        in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, stride_h, stride_w, *pads
    )


KIND = Kind(
    options="TransposeConvOptions",
    fields=("Padding", "StrideH", "StrideW", "FusedActivationFunction"),
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
    each_image=True,
)
