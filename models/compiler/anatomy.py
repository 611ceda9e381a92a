"""What a model is before anything is built: its ends, its operators, what its tensors need."""

import hashlib
import math
from collections import Counter
from pathlib import Path

import msgspec

from tinybench.errors import ModelError

from ..model_file import is_onnx, read_model_file
from .graph import Graph, Tensor
from .interface import Interface, ends_b
from .layout import Life, lay_out
from .lower import lower_pruned
from .manifest import OperatorEntry, entries, state_b, weights_b
from .prune import Removed
from .reader import read_graph, read_outline
from .reader.places import TAKES
from .stream import Streamed
from .strips import Strips


class End(msgspec.Struct, frozen=True, kw_only=True):
    """An input or an output of a model."""

    name: str
    type: str
    """Name in the schema, such as "INT8"."""
    shape: list[int]
    scale: float | None
    """None where it is not quantised."""
    zero_point: int | None
    places: int | None = None
    """Where its values choose places in another tensor, as ids of tokens do: of how many."""

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes of a board with one kind of kernels, the firmware itself left out."""

    weights_b: int
    """Bytes of all constants, those of the kernels' tables included."""
    tables_b: int
    arena_b: int
    tensor_ram_b: int
    """Bytes of RAM for all tensors, as in `Manifest`."""
    operators: list[OperatorEntry]
    lives: list[Life]
    """The arena's tensors and scratch memory: where they lie, and during which kernel calls."""
    strips: list[Strips] = []
    """Operators that are computed strip by strip, so that the arena is smaller."""


class Anatomy(msgspec.Struct, frozen=True, kw_only=True):
    """What a .tflite holds."""

    file: str
    """Its name, without the folder."""
    sha256: str
    size_b: int
    inputs: list[End]
    outputs: list[End]
    input_b: int
    """Bytes of an upload: the inputs in their own types, one after the other."""
    operators: dict[str, int]
    """How many there are of each kind, the most frequent first."""
    macs: int
    """Of the model as given."""
    computed_macs: int
    """Those that are computed: all, or without the channels that are left out."""
    removed: list[Removed]
    """Channels that are left out, layer by layer."""
    needs: dict[str, Need]
    """By kind of kernels."""
    state_b: int = 0
    """Bytes that last from one inference to the next, where the state is kept."""
    streamed: Streamed | None = None
    """How it is evaluated frame by frame; None where it takes the whole history."""


def anatomy(
    tflite: Path,
    kernels: tuple[str, ...],
    *,
    prune: bool = True,
    strips: bool = True,
    stream: bool = False,
) -> Anatomy:
    """Return what a .tflite holds, and what it takes with each kind of `kernels`.

    `prune`, `strips` and `stream` are those of `compile_model`. Writes and builds nothing. Raises
    ModelError for a file that cannot be read or compiled.
    """
    data = read_model_file(tflite)
    try:
        given = read_graph(data)
        needs, macs, computed_macs, removed = {}, 0, 0, list[Removed]()
        input_b, state, streamed = 0, 0, None
        each = lower_pruned(given, kernels, pruned=prune, strips=strips, stream=stream)
        for kind, lowered in zip(kernels, each, strict=True):
            graph, steps = lowered.graph, lowered.steps
            input_b, copies_b, result_b = ends_b(graph, Interface())
            state, streamed = state_b(graph), lowered.streamed
            memory = lay_out(graph, steps)
            macs, computed_macs = sum(lowered.macs.values()), lowered.computed_macs
            removed = lowered.removed
            needs[kind] = Need(
                weights_b=weights_b(graph, steps),
                tables_b=sum(step.tables_b for step in steps),
                arena_b=memory.arena_b,
                tensor_ram_b=input_b
                + copies_b
                + memory.arena_b
                + result_b
                + state
                + (streamed.frame_b if streamed else 0),
                operators=entries(graph, steps, memory.in_use, lowered.macs),
                lives=memory.lives,
                strips=lowered.strips,
            )
    except ModelError as error:
        raise ModelError(f"{tflite}: {error}") from error
    return Anatomy(
        file=tflite.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_b=len(data),
        inputs=_inputs(data, given),
        outputs=[_end(given.tensors[i]) for i in given.outputs],
        input_b=input_b,
        operators=dict(Counter(op.name for op in given.operators).most_common()),
        macs=macs,
        computed_macs=computed_macs,
        removed=removed,
        needs=needs,
        state_b=state,
        streamed=streamed,
    )


def ends_of(tflite: Path) -> Anatomy:
    """Return what a model takes, gives and calls, be it one that cannot be compiled.

    It has no MACs and needs nothing, for these are what the compiler finds. Raises ModelError.
    """
    data = read_model_file(tflite)
    try:
        outline = read_outline(data)
    except ModelError as error:
        raise ModelError(f"{tflite}: {error}") from error
    return Anatomy(
        file=tflite.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_b=len(data),
        inputs=[_end(*each) for each in zip(outline.inputs, outline.places, strict=True)],
        outputs=[_end(tensor) for tensor in outline.outputs],
        input_b=sum(tensor.size_b for tensor in outline.inputs),
        operators=dict(Counter(op.name for op in outline.operators).most_common()),
        macs=0,
        computed_macs=0,
        removed=[],
        needs={},
    )


def _inputs(data: bytes, given: Graph) -> list[End]:
    """Return the inputs of a model in its file, with what chooses places in another tensor."""
    tensors = [given.tensors[i] for i in given.inputs]
    takes = not is_onnx(data) and any(op.name in TAKES for op in given.operators)
    known = read_outline(data).places if takes else [None] * len(tensors)
    return [_end(tensor, count) for tensor, count in zip(tensors, known, strict=True)]


def _end(tensor: Tensor, places: int | None = None) -> End:
    return End(
        name=tensor.name,
        type=tensor.type,
        shape=list(tensor.shape),
        scale=tensor.scale if tensor.scales else None,
        zero_point=tensor.zero_point if tensor.zero_points else None,
        places=places,
    )
