"""Read single tables of a .tflite file: a tensor, an operator, its options."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import tflite

from tinybench.errors import ModelError
from tinybench.printable import one_line

from ..graph import Operator, Tensor
from ..operators import builtin_names, kind

# No microcontroller of this class has more; it bounds the work that a damaged file can ask for.
MAX_TENSOR_B = 1 << 26
MAX_ACTIVATION_B = 1 << 23
MAX_DIMENSIONS = 8
MAX_NAME = 200


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


def read_tensor(model: Any, subgraph: Any, index: int) -> Tensor:
    """Return a tensor; raises ModelError where it is none that can be compiled."""
    raw = subgraph.Tensors(index)
    name = text(raw.Name())
    shape, signature = ints(raw, "Shape"), ints(raw, "ShapeSignature")
    # A batch left open by the converter (-1 in front) means one input at a time here.
    if any(d < 0 for d in signature[1:]):
        raise ModelError(
            f"tensor {index} '{name}' has the dynamic shape {list(signature)}; "
            "convert the model with fixed shapes"
        )
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
    if quantisation is not None:
        scales, axis = floats(quantisation, "Scale"), quantisation.QuantizedDimension()
        zero_points = ints(quantisation, "ZeroPoint")
    if raw.Sparsity() is not None:
        raise ModelError(f"tensor {index} '{name}' is sparse; convert the model with dense weights")
    if not 0 <= raw.Buffer() < model.BuffersLength():
        raise ValueError(f"tensor {index} has no buffer {raw.Buffer()}")
    buffer = model.Buffers(raw.Buffer())
    if buffer.Offset() > 1:
        raise ModelError(
            f"tensor {index} '{name}' lies outside the flatbuffer, as in models over 2 GB"
        )
    constant = None if buffer.DataLength() == 0 else bytes(np.asarray(buffer.DataAsNumpy()))
    tensor = Tensor(
        index=index,
        name=name,
        type=name_of(tflite.TensorType, raw.Type()),
        shape=shape,
        scales=scales,
        zero_points=zero_points,
        axis=axis,
        data=constant,
    )
    if constant is None and tensor.size_b > MAX_ACTIVATION_B:
        raise ModelError(
            f"tensor {index} '{name}' of the shape {list(shape)} takes {tensor.size_b} bytes "
            f"of RAM; {MAX_ACTIVATION_B} are more than any microcontroller has"
        )
    if constant is None and raw.IsVariable():
        return msgspec.structs.replace(tensor, initial=zeros(tensor))
    return tensor


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
    """Return an operator's table of options."""
    raw = subgraph.Operators(call.index)
    table = raw.BuiltinOptions()
    if table is None or raw.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, options):
        raise ModelError(f"{call} has no {options}")
    reader = getattr(tflite, options)()
    reader.Init(table.Bytes, table.Pos)
    return reader


def vector(table: Any, field: str) -> Sequence[Any]:
    """Return a vector field of numbers; an absent one is empty."""
    array = getattr(table, f"{field}AsNumpy")()
    return [] if isinstance(array, int) else array.tolist()


def ints(table: Any, field: str) -> tuple[int, ...]:
    """Return a vector field of integers."""
    return tuple(int(value) for value in vector(table, field))


def floats(table: Any, field: str) -> tuple[float, ...]:
    """Return a vector field of floats."""
    return tuple(float(value) for value in vector(table, field))


def name_of(enum: type, value: int) -> str:
    """Return the schema's name of an enumerated value."""
    for name, number in vars(enum).items():
        if number == value and not name.startswith("_"):
            return name
    return f"number {value}"
