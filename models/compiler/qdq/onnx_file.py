"""The bytes of an ONNX file as nodes and constants; bounded whatever they claim."""

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from tinybench import extras
from tinybench.errors import ModelError
from tinybench.printable import one_line

EXTRA = "onnx"
FILE_MOST_B = 64 << 20
FIELDS_MOST = 1_000_000
NODES_MOST = 20_000
DEPTH_MOST = 32
NAME_MOST = 200
DOMAINS = ("", "ai.onnx", "com.microsoft")
"""Of the operators that are known; the last has QuantizeLinear and DequantizeLinear as well."""
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Node:
    """An operator of the file, by its ONNX name."""

    index: int
    op: str
    name: str
    inputs: tuple[str, ...]
    """Names; "" where an optional input is absent."""
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def __str__(self) -> str:
        return f"node {self.index} {self.op}" + (f" '{self.name}'" if self.name else "")


@dataclass(frozen=True)
class End:
    """An input or an output, as the file declares it."""

    name: str
    type: str
    """Such as "FLOAT32"."""
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """What the file holds."""

    opset: int
    nodes: tuple[Node, ...]
    """Those that lead to an output, in their order."""
    constants: dict[str, Array]
    inputs: tuple[End, ...]
    outputs: tuple[str, ...]


def parse(data: bytes) -> Model:
    """Return what an ONNX file holds.

    Raises ModelError for a damaged file, one that is too large for a microcontroller, tensors
    beside the file, dynamic shapes, and where the package onnx is missing.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ModelError(extras.missing("an ONNX model", "onnx", EXTRA)) from error
    if len(data) > FILE_MOST_B:
        raise ModelError(
            f"{len(data)} bytes of ONNX; {FILE_MOST_B} are more than any microcontroller holds"
        )
    try:
        _count(onnx.ModelProto.DESCRIPTOR, data, (0, len(data)), [FIELDS_MOST], 0)
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, IndexError, ValueError) as error:
        raise ModelError(
            f"the ONNX file is damaged or cut short ({len(data)} bytes): {error}; write it again"
        ) from error
    return _read(proto)


def _count(
    descriptor: Any, data: bytes, span: tuple[int, int], left: list[int], depth: int
) -> None:
    """Count the fields of a message and of those in it; raises ModelError for far too many.

    A message of two bytes takes hundreds in memory once it is parsed.
    """
    if depth > DEPTH_MOST:
        raise ModelError(f"messages of ONNX in each other, more than {DEPTH_MOST} deep")
    at, end = span
    while at < end:
        left[0] -= 1
        if left[0] < 0:
            raise ModelError(f"more than {FIELDS_MOST} fields of ONNX; no model needs as many")
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            _, at = _varint(data, at)
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if size > end - at:
                raise ValueError(f"a field of {size} bytes, {end - at} are left")
            field = descriptor.fields_by_number.get(key >> 3)
            if field is not None and field.message_type is not None:
                _count(field.message_type, data, (at, at + size), left, depth + 1)
            at += size
        elif wire in (_EIGHT, _FOUR):
            at += 8 if wire == _EIGHT else 4
        else:
            raise ValueError(f"a field of wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number that does not end")


def _read(proto: Any) -> Model:
    graph = proto.graph
    opset = max((one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")),
                default=0)  # fmt: skip
    if not 1 <= opset <= 1000:
        raise ModelError("the ONNX file names no version of its operators; write it again")
    if proto.functions or graph.sparse_initializer:
        raise ModelError("the ONNX file has functions or sparse tensors of its own; export it flat")
    if len(graph.node) > NODES_MOST:
        raise ModelError(f"{len(graph.node)} nodes; {NODES_MOST} are the most")
    outputs = tuple(whole(one.name) for one in graph.output)
    nodes = _needed(graph.node, set(outputs))
    used = {name for node in nodes for name in node.inputs}
    there = {whole(one.name): one for one in graph.initializer}
    constants = {name: array(one) for name, one in there.items() if name in used}
    inputs = tuple(_end(one) for one in graph.input if whole(one.name) not in there)
    return Model(opset, nodes, constants, inputs, outputs)


def _needed(nodes: Any, needed: set[str]) -> tuple[Node, ...]:
    """Return the nodes that lead to an output."""
    kept = list[Node]()
    for index in reversed(range(len(nodes))):
        raw = nodes[index]
        if needed.isdisjoint(map(whole, raw.output)):
            continue
        kept.append(_node(index, raw))
        needed.update(kept[-1].inputs)
    return tuple(kept[::-1])


def _node(index: int, raw: Any) -> Node:
    from onnx import AttributeProto, helper

    kinds = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
    try:
        attributes = {
            whole(one.name): helper.get_attribute_value(one) for one in raw.attribute
            if one.type not in kinds
        }  # fmt: skip
    except ValueError as error:
        raise ModelError(f"node {index}: {error}") from error
    op, domain = whole(raw.op_type), whole(raw.domain)
    op = text(op if domain in DOMAINS else f"{domain}.{op}")
    ends = tuple(map(whole, raw.input)), tuple(map(whole, raw.output))
    return Node(index, op, text(raw.name), *ends, attributes)


def _end(raw: Any) -> End:
    """Return an input; a first dimension that is left open means one input at a time."""
    from onnx import TensorProto

    kind = raw.type.tensor_type
    types = {
        TensorProto.FLOAT: "FLOAT32",
        TensorProto.INT8: "INT8",
        TensorProto.UINT8: "UINT8",
    }
    if kind.elem_type not in types:
        raise ModelError(
            f"the model's input '{text(raw.name)}' is {type_name(kind.elem_type)}; FLOAT, INT8 and "
            "UINT8 are supported"
        )
    sizes = [
        one.dim_value if one.HasField("dim_value") and one.dim_value > 0 else 0
        for one in kind.shape.dim
    ]
    if sizes and sizes[0] == 0:
        sizes[0] = 1
    if not kind.HasField("shape") or 0 in sizes:
        raise ModelError(
            f"the model's input '{text(raw.name)}' has a dynamic shape; export the model with "
            "fixed shapes"
        )
    return End(whole(raw.name), types[kind.elem_type], tuple(sizes))


def array(raw: Any) -> Array:
    """Return the values of a constant."""
    from onnx import TensorProto, numpy_helper

    name = text(raw.name)
    if raw.data_location == TensorProto.EXTERNAL or raw.external_data:
        raise ModelError(
            f"tensor '{name}' lies in a file beside the model; put all of it into one file: "
            "onnx.save(onnx.load('model.onnx'), 'whole.onnx')"
        )
    if len(raw.dims) > 8 or math.prod(raw.dims) > FILE_MOST_B or min(raw.dims, default=0) < 0:
        raise ModelError(f"tensor '{name}' has the shape {list(raw.dims)[:9]}")
    if raw.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        raise ModelError(f"tensor '{name}' holds {type_name(raw.data_type)}, not numbers")
    try:
        return numpy_helper.to_array(raw)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ModelError(f"tensor '{name}' is damaged: {error}") from error


def type_name(number: int) -> str:
    """Return the name of a type of elements."""
    from onnx import TensorProto

    names = {value: name for name, value in TensorProto.DataType.items()}
    return names.get(number, f"type {number}")


def whole(raw: str | bytes) -> str:
    """Return a name; those that are no text come as bytes."""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def text(raw: str | bytes) -> str:
    """Return a name that others chose, in one line and short."""
    return one_line(whole(raw)[:NAME_MOST])
