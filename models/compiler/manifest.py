"""What the compiler says about a compiled model: hashes, sizes and one line an operator."""

import itertools
from collections.abc import Mapping, Sequence

import msgspec

from .graph import Graph
from .prune import Removed
from .step import Step
from .stream import Streamed
from .strips import COPY, Strips
from .strips.halves import Halves


class OperatorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One operator of a compiled model."""

    index: int
    operator: str
    input_shapes: list[list[int]]
    output_shape: list[int]
    kernel: str
    """C functions that compute it, in their order; "" where nothing is left to do at run time."""
    macs: int
    """Of the model as given; fewer are computed where channels are left out."""
    weights_b: int
    """Bytes of weights and constants it reads from flash."""
    arena_b: int
    """Bytes of the arena that hold live tensors or scratch while it runs."""
    computed_macs: int | None = None
    """None where an older version wrote it, which left nothing out."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled model; written as manifest.json beside the C."""

    model_id: str
    tflite_sha256: str
    model_c_sha256: str
    kernels: str
    """Kernel variant: "plain", "blocked", "rv32", "thumb2", "dsp" or "mve"."""
    input_b: int
    """Bytes of the upload buffer."""
    output_count: int
    macs: int
    """Of the model as given."""
    weights_b: int
    """Bytes of all constants."""
    tables_b: int
    """Those of them that are tables of a kernel's arithmetic and no part of the model."""
    arena_b: int
    """Bytes of the arena: activations and scratch, without the upload buffer."""
    result_b: int
    """Bytes that keep the output of the last inference."""
    tensor_ram_b: int
    """Bytes of RAM for all tensors: upload buffer, quantised input where it is not the upload
    itself, arena, result and state."""
    operators: list[OperatorEntry]
    state_b: int = 0
    """Bytes that last from one inference to the next."""
    computed_macs: int | None = None
    """Those that are computed: all, or without the channels that are left out; None as above."""
    faster_b: int = 0
    """Of `weights_b`, what layers take beyond what they must, to be faster."""
    removed: list[Removed] = []
    """Channels that are left out, layer by layer; none where nothing was, or was to be."""
    streamed: Streamed | None = None
    """How it is evaluated frame by frame; None where it takes the whole history."""
    strips: list[Strips] = []
    """Operators that are computed strip by strip, so that the arena is smaller."""
    layers: list[int] = []
    """Where there are such: the operator of each layer that the firmware runs, in their order;
    else it runs a layer for each operator with a kernel."""
    halves: Halves | None = None
    """What two cores do of it; None where there is one."""


def layers_run(steps: Sequence[Step]) -> list[int]:
    """Return the operator of each layer, as `emit` has them."""
    indices = (step.operator.index for step in steps if step.function)
    return [index for index, _ in itertools.groupby(indices)]


def state_b(graph: Graph) -> int:
    """Return the bytes that last from one inference to the next."""
    return sum(tensor.size_b for tensor in graph.tensors if tensor.initial is not None)


def weights_b(graph: Graph, steps: Sequence[Step]) -> int:
    """Return the bytes of constants that some steps read, each counted once."""
    operands = {i for step in steps for i in step.inputs if graph.tensors[i].data is not None}
    # Strips of one operator share its constants.
    own = sum({id(c): c.size_b for step in steps for c in step.constants}.values())
    return own + sum(graph.tensors[i].size_b for i in operands)


def entries(
    graph: Graph, steps: Sequence[Step], in_use: Sequence[int], macs: Mapping[int, int]
) -> list[OperatorEntry]:
    """Return a line for each operator, whatever number of kernels it calls.

    `in_use`: bytes of the arena that are live during each step. `macs`: by operator, as given.
    """
    found, tensors = list[OperatorEntry](), graph.tensors
    numbered = dict[int, list[int]]()
    for i, step in enumerate(steps):
        numbered.setdefault(step.operator.index, []).append(i)
    for numbers in numbered.values():
        calls = [steps[i] for i in numbers]
        operator = calls[0].operator
        strip = calls[0].whole
        read = (
            dict.fromkeys(i for call in calls for i in call.inputs) if strip is None else strip[:1]
        )
        found.append(
            OperatorEntry(
                index=operator.index,
                operator=operator.name,
                input_shapes=[list(tensors[i].shape) for i in read],
                output_shape=list(tensors[strip[1] if strip else calls[0].output].shape),
                kernel=" + ".join(dict.fromkeys(c.function for c in calls if c.function != COPY)),
                macs=macs[operator.index],
                computed_macs=sum(call.macs for call in calls),
                weights_b=weights_b(graph, calls),
                arena_b=max(in_use[i] for i in numbers),
            )
        )
    return found
