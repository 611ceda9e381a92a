"""Let what is left of pruned int8 weights learn from labels, as a whole model: ADMM, then alone.

Ref: Zhang et al., A Systematic DNN Weight Pruning Framework using ADMM, arXiv 1804.03294; Jacob et
al., arXiv 1712.05877, section 3 (training with simulated quantisation).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..compiler.graph import Graph
from ..quantiser import BIAS_MOST, MOST, WEIGHTED, Step, along, in_floats
from .answers import NEAR, Floats, Values, apart, computed, straight
from .command import tensorflow
from .tuned import mixed

ROUNDS, EVERY = 10, 10
"""Of ADMM: how often what is left is chosen anew, and steps between."""
ALONE = 200
"""Steps in which what is left learns alone."""
RATE = 3e-3
"""Of Adam, falling along a cosine where weights learn alone; in units of 127 steps of int8."""
RHO = 1e-2
"""Of ADMM: the penalty of a weight that is apart from what is left of it, in the same units."""
HINT = 3.0
"""Of what pruned layers give, in the mean: the penalty of what they gave before, of its variance.
Ref: Romero et al., FitNets, arXiv 1412.6550."""
Matrix = npt.NDArray[np.float64]
Prune = Callable[[int, Matrix], Matrix]
"""What is left of the weights of a tensor, as [outputs][inputs], in steps of int8."""


@dataclass(frozen=True)
class Lesson:
    """What is learnt from."""

    inputs: Floats
    """[inputs][elements], in what they stand for."""
    wanted: Floats
    """[inputs][values]: what should come out of each."""


@dataclass(frozen=True)
class Weight:
    """Weights or biases that learn, in units of `size` steps of theirs."""

    values: Any
    """A variable of TensorFlow."""
    size: float
    most: int
    step: npt.NDArray[np.float32]
    """What one step stands for, where a channel has its own in its dimension."""

    def steps(self) -> npt.NDArray[np.float64]:
        """Return them in steps."""
        return self.values.numpy().astype(np.float64) * self.size


def learnt(
    graph: Graph, start: Graph, tensors: list[int], prune: Prune, lesson: Lesson, seed: int
) -> Graph:
    """Return an int8 graph whose weights of some tensors are pruned, and all weights have learnt.

    `start` is the graph with the constants to begin from. All is computed in the graph's own steps,
    which stay. At first weights are drawn to what is left of them (ADMM); then those that are left
    learn alone. Beside what is wanted, pruned layers learn to give what they gave in `graph`.
    Raises ToolMissingError without TensorFlow, ModelError for an operator that does not learn.
    """
    tf = tensorflow(seed)
    weights = {
        index: _weight(tf, start, index)
        for op in graph.operators
        if op.name in WEIGHTED
        for index in op.inputs[1:3]
        if index >= 0
    }
    pruned = {index: weights[index] for index in tensors}
    masks = {index: tf.Variable(tf.ones_like(one.values)) for index, one in pruned.items()}
    drawn = {index: tf.Variable(one.values) for index, one in pruned.items()}
    batches = _batches(tf, graph, lesson, seed)
    step = _step(tf, graph, weights, masks, drawn, RHO, RATE, lesson.wanted)
    dual = {index: np.zeros(one.values.shape) for index, one in pruned.items()}
    for _ in range(ROUNDS):
        for index, one in pruned.items():
            kept = _left(prune, index, one.steps() + dual[index])
            dual[index] += one.steps() - kept
            drawn[index].assign((kept - dual[index]) / one.size)
        for _ in range(EVERY):
            step(*batches())
    for index, one in pruned.items():
        kept = _left(prune, index, one.steps() + dual[index])
        one.values.assign(kept / one.size)
        masks[index].assign(kept != 0)
    schedule = tf.keras.optimizers.schedules.CosineDecay(RATE, ALONE, alpha=0.01)
    step = _step(tf, graph, weights, masks, {}, 0.0, schedule, lesson.wanted)
    for _ in range(ALONE):
        step(*batches())
    return _with(graph, weights, {index: one.numpy() for index, one in masks.items()})


def _weight(tf: Any, graph: Graph, index: int) -> Weight:
    """Return the weights or biases of a tensor, that learn from what they are."""
    one = graph.tensors[index]
    bias = one.type == "INT32"
    steps = np.frombuffer(one.data or b"", "<i4" if bias else "i1").reshape(one.shape)
    size = float(np.abs(steps).max()) or 1.0 if bias else float(MOST)
    values = tf.Variable((steps / size).astype(np.float32))
    most = BIAS_MOST if bias else MOST
    return Weight(values, size, most, along(one, one.scales).astype(np.float32))


def _left(prune: Prune, index: int, steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what is left of weights of any shape, whose first dimension is the outputs'."""
    return prune(index, steps.reshape(len(steps), -1)).reshape(steps.shape)


def _batches(tf: Any, graph: Graph, lesson: Lesson, seed: int) -> Callable[[], tuple[Any, Any]]:
    """Return what draws a batch of inputs and of what should come out of them."""
    rng = np.random.default_rng(seed)
    source, target = (graph.tensors[one].shape[1:] for one in (graph.inputs[0], graph.outputs[0]))

    def draw() -> tuple[Any, Any]:
        inputs, wanted = mixed(rng, lesson.inputs, lesson.wanted)
        return tf.constant(inputs.reshape(-1, *source)), tf.constant(wanted.reshape(-1, *target))

    return draw


def _step(
    tf: Any, graph: Graph, weights: Mapping[int, Weight], masks: Mapping[int, Any],
    drawn: Mapping[int, Any], rho: float, rate: Any, wanted: Floats,
) -> Callable[[Any, Any], None]:  # fmt: skip
    """Return a step of learning: of weights under masks, some of them drawn to others."""
    grids = {
        one.index: Step(one.scale, one.zero_point)
        for one in graph.tensors
        if one.data is None and one.type == "INT8" and one.scales
    }
    floats = in_floats(graph)
    hinted = [
        op.outputs[0] for op in graph.operators if op.name in WEIGHTED and op.inputs[1] in masks
    ]
    size = 1.0 if graph.operators[-1].name == "SOFTMAX" else float(np.var(wanted)) or 1.0
    variables = [one.values for one in weights.values()]
    optimizer = tf.keras.optimizers.Adam(rate)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(batch: Any, answer: Any) -> None:
        before = computed(floats, batch)
        with tf.GradientTape() as tape:
            found = computed(floats, batch, _rounded(tf, weights, masks), grids)
            loss = apart(tf, graph, answer, found[graph.outputs[0]]) / size
            for index in hinted:
                far = tf.reduce_mean(tf.square(found[index] - before[index]))
                spread = tf.math.reduce_variance(before[index]) + NEAR
                loss += HINT / len(hinted) * far / spread
            for index, to in drawn.items():
                loss += rho / 2 * tf.reduce_sum(tf.square(weights[index].values - to))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return step


def _rounded(tf: Any, weights: Mapping[int, Weight], masks: Mapping[int, Any]) -> Values:
    """Return weights and biases as the model has them, in whole steps of theirs."""
    found: Values = {}
    for index, one in weights.items():
        steps = one.values * one.size
        steps = tf.clip_by_value(
            steps * masks[index] if index in masks else steps, -one.most, one.most
        )
        found[index] = straight(tf, steps, tf.round(steps)) * one.step
    return found


def _with(graph: Graph, weights: Mapping[int, Weight], masks: Mapping[int, Floats]) -> Graph:
    """Return a graph with the weights and biases that were learnt."""
    tensors = list(graph.tensors)
    for index, one in weights.items():
        steps = np.clip(np.rint(one.steps() * masks.get(index, 1.0)), -one.most, one.most)
        data = steps.astype("i1" if tensors[index].type == "INT8" else "<i4").tobytes()
        tensors[index] = msgspec.structs.replace(tensors[index], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))
