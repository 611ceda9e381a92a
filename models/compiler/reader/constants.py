"""What is computed of constants alone, when a model is read.

Shapes and what is made of them, and weights that are kept smaller than they are used: as float16
or int8 beside activations of floats, as int4, or sparse.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ..graph import Graph, Operator, Tensor
from ..operators.moves.strided_slice import FIELDS, spans
from .shapes import known_shape
from .tables import check_size

DTYPES = {
    "FLOAT16": "<f2",
    "FLOAT32": "<f4",
    "INT8": "i1",
    "UINT8": "u1",
    "BOOL": "?",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
}
MOST = 1 << 24
"""Elements of what is computed."""
HYBRID = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")
"""Layers whose weights may be of int8 where their activations are floats."""

Values = list[np.ndarray]
Computed = Callable[[Values, Any, Tensor], np.ndarray]
"""From values of the inputs, the table of options and the output to the output's values."""


def _pair(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Computed:
    def of(values: Values, options: Any, _target: Tensor) -> np.ndarray:
        first, second = values
        if first.dtype not in ("<f4", "<i4", "<i8") or _fused(options):
            raise ValueError
        return function(first, second)

    return of


def _fused(options: Any) -> bool:
    read = getattr(options, "FusedActivationFunction", None)
    return read is not None and read() != 0


def _slice(values: Values, options: Any, _target: Tensor) -> np.ndarray:
    source, *_ = values
    begins, ends, steps = ([int(n) for n in part] for part in values[1:])
    masks = {name: int(getattr(options, name)()) for name in FIELDS}
    places, _ = spans(source.shape, begins, ends, steps, masks)
    for axis, found in enumerate(places):
        source = source.take(found, axis)
    return source


def _parts(joined: Callable[[Values, int], np.ndarray]) -> Computed:
    return lambda values, options, _: joined(values, options.Axis())


def _reshaped(values: Values, _options: Any, target: Tensor) -> np.ndarray:
    return values[0].reshape(target.shape)


def _cast(values: Values, _options: Any, target: Tensor) -> np.ndarray:
    return values[0].astype(DTYPES[target.type])


def _filled(values: Values, _options: Any, target: Tensor) -> np.ndarray:
    return np.full(target.shape, values[1].reshape(-1)[0])


def _range(values: Values, _options: Any, target: Tensor) -> np.ndarray:
    start, _, step = (value.reshape(-1)[0] for value in values)
    return (start + step * np.arange(target.elements)).astype(DTYPES[target.type])


_COMPUTED: dict[str, tuple[str, Computed]] = {
    "ADD": ("AddOptions", _pair(np.add)),
    "SUB": ("SubOptions", _pair(np.subtract)),
    "MUL": ("MulOptions", _pair(np.multiply)),
    "MAXIMUM": ("", _pair(np.maximum)),
    "MINIMUM": ("", _pair(np.minimum)),
    "BROADCAST_ARGS": ("", lambda v, _o, _t: np.array(np.broadcast_shapes(*map(tuple, v)), "i4")),
    "BROADCAST_TO": ("", lambda v, _o, t: np.broadcast_to(v[0], t.shape)),
    "CAST": ("", _cast),
    "CONCATENATION": ("ConcatenationOptions", _parts(np.concatenate)),
    "EXPAND_DIMS": ("", _reshaped),
    "FILL": ("", _filled),
    "GATHER": ("GatherOptions", lambda v, o, _t: v[0].take(v[1], o.Axis())),
    "PACK": ("PackOptions", _parts(np.stack)),
    "RANGE": ("", _range),
    "REDUCE_PROD": ("", lambda v, _o, _t: v[0].prod(tuple(v[1].reshape(-1)), v[0].dtype)),
    "RESHAPE": ("", _reshaped),
    "SQUEEZE": ("", _reshaped),
    "STRIDED_SLICE": ("StridedSliceOptions", _slice),
    "TRANSPOSE": ("", lambda v, _o, _t: v[0].transpose(v[1])),
}
"""Options that are read, and how values are computed; what it raises means: not here."""


def computed(
    calls: Sequence[Operator],
    read: Callable[[int], Tensor],
    options: Callable[[Operator, str], Any],
    outputs: Sequence[int],
    opened: Callable[[int], Sequence[int]],
) -> tuple[list[Operator], dict[int, Tensor]]:
    """Return the operators that are left, and the tensors that have become constants, or whose
    shape was left open and is known now.

    `read` gives a tensor by its number, `opened` which of its dimensions were left open.
    """
    found, left = dict[int, Tensor](), list[Operator]()

    def now(index: int) -> Tensor:
        return found.get(index) or read(index)

    for call in calls:
        shaped = _shaped(call, now, options, opened)
        if shaped is not None:
            found[shaped.index] = shaped
        target = _constant(call, now, options, outputs)
        if target is None:
            left.append(call)
        else:
            found[target.index] = target
    return left, found


def _shaped(
    call: Operator,
    read: Callable[[int], Tensor],
    options: Callable[[Operator, str], Any],
    opened: Callable[[int], Sequence[int]],
) -> Tensor | None:
    """Return the output of an operator in another shape than the file's, where that was open."""
    if len(call.outputs) != 1 or -1 in call.outputs or not opened(call.outputs[0]):
        return None
    target = read(call.outputs[0])
    sources = [read(i) for i in call.inputs if i != -1]
    shape = known_shape(call, sources, target, opened(target.index), options)
    if shape == target.shape or target.data is not None:
        return None
    shaped = msgspec.structs.replace(target, shape=shape)
    check_size(shaped)
    return shaped


def _constant(
    call: Operator,
    read: Callable[[int], Tensor],
    options: Callable[[Operator, str], Any],
    outputs: Sequence[int],
) -> Tensor | None:
    """Return the output of an operator as a constant; None where it is none, or not so here."""
    known = call.name in _COMPUTED or call.name in ("SHAPE", "DEQUANTIZE", "DENSIFY", "ZEROS_LIKE")
    if not known or len(call.outputs) != 1 or call.outputs[0] in outputs or -1 in call.inputs:
        return None
    try:
        sources, target = [read(i) for i in call.inputs], read(call.outputs[0])
        if target.data is not None or target.elements > MOST or not sources:
            return None
        values = _values_of(call, sources, target, options)
    except (ModelError, ValueError, IndexError, TypeError):
        if call.name == "DENSIFY":
            raise
        return None  # what is wrong is said where it is compiled
    if values is None or values.size != target.elements:
        return None
    data = np.ascontiguousarray(values, DTYPES[target.type]).tobytes()
    return msgspec.structs.replace(target, data=data)


def _values_of(
    call: Operator,
    sources: list[Tensor],
    target: Tensor,
    options: Callable[[Operator, str], Any],
) -> np.ndarray | None:
    """Return what an operator makes of constants."""
    if call.name == "SHAPE":
        return np.array(sources[0].shape)
    if call.name == "ZEROS_LIKE":
        return np.zeros(target.shape)
    values = [_values(tensor) for tensor in sources]
    if call.name == "DEQUANTIZE":
        return None if target.type != "FLOAT32" else _real(sources[0], values[0])
    if call.name == "DENSIFY":
        return values[0] if sources[0].type == target.type else None
    moved = call.name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE")
    if (sources[0].scales or target.scales) and not moved:
        return None
    table, function = _COMPUTED[call.name]
    with np.errstate(all="ignore"):
        found = function(values, options(call, table) if table else None, target)
    return found if found.dtype == DTYPES[target.type] else None


def _values(tensor: Tensor) -> np.ndarray:
    """Return a constant's values; raises ValueError where it is none, or of another size."""
    if tensor.data is None or tensor.type not in DTYPES:
        raise ValueError
    return np.frombuffer(tensor.data, DTYPES[tensor.type]).reshape(tensor.shape)


def _real(source: Tensor, values: np.ndarray) -> np.ndarray | None:
    """Return the real numbers of float16, or of int8 with one scale or one a channel."""
    if source.type == "FLOAT16":
        return values.astype(np.float32)
    count = len(source.scales)
    if count == 0 or len(source.zero_points) != count or source.type not in ("INT8", "UINT8"):
        return None
    shape = [1] * len(source.shape)
    if count > 1:
        if not 0 <= source.axis < len(shape) or source.shape[source.axis] != count:
            return None
        shape[source.axis] = count
    scales = np.array(source.scales, np.float32).reshape(shape if shape else ())
    zeros = np.array(source.zero_points, np.float32).reshape(shape if shape else ())
    return (values.astype(np.float32) - zeros) * scales


def with_real_weights(graph: Graph) -> Graph:
    """Return the graph with weights of int8 beside activations of floats as floats.

    TensorFlow Lite quantises such activations as it goes, TensorFlow Lite Micro refuses them.
    """
    tensors, operators = list(graph.tensors), list[Operator]()
    real = dict[int, int]()
    for op in graph.operators:
        hybrid = [i for i in op.inputs[:2] if op.name in HYBRID and _hybrid(graph, op, i)]
        for index in hybrid:
            if index not in real:
                real[index] = len(tensors)
                tensors.append(_as_real(graph.tensors[index], len(tensors)))
        inputs = tuple(real[i] if i in hybrid else i for i in op.inputs)
        operators.append(msgspec.structs.replace(op, inputs=inputs))
    return msgspec.structs.replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _hybrid(graph: Graph, op: Operator, index: int) -> bool:
    """Whether an input is a constant of int8 beside an output of floats."""
    floats = all(i != -1 and graph.tensors[i].type == "FLOAT32" for i in op.outputs)
    tensor = graph.tensors[index] if index != -1 else None
    return floats and tensor is not None and tensor.data is not None and tensor.type == "INT8"


def _as_real(tensor: Tensor, index: int) -> Tensor:
    values = None if len(tensor.data or b"") != tensor.size_b else _real(tensor, _values(tensor))
    if values is None:
        raise ModelError(f"{tensor} has {len(tensor.scales)} scales that do not fit its shape")
    return msgspec.structs.replace(
        tensor, index=index, type="FLOAT32", data=values.tobytes(), scales=(), zero_points=()
    )
