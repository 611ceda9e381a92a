"""SVDF: a layer over the last inputs, which a state holds, of int8 or int16."""

import numpy as np

from tinybench.errors import ModelError

from ..checks import activation, check_quantisation, constant, inputs
from ..fixed_point import INT32_MAX, quantised_multiplier
from ..graph import Graph, Operator
from ..output_stage import weights_constant
from ..step import Constant, Kind, Step, Variant
from .int16 import check_symmetric


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, features, times, biases, state = inputs(graph, op, (5,))
    source, target = activation(first), graph.tensors[op.outputs[0]]
    if features is None or times is None or state is None or state.initial is None:
        raise ModelError("has no state, or no weights")
    if state.type not in ("INT8", "INT16"):
        raise ModelError(f"its state is {state.type}; INT8 and INT16 are supported")
    weights, memory = constant(features, "INT8", "weights"), constant(times, state.type, "times")
    for tensor in (features, times, state):
        check_quantisation(tensor)
    rank = int(op.options["Rank"])
    if weights.ndim != 2 or memory.ndim != 2 or rank < 1 or len(weights) % rank:
        raise ModelError(f"rank {rank}, weights of {list(weights.shape)} and {list(memory.shape)}")
    filters, in_c = weights.shape
    ends = (source.elements, target.elements, state.elements, len(memory))
    if ends != (in_c, filters // rank, memory.size, filters):
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out, a state of "
                         f"{list(state.shape)}; a batch of 1 is supported")  # fmt: skip
    added = np.zeros(filters // rank, np.int32)
    if biases is not None:
        added = constant(biases, "INT32", "biases").reshape(-1)
    if added.size != filters // rank:
        raise ModelError(f"has {added.size} biases; {filters // rank} are needed")
    low, high = (-32768, 32767) if state.type == "INT16" else (-128, 127)
    kept = max(high - state.zero_point, state.zero_point - low) + state.zero_point % 256
    sums = np.abs(memory.astype(np.int64)).sum(axis=1).reshape(-1, rank).sum(axis=1)
    one = _scaling(source.scale * features.scale / state.scale, 255 * 128 * in_c)
    reach = int((sums * kept + np.abs(added)).max())
    if state.type == "INT16":
        check_symmetric(state, times)
        reach = min(reach, INT32_MAX)  # sums beyond go around, as they do in the reference
    two = _scaling(state.scale * times.scale / target.scale, reach)
    return Step(
        operator=op,
        function="svdf",
        header="svdf.h",
        fields={
            "in_c": in_c,
            "filters": filters,
            "rank": rank,
            "memory": memory.shape[1],
            "in_zero_point": source.zero_point,
            "state_zero_point": state.zero_point,
            "out_zero_point": target.zero_point,
            "feature_multiplier": one[0],
            "feature_shift": one[1],
            "multiplier": two[0],
            "shift": two[1],
            "wide": int(state.type == "INT16"),
        },
        constants=[
            Constant(name, ctype, values, values.size * width)
            for name, ctype, values, width in (
                ("times", "int16_t", memory.reshape(-1), 2),
                ("biases", "int32_t", added, 4),
            )
        ]
        + [_features(weights)],
        inputs=[source.index, state.index],
        output=target.index,
        macs=weights.size + memory.size,
    )


def _features(weights: np.ndarray) -> Constant:
    """Return the weights of the input."""
    flat = weights_constant(weights)
    return Constant("features", flat.ctype, flat.values, flat.size_b)


def _scaling(real: float, reach: int) -> tuple[int, int]:
    """Return multiplier and shift for sums up to `reach`."""
    multiplier, shift = quantised_multiplier(real)
    if reach << max(shift, 0) > INT32_MAX:
        raise ModelError(f"its scales are {real:.3g} to one, more than 32 bits hold")
    return multiplier, shift


KIND = Kind(options="SVDFOptions", fields=("Rank",), lower=_lower)
