"""Layers of long short-term memory: their gates, states and sequences, checked.

Ref: tensorflow/lite/micro/kernels/lstm_shared.h and lstm_eval_common.cc.
"""

import math

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ...checks import activation, constant, inputs
from ...graph import Graph, Operator, Tensor

INPUTS = 24
IN_WEIGHTS, HIDDEN_WEIGHTS, BIASES = 1, 5, 12
"""First of four inputs each: those of the gates that let in, keep, make and let out."""
HIDDEN, CELL = 18, 19
VARIANTS = (*range(9, 12), *range(16, 18), *range(20, INPUTS))
"""Inputs of a peephole, a projection and a normalisation."""
GATES = 4
ACTIVATION_TANH = 4
FIELDS = ("FusedActivationFunction", "CellClip", "TimeMajor")


class Memory(msgspec.Struct, frozen=True):
    """A checked layer; of all in fours, the order is that of the gates."""

    source: Tensor
    target: Tensor
    hidden: Tensor
    cell: Tensor
    in_filters: list[Tensor]
    hidden_filters: list[Tensor]
    in_weights: np.ndarray
    """[gates][units][in_c]"""
    hidden_weights: np.ndarray
    """[gates][units][units]"""
    biases: np.ndarray
    """[gates][units]"""
    sequences: dict[str, int]
    """Fields of `struct sequences`."""
    clip: float | None
    """Limit of the cell, if it has one."""

    @property
    def macs(self) -> int:
        """Multiplications of an inference."""
        size = self.in_weights.size + self.hidden_weights.size
        return self.sequences["batches"] * self.sequences["steps"] * size


def read_memory(graph: Graph, op: Operator, weights: str, biases: str, cell: str) -> Memory:
    """Return a layer whose weights, biases and cell are of these types."""
    tensors = inputs(graph, op, (INPUTS,))
    source, target = activation(tensors[0]), graph.tensors[op.outputs[0]]
    if any(tensors[i] is not None for i in VARIANTS):
        raise ModelError("has a peephole, a projection or a normalisation; only a plain layer "
                         "is supported")  # fmt: skip
    if op.options["FusedActivationFunction"] != ACTIVATION_TANH:
        raise ModelError(f"activation {op.options['FusedActivationFunction']}; TANH is supported")
    states = [tensors[i] for i in (HIDDEN, CELL)]
    for state, type_ in zip(states, (source.type, cell), strict=True):
        if state is None or state.initial is None or state.type != type_:
            raise ModelError(f"has no state of {type_}")
    hidden, kept = (state for state in states if state is not None)
    in_weights, hidden_weights, added = (
        _four(tensors[first : first + GATES], type_, what)
        for first, type_, what in (
            (IN_WEIGHTS, weights, "weights"),
            (HIDDEN_WEIGHTS, weights, "weights of its output"),
            (BIASES, biases, "biases"),
        )
    )
    units = added.shape[-1]
    sequences = _sequences(source, target, units, bool(op.options["TimeMajor"]))
    wanted = (GATES, units, sequences["in_c"]), (GATES, units, units), (GATES, units)
    if (in_weights.shape, hidden_weights.shape, added.shape) != wanted:
        raise ModelError(
            f"weights of {list(in_weights.shape[1:])} and {list(hidden_weights.shape[1:])} for "
            f"{sequences['in_c']} inputs and {units} units"
        )
    held = sequences["batches"] * units
    if (hidden.elements, kept.elements) != (held, held) or hidden.index == kept.index:
        raise ModelError(f"states of {hidden.elements} and {kept.elements} values; {held} needed")
    clip = float(op.options["CellClip"])
    return Memory(
        source,
        target,
        hidden,
        kept,
        [t for t in tensors[IN_WEIGHTS:HIDDEN_WEIGHTS] if t is not None],
        [t for t in tensors[HIDDEN_WEIGHTS : HIDDEN_WEIGHTS + GATES] if t is not None],
        in_weights,
        hidden_weights,
        added,
        sequences,
        clip if clip > 0 and math.isfinite(clip) else None,
    )


def _four(tensors: list[Tensor | None], type_: str, what: str) -> np.ndarray:
    """Return four constants of one shape as one."""
    found = [constant(tensor, type_, what) for tensor in tensors]
    if len({values.shape for values in found}) != 1:
        raise ModelError(f"its {what} have the shapes {[list(values.shape) for values in found]}")
    return np.stack(found)


def _sequences(source: Tensor, target: Tensor, units: int, time_major: bool) -> dict[str, int]:
    if len(source.shape) != 3 or target.shape != (*source.shape[:2], units):
        raise ModelError(
            f"{list(source.shape)} into {list(target.shape)} by {units} units: these do not fit"
        )
    first, second, in_c = source.shape
    batches, steps = (second, first) if time_major else (first, second)
    batch, step = (1, batches) if time_major else (steps, 1)
    return {
        "batches": batches,
        "steps": steps,
        "in_c": in_c,
        "units": units,
        "in_batch": batch * in_c,
        "in_step": step * in_c,
        "out_batch": batch * units,
        "out_step": step * units,
    }
