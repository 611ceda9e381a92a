"""Read a .tflite file into a checked, frozen graph: tensors, constants and operators."""

import math
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import tflite

from tinybench.errors import ModelError
from tinybench.printable import one_line

from .graph import Graph, Operator, Tensor
from .interface import MAX_ENDS
from .operators import builtin_names, kind, names

# No microcontroller of this class has more; it bounds the work that a damaged file can ask for.
MAX_TENSOR_B = 1 << 26
MAX_ACTIVATION_B = 1 << 23
MAX_DIMENSIONS = 8
MAX_NAME = 200


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
    if not 0 < model.SubgraphsLength() <= len(data):
        raise ModelError(f"the model has {model.SubgraphsLength()} subgraphs; 1 is supported")
    subgraph: Any = model.Subgraphs(0)
    # Each entry takes at least the 4 bytes of its offset, so that a wild count is caught here.
    for count in (subgraph.TensorsLength(), subgraph.OperatorsLength(), model.BuffersLength()):
        if count * 4 > len(data):
            raise ValueError(f"a table of {count} entries is longer than the file")
    ends = {what: _ends(subgraph, what) for what in ("Inputs", "Outputs")}
    calls = _needed(
        [_call(model, subgraph, i) for i in range(subgraph.OperatorsLength())], ends["Outputs"]
    )
    _check_known(calls)
    if model.SubgraphsLength() != 1:
        raise ModelError(f"the model has {model.SubgraphsLength()} subgraphs; 1 is supported")
    if not calls:
        raise ModelError("the model has no operators that lead to an output")
    operators = tuple(_operator(subgraph, call) for call in calls)
    used = {*ends["Inputs"], *ends["Outputs"]}
    used.update(i for op in operators for i in (*op.inputs, *op.outputs))
    tensors = tuple(
        _tensor(model, subgraph, i) if i in used else _unused(i)
        for i in range(subgraph.TensorsLength())
    )
    graph = Graph(tensors, operators, ends["Inputs"], ends["Outputs"])
    _check_indices(graph)
    return graph


def _ends(subgraph: Any, what: str) -> tuple[int, ...]:
    """Return the tensors that a model takes ("Inputs") or gives ("Outputs")."""
    found = _ints(subgraph, what)
    if not 0 < len(found) <= MAX_ENDS:
        raise ModelError(
            f"the model has {len(found)} {what.lower()}; 1 to {MAX_ENDS} are supported"
        )
    if len(set(found)) != len(found):
        raise ModelError(f"the model's {what.lower()} name a tensor twice: {list(found)}")
    return found


def _call(model: Any, subgraph: Any, index: int) -> Operator:
    """Return an operator without its options, whether or not it can be compiled."""
    raw = subgraph.Operators(index)
    if not 0 <= raw.OpcodeIndex() < model.OperatorCodesLength():
        raise ValueError(f"operator {index} has no code {raw.OpcodeIndex()}")
    code = model.OperatorCodes(raw.OpcodeIndex())
    # Codes up to 127 stand in the old field, later ones in the new one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = builtin_names().get(number, f"number {number}")
    if name == "CUSTOM":
        name = f"CUSTOM '{_text(code.CustomCode())}'"
    return Operator(index, name, _ints(raw, "Inputs"), _ints(raw, "Outputs"), {})


def _needed(calls: list[Operator], outputs: tuple[int, ...]) -> list[Operator]:
    """Return the operators that lead to an output, or write none; each with the inputs it reads.

    What computes the shape of a reshape is none of them: the shapes of all tensors are known.
    """
    needed, kept = set(outputs), list[Operator]()
    supported = set(names())
    for call in reversed(calls):
        if call.outputs and needed.isdisjoint(call.outputs):
            continue
        reads = kind(call.name).reads if call.name in supported else None
        kept.append(msgspec.structs.replace(call, inputs=call.inputs[:reads]))
        needed.update(kept[-1].inputs)
    return kept[::-1]


def _check_known(calls: list[Operator]) -> None:
    """Raise ModelError that names all operators that cannot be compiled."""
    supported = names()
    unknown = Counter(call.name for call in calls if call.name not in set(supported))
    if not unknown:
        return
    few = ", ".join(supported)
    if unknown.total() == 1:
        (call,) = (call for call in calls if call.name in unknown)
        raise ModelError(
            f"operator {call.index} is {call.name}, which is not supported; supported: {few}"
        )
    listed = ", ".join(f"{name} ({count})" for name, count in unknown.most_common())
    raise ModelError(
        f"{unknown.total()} of {len(calls)} operators are not supported: {listed}; supported: {few}"
    )


def _unused(index: int) -> Tensor:
    """Return what stands for a tensor that no operator reads or writes, whatever it holds."""
    return Tensor(
        index=index, name="", type="", shape=(), scales=(), zero_points=(), axis=0, data=None
    )


def _tensor(model: Any, subgraph: Any, index: int) -> Tensor:
    raw = subgraph.Tensors(index)
    name = _text(raw.Name())
    shape, signature = _ints(raw, "Shape"), _ints(raw, "ShapeSignature")
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
    tensor = Tensor(
        index=index,
        name=name,
        type=_name(tflite.TensorType, raw.Type()),
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
    return tensor


def _text(raw: bytes | None) -> str:
    """Return a name that others chose: messages quote it, so it stays in its line, and short."""
    return one_line((raw or b"").decode("utf-8", "replace")[:MAX_NAME])


def _operator(subgraph: Any, call: Operator) -> Operator:
    """Return the operator with the options that its kind reads."""
    known = kind(call.name)
    if not known.fields:
        return call
    raw = subgraph.Operators(call.index)
    table = raw.BuiltinOptions()
    wanted = getattr(tflite.BuiltinOptions, known.options)
    if table is None or raw.BuiltinOptionsType() != wanted:
        raise ModelError(f"{call} has no {known.options}")
    reader = getattr(tflite, known.options)()
    reader.Init(table.Bytes, table.Pos)
    options = {field: getattr(reader, field)() for field in known.fields}
    return msgspec.structs.replace(call, options=options)


def _check_indices(graph: Graph) -> None:
    """Check that operators use tensors that exist and that are written before they are read."""
    count = len(graph.tensors)
    used = [i for op in graph.operators for i in (*op.inputs, *op.outputs) if i != -1]
    for index in (*graph.inputs, *graph.outputs, *used):
        if not 0 <= index < count:
            raise ValueError(f"tensor {index} of {count} is used")
    for index in graph.inputs:
        if graph.tensors[index].data is not None:
            raise ModelError(f"the model's input, {graph.tensors[index]}, is a constant")
    written = set(graph.inputs)
    for op in graph.operators:
        for index in op.inputs:
            if index != -1 and graph.tensors[index].data is None and index not in written:
                raise ModelError(f"{op} reads {graph.tensors[index]}, which nothing has written")
        for index in op.outputs:
            if index in written or graph.tensors[index].data is not None:
                raise ModelError(f"{op} writes {graph.tensors[index]}, which has a value already")
            written.add(index)
    for index in graph.outputs:
        if index not in written or index in graph.inputs:
            raise ModelError(f"no operator writes the model's output, {graph.tensors[index]}")


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
