"""Functions of one value, which become tables, and operators of two tensors."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tinybench.errors import ModelError

from .draft import Draft, told
from .onnx_file import Node
from .pools import inverse
from .values import (
    Array,
    Pending,
    Quantisation,
    Real,
    Value,
    Weights,
    exact,
    identity,
    number,
)

Attributes = dict[str, float]
Map = Callable[[Array, Callable[[str, float], float]], Array]
"""From real numbers, and attributes with their defaults, to real numbers."""


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _softplus(x: Array) -> Array:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


MAPS: dict[str, Map] = {
    "Abs": lambda x, _: np.abs(x),
    "Ceil": lambda x, _: np.ceil(x),
    "Elu": lambda x, a: np.where(x < 0, a("alpha", 1.0) * np.expm1(np.minimum(x, 0)), x),
    "Erf": lambda x, _: _erf(x),
    "Exp": lambda x, _: np.exp(x),
    "Floor": lambda x, _: np.floor(x),
    "Gelu": lambda x, _: x * (1 + _erf(x / math.sqrt(2))) / 2,
    "HardSigmoid": lambda x, a: np.clip(a("alpha", 0.2) * x + a("beta", 0.5), 0, 1),
    "HardSwish": lambda x, _: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda x, a: np.where(x < 0, a("alpha", 0.01) * x, x),
    "Mish": lambda x, _: x * np.tanh(_softplus(x)),
    "Neg": lambda x, _: -x,
    "Sigmoid": lambda x, _: _sigmoid(x),
    "Softplus": lambda x, _: _softplus(x),
    "Softsign": lambda x, _: x / (1 + np.abs(x)),
    "Sqrt": lambda x, _: np.sqrt(x),
    "Tanh": lambda x, _: np.tanh(x),
}
"""By the name in ONNX."""

PAIRS = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
}
OPERATORS = {"Add": "ADD", "Sub": "SUB", "Mul": "MUL", "Min": "MINIMUM", "Max": "MAXIMUM"}
"""Those that two activations may be read by."""


def mapped(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a function of one value."""
    source = _tabled(values[0])
    if node.attributes.get("approximate", b"none") != b"none":
        raise ModelError(f"approximates by {node.attributes['approximate']!r}")

    def attribute(name: str, default: float) -> float:
        return float(node.attributes.get(name, default))

    with np.errstate(all="ignore"):
        found = MAPS[node.op](source.table.astype(np.float64), attribute)
    return [_with_table(source, found)]


def _tabled(value: Value | None) -> Real:
    if not isinstance(value, Real):
        raise ModelError(f"reads {told(value)}")
    return value


def _with_table(source: Real, found: Array) -> Real:
    with np.errstate(over="ignore"):
        table = np.asarray(found).astype(np.float32)
    if np.isnan(table).any():
        raise ModelError("gives what is no number for a value of its input")
    return replace(source, table=table)


def clamp(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Relu or a Clip: limits of what is pending, or a table."""
    low, high = 0.0, math.inf
    if node.op == "Clip":
        _, least, most = (*values, None, None)[:3]
        low = number(least, float(node.attributes.get("min", -math.inf)), "least")
        high = number(most, float(node.attributes.get("max", math.inf)), "most")
    if not low <= high:
        raise ModelError(f"limits values to {low:g} to {high:g}")
    source = values[0]
    if isinstance(source, Pending):
        # What is clamped below and above its limits is at their ends.
        return [
            replace(
                source,
                low=min(max(source.low, low), high),
                high=max(min(source.high, high), low),
            )
        ]
    source = _tabled(source)
    return [_with_table(source, np.clip(source.table, low, high))]


def pair(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read an operator of two values: a table where one of them is a number, or both are one."""
    if len(values) != 2 or None in [type(value) if value is None else 1 for value in values]:
        raise ModelError(f"has {len(values)} inputs; 2 are supported")
    first, second = values
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return [_constants(node, first, second)]
    for one, other, swapped in ((first, second, False), (second, first, True)):
        if isinstance(one, Real) and _is_number(other, len(one.shape)):
            by = number(other, 0.0, "operand")
            ends = (by, one.table) if swapped else (one.table, by)
            return [_with_table(one, _applied(node, *ends))]
    if isinstance(first, Real) and isinstance(second, Real):
        views = [(r.tensor, r.stored, r.perm, r.shape) for r in (first, second)]
        if views[0] == views[1]:
            return [_with_table(first, _applied(node, first.table, second.table))]
    return [_of_tensors(draft, node, first, second)]


def _applied(node: Node, first: Array | float, second: Array | float) -> Array:
    with np.errstate(all="ignore"):
        return PAIRS[node.op](np.float64(first), np.float64(second))


def _is_number(value: Value | None, rank: int) -> bool:
    values = value.values if isinstance(value, Weights) else value
    return isinstance(values, np.ndarray) and values.size == 1 and values.ndim <= rank


def _constants(node: Node, first: Array, second: Array) -> Array:
    """Return what two small constants give, such as parts of a shape."""
    if max(first.size, second.size) > 64 or node.op == "Pow":
        raise ModelError("computes constants: export with constants folded")
    whole = node.op == "Div" and first.dtype.kind in "iu" and second.dtype.kind in "iu"
    try:
        with np.errstate(all="ignore"):
            return np.asarray((np.floor_divide if whole else PAIRS[node.op])(first, second))
    except ValueError as error:
        raise ModelError(f"computes constants of other shapes: {error}") from error


def _of_tensors(draft: Draft, node: Node, first: Value | None, second: Value | None) -> Pending:
    """Read a sum, a difference, a product, or the less or greater of two tensors."""
    if node.op not in OPERATORS:
        raise ModelError("divides by, or raises to, another tensor; a constant number is supported")
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        raise ModelError(
            "its constant is of floats: quantise it too (add the operator to op_types_to_quantize)"
        )
    ends = [end if isinstance(end, Weights) else draft.linear(end) for end in (first, second)]
    shapes = [end.values.shape if isinstance(end, Weights) else end.shape for end in ends]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ModelError(f"has the shapes {list(shapes[0])} and {list(shapes[1])}") from error
    rank = len(shape)
    full = [e.perm for e in ends if isinstance(e, Real) and exact(e) and len(e.shape) == rank]
    view = full[0] if full else identity(shape)
    order = inverse(view)

    def operand(end: Real | Weights) -> int:
        if isinstance(end, Weights):
            return _constant_operand(draft, end, rank, order)
        wide = (1,) * (rank - len(end.shape)) + end.shape
        return draft.ordered(replace(end, shape=wide), order)

    stored = tuple(shape[axis] for axis in order)
    extreme = node.op in ("Min", "Max")
    operands = [] if extreme else [operand(end) for end in ends]

    def make(wanted: Quantisation, activation: int) -> int:
        target = draft.tensor(stored, wanted)
        if extreme:
            scaled = [
                _rounded(end, wanted) if isinstance(end, Weights)
                else draft.requantised(end, wanted) for end in ends
            ]  # fmt: skip
            draft.op(OPERATORS[node.op], [operand(end) for end in scaled], [target])
        else:
            draft.op(OPERATORS[node.op], operands, [target], FusedActivationFunction=activation)
        return target

    return Pending(str(node), stored, view, shape, make, fuses=not extreme)


def _constant_operand(draft: Draft, value: Weights, rank: int, order: Sequence[int]) -> int:
    """Return a constant of int8, its dimensions in this order."""
    values, zeros = value.int8()
    if value.scales.size != 1:
        raise ModelError(f"its constant has {value.scales.size} scales; one is supported")
    wide = values.reshape((1,) * (rank - values.ndim) + values.shape)
    return draft.constant(wide.transpose(order), "INT8", [float(value.scales[0])], [int(zeros[0])])


def _rounded(value: Weights, wanted: Quantisation) -> Weights:
    """Return a constant in another scale."""
    codes = wanted.codes(value.reals()).astype(np.int8)
    return Weights(codes, np.array([wanted.scale], np.float32), np.array([wanted.zero_point]), 0)
