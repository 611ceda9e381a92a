"""Weights disturbed: by the noise of analog memory, by soft errors and by broken cells."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph, Operator

Values = npt.NDArray[Any]
LAYERS = frozenset(
    (
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "SVDF"),
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    )
)
"""Operators with weights."""
TYPES = {"INT8": np.dtype("<i1"), "FLOAT32": np.dtype("<f4")}
ANALOG = ("gaussian", "multiplicative", "levels", "drift")
BITS = ("bit-flip", "stuck-at-0", "stuck-at-1")
NOISES = (*ANALOG, *BITS)
DRIFT_RATIO = 1e6
"""Time since the weights were written, in units of the time after which they were read first."""
DRIFT_SPREAD = 0.3
"""Standard deviation of a weight's exponent of drift, in units of the mean one."""
INT8_MOST = 127
"""Symmetric: what a converter gives."""


class Weights(msgspec.Struct, frozen=True):
    """The weights of one layer."""

    tensor: int
    operator: int
    """Its place in the model ..."""
    kind: str
    """... and name in the schema."""
    name: str
    count: int


def weights_of(graph: Graph) -> list[Weights]:
    """Return the tensors of weights that can be disturbed, each once; biases are left alone."""
    found: dict[int, Weights] = {}
    for op in graph.operators:
        for index in _constants(graph, op):
            tensor = graph.tensors[index]
            one = Weights(index, op.index, op.name, tensor.name, tensor.elements)
            found.setdefault(index, one)
    return list(found.values())


def _constants(graph: Graph, op: Operator) -> list[int]:
    if op.name not in LAYERS:
        return []
    return [
        i
        for i in op.inputs
        if i >= 0
        and graph.tensors[i].data is not None
        and graph.tensors[i].type in TYPES
        and len(graph.tensors[i].shape) > 1
    ]


def disturbed(
    graph: Graph,
    weights: Sequence[Weights],
    noise: str,
    amount: float,
    rng: np.random.Generator,
    bit: int | None = None,
) -> Graph:
    """Return the graph with these weights disturbed; the same generator, the same weights.

    `amount` is eta, levels, an exponent of drift or a rate, by the kind of `noise`; `bit`: the only
    one that flips or sticks, 0 the lowest.
    """
    tensors = list(graph.tensors)
    for one in weights:
        tensor = tensors[one.tensor]
        values = np.frombuffer(tensor.data or b"", TYPES[tensor.type]).reshape(tensor.shape)
        new = (
            faulty(values, noise, amount, rng, bit)
            if noise in BITS
            else noisy(values, noise, amount, rng)
        )
        tensors[one.tensor] = msgspec.structs.replace(tensor, data=new.tobytes())
    return msgspec.structs.replace(graph, tensors=tuple(tensors))


def noisy(values: Values, noise: str, amount: float, rng: np.random.Generator) -> Values:
    """Return the weights of a layer with analog noise.

    "gaussian": w + N(0, (amount std(w))^2); "multiplicative": w (1 + N(0, amount^2)); "levels": the
    nearest of `amount` levels between -max|w| and max|w|; "drift": w DRIFT_RATIO^-nu, with nu of
    N(amount, (DRIFT_SPREAD amount)^2) for each weight and never negative. Of a quantised layer, w
    are its int8 values: an array holds these, and each channel's scale is applied behind it.
    Ref: arXiv 2011.11840, "noise form factor" eta.
    """
    real = values.astype(np.float64)
    if noise == "gaussian":
        real = real + rng.standard_normal(real.shape) * amount * real.std()
    elif noise == "multiplicative":
        real = real * (1 + rng.standard_normal(real.shape) * amount)
    elif noise == "levels":
        most = np.abs(real).max(initial=0.0) or 1.0
        step = 2 * most / (amount - 1)
        real = np.rint((real + most) / step) * step - most
    else:
        exponents = amount * (1 + DRIFT_SPREAD * rng.standard_normal(real.shape))
        real = real * DRIFT_RATIO ** -np.maximum(exponents, 0.0)
    if values.dtype.kind == "f":
        return real.astype(values.dtype)
    least = min(-INT8_MOST, int(values.min(initial=0)))
    return np.clip(np.rint(real), least, INT8_MOST).astype(values.dtype)


def faulty(
    values: Values, noise: str, rate: float, rng: np.random.Generator, bit: int | None = None
) -> Values:
    """Return values of which each bit, or one `bit`, flips or sticks at 0 or 1, by a rate."""
    width = 8 * values.dtype.itemsize
    bits = np.unpackbits(
        np.ascontiguousarray(values).reshape(-1, 1).view(np.uint8), axis=1, bitorder="little"
    )
    hit = rng.random(bits.shape) < rate
    if bit is not None:
        hit &= np.arange(width) == bit
    bits = bits ^ hit if noise == "bit-flip" else np.where(hit, noise == "stuck-at-1", bits)
    packed = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    return packed.view(values.dtype).reshape(values.shape)


def stuck_cells(
    size_b: int, noise: str, rate: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return masks [bytes][and, or] of memory whose bits are stuck by a rate."""
    hit = np.packbits(rng.random((size_b, 8)) < rate, axis=1)[:, 0]
    never = np.zeros_like(hit)
    return np.stack([~hit, never] if noise == "stuck-at-0" else [~never, hit], axis=1)
