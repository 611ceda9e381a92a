"""QuantizeLinear and DequantizeLinear: where real numbers become int8, and what they stand for."""

import math
from collections.abc import Sequence

import numpy as np

from tinybench.errors import ModelError

from ..checks import ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6, SCALE_BITS
from .draft import Draft, told
from .onnx_file import End, Node, text
from .values import Array, Codes, Pending, Quantisation, Raw, Real, Value, Weights, identity

WIDTHS = {"int8": 0, "uint8": 128}
"""Types of activations, and how far they are from int8."""
ADVICE = (
    "quantise with activation_type=QuantType.QInt8 (or QUInt8), and per_channel of weights only"
)


def quantise(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a QuantizeLinear."""
    source, scale, zero = (*values, None, None)[:3]
    if isinstance(source, np.ndarray):
        draft.spend(source.nbytes)
        return [_constant_codes(node, source, scale, zero)]
    wanted = _of_activation(node, scale, zero)
    if isinstance(source, Raw):
        if source.type != "FLOAT32":
            raise ModelError(f"reads {told(source)} and of {source.type}")
        return [_codes(draft, _input(draft, source, wanted), source, wanted)]
    if isinstance(source, Pending):
        tensor = _made(draft, source, wanted)
        return [_codes(draft, tensor, source, wanted)]
    if isinstance(source, Real):
        found = draft.requantised(source, wanted)
        return [_codes(draft, found.tensor, source, wanted)]
    raise ModelError(f"reads {told(source)}")


def _codes(draft: Draft, tensor: int, view: Raw | Pending | Real, wanted: Quantisation) -> Codes:
    return Codes(tensor, draft.tensors[tensor].shape, view.perm, view.shape, wanted.offset)


def _made(draft: Draft, source: Pending, wanted: Quantisation) -> int:
    """Return the tensor of an operator's output, clamped as its activations say."""
    reals = np.array([source.low, source.high])
    low, high = wanted.codes(reals)
    kind = _activation(source, wanted, int(low), int(high))
    if kind is not None and (source.fuses or kind == ACTIVATION_NONE):
        return source.make(wanted, kind)
    tensor = source.make(wanted, ACTIVATION_NONE)
    return draft.looked_up(tensor, np.clip(np.arange(-128, 128), low, high), wanted)


def _activation(source: Pending, wanted: Quantisation, low: int, high: int) -> int | None:
    """Return the fused activation that clamps so; None where none does."""
    if (low, high) == (-128, 127):
        return ACTIVATION_NONE
    if low != wanted.zero_point:
        return None
    if high == 127:
        return ACTIVATION_RELU
    return ACTIVATION_RELU6 if source.high == 6 else None


def dequantise(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a DequantizeLinear."""
    source, scale, zero = (*values, None, None)[:3]
    if isinstance(source, np.ndarray):
        return [_weights(node, source, scale, zero)]
    wanted = _of_activation(node, scale, zero)
    if isinstance(source, Raw) and source.type != "FLOAT32":
        tensor = _input(draft, source, wanted)
        if source.type == "UINT8":
            taken, tensor = tensor, draft.tensor(source.stored, wanted)
            draft.op("QUANTIZE", [taken], [tensor])
        source = _codes(draft, tensor, source, wanted)
    if not isinstance(source, Codes):
        raise ModelError(f"reads {told(source)}")
    if source.offset != wanted.offset:
        raise ModelError("reads int8 as uint8, or the other way round")
    return [Real(source.tensor, source.stored, source.perm, source.shape, wanted.reals())]


def _of_activation(node: Node, scale: Value | None, zero: Value | None) -> Quantisation:
    """Return scale and zero point of an activation, both constants of one value."""
    scales, zeros = _parameters(node, scale, zero)
    if scales.size != 1 or zeros.size != 1:
        raise ModelError(f"has {scales.size} scales for an activation; one is supported: {ADVICE}")
    offset = WIDTHS.get(zeros.dtype.name)
    if offset is None:
        raise ModelError(f"activations of {zeros.dtype.name}; int8 and uint8 are known: {ADVICE}")
    return Quantisation(float(scales[0]), int(zeros[0]) - offset, offset)


def _parameters(node: Node, scale: Value | None, zero: Value | None) -> tuple[Array, Array]:
    """Return scales as float32 and zero points in their type; uint8 where there are none."""
    if node.attributes.get("block_size"):
        raise ModelError("has blocks of scales; one, or one a channel, is supported")
    if not isinstance(scale, np.ndarray) or scale.ndim > 1 or scale.dtype.kind != "f":
        raise ModelError("its scale is no constant of floats")
    if zero is None:
        kind = np.dtype("i1" if node.attributes.get("output_dtype") == 3 else "u1")
        zero = np.zeros(scale.shape, kind)
    if not isinstance(zero, np.ndarray) or zero.size != scale.size:
        raise ModelError("its zero point is no constant, or of another shape than its scale")
    scales = scale.reshape(-1).astype(np.float32)
    for one in scales[~np.isfinite(scales) | (scales <= 0)].tolist()[:1]:
        raise ModelError(f"has the scale {one:g}, which is not a positive number")
    if scales.size and abs(math.log2(float(scales.max()))) > SCALE_BITS:
        raise ModelError(f"has the scale {scales.max():g}, which is no sensible one")
    return scales, zero.reshape(-1)


def _along(node: Node, source: Array, scales: Array) -> int:
    axis = int(node.attributes.get("axis", 1))
    if scales.size == 1:
        return 0
    if not -source.ndim <= axis < source.ndim or source.shape[axis] != scales.size:
        raise ModelError(f"has {scales.size} scales along axis {axis} of {list(source.shape)}")
    return axis % source.ndim


def _weights(node: Node, source: Array, scale: Value | None, zero: Value | None) -> Weights:
    """Return a constant that is dequantised."""
    if zero is None:
        zero = np.zeros_like(scale, source.dtype) if isinstance(scale, np.ndarray) else None
    scales, zeros = _parameters(node, scale, zero)
    values = source
    if source.dtype.name in ("int4", "uint4", "int2", "uint2"):
        values, zeros = source.astype(np.int8), zeros.astype(np.int8)
    if values.dtype.name not in ("int8", "uint8", "int32"):
        raise ModelError(f"a constant of {source.dtype.name}; int8, uint8 and int32 are known")
    return Weights(values, scales, zeros, _along(node, values, scales))


def _constant_codes(node: Node, source: Array, scale: Value | None, zero: Value | None) -> Array:
    """Return a constant of floats as it is quantised."""
    scales, zeros = _parameters(node, scale, zero)
    if source.dtype.kind != "f" or zeros.dtype.name not in ("int8", "uint8"):
        raise ModelError(f"a constant of {source.dtype.name} into {zeros.dtype.name}")
    shape = [1] * source.ndim
    axis = _along(node, source, scales)
    if scales.size > 1:
        shape[axis] = -1
    if not np.isfinite(source).all():
        raise ModelError("a constant that is not finite")
    with np.errstate(over="ignore"):
        steps = np.rint(source.astype(np.float32) / scales.reshape(shape))
    ends = np.iinfo(zeros.dtype)
    codes = np.clip(steps, -512, 512) + zeros.reshape(shape)
    return np.clip(codes, float(ends.min), float(ends.max)).astype(zeros.dtype)


def outer_view(number: int, end: End) -> Raw:
    """Return an input of the model as it is before anything reads it."""
    return Raw(number, text(end.name), end.shape, end.type, identity(end.shape), end.shape)


def _input(draft: Draft, source: Raw, wanted: Quantisation) -> int:
    """Return the tensor of an input of the model, in its declared layout."""
    if source.end not in draft.inputs:
        whose, draft.name = draft.name, source.name
        type_ = "UINT8" if source.type == "UINT8" else "INT8"
        draft.inputs[source.end] = draft.tensor(source.stored, wanted, type_)
        draft.name = whose
    tensor = draft.inputs[source.end]
    there = draft.tensors[tensor]
    zero_point = wanted.zero_point + (wanted.offset if there.type == "UINT8" else 0)
    if (there.scale, there.zero_point) != (wanted.scale, zero_point):
        raise ModelError("the model's input is quantised in two ways; one is supported")
    return tensor


def output_of(draft: Draft, value: Value) -> int:
    """Return the tensor of an output of the model, in its declared layout.

    Real numbers that nothing quantises at the end, but that a table gives, get a scale of their own
    that covers them. Raises ModelError for what cannot be an output.
    """
    if isinstance(value, Pending) and value.default is not None:
        value = _codes(draft, _made(draft, value, value.default), value, value.default)
    if isinstance(value, Codes):
        return draft.ordered(value, identity(value.shape))
    if not isinstance(value, Real):
        raise ModelError(f"is {told(value)}")
    try:
        found = draft.linear(value)
    except ModelError:
        found = draft.requantised(value, covering(value.table))
    return draft.ordered(found, identity(found.shape))


def covering(table: Array) -> Quantisation:
    """Return a quantisation of all values of a table, and of zero."""
    low, high = min(0.0, float(table.min())), max(0.0, float(table.max()))
    scale = float(np.float32((high - low) / 255 or 1.0))
    return Quantisation(scale, max(-128, min(127, round(-128 - low / scale))))
