"""Read single tables of a .tflite file: a tensor, an operator, its options."""

import math
from functools import cache
from typing import Any

import msgspec
import numpy as np
import tflite

from tinybench.errors import ModelError
from tinybench.printable import one_line

from ..graph import WIDTHS_B, Operator, Tensor
from ..operators import builtin_names, kind
from .sparse import unpacked
from .vectors import floats, ints

# No microcontroller of this class has more; it bounds the work that a damaged file can ask for.
MAX_TENSOR_B = 1 << 26
MAX_ACTIVATION_B = 1 << 23
MAX_DIMENSIONS = 8
MAX_NAME = 200
_EMPTY_TABLE = bytes((4, 0, 4, 0, 4, 0, 0, 0))
"""A table at 4 whose fields, listed at 0, are none."""


def read_call(model: Any, subgraph: Any, index: int) -> Operator:
    """Return an operator without its options, whether or not it can be compiled."""
    raw = subgraph.Operators(index)
    if not 0 <= raw.OpcodeIndex() < model.OperatorCodesLength():
        raise ValueError(f"operator {index} has no code {raw.OpcodeIndex()}")
    code = model.OperatorCodes(raw.OpcodeIndex())
    # Codes up to 127 stand in the old field, later ones in the new one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = builtin_names().get(number, f"number {number}")
    if name == "CUSTOM":
        name = f"CUSTOM '{text(code.CustomCode())}'"
    return Operator(index, name, ints(raw, "Inputs"), ints(raw, "Outputs"), {})


def read_calls(model: Any, subgraph: Any) -> list[Operator]:
    """Return all operators of a subgraph, as `read_call` has them."""
    return [read_call(model, subgraph, i) for i in range(subgraph.OperatorsLength())]


def read_tensor(model: Any, subgraph: Any, index: int) -> Tensor:
    """Return a tensor; raises ModelError where it is none that can be compiled."""
    raw = subgraph.Tensors(index)
    name = text(raw.Name())
    shape = ints(raw, "Shape")
    if len(shape) > MAX_DIMENSIONS:
        raise ModelError(
            f"tensor {index} '{name}' has {len(shape)} dimensions; {MAX_DIMENSIONS} are the most"
        )
    if any(d < 1 for d in shape) or math.prod(shape) > MAX_TENSOR_B:
        raise ModelError(
            f"tensor {index} '{name}' has the shape {list(shape)}; each dimension must be at least "
            f"1, and {MAX_TENSOR_B} elements are the most"
        )
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    quantisation = raw.Quantization()
    kind_name = name_of(tflite.TensorType, raw.Type())
    # What a converter noted of floats means nothing.
    real = kind_name in ("FLOAT32", "FLOAT16")
    if quantisation is not None and not real:
        scales, axis = floats(quantisation, "Scale"), quantisation.QuantizedDimension()
        zero_points = ints(quantisation, "ZeroPoint")
    place = raw.Buffer()
    if not 0 <= place < model.BuffersLength():
        raise ValueError(f"tensor {index} has no buffer {place}")
    buffer = model.Buffers(place)
    if buffer.Offset() > 1:
        raise ModelError(
            f"tensor {index} '{name}' lies outside the flatbuffer, as in models over 2 GB"
        )
    constant = None if buffer.DataLength() == 0 else bytes(np.asarray(buffer.DataAsNumpy()))
    if constant is not None and kind_name == "INT4":
        kind_name, constant = "INT8", _bytes_of_nibbles(constant, math.prod(shape))
    if constant is not None and raw.Sparsity() is not None:
        values = np.frombuffer(constant, f"V{WIDTHS_B.get(kind_name, 8)}")
        constant = unpacked(raw.Sparsity(), values, shape).tobytes()
    tensor = Tensor(
        index=index,
        name=name,
        type=kind_name,
        shape=shape,
        scales=scales,
        zero_points=zero_points,
        axis=axis,
        data=constant,
    )
    if constant is None:
        check_size(tensor)
    if constant is None and raw.IsVariable():
        return msgspec.structs.replace(tensor, initial=zeros(tensor))
    return tensor


def check_size(tensor: Tensor) -> None:
    """Raise ModelError for what is larger than the memory of any microcontroller."""
    if tensor.size_b > MAX_ACTIVATION_B:
        raise ModelError(
            f"{tensor} of the shape {list(tensor.shape)} takes {tensor.size_b} bytes "
            f"of RAM; {MAX_ACTIVATION_B} are more than any microcontroller has"
        )


def opened(subgraph: Any, index: int) -> list[int]:
    """Return which dimensions of a tensor were left open."""
    raw = subgraph.Tensors(index)
    signature = ints(raw, "ShapeSignature")
    if len(signature) != raw.ShapeLength():
        return []
    return [i for i, size in enumerate(signature) if size < 0]


def check_fixed(subgraph: Any, index: int) -> None:
    """Raise ModelError where an input's shape was left open.

    A batch left open (-1 in front) means one input at a time; what was open and has a size since,
    or is made of that, is as large as it says.
    """
    raw = subgraph.Tensors(index)
    signature, shape = ints(raw, "ShapeSignature"), ints(raw, "Shape")
    if len(signature) == len(shape) and any(
        said < 0 and size <= 1 for said, size in zip(signature[1:], shape[1:], strict=True)
    ):
        raise ModelError(
            f"tensor {index} '{text(raw.Name())}' has the dynamic shape {list(signature)}; "
            "convert the model with fixed shapes"
        )


def _bytes_of_nibbles(data: bytes, count: int) -> bytes:
    """Return int4, two in a byte, the first one in the lower half, as int8."""
    pairs = np.frombuffer(data, np.int8)
    both = np.stack([pairs << 4 >> 4, pairs >> 4], axis=1)
    return both.astype(np.int8).reshape(-1)[:count].tobytes()


def zeros(tensor: Tensor) -> bytes:
    """Return what a state holds that nothing was assigned to: zero, or what stands for it."""
    zero = tensor.zero_points[0] if tensor.type == "INT8" and tensor.zero_points else 0
    return bytes([zero & 0xFF]) * tensor.size_b


def unused(index: int) -> Tensor:
    """Return what stands for a tensor that no operator reads or writes, whatever it holds."""
    return Tensor(
        index=index, name="", type="", shape=(), scales=(), zero_points=(), axis=0, data=None
    )


def text(raw: bytes | None) -> str:
    """Return a name that others chose: messages quote it, so it stays in its line, and short."""
    return one_line((raw or b"").decode("utf-8", "replace")[:MAX_NAME])


def read_operator(subgraph: Any, call: Operator) -> Operator:
    """Return the operator with the options that its kind reads."""
    known = kind(call.name)
    if not known.fields:
        return call
    reader = options_of(subgraph, call, known.options)
    options = {field: getattr(reader, field)() for field in known.fields}
    return msgspec.structs.replace(call, options=options)


def options_of(subgraph: Any, call: Operator, options: str) -> Any:
    """Return an operator's table of options; an absent one has the schema's defaults."""
    raw = subgraph.Operators(call.index)
    table = raw.BuiltinOptions()
    if table is None and raw.BuiltinOptionsType() == tflite.BuiltinOptions.NONE:
        reader = getattr(tflite, options)()
        reader.Init(_EMPTY_TABLE, 4)
        return reader
    if table is None or raw.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, options):
        raise ModelError(f"{call} has no {options}")
    reader = getattr(tflite, options)()
    reader.Init(table.Bytes, table.Pos)
    return reader


@cache
def name_of(enum: type, value: int) -> str:
    """Return the schema's name of an enumerated value."""
    for name, number in vars(enum).items():
        if number == value and not name.startswith("_"):
            return name
    return f"number {value}"
