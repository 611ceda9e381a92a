"""Operators that move values and change none."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinybench.errors import ModelError

from ..operators.resize_nearest_neighbor import nearest
from .draft import Draft, told
from .layers import LAST
from .onnx_file import Node
from .pools import inverse
from .values import (
    Array,
    Codes,
    Pending,
    Quantisation,
    Raw,
    Real,
    Value,
    Viewed,
    Weights,
    exact,
    identity,
    ints,
    number,
)

SIDE_MOST = 1 << 12


def _viewed(value: Value | None) -> Viewed:
    if not isinstance(value, Raw | Codes | Real | Pending):
        raise ModelError(f"reads {told(value)}")
    return value


def _real(value: Value | None) -> Real | Codes:
    if not isinstance(value, Real | Codes):
        raise ModelError(f"reads {told(value)}")
    return value


def axis_of(axis: int, shape: Sequence[int]) -> int:
    """Return which dimension an axis means, counted from the end where negative."""
    if not -len(shape) <= axis < len(shape):
        raise ModelError(f"has the axis {axis} for {list(shape)}")
    return axis % len(shape)


def same(_draft: Draft, _node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read an Identity, or a Dropout."""
    if values[0] is None:
        raise ModelError("has no input")
    return [values[0]]


def transpose(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Transpose: another view of the same memory."""
    if isinstance(values[0], np.ndarray | Weights):
        return [_transposed_constant(node, values[0])]
    source = _viewed(values[0])
    order = _order(node, len(source.shape))
    if not exact(source):
        if not isinstance(source, Real | Codes):
            raise ModelError(f"reads {told(source)}, in another shape")
        plain = draft.ordered(source, identity(source.shape))
        source = replace(source, tensor=plain, stored=source.shape, perm=identity(source.shape))
    perm = tuple(source.perm[axis] for axis in order)
    return [replace(source, perm=perm, shape=tuple(source.shape[axis] for axis in order))]


def _order(node: Node, rank: int) -> list[int]:
    order = [int(n) for n in node.attributes.get("perm", range(rank)[::-1])]
    if sorted(order) != list(range(rank)):
        raise ModelError(f"has the order {order[:8]} for {rank} dimensions")
    return order


def _transposed_constant(node: Node, value: Array | Weights) -> Value:
    values = value.values if isinstance(value, Weights) else value
    order = _order(node, values.ndim)
    if isinstance(value, Weights):
        axis = order.index(value.axis) if value.scales.size > 1 else 0
        return replace(value, values=values.transpose(order), axis=axis)
    return values.transpose(order)


def reshape(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Reshape."""
    wanted = (
        ints(values[1], "shape")
        if len(values) > 1
        else [int(n) for n in node.attributes.get("shape", [])]
    )
    source = values[0]
    shape = source.shape if isinstance(source, np.ndarray) else _viewed(source).shape
    if not node.attributes.get("allowzero"):
        if any(n == 0 and i >= len(shape) for i, n in enumerate(wanted)):
            raise ModelError(f"gives the shape {wanted[:8]} to {list(shape)}")
        wanted = [shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return [_in_shape(source, wanted, shape)]


def _in_shape(source: Value | None, wanted: list[int], shape: tuple[int, ...]) -> Value:
    whole = math.prod(shape)
    if wanted.count(-1) == 1:
        known = -math.prod(wanted)
        wanted[wanted.index(-1)] = whole // known if known > 0 else 0
    if min(wanted, default=1) < 1 or math.prod(wanted) != whole:
        raise ModelError(f"gives the shape {wanted[:8]} to {list(shape)}")
    if isinstance(source, np.ndarray):
        return source.reshape(wanted)
    return replace(_viewed(source), shape=tuple(wanted))


def flatten(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Flatten."""
    source = _viewed(values[0])
    axis = int(node.attributes.get("axis", 1))
    axis = axis if axis == len(source.shape) else axis_of(axis, source.shape)
    first = math.prod(source.shape[:axis])
    return [_in_shape(source, [first, -1], source.shape)]


def squeeze(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Squeeze."""
    source = _viewed(values[0])
    axes = {axis_of(axis, source.shape) for axis in _given_axes(node, values)}
    axes = axes or {axis for axis, size in enumerate(source.shape) if size == 1}
    kept = [size for axis, size in enumerate(source.shape) if axis not in axes]
    return [_in_shape(source, kept, source.shape)]


def unsqueeze(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read an Unsqueeze."""
    source = values[0]
    shape = source.shape if isinstance(source, np.ndarray) else _viewed(source).shape
    axes = _given_axes(node, values)
    wanted = [0] * (len(shape) + len(axes))
    for axis in axes:
        wanted[axis_of(axis, wanted)] = 1
    sizes = iter(shape)
    if wanted.count(0) != len(shape):
        raise ModelError(f"has the axes {axes[:8]}")
    return [_in_shape(source, [n or next(sizes) for n in wanted], shape)]


def _given_axes(node: Node, values: Sequence[Value | None]) -> list[int]:
    if len(values) > 1 and values[1] is not None:
        return ints(values[1], "axes")
    return [int(n) for n in node.attributes.get("axes", [])]


def _in_layout(draft: Draft, value: Value | None) -> tuple[Real | Codes, int, tuple[int, ...]]:
    """Return an activation, a tensor of it, and which dimension of that each of its own is.

    The layout in memory is kept where the view only moves dimensions.
    """
    source = _real(value)
    view = source.perm if exact(source) else identity(source.shape)
    return source, draft.ordered(source, inverse(view)), view


def concat(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Concat: its inputs are brought to the scale of its output."""
    if all(isinstance(value, np.ndarray) for value in values):
        return [_joined(node, [value for value in values if isinstance(value, np.ndarray)])]
    parts = [value if isinstance(value, Weights) else draft.linear(value) for value in values]
    views = [part for part in parts if isinstance(part, Real)]
    rank = len(views[0].shape)
    axis = axis_of(int(node.attributes.get("axis", 0)), views[0].shape)
    exact_ones = [part for part in views if exact(part)]
    view = exact_ones[0].perm if exact_ones else identity(views[0].shape)
    shapes = [part.values.shape if isinstance(part, Weights) else part.shape for part in parts]
    rest = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(rest) != 1 or any(len(shape) != rank for shape in shapes) or len(view) != rank:
        raise ModelError(f"joins {[list(shape) for shape in shapes[:4]]} along axis {axis}")
    (whole,) = rest
    shape = (*whole[:axis], sum(shape[axis] for shape in shapes), *whole[axis:])
    order = inverse(view)
    stored = tuple(shape[i] for i in order)

    def make(wanted: Quantisation, _activation: int) -> int:
        inputs = []
        for part in parts:
            if isinstance(part, Weights):
                codes = wanted.codes(part.reals()).transpose(order)
                inputs.append(draft.constant(codes, "INT8", [wanted.scale], [wanted.zero_point]))
            else:
                inputs.append(draft.ordered(draft.requantised(part, wanted), order))
        target = draft.tensor(stored, wanted)
        draft.op("CONCATENATION", inputs, [target], Axis=view[axis], FusedActivationFunction=0)
        return target

    return [Pending(str(node), stored, view, shape, make, fuses=False)]


def _joined(node: Node, parts: list[Array]) -> Array:
    if sum(part.size for part in parts) > 1 << 16:
        raise ModelError("joins large constants")
    try:
        return np.concatenate(parts, int(node.attributes.get("axis", 0)))
    except (ValueError, TypeError) as error:
        raise ModelError(f"joins constants of other shapes: {error}") from error


def split(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Split."""
    source, tensor, view = _in_layout(draft, values[0])
    axis = axis_of(int(node.attributes.get("axis", 0)), source.shape)
    whole, count = source.shape[axis], len(node.outputs)
    each = -(-whole // count)
    lengths = [each] * (count - 1) + [whole - each * (count - 1)]
    if len(values) > 1 and values[1] is not None:
        lengths = ints(values[1], "lengths")
    elif "split" in node.attributes:
        lengths = [int(n) for n in node.attributes["split"]]
    if len(lengths) != count or sum(lengths) != whole or min(lengths) < 1:
        raise ModelError(f"makes {count} parts of {lengths[:8]} of {whole}")
    stored = draft.tensors[tensor].shape
    made = list[Value]()
    targets = list[int]()
    for length in lengths:
        shape = tuple(length if i == axis else n for i, n in enumerate(source.shape))
        part = tuple(length if i == view[axis] else n for i, n in enumerate(stored))
        targets.append(draft.like(tensor, part))
        made.append(replace(source, tensor=targets[-1], stored=part, perm=view, shape=shape))
    inputs = [
        tensor,
        draft.constant(np.array(lengths), "INT32"),
        draft.constant(np.array([view[axis]]), "INT32"),
    ]
    draft.op("SPLIT_V", inputs, targets)
    return made


def slice_(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Slice."""
    source, tensor, view = _in_layout(draft, values[0])
    if "starts" in node.attributes:
        starts, ends = ([int(n) for n in node.attributes[key]] for key in ("starts", "ends"))
        axes = [int(n) for n in node.attributes.get("axes", range(len(starts)))]
        steps = [1] * len(starts)
    else:
        _, first, last, along, by = (*values, None, None, None, None)[:5]
        starts, ends = ints(first, "starts"), ints(last, "ends")
        axes = list(range(len(starts))) if along is None else ints(along, "axes")
        steps = [1] * len(starts) if by is None else ints(by, "steps")
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise ModelError("has starts, ends, axes and steps of several lengths, or a step 0")
    stored, shape = draft.tensors[tensor].shape, list(source.shape)
    begins, stops, strides, mask = [0] * len(stored), list(stored), [1] * len(stored), 0
    part = list(stored)
    for begin, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis_of(axis, shape)  # noqa: PLW2901
        places = range(*slice(begin, end, step).indices(source.shape[axis]))
        if not places:
            raise ModelError(f"leaves nothing of axis {axis} of {list(source.shape)}")
        place = view[axis]
        shape[axis] = part[place] = len(places)
        begins[place], strides[place] = places[0], step
        stops[place] = places[-1] + (1 if step > 0 else -1)
        mask |= (stops[place] < 0) << place
    target = draft.like(tensor, part)
    bounds = [draft.constant(np.array(list_), "INT32") for list_ in (begins, stops, strides)]
    draft.op("STRIDED_SLICE", [tensor, *bounds], [target], BeginMask=0, EndMask=mask,
             EllipsisMask=0, NewAxisMask=0, ShrinkAxisMask=0)  # fmt: skip
    return [replace(source, tensor=target, stored=tuple(part), perm=view, shape=tuple(shape))]


def pad(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Pad with a constant."""
    if node.attributes.get("mode", b"constant") != b"constant":
        raise ModelError(f"pads by {node.attributes['mode']!r}; 'constant' is supported")
    source = draft.linear(values[0])
    _, found, fill, along = (*values, None, None, None)[:4]
    pads = [int(n) for n in node.attributes["pads"]] if "pads" in node.attributes else ints(
        found, "pads"
    )  # fmt: skip
    value = number(fill, float(node.attributes.get("value", 0.0)), "value")
    rank = len(source.shape)
    axes = list(range(rank)) if along is None else [axis_of(a, source.shape) for a in ints(
        along, "axes")]  # fmt: skip
    if len(pads) != 2 * len(axes) or min(pads, default=0) < 0 or max(pads, default=0) > SIDE_MOST:
        raise ModelError(f"has the pads {pads[:8]} for {list(source.shape)}")
    source, tensor, view = _in_layout(draft, source)
    borders, shape = np.zeros((rank, 2), np.int64), list(source.shape)
    for number_, axis in enumerate(axes):
        before, after = pads[number_], pads[number_ + len(axes)]
        borders[view[axis]] = before, after
        shape[axis] += before + after
    stored = draft.tensors[tensor].shape
    part = tuple(int(n) for n in np.array(stored) + borders.sum(1))
    if math.isnan(value):
        raise ModelError("pads with what is no number")
    own = draft.quantisation(tensor)
    code = own.codes(np.array([value]))
    target = draft.tensor(part, own)
    inputs = [
        tensor,
        draft.constant(borders, "INT32"),
        draft.constant(code, "INT8", [own.scale], [own.zero_point]),
    ]
    draft.op("PADV2", inputs, [target])
    return [replace(source, tensor=target, stored=part, perm=view, shape=tuple(shape))]


def gather(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Gather of constant places."""
    first, second = (*values, None)[:2]
    places = ints(second, "places")
    if not isinstance(second, np.ndarray) or second.size > 64:
        raise ModelError("gathers more than 64 places")
    if isinstance(first, np.ndarray):
        try:
            return [np.asarray(np.take(first, second, int(node.attributes.get("axis", 0))))]
        except (IndexError, ValueError) as error:
            raise ModelError(f"gathers places that are not there: {error}") from error
    source = _real(first)
    axis = axis_of(int(node.attributes.get("axis", 0)), source.shape)
    whole = source.shape[axis]
    if not all(-whole <= place < whole for place in places):
        raise ModelError(f"gathers places outside 0..{whole - 1}")
    tensor = draft.ordered(source, identity(source.shape))
    shape = (*source.shape[:axis], *second.shape, *source.shape[axis + 1 :])
    target = draft.like(tensor, shape)
    places = np.array([place % whole for place in places]).reshape(second.shape)
    draft.op("GATHER", [tensor, draft.constant(places, "INT32")], [target], Axis=axis, BatchDims=0)
    return [replace(source, tensor=target, stored=shape, perm=identity(shape), shape=shape)]


def resize(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Resize to the nearest pixels or by lines between them, or an Upsample."""
    mode = node.attributes.get("mode", b"nearest")
    if mode not in (b"nearest", b"linear") or node.attributes.get("antialias"):
        raise ModelError(f"resizes by {mode!r}, or smoothed; 'nearest', 'linear' are supported")
    source = _real(values[0]) if mode == b"nearest" else draft.linear(values[0])
    if len(source.shape) != 4:
        raise ModelError(f"resizes {list(source.shape)}; NCHW is needed")
    factors, sizes = _factors(values, source.shape)
    if sizes[:2] != source.shape[:2] or not all(0 < n <= SIDE_MOST for n in sizes):
        raise ModelError(f"resizes {list(source.shape)} to {list(sizes)}")
    tensor = draft.ordered(source, (0, 2, 3, 1))
    if mode == b"linear":
        name, (aligned, half) = "RESIZE_BILINEAR", _between(node, source.shape, sizes, factors)
    else:
        name, (aligned, half) = "RESIZE_NEAREST_NEIGHBOR", _at(node, source.shape, sizes, factors)
    n, channels, height, width = sizes
    stored = (n, height, width, channels)
    target = draft.like(tensor, stored)
    draft.op(name, [tensor], [target], AlignCorners=aligned, HalfPixelCenters=half)
    return [replace(source, tensor=target, stored=stored, perm=LAST, shape=sizes)]


def _between(
    node: Node, before: Sequence[int], after: Sequence[int], factors: Sequence[float]
) -> tuple[bool, bool]:
    """Return whether corners are aligned, and whether pixels count from their middle."""
    if any(abs(old * by - new) > 1e-3 for old, by, new in zip(before, factors, after, strict=True)):
        raise ModelError(f"resizes {list(before)} by {list(factors)}: whole pixels are supported")
    where = node.attributes.get("coordinate_transformation_mode", b"half_pixel")
    if node.attributes["opset"] < 11:
        where = b"asymmetric"
    known = {
        b"half_pixel": (False, True),
        b"pytorch_half_pixel": (False, True),
        b"asymmetric": (False, False),
        b"align_corners": (True, False),
    }
    if where not in known or (where == b"pytorch_half_pixel" and 1 in after[2:]):
        raise ModelError(f"resizes by {where!r}")
    return known[where]


def _at(
    node: Node, before: Sequence[int], after: Sequence[int], factors: Sequence[float]
) -> tuple[bool, bool]:
    """Return the same of the rule by which the kernel takes the pixels that ONNX takes."""
    wanted = [_nearest(node, before[axis], after[axis], factors[axis]) for axis in (2, 3)]
    for aligned, half in ((False, False), (False, True), (True, False), (True, True)):
        found = [nearest(before[i], after[i], aligned, half).tolist() for i in (2, 3)]
        if found == wanted:
            return aligned, half
    raise ModelError("resizes to pixels by a rule that no kernel has")


def _factors(
    values: Sequence[Value | None], shape: tuple[int, ...]
) -> tuple[list[float], tuple[int, ...]]:
    """Return by how much each side grows, and to what."""
    given = values[1:] if len(values) <= 2 else values[2:]
    factors, sizes = (*given, None, None)[:2]
    if isinstance(factors, Weights):
        raise ModelError("its factors are quantised")
    if isinstance(factors, np.ndarray) and factors.size == len(shape):
        by = [float(n) for n in factors.reshape(-1)]
        if not all(0 < n <= SIDE_MOST for n in by):
            raise ModelError(f"resizes by {by}")
        return by, tuple(math.floor(n * one) for n, one in zip(shape, by, strict=True))
    to = ints(sizes, "sizes")
    if len(to) != len(shape):
        raise ModelError(f"resizes {list(shape)} to {to[:8]}")
    return [new / old for old, new in zip(shape, to, strict=True)], tuple(to)


def _nearest(node: Node, before: int, after: int, factor: float) -> list[int]:
    """Return which pixel each new one takes. Ref: Resize in the operators of ONNX."""
    where = node.attributes.get("coordinate_transformation_mode", b"half_pixel")
    rule = node.attributes.get("nearest_mode", b"round_prefer_floor")
    if node.attributes["opset"] < 11:
        where, rule = b"asymmetric", b"floor"
    at = np.arange(after, dtype=np.float64)
    places = {
        b"half_pixel": (at + 0.5) / factor - 0.5,
        b"pytorch_half_pixel": (at + 0.5) / factor - 0.5 if after > 1 else at * 0,
        b"asymmetric": at / factor,
        b"align_corners": at * (before - 1) / max(after - 1, 1),
    }.get(where)
    rules = {
        b"floor": np.floor,
        b"ceil": np.ceil,
        b"round_prefer_floor": lambda x: np.ceil(x - 0.5),
        b"round_prefer_ceil": lambda x: np.floor(x + 0.5),
    }
    if places is None or rule not in rules:
        raise ModelError(f"resizes by {where!r} and {rule!r}")
    return [int(n) for n in np.clip(rules[rule](places), 0, before - 1)]


def depth_to_space(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a DepthToSpace."""
    if node.attributes.get("mode", b"DCR") != b"DCR":
        raise ModelError(f"its mode is {node.attributes['mode']!r}; 'DCR' is supported")
    source = _real(values[0])
    block = int(node.attributes.get("blocksize", 0))
    if len(source.shape) != 4 or not 0 < block <= SIDE_MOST:
        raise ModelError(f"has blocks of {block} for {list(source.shape)}")
    tensor = draft.ordered(source, (0, 2, 3, 1))
    n, channels, height, width = source.shape
    stored = (n, height * block, width * block, channels // block**2)
    target = draft.like(tensor, stored)
    draft.op("DEPTH_TO_SPACE", [tensor], [target], BlockSize=block)
    shape = (n, stored[3], stored[1], stored[2])
    return [replace(source, tensor=target, stored=stored, perm=LAST, shape=shape)]


def shape(_draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Shape, which is known."""
    source = values[0]
    found = source.shape if isinstance(source, np.ndarray) else _viewed(source).shape
    first, last = node.attributes.get("start", 0), node.attributes.get("end")
    return [np.array(found[first:last], np.int64)]
