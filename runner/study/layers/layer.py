"""The layers of a model whose weights can be changed, and a model with others in their place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph, Operator

MOST = 127
"""Of a weight that was fitted, either way."""
BIAS_MOST = (1 << 31) - 1
Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A layer with weights of int8."""

    name: str
    values: Int8
    """[outputs][inputs]."""
    op: Operator

    @property
    def tensor(self) -> int:
        """Return that of its weights."""
        return self.op.inputs[1]


def layers_of(graph: Graph, kind: str = "FULLY_CONNECTED") -> tuple[list[Layer], list[str]]:
    """Return the layers of a kind whose weights and biases can be changed, and why others cannot.

    `kind`: or "CONV_2D", whose weights [outputs][rows][columns][inputs] are a matrix as they lie.
    """
    found, without = list[Layer](), list[str]()
    used = Counter(index for op in graph.operators for index in op.inputs)
    for op in graph.operators:
        if op.name != kind:
            continue
        source, tensor = (graph.tensors[index] for index in op.inputs[:2])
        bias = bias_of(op)
        name = f"{op.index} {'x'.join(map(str, tensor.shape))}"
        if tensor.data is None or tensor.type != "INT8":
            without.append(f"{name}: its weights are no int8 constants")
        elif source.type != "INT8":
            without.append(f"{name}: its inputs are {source.type}, not INT8")
        elif used[tensor.index] > 1 or (bias is not None and used[bias] > 1):
            without.append(f"{name}: its weights or biases are those of another layer, too")
        elif bias is not None and graph.tensors[bias].data is None:
            without.append(f"{name}: its biases are no constants")
        else:
            values = np.frombuffer(tensor.data, np.int8).reshape(tensor.shape[0], -1)
            found.append(Layer(name, values, op))
    return found, without


def changed(graph: Graph, tensors: Sequence[int]) -> list[Operator]:
    """Return the layers of weights, by their tensors, in the order of the model."""
    return [op for op in graph.operators if len(op.inputs) > 1 and op.inputs[1] in tensors]


def bias_of(op: Operator) -> int | None:
    """Return the tensor of a layer's biases; None without."""
    return op.inputs[2] if len(op.inputs) > 2 and op.inputs[2] >= 0 else None


def biases(graph: Graph, op: Operator) -> Floats:
    """Return the biases of a layer, [outputs]; 0 without."""
    index = bias_of(op)
    if index is None:
        return np.zeros(graph.tensors[op.inputs[1]].shape[0])
    return np.frombuffer(graph.tensors[index].data or b"", "<i4").astype(np.float64)


def with_layer(graph: Graph, op: Operator, weights: Int8, biases: Floats) -> Graph:
    """Return a graph with other weights of a layer, and other biases where it has some."""
    tensors, index = list(graph.tensors), bias_of(op)
    one = op.inputs[1]
    tensors[one] = msgspec.structs.replace(tensors[one], data=weights.tobytes())
    if index is not None:
        data = np.clip(np.rint(biases), -BIAS_MOST, BIAS_MOST).astype("<i4").tobytes()
        tensors[index] = msgspec.structs.replace(tensors[index], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))
