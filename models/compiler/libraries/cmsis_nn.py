"""Calls of CMSIS-NN, by firmware/engines/cmsis-nn/cmsis_nn.h."""

from collections.abc import Collection, Sequence

import numpy as np
from msgspec.structs import replace

from ..fixed_point import softmax_scaling
from ..graph import Graph
from ..step import Constant, Step

HEADER = "cmsis_nn.h"
PREFIX = "cmsis_nn_"
STRIDED = "in_pixel_stride", "in_channel_stride", "out_pixel_stride", "out_channel_stride"
BUFFERED = "conv_2d", "depthwise_conv_2d", "average_pool_2d"
"""Kernels that may want a buffer."""


def by_cmsis_nn(
    graph: Graph,
    steps: Sequence[Step],
    there: Collection[str],
    buffers_b: Sequence[int] | None,
    *,
    sums_with_biases: bool,
) -> list[Step]:
    """Return the steps of plain kernels, those `there` as calls of CMSIS-NN.

    `buffers_b`: how large a buffer each of these calls wants, as the library says on the core; None
    where it is not known. `sums_with_biases`: whether what it wants of a fully connected layer, on
    some cores, are the sums of weights with the biases in them.
    """
    left = iter(buffers_b or ())
    found = list[Step]()
    for step in steps:
        if step.function not in there or not _fits(graph, step):
            found.append(step)
            continue
        buffer_b = next(left, 0) if buffers_b is not None else 1
        found.append(_call(graph, step, buffer_b, sums_with_biases))
    return found


def calls(steps: Sequence[Step]) -> int:
    """Return how many of the steps are calls of CMSIS-NN."""
    return sum(step.header == HEADER for step in steps)


def _fits(graph: Graph, step: Step) -> bool:
    """Whether its function does what the step asks for."""
    if step.function == "fully_connected":  # one scale for all outputs
        (channels,) = (c.values for c in step.constants if c.field == "channels")
        return bool((channels[:, 1:] == channels[0, 1:]).all())
    if step.function == "mul":  # nothing is stretched
        return len({graph.tensors[i].shape for i in (*step.inputs, step.output)}) == 1
    return True


def _call(graph: Graph, step: Step, buffer_b: int, sums_with_biases: bool) -> Step:
    """Return a step as a call of CMSIS-NN, whose outputs lie apart from its inputs."""
    name = step.function
    fields = dict(step.fields)
    constants = [c for c in step.constants if c.field == "weights"]
    stage = next((c.values for c in step.constants if c.field == "channels"), None)
    scratch_b = 0
    if name in BUFFERED:
        scratch_b = max(1, buffer_b)  # the kernel takes it in any case
        fields = {n: v for n, v in fields.items() if n not in STRIDED} | {"scratch_b": buffer_b}
    if name == "fully_connected" and stage is not None:
        biases = stage[:, 0]
        constants.append(_words("biases", biases))
        fields |= {"multiplier": int(stage[0, 1]), "shift": int(stage[0, 2])}
        if buffer_b:
            sums = int(fields["in_offset"]) * _rows(step).sum(axis=1)
            constants.append(_words("sums", (sums + biases if sums_with_biases else sums)))
    elif stage is not None:
        columns = zip(("biases", "multipliers", "shifts"), stage.T, strict=True)
        constants += [_words(field, values) for field, values in columns]
    if name == "mul":
        fields = {n: v for n, v in fields.items() if not n.startswith("pairs.")}
        fields = {"count": graph.tensors[step.output].elements, **fields}
    if name == "softmax":
        scaling = softmax_scaling(
            graph.tensors[step.inputs[0]].scale, float(step.operator.options["Beta"])
        )
        fields |= dict(zip(("multiplier", "shift", "least"), scaling, strict=True))
    return replace(
        step,
        function=PREFIX + name,
        parameters="",
        header=HEADER,
        fields=fields,
        constants=constants,
        scratch_b=scratch_b,
        overlaps={},
    )


def _rows(step: Step) -> np.ndarray:
    """Return a fully connected layer's weights, [outputs][inputs]."""
    (weights,) = (c.values for c in step.constants if c.field == "weights")
    return weights.astype(np.int64).reshape(int(step.fields["out_c"]), -1)


def _words(field: str, values: np.ndarray) -> Constant:
    return Constant(field, "int32_t", values.astype(np.int32), 4 * values.size)
