"""The weights that are pruned: of the layers of a model, or made."""

from dataclasses import dataclass

import numpy as np

from tinybench.errors import UsageError
from tinybench.models.compiler.graph import Graph

from ..layers.layer import layers_of
from .pruned import EIGHT, FOUR, Int8

WEIGHTS_MOST = 1 << 22
SPREAD = 40.0
"""Standard deviation of made weights."""


@dataclass(frozen=True)
class Matrix:
    """The weights of one layer, [outputs][inputs]."""

    name: str
    values: Int8
    tensor: int = -1


def insist_shape(shape: tuple[int, int]) -> None:
    """Raise UsageError for outputs and inputs of which no layer is made."""
    out_c, in_c = shape
    if not (out_c > 0 and in_c > 0 and out_c * in_c <= WEIGHTS_MOST) or in_c % FOUR:
        raise UsageError(
            f"--shape {out_c}x{in_c}: outputs x inputs, at most {WEIGHTS_MOST} weights, inputs in "
            "fours"
        )


def made_name(shape: tuple[int, int]) -> str:
    """Return what a made layer is called."""
    return "x".join(map(str, shape))


def made(shape: tuple[int, int], seed: int) -> list[Matrix]:
    """Return a matrix of random weights. Raises UsageError."""
    insist_shape(shape)
    drawn = np.random.default_rng(seed).normal(0, SPREAD, shape)
    return [Matrix(made_name(shape), np.clip(np.rint(drawn), -127, 127).astype(np.int8))]


def matrices_of(
    graph: Graph, rate: float, *, convolutions: bool = False, windows: bool = False
) -> tuple[list[Matrix], list[str]]:
    """Return the fully connected layers that can be pruned by a rate, and why others cannot.

    `convolutions`: those of one pixel instead, [outputs][1][1][inputs]; `windows`: and those of
    more, whose weights [outputs][rows][columns][inputs] are the matrix of im2col as they lie.
    """
    layers, without = layers_of(graph, "CONV_2D" if convolutions else "FULLY_CONNECTED")
    found = list[Matrix]()
    for one in layers:
        pixels = graph.tensors[one.tensor].shape[1:3]
        if convolutions and not windows and pixels != (1, 1):
            without.append(f"{one.name}: its window has more than one pixel; --windows prunes it")
        elif one.values.shape[1] % FOUR:
            without.append(f"{one.name}: its {one.values.shape[1]} inputs do not come in fours")
        elif one.values.size < EIGHT * FOUR * rate:
            without.append(f"{one.name}: a rate of {rate:g} would prune it whole")
        else:
            found.append(Matrix(one.name, one.values, one.tensor))
    return found, without
