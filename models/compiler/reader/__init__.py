"""Read a model file into a checked, frozen graph: tensors, constants and operators."""

import struct
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
import tflite

from tinybench.errors import ModelError

from ...model_file import is_onnx
from ..checks import counted
from ..graph import Graph, Operator, Outline, Tensor
from ..interface import MAX_ENDS
from ..operators import kind, names
from .constants import computed, with_real_weights
from .places import places
from .tables import check_fixed, opened, options_of, read_calls, read_operator, read_tensor, unused
from .variables import check_assigned, keep_variables
from .vectors import ints

T = TypeVar("T")


def read_graph(data: bytes) -> Graph:
    """Read the bytes of a .tflite or an ONNX file; checks its form, not whether it can be compiled.

    Raises ModelError for a file that is damaged, neither of both, no int8 model, or of dynamic
    shape. Ref: the TensorFlow Lite schema, version 3.
    """
    if is_onnx(data):
        from ..qdq import read_qdq

        return read_qdq(data)
    return _undamaged(data, _read)


def read_outline(data: bytes) -> Outline:
    """Read what a .tflite takes, gives and calls, whether or not its operators can be compiled.

    Raises ModelError as `read_graph`.
    """
    return _undamaged(data, _outline)


def _undamaged(data: bytes, read: Callable[[bytes], T]) -> T:
    """Return what a function reads of a .tflite; raises ModelError where the file is damaged."""
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelError(
            f"not a .tflite file: {len(data)} bytes without the identifier 'TFL3' at byte 4; "
            "give the file that the TensorFlow Lite converter wrote"
        )
    try:
        return read(data)
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


def _outline(data: bytes) -> Outline:
    model, subgraphs = _subgraphs(data)
    ends = {what: _ends(subgraphs[0], what) for what in ("Inputs", "Outputs")}
    _check_indices(subgraphs[0].TensorsLength(), ends, [])
    calls = [read_calls(model, subgraph) for subgraph in subgraphs]
    check_assigned(zip(subgraphs, calls, strict=True))
    tensors = [s.Tensors(i) for s in subgraphs for i in range(s.TensorsLength())]
    inputs, outputs = (tuple(read_tensor(model, subgraphs[0], i) for i in e) for e in ends.values())
    limits = places(subgraphs[0], calls[0])
    return Outline(
        inputs=inputs,
        outputs=outputs,
        places=tuple(limits.get(i) for i in ends["Inputs"]),
        operators=tuple(calls[0]),
        kinds=tuple(dict.fromkeys(call.name for each in calls for call in each)),
        shapes=tuple(_shape_of(subgraphs[0], call) for call in calls[0]),
        variables=sum(call.name == "VAR_HANDLE" for each in calls for call in each),
        has_state=any(tensor.IsVariable() for tensor in tensors),
    )


def _shape_of(subgraph: Any, call: Operator) -> tuple[int, ...]:
    """Return the shape of what an operator gives first; () where it gives nothing."""
    there = [i for i in call.outputs[:1] if 0 <= i < subgraph.TensorsLength()]
    return ints(subgraph.Tensors(there[0]), "Shape") if there else ()


def _subgraphs(data: bytes) -> tuple[Any, list[Any]]:
    """Return a model's root table and its subgraphs; the counts in them are bounded."""
    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise ModelError(f"schema version {model.Version()} of the .tflite file; 3 is supported")
    if not 0 < model.SubgraphsLength() <= len(data) // 4:
        raise ModelError(f"the model has {model.SubgraphsLength()} subgraphs; at least 1 is needed")
    subgraphs: list[Any] = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    # Each entry takes at least the 4 bytes of its offset, so that a wild count is caught here.
    counts = [model.BuffersLength()]
    counts += [count for s in subgraphs for count in (s.TensorsLength(), s.OperatorsLength())]
    for count in counts:
        if count * 4 > len(data):
            raise ValueError(f"a table of {count} entries is longer than the file")
    return model, subgraphs


def _read(data: bytes) -> Graph:
    model, subgraphs = _subgraphs(data)
    subgraph = subgraphs[0]
    ends = {what: _ends(subgraph, what) for what in ("Inputs", "Outputs")}
    calls = read_calls(model, subgraph)
    calls = _needed(calls, ends["Outputs"], whole=True)
    _check_indices(subgraph.TensorsLength(), ends, calls)
    read = cache(lambda index: read_tensor(model, subgraph, index))
    calls, constants = computed(
        calls,
        read,
        lambda call, table: options_of(subgraph, call, table),
        ends["Outputs"],
        lambda index: opened(subgraph, index),
    )
    calls = _needed(calls, ends["Outputs"])
    _check_known(calls)
    for index in ends["Inputs"]:
        check_fixed(subgraph, index)
    calls, states = keep_variables(model, subgraphs, calls)
    if not calls:
        raise ModelError("the model has no operators that lead to an output")
    operators = tuple(read_operator(subgraph, call) for call in calls)
    used = {*ends["Inputs"], *ends["Outputs"]}
    used.update(i for op in operators for i in (*op.inputs, *op.outputs))
    tensors = tuple(
        constants.get(i) or (read(i) if i in used else unused(i))
        for i in range(subgraph.TensorsLength())
    )
    graph = Graph((*tensors, *states), operators, ends["Inputs"], ends["Outputs"])
    graph = with_real_weights(graph)
    _check_order(graph)
    return graph


def _ends(subgraph: Any, what: str) -> tuple[int, ...]:
    """Return the tensors that a model takes ("Inputs") or gives ("Outputs")."""
    found = ints(subgraph, what)
    if not 0 < len(found) <= MAX_ENDS:
        raise ModelError(
            f"the model has {len(found)} {what.lower()}; 1 to {MAX_ENDS} are supported"
        )
    if len(set(found)) != len(found):
        raise ModelError(f"the model's {what.lower()} name a tensor twice: {list(found)}")
    return found


def _needed(
    calls: list[Operator], outputs: tuple[int, ...], *, whole: bool = False
) -> list[Operator]:
    """Return the operators that lead to an output, or write none; each with the inputs it reads.

    What computes the shape of a reshape is none of them, unless `whole`: once shapes are known.
    """
    needed, kept = set(outputs), list[Operator]()
    supported = set(names())
    for call in reversed(calls):
        if call.outputs and needed.isdisjoint(call.outputs):
            continue
        reads = kind(call.name).reads if call.name in supported and not whole else None
        kept.append(msgspec.structs.replace(call, inputs=call.inputs[:reads]))
        needed.update(kept[-1].inputs)
    return kept[::-1]


def _check_known(calls: list[Operator]) -> None:
    """Raise ModelError that names all operators that cannot be compiled."""
    supported = names()
    unknown = Counter(call.name for call in calls if call.name not in set(supported))
    if not unknown:
        return
    known = f"{len(supported)} kinds are (docs/operators.md)"
    if unknown.total() == 1:
        (call,) = (call for call in calls if call.name in unknown)
        raise ModelError(f"operator {call.index} is {call.name}, which is not supported; {known}")
    raise ModelError(
        f"{unknown.total()} of {len(calls)} operators are not supported: {counted(unknown)}; "
        f"{known}"
    )


def _check_indices(count: int, ends: dict[str, tuple[int, ...]], operators: list[Operator]) -> None:
    """Check that only tensors are used that exist."""
    used = [i for op in operators for i in (*op.inputs, *op.outputs) if i != -1]
    for index in (*ends["Inputs"], *ends["Outputs"], *used):
        if not 0 <= index < count:
            raise ValueError(f"tensor {index} of {count} is used")


def _check_order(graph: Graph) -> None:
    """Check that tensors are written once, before they are read."""
    for index in graph.inputs:
        if not _empty(graph.tensors[index]):
            raise ModelError(f"the model's input, {graph.tensors[index]}, has a value already")
    written = set(graph.inputs)
    for op in graph.operators:
        for index in op.inputs:
            if index != -1 and index not in written and _empty(graph.tensors[index]):
                raise ModelError(f"{op} reads {graph.tensors[index]}, which nothing has written")
        for index in op.outputs:
            if index == -1 or graph.tensors[index].initial is not None:
                continue
            if index in written or graph.tensors[index].data is not None:
                raise ModelError(f"{op} writes {graph.tensors[index]}, which has a value already")
            written.add(index)
    for index in graph.outputs:
        if index not in written or index in graph.inputs:
            raise ModelError(f"no operator writes the model's output, {graph.tensors[index]}")


def _empty(tensor: Tensor) -> bool:
    """Whether nothing is in a tensor before an inference."""
    return tensor.data is None and tensor.initial is None
