"""What a model is before anything is built: its ends, its operators, what its tensors need."""

import hashlib
from collections import Counter
from pathlib import Path

import msgspec

from tinybench.errors import ModelError

from .emit import Interface
from .graph import Tensor
from .layout import Life, lay_out
from .lower import lower
from .manifest import OperatorEntry, entry
from .reader import read_graph, read_model_file


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The input or the output of a model."""

    name: str
    type: str
    """Name in the schema, such as "INT8"."""
    shape: list[int]
    scale: float
    zero_point: int


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


class Anatomy(msgspec.Struct, frozen=True, kw_only=True):
    """What a .tflite holds."""

    file: str
    """Its name, without the folder."""
    sha256: str
    size_b: int
    input: End
    output: End
    operators: dict[str, int]
    """How many there are of each kind, the most frequent first."""
    macs: int
    needs: dict[str, Need]
    """By kind of kernels."""


def anatomy(tflite: Path, kernels: tuple[str, ...]) -> Anatomy:
    """Return what a .tflite holds, and what it takes with each kind of `kernels`.

    Writes and builds nothing. Raises ModelError for a file that cannot be read or compiled.
    """
    data = read_model_file(tflite)
    try:
        graph = read_graph(data)
        needs, macs = {}, 0
        for kind in kernels:
            steps = lower(graph, kind)
            memory = lay_out(graph, steps)
            source, target = graph.tensors[graph.input], graph.tensors[graph.output]
            macs = sum(step.macs for step in steps)
            needs[kind] = Need(
                weights_b=sum(step.weights_b for step in steps),
                tables_b=sum(step.tables_b for step in steps),
                arena_b=memory.arena_b,
                tensor_ram_b=Interface().input_b(source) + memory.arena_b + target.elements,
                operators=[
                    entry(step, graph.tensors, arena_b)
                    for step, arena_b in zip(steps, memory.in_use, strict=True)
                ],
                lives=memory.lives,
            )
    except ModelError as error:
        raise ModelError(f"{tflite}: {error}") from error
    return Anatomy(
        file=tflite.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_b=len(data),
        input=_end(graph.tensors[graph.input]),
        output=_end(graph.tensors[graph.output]),
        operators=dict(Counter(op.name for op in graph.operators).most_common()),
        macs=macs,
        needs=needs,
    )


def _end(tensor: Tensor) -> End:
    return End(
        name=tensor.name,
        type=tensor.type,
        shape=list(tensor.shape),
        scale=tensor.scale,
        zero_point=tensor.zero_point,
    )
