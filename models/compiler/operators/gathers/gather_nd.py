"""GATHER_ND: parts of a tensor, each by its places along the first axes."""

import math

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ...checks import check_shape, constant, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from ..moves import TYPES
from . import taken


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    if len(op.inputs) != 2 or -1 in op.inputs:
        raise ModelError(f"has {len(op.inputs)} inputs; 2 are needed")
    source, places = (graph.tensors[i] for i in op.inputs)
    target = graph.tensors[op.outputs[0]]
    count = places.shape[-1] if places.shape else 0
    if not 0 < count <= len(source.shape):
        raise ModelError(f"indices of {list(places.shape)} for {list(source.shape)}")
    check_shape(target, places.shape[:-1] + source.shape[count:])
    whole = math.prod(source.shape[:count])
    if count > 1:
        if places.data is None:
            raise ModelError(f"{places} are indices along {count} axes that are no constant")
        steps = constant(places, "INT32", "indices").astype(np.int64)
        if (steps < 0).any() or (steps >= source.shape[:count]).any():
            raise ModelError(f"has indices outside {list(source.shape[:count])}")
        flat = (steps @ dense(source.shape[:count])).astype("<i4")
        places = msgspec.structs.replace(places, shape=flat.shape, data=flat.tobytes())
    return taken(op, operand(source), target, places, outer=1, whole=whole)


KIND = Kind(types=TYPES, lower=_lower)
