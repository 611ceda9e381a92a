"""Read a .tflite file into a checked, frozen graph: tensors, constants and operators."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from tinybench.errors import ModelError
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.printable import printable

from .graph import Graph, Operator, Tensor
from .operators import builtin_names, kind

# No microcontroller of this class has more; it bounds the work that a damaged file can ask for.
MAX_TENSOR_B = 1 << 26
MAX_ACTIVATION_B = 1 << 23
MAX_DIMENSION = 1 << 15
MAX_NAME = 200


def read_model_file(path: Path) -> bytes:
    """Return the bytes of a .tflite file. Raises ModelError where it cannot be read."""
    try:
        return read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def read_graph(data: bytes) -> Graph:
    """Read the bytes of a .tflite file; checks its form, not whether operators can be compiled.

    Raises ModelError for a file that is damaged, no .tflite, no int8 model, or of dynamic shape.
    Ref: the TensorFlow Lite schema, version 3.
    """
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelError(
            f"not a .tflite file: {len(data)} bytes without the identifier 'TFL3' at byte 4; "
            "give the file that the TensorFlow Lite converter wrote"
        )
    try:
        return _read(data)
    except (
        struct.error,
        IndexError,
        ValueError,
        TypeError,
        OverflowError,
        AttributeError,
    ) as error:
        raise ModelError(
            f"the .tflite file is damaged or cut short ({len(data)} bytes): {error}; fetch it again"
        ) from error


def _read(data: bytes) -> Graph:
    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise ModelError(f"schema version {model.Version()} of the .tflite file; 3 is supported")
    if model.SubgraphsLength() != 1:
        raise ModelError(f"the model has {model.SubgraphsLength()} subgraphs; 1 is supported")
    subgraph: Any = model.Subgraphs(0)
    ends = {}
    for what in ("Inputs", "Outputs"):
        ends[what] = _ints(subgraph, what)
        if len(ends[what]) != 1:
            raise ModelError(f"the model has {len(ends[what])} {what.lower()}; 1 is supported")
    # Each entry takes at least the 4 bytes of its offset, so that a wild count is caught here.
    for count in (subgraph.TensorsLength(), subgraph.OperatorsLength(), model.BuffersLength()):
        if count * 4 > len(data):
            raise ValueError(f"a table of {count} entries is longer than the file")
    operators = tuple(_operator(model, subgraph, i) for i in range(subgraph.OperatorsLength()))
    used = {*ends["Inputs"], *ends["Outputs"]}
    used.update(i for op in operators for i in (*op.inputs, *op.outputs))
    tensors = tuple(
        _tensor(model, subgraph, i) if i in used else _unused(i)
        for i in range(subgraph.TensorsLength())
    )
    if not operators:
        raise ModelError("the model has no operators")
    graph = Graph(tensors, operators, ends["Inputs"][0], ends["Outputs"][0])
    _check_indices(graph)
    return graph


def _unused(index: int) -> Tensor:
    """Return what stands for a tensor that no operator reads or writes, whatever it holds."""
    return Tensor(
        index=index, name="", type="", shape=(), scales=(), zero_points=(), axis=0, data=None
    )


def _tensor(model: Any, subgraph: Any, index: int) -> Tensor:
    raw = subgraph.Tensors(index)
    # Others chose it, and messages quote it: it stays in its line, and short.
    name = printable((raw.Name() or b"").decode("utf-8", "replace")[:MAX_NAME])
    name = name.replace("\n", "\\x0a")
    shape, signature = _ints(raw, "Shape"), _ints(raw, "ShapeSignature")
    # A batch left open by the converter (-1 in front) means one input at a time here.
    if any(d < 0 for d in signature[1:]):
        raise ModelError(
            f"tensor {index} '{name}' has the dynamic shape {list(signature)}; "
            "convert the model with fixed shapes"
        )
    if any(not 0 < d <= MAX_DIMENSION for d in shape) or math.prod(shape) > MAX_TENSOR_B:
        raise ModelError(
            f"tensor {index} '{name}' has the shape {list(shape)}; each dimension must lie in "
            f"1..{MAX_DIMENSION}, and {MAX_TENSOR_B} elements are the most"
        )
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    quantisation = raw.Quantization()
    if quantisation is not None:
        scales, axis = _floats(quantisation, "Scale"), quantisation.QuantizedDimension()
        zero_points = _ints(quantisation, "ZeroPoint")
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
    if constant is None and math.prod(shape) > MAX_ACTIVATION_B:
        raise ModelError(
            f"tensor {index} '{name}' of the shape {list(shape)} takes {math.prod(shape)} bytes "
            f"of RAM; {MAX_ACTIVATION_B} are more than any microcontroller has"
        )
    return Tensor(
        index=index,
        name=name,
        type=_name(tflite.TensorType, raw.Type()),
        shape=shape,
        scales=scales,
        zero_points=zero_points,
        axis=axis,
        data=constant,
    )


def _operator(model: Any, subgraph: Any, index: int) -> Operator:
    raw = subgraph.Operators(index)
    if not 0 <= raw.OpcodeIndex() < model.OperatorCodesLength():
        raise ValueError(f"operator {index} has no code {raw.OpcodeIndex()}")
    code = model.OperatorCodes(raw.OpcodeIndex())
    # Codes up to 127 stand in the old field, later ones in the new one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = builtin_names().get(number, f"number {number}")
    try:
        known = kind(name)
    except ModelError as error:
        raise ModelError(f"operator {index} {error}") from None
    options: dict[str, int | float] = {}
    if known.fields:
        table = raw.BuiltinOptions()
        wanted = getattr(tflite.BuiltinOptions, known.options)
        if table is None or raw.BuiltinOptionsType() != wanted:
            raise ModelError(f"operator {index} {name} has no {known.options}")
        reader = getattr(tflite, known.options)()
        reader.Init(table.Bytes, table.Pos)
        options = {field: getattr(reader, field)() for field in known.fields}
    return Operator(index, name, _ints(raw, "Inputs"), _ints(raw, "Outputs"), options)


def _check_indices(graph: Graph) -> None:
    """Check that operators use tensors that exist and that are written before they are read."""
    count = len(graph.tensors)
    used = [i for op in graph.operators for i in (*op.inputs, *op.outputs) if i != -1]
    for index in (graph.input, graph.output, *used):
        if not 0 <= index < count:
            raise ValueError(f"tensor {index} of {count} is used")
    written = {graph.input}
    for op in graph.operators:
        for index in op.inputs:
            if index != -1 and graph.tensors[index].data is None and index not in written:
                raise ModelError(f"{op} reads {graph.tensors[index]}, which nothing has written")
        for index in op.outputs:
            if index in written or graph.tensors[index].data is not None:
                raise ModelError(f"{op} writes {graph.tensors[index]}, which has a value already")
            written.add(index)
    if graph.output not in written or graph.output == graph.input:
        raise ModelError(f"no operator writes the model's output, {graph.tensors[graph.output]}")


def _vector(table: Any, field: str) -> Sequence[Any]:
    """Return a vector field of numbers; an absent one is empty."""
    array = getattr(table, f"{field}AsNumpy")()
    return [] if isinstance(array, int) else array.tolist()


def _ints(table: Any, field: str) -> tuple[int, ...]:
    return tuple(int(value) for value in _vector(table, field))


def _floats(table: Any, field: str) -> tuple[float, ...]:
    return tuple(float(value) for value in _vector(table, field))


def _name(enum: type, value: int) -> str:
    """Return the schema's name of an enumerated value."""
    for name, number in vars(enum).items():
        if number == value and not name.startswith("_"):
            return name
    return f"number {value}"
