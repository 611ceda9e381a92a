"""A model cut behind one of its layers: what that layer gives becomes the model's only output."""

import struct
from typing import Any

import tflite

from tinybench.errors import ModelError

from ..graph import Graph, Operator
from ..operators import kind
from ..operators.aliases import ALIAS
from . import read_graph

_OUTPUTS = 8
"""Where the schema's table of a subgraph has its outputs."""
_SEEN = ("INT8", "UINT8", "INT32", "FLOAT32")
"""Types that a model can give."""


def layers_of(graph: Graph, most: int) -> list[Operator]:
    """Return the layers whose output, of at most so many values, can be a model's output."""
    return [
        op
        for op in graph.operators
        if kind(op.name) is not ALIAS
        and op.outputs
        and op.outputs[0] not in graph.inputs
        and (target := graph.tensors[op.outputs[0]]).initial is None
        and target.type in _SEEN
        and target.elements <= most
    ]


def cut(data: bytes, layer: Operator) -> bytes:
    """Return a .tflite whose only output is the first one of a layer; nothing else is changed.

    Raises ModelError where the file does not allow it, as where its tables share memory.
    """
    subgraph: Any = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    field = subgraph._tab.Offset(_OUTPUTS)
    at = subgraph._tab.Vector(field)
    changed = bytearray(data)
    struct.pack_into("<Ii", changed, at - 4, 1, layer.outputs[0])
    found, before = read_graph(bytes(changed)), read_graph(data)
    known = {op.index: op for op in before.operators}
    same = all(known.get(op.index) == op for op in found.operators)
    if found.outputs != layer.outputs[:1] or found.inputs != before.inputs or not same:
        raise ModelError(f"the model cannot be cut behind {layer}")
    return bytes(changed)
