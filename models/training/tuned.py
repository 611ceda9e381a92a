"""Tune the weights of a float model for its quantised form: it learns to answer as the floats do.

Ref: Jacob et al., arXiv 1712.05877, section 3 (training with simulated quantisation); Hinton et
al., arXiv 1503.02531 (distillation); Zhang et al., arXiv 1710.09412 (mixtures of inputs).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from ..compiler.graph import Graph
from ..quantiser import WEIGHTED, Range, Scheme, Step, steps_of
from .answers import Floats, answers, apart, computed, constant
from .command import tensorflow

STEPS, BATCH = 300, 32
RATE = 1e-4
"""Of Adam, falling along a cosine, in units of the largest weight of a layer."""


def tuned(
    graph: Graph,
    inputs: Floats,
    ranges: Mapping[int, Range],
    scheme: Scheme,
    source: Step | None,
    seed: int,
    steps: int = STEPS,
) -> Graph:
    """Return a float graph with weights and biases that lose less when it is quantised.

    It learns, with its values rounded as the scheme rounds them, to answer mixtures of `inputs`
    [inputs][elements] as the graph does; no labels are needed. `ranges` and `source` as in
    `quantiser.quantised`. Raises ToolMissingError without TensorFlow, ModelError for an operator
    that is not among those that are quantised.
    """
    tf = tensorflow(seed)
    grids = steps_of(graph, ranges, source)
    weights = _variables(tf, graph)
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    schedule = tf.keras.optimizers.schedules.CosineDecay(RATE, steps, alpha=0.01)
    optimizer = tf.keras.optimizers.Adam(schedule)

    @tf.function(autograph=False)
    def step(batch: Any) -> None:
        wanted = answers(graph, batch)
        with tf.GradientTape() as tape:
            scaled = {index: one * size for index, (one, size) in weights.items()}
            found = computed(graph, batch, scaled, grids, scheme)[graph.outputs[0]]
            loss = apart(tf, graph, wanted, found)
        variables = [one for one, _ in weights.values()]
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for _ in range(steps):
        (batch,) = mixed(rng, inputs)
        step(tf.constant(batch.reshape(-1, *shape[1:])))
    tensors = list(graph.tensors)
    for index, (one, size) in weights.items():
        data = (one.numpy() * size).astype("<f4").tobytes()
        tensors[index] = msgspec.structs.replace(tensors[index], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))


def _variables(tf: Any, graph: Graph) -> dict[int, tuple[Any, float]]:
    """Return weights and biases, each in units of its largest value, with that."""
    found = dict[int, tuple[Any, float]]()
    for op in graph.operators:
        for index in op.inputs[1:3] if op.name in WEIGHTED else ():
            if index >= 0:
                values = constant(graph, index)
                size = float(np.abs(values).max()) or 1.0
                found[index] = tf.Variable(values / np.float32(size)), size
    return found


def mixed(rng: np.random.Generator, *arrays: Floats) -> list[Floats]:
    """Return a batch of each array: mixtures of two rows, one of them by far the larger part."""
    first, second = rng.integers(0, len(arrays[0]), (2, BATCH))
    share = rng.beta(0.2, 0.2, (BATCH, 1)).astype(np.float32)
    return [(share * one[first] + (1 - share) * one[second]).astype(np.float32) for one in arrays]
