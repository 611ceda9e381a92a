"""Random models of products of matrices, comparisons, casts, mirrors, and what only floats have."""

from collections.abc import Callable

import numpy as np
import tflite

from .random_tensors import Shape, image_of, ints, like, model, quantised, shape_of
from .tflite_builder import Model, Operator, Rng, Tensor, replaced


def batch_matmul(rng: Rng) -> Model:
    """Return a BATCH_MATMUL, either matrix turned, either stretched over the other's batches."""
    rows, depth, columns = (int(n) for n in rng.integers(1, 9, 3))
    batches = [int(n) for n in rng.integers(1, 4, rng.integers(0, 3))]
    turned = [bool(rng.random() < 0.4) for _ in range(2)]
    shapes = [[rows, depth][:: -1 if turned[0] else 1], [depth, columns][:: -1 if turned[1] else 1]]
    shorter = int(rng.integers(3))  # the reference stretches one that has fewer dimensions
    first, second = (
        quantised(rng, shape if shorter == i else [*batches, *shape], scale=0.02)
        for i, shape in enumerate(shapes)
    )
    if rng.random() < 0.3:
        data = rng.integers(-128, 128, list(second.shape)).astype(np.int8)
        second = replaced(second, data=data)
    scale = 0.02 * 0.02 * 74 * np.sqrt(depth) * float(rng.uniform(0.5, 3))
    target = quantised(rng, [*batches, rows, columns], scale=scale)
    return model("BATCH_MATMUL", [first, second], [target], AdjX=turned[0], AdjY=turned[1])


def squared_difference(rng: Rng) -> Model:
    """Return a SQUARED_DIFFERENCE, the second tensor stretched now and then."""
    shape = shape_of(rng)
    first = quantised(rng, shape, scale=float(rng.uniform(0.01, 0.1)))
    second = quantised(rng, _stretched(rng, shape), scale=float(rng.uniform(0.01, 0.1)))
    scale = max(first.scales[0], second.scales[0]) ** 2 * float(rng.uniform(20, 200))
    return model("SQUARED_DIFFERENCE", [first, second], [quantised(rng, shape, scale=scale)])


def rsqrt(rng: Rng) -> Model:
    """Return an RSQRT of what is above zero."""
    source = replaced(quantised(rng, [256]), zero_points=[-128])
    scale = float(rng.uniform(0.2, 1)) / float(np.sqrt(source.scales[0])) / 255
    return model("RSQRT", [source], [quantised(rng, [256], scale=scale)])


def comparison(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a comparison, by which one of two tensors is then chosen."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        first = quantised(rng, shape, scale=float(rng.uniform(0.01, 0.1)))
        second = quantised(rng, _stretched(rng, shape), scale=float(rng.uniform(0.01, 0.1)))
        other = like(first, _stretched(rng, shape))
        tensors = [first, second, other, Tensor(shape, "BOOL"), first]
        operators = [Operator(name, [0, 1], [3]), Operator("SELECT_V2", [3, 0, 2], [4])]
        return Model(tensors, operators, [0, 1, 2], [4])

    return make


def mirror_pad(rng: Rng) -> Model:
    """Return a MIRROR_PAD."""
    shape = [n + 1 for n in shape_of(rng)]
    once = int(rng.integers(2))
    borders = [[int(b) for b in rng.integers(0, n + 1 - once, 2)] for n in shape]
    source = quantised(rng, shape)
    after = [n + sum(pair) for n, pair in zip(shape, borders, strict=True)]
    pads = Tensor([len(shape), 2], "INT32", data=np.array(borders, np.int32))
    return model("MIRROR_PAD", [source, pads], [like(source, after)], Mode=1 - once)


def reverse(rng: Rng) -> Model:
    """Return a REVERSE_V2 along one axis."""
    source = quantised(rng, shape_of(rng))
    axis = ints(int(rng.integers(len(source.shape))))
    return model("REVERSE_V2", [source, axis], [source])


def broadcast_to(rng: Rng) -> Model:
    """Return a BROADCAST_TO."""
    shape = shape_of(rng)
    source = quantised(rng, _stretched(rng, shape))
    return model("BROADCAST_TO", [source, ints(*shape)], [like(source, shape)])


def arg_min(rng: Rng) -> Model:
    """Return an ARG_MIN along any axis."""
    shape = shape_of(rng, 2)
    axis = int(rng.integers(len(shape)))
    target = Tensor(shape[:axis] + shape[axis + 1 :], "INT32")
    options = {"OutputType": tflite.TensorType.INT32}
    return model("ARG_MIN", [quantised(rng, shape), ints(axis)], [target], **options)


def cast(rng: Rng) -> Model:
    """Return casts of floats to whole numbers and back, and of what comparing them gives."""
    shape = image_of(rng)
    types = ["FLOAT32", "INT32", "INT16", "FLOAT32", "BOOL", "INT8", "FLOAT32"]
    tensors = [Tensor(shape, kind) for kind in types]
    operators = [
        Operator("CAST", [0], [1]),
        Operator("CAST", [1], [2]),
        Operator("CAST", [2], [3]),
        Operator("LESS", [0, 3], [4]),
        Operator("CAST", [4], [5]),
        Operator("CAST", [5], [6]),
    ]
    return Model(tensors, operators, [0], [3, 6])


def _stretched(rng: Rng, shape: Shape) -> list[int]:
    """Return a shape that stretches to the other one."""
    return [int(n) if rng.random() < 0.6 else 1 for n in shape]


def _of_one(name: str, first: str | None = None) -> Callable[[Rng], Model]:
    """Return the maker of a function of one value, after another one."""

    def make(rng: Rng) -> Model:
        source = quantised(rng, shape_of(rng))
        names = [name] if first is None else [first, name]
        operators = [Operator(each, [i], [i + 1]) for i, each in enumerate(names)]
        return Model([source] * (len(names) + 1), operators, [0], [len(names)])

    return make


def _rounded(rng: Rng) -> Model:
    """Return a ROUND of whole numbers and of what lies between two of them."""
    source = quantised(rng, shape_of(rng))
    half = Tensor([], "FLOAT32", data=np.array(0.5, np.float32))
    operators = [
        Operator("FLOOR", [0], [1]),
        Operator("MUL", [1, 2], [3]),
        Operator("ROUND", [3], [4]),
    ]
    return Model([source, source, half, source, source], operators, [0], [4])


def _pair(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a function of two tensors."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        first, second = quantised(rng, shape), quantised(rng, _stretched(rng, shape))
        return model(name, [first, second], [first])

    return make


def _sum_of_several(rng: Rng) -> Model:
    """Return an ADD_N."""
    source = quantised(rng, shape_of(rng))
    return model("ADD_N", [source] * int(rng.integers(2, 5)), [source])


def truths(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a function of one or two comparisons, by which a value is chosen."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng, longest=4)
        source = quantised(rng, shape, scale=float(rng.uniform(0.01, 0.1)))
        other, told = like(source, _stretched(rng, shape)), Tensor(shape, "BOOL")
        if name.startswith("REDUCE"):
            axis = int(rng.integers(len(shape)))
            shorter = [1 if i == axis else n for i, n in enumerate(shape)]
            last = Tensor(shorter, "BOOL")
            function = Operator(name, [3, 7], [5], {"KeepDims": True})
        else:
            axis, last = 0, told
            function = Operator(name, [3] if name == "LOGICAL_NOT" else [3, 4], [5])
        tensors = [source, other, source, told, told, last, source, ints(axis)]
        operators = [
            Operator("LESS", [0, 1], [3]),
            Operator("LESS", [2, 1], [4]),
            function,
            Operator("SELECT_V2", [5, 0, 2], [6]),
        ]
        return Model(tensors, operators, [0, 1, 2], [6])

    return make


def _l2_pool(rng: Rng) -> Model:
    """Return an L2_POOL_2D."""
    shape = image_of(rng)
    options = {"Padding": tflite.Padding.SAME, "StrideH": 1, "StrideW": 1}
    window = {"FilterHeight": 2, "FilterWidth": 3}
    source = quantised(rng, shape)
    return model("L2_POOL_2D", [source], [source], **options, **window)


def _log_softmax(rng: Rng) -> Model:
    """Return a LOG_SOFTMAX."""
    source = quantised(rng, shape_of(rng, longest=12))
    return model("LOG_SOFTMAX", [source], [source])


def words(rng: Rng) -> Model:
    """Return the larger of two words, each any of int32."""
    word = Tensor(shape_of(rng), "INT32")
    return model("MAXIMUM", [word, word], [word])


def whole_numbers(rng: Rng) -> Model:
    """Return what is done with floats that became whole numbers, and with those of int16."""
    shape = shape_of(rng)
    other = _stretched(rng, shape)
    words, narrow = Tensor(shape, "INT32"), Tensor(other, "INT32")
    tensors = [Tensor(shape, "FLOAT32"), Tensor(other, "FLOAT32"), words, narrow]
    operators = [Operator("CAST", [0], [2]), Operator("CAST", [1], [3])]
    outputs = list[int]()
    for name in ("ADD", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
        at = len(tensors)
        tensors += [words, Tensor(shape, "FLOAT32")]
        operators += [Operator(name, [2, 3], [at]), Operator("CAST", [at], [at + 1])]
        outputs.append(at + 1)
    return Model(tensors, operators, [0, 1], outputs)


WHOLE: dict[str, Callable[[Rng], Model]] = {
    "ARG_MIN": arg_min,
    "BATCH_MATMUL": batch_matmul,
    "BROADCAST_TO": broadcast_to,
    "CAST": cast,
    "EQUAL": comparison("EQUAL"),
    "GREATER": comparison("GREATER"),
    "GREATER_EQUAL": comparison("GREATER_EQUAL"),
    "LESS": comparison("LESS"),
    "LOGICAL_AND": truths("LOGICAL_AND"),
    "LOGICAL_NOT": truths("LOGICAL_NOT"),
    "LOGICAL_OR": truths("LOGICAL_OR"),
    "LESS_EQUAL": comparison("LESS_EQUAL"),
    "MIRROR_PAD": mirror_pad,
    "NOT_EQUAL": comparison("NOT_EQUAL"),
    "REVERSE_V2": reverse,
    "REDUCE_ALL": truths("REDUCE_ALL"),
    "RSQRT": rsqrt,
    "SELECT_V2": comparison("LESS"),
    "SQUARED_DIFFERENCE": squared_difference,
}
REAL: dict[str, Callable[[Rng], Model]] = {
    "ADD_N": _sum_of_several,
    "CEIL": _of_one("CEIL"),
    "COS": _of_one("COS"),
    "DIV": _pair("DIV"),
    "EXP": _of_one("EXP"),
    "FLOOR": _of_one("FLOOR"),
    "FLOOR_DIV": _pair("FLOOR_DIV"),
    "FLOOR_MOD": _pair("FLOOR_MOD"),
    "L2_POOL_2D": _l2_pool,
    "LOG": _of_one("LOG", "SQUARE"),
    "LOG_SOFTMAX": _log_softmax,
    "NEG": _of_one("NEG"),
    "ROUND": _rounded,
    "RSQRT": _of_one("RSQRT", "SQUARE"),
    "SIN": _of_one("SIN"),
    "SQRT": _of_one("SQRT", "SQUARE"),
    "SQUARE": _of_one("SQUARE"),
}
"""Of floats alone, once their tensors are floats (random_floats.py)."""
