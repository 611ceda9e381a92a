"""Read an ONNX model in QDQ form, as onnxruntime's static quantiser writes it, into a graph.

QDQ: each operator computes with real numbers between a DequantizeLinear and a QuantizeLinear. Here
it becomes the compiler's operator on int8 that does the same. Ref: the operators of ONNX.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ...model_file import QUANTISER
from ..checks import counted
from ..graph import Graph
from ..interface import MAX_ENDS
from . import layers, maps, moves, pools, quantising
from .draft import Draft
from .onnx_file import Model, Node, array, parse, text
from .values import Value

Read = Callable[[Draft, Node, Sequence[Value | None]], list[Value]]

READERS: dict[str, Read] = {
    "QuantizeLinear": quantising.quantise,
    "DequantizeLinear": quantising.dequantise,
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "Gemm": layers.gemm,
    "MatMul": layers.matmul,
    "MaxPool": pools.max_pool,
    "AveragePool": pools.average_pool,
    "GlobalAveragePool": pools.global_average_pool,
    "ReduceMean": pools.reduce_mean,
    "Softmax": pools.softmax,
    "Identity": moves.same,
    "Dropout": moves.same,
    "Transpose": moves.transpose,
    "Reshape": moves.reshape,
    "Flatten": moves.flatten,
    "Squeeze": moves.squeeze,
    "Unsqueeze": moves.unsqueeze,
    "Concat": moves.concat,
    "Split": moves.split,
    "Slice": moves.slice_,
    "Pad": moves.pad,
    "Gather": moves.gather,
    "Resize": moves.resize,
    "Upsample": moves.resize,
    "DepthToSpace": moves.depth_to_space,
    "Shape": moves.shape,
    "Relu": maps.clamp,
    "Clip": maps.clamp,
    **dict.fromkeys(maps.MAPS, maps.mapped),
    **dict.fromkeys(maps.PAIRS, maps.pair),
}
"""By the name in ONNX."""
CONSTANT = "Constant"
INTEGER = ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear")
"""Operators of quantised models of other forms."""


def read_qdq(data: bytes) -> Graph:
    """Return the graph of an ONNX file; activations are int8, also where the file has uint8.

    A model whose inputs and outputs are floats takes and gives the int8 that its first
    QuantizeLinear and its last DequantizeLinear stand for; the shapes are those that it declares.
    Raises ModelError for a file that is damaged, not in QDQ form, or of which something cannot be
    compiled: all of that at once.
    """
    model = parse(data)
    _check_form(model)
    _check_known(model)
    return _read(model)


def _check_form(model: Model) -> None:
    """Raise ModelError unless the model is quantised, in QDQ form."""
    counts = Counter(node.op for node in model.nodes)
    for other in INTEGER:
        if counts[other]:
            raise ModelError(
                f"the ONNX model is quantised in another form than QDQ ({other}); quantise it by "
                f"{QUANTISER}"
            )
    if not counts["QuantizeLinear"]:
        raise ModelError(
            f"the ONNX model is not quantised ({len(model.nodes)} nodes, no QuantizeLinear); "
            f"quantise it by {QUANTISER}"
        )


def _check_known(model: Model) -> None:
    """Raise ModelError that names all operators that cannot be read."""
    known = {*READERS, CONSTANT}
    unknown = Counter(node.op for node in model.nodes if node.op not in known)
    if not unknown:
        return
    advice = ""
    if unknown["BatchNormalization"]:
        advice = (
            "; fold BatchNormalization into the layers before it, before quantising: "
            "onnxruntime.quantization.shape_inference.quant_pre_process(model, out)"
        )
    raise ModelError(
        f"{unknown.total()} of {len(model.nodes)} operators of ONNX are not supported: "
        f"{counted(unknown)}{advice}; {len(known)} kinds are (docs/operators.md)"
    )


def _read(model: Model) -> Graph:
    draft, values = Draft(), dict[str, Value]()
    values |= model.constants
    for number, end in enumerate(model.inputs):
        values[end.name] = quantising.outer_view(number, end)
    lost = set[str]()
    refused = dict[str, list[str]]()
    for node in model.nodes:
        if not lost.isdisjoint(node.inputs):
            lost.update(node.outputs)
            continue
        try:
            values.update(_results(draft, node, model.opset, values))
        except ModelError as error:
            refused.setdefault(node.op, []).append(f"{node} {error}")
            lost.update(node.outputs)
    if refused:
        raise ModelError(
            "; ".join(
                first + (f" (and {len(more)} more {name})" if more else "")
                for name, (first, *more) in refused.items()
            )
        )
    return _finished(draft, model, values)


def _results(draft: Draft, node: Node, opset: int, values: dict[str, Value]) -> dict[str, Value]:
    """Return what a node gives, by name."""
    if node.op == CONSTANT:
        return {node.outputs[0]: _constant(node)}
    for name in node.inputs:
        if name and name not in values:
            raise ModelError(f"reads '{text(name)}', which nothing has written")
    if not node.inputs:
        raise ModelError("has no inputs")
    draft.name = text(node.outputs[0])
    node.attributes["opset"] = opset
    node.attributes["default axis"] = 1 if opset < 13 else -1
    try:
        found = READERS[node.op](draft, node, [values.get(name) for name in node.inputs])
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise ModelError(f"has attributes or inputs that it cannot have: {error}") from error
    return dict(zip(node.outputs, found, strict=False))


def _constant(node: Node) -> Value:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            value = node.attributes[name]
            if name == "value":
                return array(value)
            return np.array(value, np.float32 if "float" in name else np.int64)
    raise ModelError("has no value that is known")


def _finished(draft: Draft, model: Model, values: dict[str, Value]) -> Graph:
    """Return the graph with its ends."""
    outputs = list[int]()
    for name in model.outputs:
        if name not in values:
            raise ModelError(f"nothing writes the model's output '{text(name)}'")
        draft.name = text(name)
        try:
            found = quantising.output_of(draft, values[name])
        except ModelError as error:
            raise ModelError(
                f"the model's output '{text(name)}' {error}; quantise all operators, by {QUANTISER}"
            ) from error
        if found in outputs or found in draft.inputs.values():
            raise ModelError(f"the model's output '{text(name)}' is another output, or its input")
        draft.tensors[found] = msgspec.structs.replace(draft.tensors[found], name=text(name))
        outputs.append(found)
    for number, end in enumerate(model.inputs):
        if number not in draft.inputs:
            raise ModelError(f"nothing quantises the model's input '{text(end.name)}'")
    for what, count in (("inputs", len(model.inputs)), ("outputs", len(outputs))):
        if not 0 < count <= MAX_ENDS:
            raise ModelError(f"the model has {count} {what}; 1 to {MAX_ENDS} are supported")
    if not draft.operators:
        raise ModelError("the model has no operators that lead to an output")
    inputs = tuple(draft.inputs[number] for number in range(len(model.inputs)))
    return Graph(tuple(draft.tensors), tuple(draft.operators), inputs, tuple(outputs))
