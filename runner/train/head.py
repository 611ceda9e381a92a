"""The head of a model: its last dense layer in floats, and the body before it as a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinybench.errors import ModelError
from tinybench.models.compiler.graph import Graph, Operator, Tensor
from tinybench.models.compiler.operators import kind
from tinybench.models.compiler.operators.aliases import ALIAS
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.reader.cut import cut
from tinybench.models.model_file import is_onnx, read_model_file

Floats = npt.NDArray[np.float32]
FEATURES_MOST = 4096
"""Of a head: its weights are text in a header."""
CLASSES_MOST = 1024


@dataclass(frozen=True)
class Head:
    """A dense layer, with softmax or of values, and the model before it."""

    body: bytes
    """A .tflite whose output are the features."""
    weights: Floats
    """[classes][features], dequantised."""
    biases: Floats
    """[classes]."""
    squared: bool = False
    """It gives the input's values again, and learns by the squared error; else it has softmax."""

    @property
    def classes(self) -> int:
        """How many outputs it has."""
        return self.weights.shape[0]

    @property
    def features(self) -> int:
        """How many inputs it has."""
        return self.weights.shape[1]


def head_of(model: Path, squared: bool = False) -> Head:
    """Take the head off a model: one with softmax, or (`squared`) one that gives values.

    Raises ModelError where its end is none, with what it is.
    """
    data = read_model_file(model)
    if is_onnx(data):
        raise ModelError(f"{model}: a head is taken off a .tflite; this file is ONNX")
    graph = read_graph(data)
    dense = _last(graph, graph.outputs[0]) if len(graph.outputs) == 1 else None
    softmax = dense is not None and dense.name == "SOFTMAX"
    if dense is not None and softmax:
        dense = _last(graph, dense.inputs[0])
    if dense is None or dense.name != "FULLY_CONNECTED" or softmax == squared:
        end = "no operator" if dense is None else dense.name
        wanted = (
            "without softmax, such as that of task ad"
            if squared
            else ("with softmax, such as that of task kws")
        )
        raise ModelError(
            f"{model}: training needs a model that ends in a fully connected layer {wanted}; this "
            f"one ends in {end}{' and SOFTMAX' * softmax}"
        )
    before = _last(graph, dense.inputs[0])
    if before is None:
        raise ModelError(f"{model}: nothing is before its fully connected layer: no body to freeze")
    weights = _values(graph.tensors[dense.inputs[1]], model)
    biases = np.zeros(len(weights), np.float32)
    if len(dense.inputs) > 2 and dense.inputs[2] >= 0:
        biases = _values(graph.tensors[dense.inputs[2]], model).ravel()
    if weights.ndim != 2 or biases.shape != weights.shape[:1]:
        raise ModelError(f"{model}: the weights of its last layer are no matrix with a bias a row")
    classes, features = weights.shape
    if not (1 < classes <= CLASSES_MOST and features <= FEATURES_MOST):
        raise ModelError(
            f"{model}: its head has {classes} outputs of {features} features; at most "
            f"{CLASSES_MOST} of {FEATURES_MOST} are trained, and 2 at least"
        )
    if graph.tensors[before.outputs[0]].elements != features:
        raise ModelError(f"{model}: its head takes several rows of features, not one")
    return Head(cut(data, before), weights, biases, squared)


def _last(graph: Graph, tensor: int) -> Operator | None:
    """Return the operator that computes a tensor, behind those that give it another shape."""
    by_output = {out: op for op in graph.operators for out in op.outputs}
    found = by_output.get(tensor)
    while found is not None and kind(found.name) is ALIAS:
        found = by_output.get(found.inputs[0])
    return found


def _values(tensor: Tensor, model: Path) -> Floats:
    """Return a constant in real units. Raises ModelError for one that is none."""
    types = {"INT8": np.int8, "INT32": np.int32, "FLOAT32": np.float32}
    if tensor.data is None or tensor.type not in types:
        raise ModelError(f"{model}: {tensor} of its last layer is no constant of int8 or float")
    values = np.frombuffer(tensor.data, types[tensor.type]).reshape(tensor.shape)
    if not tensor.scales:
        return values.astype(np.float32)
    shape = (-1, *[1] * (len(tensor.shape) - 1)) if tensor.axis == 0 else (-1,)
    scales = np.asarray(tensor.scales, np.float32).reshape(shape)
    zeros = np.asarray(tensor.zero_points or (0,), np.float32).reshape(shape)
    return ((values - zeros) * scales).astype(np.float32)
