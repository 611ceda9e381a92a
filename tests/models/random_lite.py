"""Random models of operators that TensorFlow Lite has and TensorFlow Lite Micro has not."""

from collections.abc import Callable

import numpy as np

from .random_arithmetic import truths
from .random_tensors import ints, model, quantised, shape_of
from .tflite_builder import Model, Operator, Rng, Tensor, replaced


def _tile(rng: Rng) -> Model:
    shape = shape_of(rng)
    times = [int(n) for n in rng.integers(1, 4, len(shape))]
    after = [n * size for n, size in zip(times, shape, strict=True)]
    ends = Tensor(shape, "FLOAT32"), Tensor(after, "FLOAT32")
    return model("TILE", [ends[0], ints(*times)], [ends[1]])


def _power(rng: Rng) -> Model:
    shape = shape_of(rng)
    exponents = rng.choice([0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -2.0, 1.7, float(rng.normal())], shape)
    values = Tensor(shape, "FLOAT32", data=exponents.astype(np.float32))
    return model("POW", [Tensor(shape, "FLOAT32"), values], [Tensor(shape, "FLOAT32")])


def _of_one(name: str) -> Callable[[Rng], Model]:
    def make(rng: Rng) -> Model:
        ends = Tensor(shape_of(rng), "FLOAT32")
        return model(name, [ends], [ends])

    return make


def _limited(name: str) -> Callable[[Rng], Model]:
    def make(rng: Rng) -> Model:
        source = quantised(rng, [256])
        target = quantised(rng, [256], scale=float(source.scales[0] * rng.uniform(0.4, 2.5)))
        return model(name, [source], [target])

    return make


def _curve(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a function of int8; of what is not below zero for a logarithm."""

    def make(rng: Rng) -> Model:
        source = quantised(rng, [256], scale=float(rng.uniform(0.005, 0.05)))
        if name == "LOG":
            source = replaced(source, zero_points=[-128])
        target = quantised(rng, [256], scale=float(rng.uniform(0.01, 0.1)))
        options = {"Approximate": bool(rng.random() < 0.5)} if name == "GELU" else {}
        return model(name, [source], [target], **options)

    return make


def _table(name: str) -> Callable[[Rng], Model]:
    """Return the maker of rows of a constant, by whole numbers that are made of an input."""

    def make(rng: Rng) -> Model:
        count, rows, width = (int(n) for n in rng.integers(1, 6, 3))
        last = Tensor([], "FLOAT32", data=np.array(rows - 1, np.float32))
        table = rng.normal(size=(rows, width)).astype(np.float32)
        tensors = [
            *[Tensor([count], "FLOAT32")] * 3,
            Tensor([count], "INT32"),
            Tensor([count, width], "FLOAT32"),
            last,
            Tensor([], "FLOAT32", data=np.zeros([], np.float32)),
            Tensor(table.shape, "FLOAT32", data=table),
        ]
        ends = [3, 7] if name == "EMBEDDING_LOOKUP" else [7, 3]
        operators = [
            Operator("MINIMUM", [0, 5], [1]),
            Operator("MAXIMUM", [1, 6], [2]),
            Operator("CAST", [2], [3]),
            Operator(name, ends, [4]),
        ]
        return Model(tensors, operators, [0], [4])

    return make


def _whole(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a function of whole numbers that are made of floats."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        by = rng.choice([-7, -3, -1, 1, 2, 5], shape).astype(np.int32)
        words, floats = Tensor(shape, "INT32"), Tensor(shape, "FLOAT32")
        tensors = [floats, words, Tensor(shape, "INT32", data=by), words, floats]
        operators = [
            Operator("CAST", [0], [1]),
            Operator(name, [1, 2], [3]),
            Operator("CAST", [3], [4]),
        ]
        return Model(tensors, operators, [0], [4])

    return make


LITE: dict[str, Callable[[Rng], Model]] = {
    "EMBEDDING_LOOKUP": _table("EMBEDDING_LOOKUP"),
    "GELU": _curve("GELU"),
    "POW": _power,
    "REDUCE_ANY": truths("REDUCE_ANY"),
    "RELU_0_TO_1": _limited("RELU_0_TO_1"),
    "RELU_N1_TO_1": _limited("RELU_N1_TO_1"),
    "SIGN": _of_one("SIGN"),
    "TILE": _tile,
}
WHOLE_OR_AT_RUN_TIME: dict[str, Callable[[Rng], Model]] = {
    **{name: _whole(name) for name in ("DIV", "SUB", "FLOOR_DIV", "FLOOR_MOD")},
    "EXP": _curve("EXP"),
    "GATHER": _table("GATHER"),
    "LOG": _curve("LOG"),
}
"""Operators that the other one has, too, but not so."""
