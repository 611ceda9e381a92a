"""Turn operators of a graph into kernel calls with constant parameters, or say why not."""

import math
from collections.abc import Callable

import msgspec
import numpy as np

from tinybench.errors import ModelError

from .fixed_point import (
    INT32_MAX,
    quantised_multiplier,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
    softmax_exponentials,
)
from .overlap import IN_PLACE, SAME_PLACE, Overlap, pixel_by_pixel, plane_by_plane
from .reader import Graph, Operator, Tensor
from .window import Window

PADDING_SAME, PADDING_VALID = 0, 1
ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6 = 0, 1, 3
INT8_MIN, INT8_MAX = -128, 127
AVERAGE_POOL_2D_MVE_MAX = 4087
"""Pixels of a window."""


class Constant(msgspec.Struct, frozen=True):
    """A constant array of the generated C; two-dimensional where an element is a struct."""

    field: str
    """Field of the kernel's parameter struct that points to it."""
    ctype: str
    values: np.ndarray
    size_b: int
    table: bool = False
    """Whether it is arithmetic of the kernel's, not a part of the model."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A call of one kernel."""

    operator: Operator
    function: str
    """C function; its parameters are a `struct <function>`. "" where the output is an alias."""
    fields: dict[str, int]
    constants: list[Constant]
    inputs: list[int]
    """Activations it reads, in the order of the kernel's arguments."""
    output: int
    scratch_b: int = 0
    overlaps: dict[int, Overlap] = {}
    """Inputs whose memory the output may take over, and how."""
    macs: int = 0

    @property
    def weights_b(self) -> int:
        """Bytes of constants."""
        return sum(constant.size_b for constant in self.constants)

    @property
    def tables_b(self) -> int:
        """Bytes of constants that are no part of the model."""
        return sum(constant.size_b for constant in self.constants if constant.table)


def lower(graph: Graph, kernels: str) -> list[Step]:
    """Return one step for each operator, in the graph's order.

    `kernels` is "plain", "blocked", "dsp" or "mve"; a shape without such a kernel gets the plain
    one. For "mve", convolutions and fully connected layers are plain still; mve.vectorised() gives
    them their form.
    Raises ModelError naming the first operator that cannot be compiled, and why.
    """
    check_activations(graph)
    planar = planar_tensors(graph) if kernels == "dsp" else frozenset[int]()
    lowered = []
    for op in graph.operators:
        try:
            lowered.append(_LOWER[op.name](graph, op, kernels, planar))
        except ModelError as error:
            raise ModelError(f"{op}: {error}") from None
    return lowered


def check_activations(graph: Graph) -> None:
    """Raise ModelError unless every activation is int8 with one sensible scale."""
    used = [
        graph.input,
        *(i for op in graph.operators for i in (*op.inputs, *op.outputs) if i >= 0),
    ]
    for tensor in (graph.tensors[i] for i in used):
        if tensor.data is not None:
            continue
        if tensor.type != "INT8":
            raise ModelError(
                f"{tensor} is {tensor.type}; only full int8 models can be compiled: "
                "quantise to int8 first, input and output included"
            )
        if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
            raise ModelError(f"{tensor} needs one scale and one zero point, for all of it")
        _check_scales(tensor)
        if not INT8_MIN <= tensor.zero_point <= INT8_MAX:
            raise ModelError(f"{tensor} has the zero point {tensor.zero_point}, outside int8")
        if not tensor.shape or (len(tensor.shape) > 1 and tensor.shape[0] != 1):
            raise ModelError(
                f"{tensor} has the shape {list(tensor.shape)}; only a batch of 1 is supported"
            )


def planar_tensors(graph: Graph) -> frozenset[int]:
    """Return the activations that the DSP kernels keep channel by channel (CHW) in memory.

    The depthwise kernel needs whole planes; pointwise convolutions, pools and whatever convolution
    writes can do with either layout. A tensor is planar when all that touch it agree to that.
    """
    planar = {t.index for t in graph.tensors if t.data is None and len(t.shape) == 4}
    planar -= {graph.input, graph.output}
    while True:
        rejected: set[int] = set()
        for op in graph.operators:
            reads, writes = _planar_ends(graph, op)
            source, target = op.inputs[0] if op.inputs else -1, op.outputs[0] if op.outputs else -1
            if op.name == "DEPTHWISE_CONV_2D" and not {source, target} <= planar:
                reads = writes = False
            if not reads:
                rejected |= set(op.inputs)
            if not writes:
                rejected |= {target}
        if not rejected & planar:
            break
        planar -= rejected
    # Between convolutions nothing is won, and windows are gathered faster from NHWC.
    wanted = set[int]()
    for op in graph.operators:
        if op.name == "DEPTHWISE_CONV_2D":
            wanted |= {op.inputs[0], op.outputs[0]}
        elif op.name == "AVERAGE_POOL_2D":
            wanted |= set(op.inputs)
    return frozenset(planar & wanted)


def _planar_ends(graph: Graph, op: Operator) -> tuple[bool, bool]:
    """Return whether an operator's DSP form can read and can write planes."""
    try:
        if op.name == "DEPTHWISE_CONV_2D":
            possible = _depthwise_dsp_possible(graph, op)
            return possible, possible
        if op.name == "CONV_2D":
            window, _, channels = _convolution(graph, op, depthwise=False)
            possible = channels.dsp is not None
            return possible and _pointwise(window), possible
    except ModelError:
        return False, False  # lower() reports it
    return op.name == "AVERAGE_POOL_2D", op.name == "AVERAGE_POOL_2D"


# ---------------------------------------------------------------------------------------- checks


def _check_scales(tensor: Tensor) -> None:
    if any(not (math.isfinite(scale) and scale > 0) for scale in tensor.scales):
        raise ModelError(f"{tensor} has a scale that is not a positive number")


def _tensors(graph: Graph, op: Operator, inputs: tuple[int, ...]) -> list[Tensor | None]:
    """Return an operator's inputs, absent ones as None; `inputs` are the counts it may have."""
    if len(op.inputs) not in inputs or len(op.outputs) != 1 or -1 in op.outputs:
        raise ModelError(
            f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs; "
            f"{' or '.join(map(str, inputs))} and 1 are supported"
        )
    return [None if i == -1 else graph.tensors[i] for i in op.inputs]


def _activation(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ModelError("has no input")
    if tensor.data is not None:
        raise ModelError(f"its input, {tensor}, is a constant; only activations are supported")
    return tensor


def _image(tensor: Tensor) -> tuple[int, int, int]:
    """Return height, width and channels."""
    if len(tensor.shape) != 4:
        raise ModelError(f"{tensor} has the shape {list(tensor.shape)}; NHWC is needed")
    return tensor.shape[1], tensor.shape[2], tensor.shape[3]


def _constant(tensor: Tensor | None, kind: str, what: str) -> np.ndarray:
    """Return a constant's values in its shape."""
    if tensor is None or tensor.data is None:
        raise ModelError(f"its {what} are no constant")
    if tensor.type != kind:
        raise ModelError(f"its {what}, {tensor}, are {tensor.type}; {kind} is supported")
    dtype = np.dtype({"INT8": "<i1", "INT32": "<i4"}[kind])
    if len(tensor.data) != tensor.elements * dtype.itemsize:
        raise ModelError(
            f"its {what}, {tensor}, hold {len(tensor.data)} bytes, "
            f"but the shape {list(tensor.shape)} needs {tensor.elements * dtype.itemsize}"
        )
    return np.frombuffer(tensor.data, dtype).reshape(tensor.shape)


def _activation_range(op: Operator, output: Tensor) -> tuple[int, int]:
    """Return the least and greatest int8 output that the fused activation leaves.

    Ref: CalculateActivationRangeQuantized.
    """
    kind = op.options["FusedActivationFunction"]
    if kind not in (ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6):
        raise ModelError(f"fused activation {kind} is not supported; NONE, RELU and RELU6 are")
    low, high = INT8_MIN, INT8_MAX
    if kind != ACTIVATION_NONE:
        low = max(low, output.zero_point)
    if kind == ACTIVATION_RELU6:
        six = float(np.float32(6.0) / np.float32(output.scale))
        high = int(min(high, output.zero_point + math.floor(min(six, 1e6) + 0.5)))
    return low, high


def _window(op: Operator, source: Tensor, target: Tensor, kernel_h: int, kernel_w: int) -> Window:
    """Return the window of an operator; raises ModelError where the output's shape does not fit."""
    in_h, in_w, in_c = _image(source)
    out_h, out_w, out_c = _image(target)
    stride_h, stride_w = int(op.options["StrideH"]), int(op.options["StrideW"])
    padding = op.options["Padding"]
    if stride_h < 1 or stride_w < 1:
        raise ModelError(f"stride {stride_h}x{stride_w}; at least 1x1 is needed")
    if padding not in (PADDING_SAME, PADDING_VALID):
        raise ModelError(f"padding {padding} is not supported; SAME and VALID are")
    for name in ("DilationHFactor", "DilationWFactor"):
        if op.options.get(name, 1) != 1:
            raise ModelError(f"{name} is {op.options[name]}; only 1 (no dilation) is supported")
    if padding == PADDING_SAME:
        wanted = -(-in_h // stride_h), -(-in_w // stride_w)
    else:
        wanted = (in_h - kernel_h) // stride_h + 1, (in_w - kernel_w) // stride_w + 1
    if (out_h, out_w) != wanted:
        raise ModelError(
            f"its output, {target}, is {out_h}x{out_w}; "
            f"kernel, stride and padding give {wanted[0]}x{wanted[1]}"
        )
    return Window(
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=stride_h,
        stride_w=stride_w,
        pad_top=max(0, (out_h - 1) * stride_h + kernel_h - in_h) // 2,
        pad_left=max(0, (out_w - 1) * stride_w + kernel_w - in_w) // 2,
    )


# ------------------------------------------------------------------------- output stage of a layer


class Channels(msgspec.Struct, frozen=True):
    """How the accumulators of a layer become int8, channel by channel."""

    plain: np.ndarray
    """[channels][3] int64: bias, multiplier, shift (left where positive)."""
    dsp: np.ndarray | None
    """[channels][4] int64: twice the bias with the zero point folded in, multiplier, rounding with
    the output's zero point, right shift. None where the short form would not be exact."""
    exact_negatives: bool
    """Whether halves below zero matter, i.e. are not clamped away anyway."""


def _channels(
    weights: np.ndarray,
    bias: np.ndarray | None,
    multipliers: list[float],
    source: Tensor,
    target: Tensor,
    least: int,
) -> Channels:
    """Return the output stage; `weights` are [channels][taps], `least` the least int8 output.

    Raises ModelError where an accumulator might leave 32 bits: undefined in the reference.
    """
    count = weights.shape[0]
    biases = np.zeros(count, np.int64) if bias is None else bias.astype(np.int64)
    magnitude = np.abs(weights.astype(np.int64)).sum(axis=1)
    reach = max(INT8_MAX - source.zero_point, source.zero_point - INT8_MIN)
    folded = biases - source.zero_point * weights.astype(np.int64).sum(axis=1)
    exact_negatives = least < target.zero_point
    plain, dsp = np.zeros((count, 3), np.int64), np.zeros((count, 4), np.int64)
    short = True
    for c in range(count):
        multiplier, shift = quantised_multiplier(multipliers[c])
        limit = abs(int(biases[c])) + reach * int(magnitude[c])
        if limit << max(shift, 0) >= 1 << 31:
            raise ModelError(
                f"channel {c} can reach {limit:.3g} * 2^{max(shift, 0)}, more than 32 bits hold; "
                "its scales do not fit each other"
            )
        plain[c] = int(biases[c]), multiplier, shift
        entry = short_form(int(folded[c]), int(magnitude[c]), multiplier, -shift, target.zero_point)
        if entry is None or (exact_negatives and entry[3] == 0 and entry[1] != 0):
            short = False
        else:
            dsp[c] = entry
    return Channels(plain, dsp if short else None, exact_negatives)


def short_form(
    bias: int, magnitude: int, multiplier: int, right_shift: int, zero_point: int
) -> tuple[int, int, int, int] | None:
    """Return the parameters of the DSP output stage, or None where it could leave 32 bits.

    2 * acc * multiplier / 2^32 with one rounding is the doubling high multiply; the rounding of the
    shift and the zero point are whole numbers at that point and so can join the same addition.
    """
    if magnitude == 0:
        # The converter gives dead channels a bias of +-2^30, which only this form has room for.
        scaled = rounding_doubling_high_mul(bias << max(-right_shift, 0), multiplier)
        return 0, 0, rounding_divide_by_pot(scaled, max(right_shift, 0)) + zero_point, 0
    limit = abs(bias) + 128 * magnitude
    if limit >= 1 << 30 or right_shift < 0:
        return None
    scaled = (limit * multiplier >> 31) + 1
    half = (1 << right_shift) >> 1
    if multiplier == 0 or (right_shift > 0 and scaled < half):
        return 0, 0, zero_point, 0  # every input gives the zero point
    rounding = half + (zero_point << right_shift)
    if scaled + abs(rounding) >= 1 << 31:
        return None
    return 2 * bias, multiplier, rounding, right_shift


def _plain_channels(channels: Channels) -> Constant:
    return Constant("channels", "struct channel", channels.plain, 12 * len(channels.plain))


def _dsp_channels(channels: Channels) -> Constant:
    assert channels.dsp is not None  # noqa: S101 - the callers have chosen the DSP form
    return Constant("channels", "struct channel_dsp", channels.dsp, 16 * len(channels.dsp))


def _weights(values: np.ndarray) -> Constant:
    flat = np.ascontiguousarray(values, np.int8).reshape(-1)
    return Constant("weights", "int8_t", flat, flat.size)


# ----------------------------------------------------------------------------- layers with weights


class Layer(msgspec.Struct, frozen=True):
    """What convolutions and fully connected layers have in common."""

    source: Tensor
    target: Tensor
    filters: Tensor
    weights: np.ndarray
    """In the shape of `filters`."""
    biases: Tensor | None


def _layer(graph: Graph, op: Operator, dimensions: int) -> Layer:
    """Return an operator's tensors, its weights of so many dimensions."""
    source, filters, biases = (*_tensors(graph, op, (2, 3)), None)[:3]
    source, target = _activation(source), graph.tensors[op.outputs[0]]
    weights = _constant(filters, "INT8", "weights")
    if filters is None or weights.ndim != dimensions:
        raise ModelError(
            f"its weights have the shape {list(weights.shape)}; {dimensions} dimensions needed"
        )
    return Layer(source, target, filters, weights, biases)


def _layer_channels(op: Operator, layer: Layer, rows: np.ndarray, axis: int) -> Channels:
    """Return the output stage; `rows` are the weights as [channels][taps], channels on `axis`."""
    low, _ = _activation_range(op, layer.target)
    count = len(rows)
    multipliers = _multipliers(layer.filters, axis, count, layer.source, layer.target)
    biases = _bias(layer.biases, count)
    return _channels(rows, biases, multipliers, layer.source, layer.target, low)


def _plain_output(op: Operator, source: Tensor, target: Tensor) -> dict[str, int]:
    """Return the fields of the plain kernels' zero points and limits."""
    low, high = _activation_range(op, target)
    return {
        "in_offset": -source.zero_point,
        "out_offset": target.zero_point,
        "out_min": low,
        "out_max": high,
    }


def _convolution(
    graph: Graph, op: Operator, depthwise: bool
) -> tuple[Window, np.ndarray, Channels]:
    """Return window, weights as [channels][taps] and output stage of a convolution."""
    layer = _layer(graph, op, 4)
    weights = layer.weights
    window = _window(op, layer.source, layer.target, weights.shape[1], weights.shape[2])
    if depthwise:
        if weights.shape[0] != 1 or weights.shape[3] != window.out_c:
            raise ModelError(f"weights of {list(weights.shape)} for {window.out_c} channels")
        if window.out_c % window.in_c:
            raise ModelError(f"{window.out_c} outputs from {window.in_c} inputs: not a multiple")
        rows = weights[0].reshape(-1, window.out_c).T
    else:
        if weights.shape[3] != window.in_c:
            raise ModelError(
                f"weights of {list(weights.shape)} for {window.in_c} input channels; "
                "grouped convolution is not supported"
            )
        if weights.shape[0] != window.out_c:
            raise ModelError(f"weights of {list(weights.shape)} for {window.out_c} channels")
        rows = weights.reshape(window.out_c, -1)
    return window, rows, _layer_channels(op, layer, rows, 3 if depthwise else 0)


def _bias(tensor: Tensor | None, count: int) -> np.ndarray | None:
    if tensor is None:
        return None
    values = _constant(tensor, "INT32", "biases")
    if values.size != count:
        raise ModelError(f"its biases, {tensor}, are {values.size}; {count} are needed")
    return values.reshape(-1)


def _check_filter(filters: Tensor, axis: int, count: int) -> None:
    """Check a weight tensor's quantisation: symmetric, for all of it or for each channel."""
    _check_scales(filters)
    if len(filters.scales) not in (1, count) or any(filters.zero_points):
        raise ModelError(
            f"its weights, {filters}, have {len(filters.scales)} scales and the zero points "
            f"{sorted(set(filters.zero_points))}; 1 or {count} scales and 0 are supported"
        )
    if len(filters.scales) > 1 and filters.axis != axis:
        raise ModelError(f"its weights are quantised along axis {filters.axis}; {axis} is needed")


def _multipliers(
    filters: Tensor, axis: int, count: int, source: Tensor, target: Tensor
) -> list[float]:
    """Return input scale * weight scale / output scale of each channel, in double precision."""
    _check_filter(filters, axis, count)
    scales = filters.scales if len(filters.scales) == count else filters.scales * count
    return [source.scale * scale / target.scale for scale in scales]


def _pointwise(window: Window) -> bool:
    """Whether a convolution takes each pixel for itself."""
    return (
        window.kernel_h == window.kernel_w == window.stride_h == window.stride_w == 1
        and window.pad_top == window.pad_left == 0
    )


def _conv_2d(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    window, rows, channels = _convolution(graph, op, depthwise=False)
    if kernels == "dsp" and channels.dsp is not None:
        return _conv_2d_dsp(graph, op, window, rows, channels, planar)
    if kernels == "blocked" and channels.dsp is not None:
        return _conv_2d_blocked(graph, op, window, rows, channels)
    return _plain_convolution(graph, op, window, rows, channels, "conv_2d")


def _conv_2d_blocked(
    graph: Graph, op: Operator, window: Window, rows: np.ndarray, channels: Channels
) -> Step:
    """Return the call of the blocked kernel; a fully connected layer is a window of one pixel."""
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    low, high = _activation_range(op, target)
    taps = rows.shape[1]
    # Three channels by turns, tap by tap; channels filled up with zeros.
    packed = np.zeros((-(-window.out_c // 3) * 3, taps), np.int8)
    packed[: window.out_c] = rows
    pointwise = _pointwise(window)
    return Step(
        operator=op,
        function="conv_2d_blocked",
        fields={
            **msgspec.structs.asdict(window),
            "taps": taps,
            "in_zero_point": source.zero_point,
            "pointwise": int(pointwise),
            "out_min": low,
            "out_max": high,
        },
        constants=[
            _weights(packed.reshape(-1, 3, taps).transpose(0, 2, 1)),
            _dsp_channels(channels),
        ],
        inputs=[source.index],
        output=target.index,
        # The kernel takes scratch memory in any case.
        scratch_b=1 if pointwise else 2 * taps,
        overlaps={source.index: pixel_by_pixel(window, 2, reads_while_writing=pointwise)},
        macs=window.pixels * rows.size,
    )


def _depthwise_3x3_window(window: Window) -> dict[str, int]:
    """Return the fields of a window whose size and channels the kernel knows."""
    fields = msgspec.structs.asdict(window)
    for name in ("in_c", "kernel_h", "kernel_w"):
        del fields[name]
    return fields | {"channel_count": fields.pop("out_c")}


def _depthwise_3x3_blocked(
    graph: Graph, op: Operator, window: Window, rows: np.ndarray, channels: Channels
) -> Step:
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    low, high = _activation_range(op, target)
    plane_h = max(window.pad_top + window.in_h, (window.out_h - 1) * window.stride_h + 3)
    plane_w = max(window.pad_left + window.in_w, (window.out_w - 1) * window.stride_w + 3)
    return Step(
        operator=op,
        function="depthwise_3x3_blocked",
        fields={
            **_depthwise_3x3_window(window),
            "plane_h": plane_h,
            "plane_w": plane_w,
            "in_zero_point": source.zero_point,
            "out_min": low,
            "out_max": high,
        },
        constants=[_weights(rows), _dsp_channels(channels)],
        inputs=[source.index],
        output=target.index,
        scratch_b=plane_h * plane_w,
        # Each channel is copied before it is overwritten, and pixels keep their places.
        overlaps={source.index: SAME_PLACE} if target.shape == source.shape else {},
        macs=window.pixels * rows.size,
    )


def _plain_convolution(
    graph: Graph, op: Operator, window: Window, rows: np.ndarray, channels: Channels, function: str
) -> Step:
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    # Depthwise weights are [tap][channel], as the channels are innermost in memory.
    order = rows if function == "conv_2d" else rows.T
    return Step(
        operator=op,
        function=function,
        fields={**msgspec.structs.asdict(window), **_plain_output(op, source, target)},
        constants=[_weights(order), _plain_channels(channels)],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: pixel_by_pixel(window, 1, reads_while_writing=True)},
        macs=window.pixels * rows.size,
    )


def _dsp_output(op: Operator, target: Tensor, channels: Channels) -> dict[str, int]:
    """Return the fields of the DSP output stage."""
    low, high = _activation_range(op, target)
    return {
        "exact_negatives": int(channels.exact_negatives),
        "out_min": low,
        "out_max": high,
    }


def _conv_2d_dsp(
    graph: Graph,
    op: Operator,
    window: Window,
    rows: np.ndarray,
    channels: Channels,
    planar: frozenset[int],
) -> Step:
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    taps, groups = rows.shape[1], -(-rows.shape[1] // 4)
    # Two channels by turns, four taps each; taps and channels filled up with zeros.
    packed = np.zeros((-(-window.out_c // 2) * 2, groups * 4), np.int8)
    packed[: window.out_c, :taps] = rows
    packed = packed.reshape(-1, 2, groups, 4).transpose(0, 2, 1, 3)
    reads_planes, writes_planes = source.index in planar, target.index in planar
    pointwise = _pointwise(window)
    overlaps = {}
    if not reads_planes and not writes_planes:
        overlaps[source.index] = pixel_by_pixel(window, 3, reads_while_writing=False)
    elif reads_planes and writes_planes:
        overlaps[source.index] = SAME_PLACE  # a pixel keeps its place in every plane
    return Step(
        operator=op,
        function="conv_2d_dsp",
        fields={
            **msgspec.structs.asdict(window),
            "groups": groups,
            "in_zero_point": source.zero_point,
            "in_planar": int(reads_planes),
            "out_pixel_stride": 1 if writes_planes else window.out_c,
            "out_channel_stride": window.pixels if writes_planes else 1,
            **_dsp_output(op, target, channels),
        },
        constants=[_weights(packed), _dsp_channels(channels)],
        inputs=[source.index],
        output=target.index,
        # Three columns of int16, and one patch of int8 where a window is not read in place.
        scratch_b=groups * 24 + (0 if pointwise and window.in_c % 4 == 0 else groups * 4),
        overlaps=overlaps,
        macs=window.pixels * rows.size,
    )


def _depthwise_dsp_possible(graph: Graph, op: Operator) -> bool:
    window, _, channels = _convolution(graph, op, depthwise=True)
    return (
        window.kernel_h == window.kernel_w == 3
        and window.stride_w in (1, 2)
        and window.out_c == window.in_c
        and channels.dsp is not None
    )


def _depthwise_conv_2d(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    window, rows, channels = _convolution(graph, op, depthwise=True)
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if (
        kernels == "blocked"
        and channels.dsp is not None
        and window.kernel_h == window.kernel_w == 3
        and window.in_c == window.out_c
    ):
        return _depthwise_3x3_blocked(graph, op, window, rows, channels)
    if not (kernels == "dsp" and source.index in planar and target.index in planar):
        step = _plain_convolution(graph, op, window, rows, channels, "depthwise_conv_2d")
        return msgspec.structs.replace(
            step, fields={**step.fields, "multiplier": window.out_c // window.in_c}
        )
    # A row w0 w1 w2 as w0 w1 w1 w2, which unpacks into the pairs (w0, w1) and (w1, w2).
    packed = rows.reshape(window.out_c, 3, 3)[:, :, [0, 1, 1, 2]]
    # The plane with its border; rows are filled up so that each starts at a whole word.
    row = (
        -(
            -max(window.pad_left + window.in_w, (window.out_w + 1) // 2 * 2 * window.stride_w + 2)
            // 2
        )
        * 2
    )
    rows_needed = max(window.pad_top + window.in_h, (window.out_h - 1) * window.stride_h + 3)
    return Step(
        operator=op,
        function="depthwise_3x3_dsp",
        fields={
            **_depthwise_3x3_window(window),
            "plane_h": rows_needed,
            "plane_w": row,
            "in_zero_point": source.zero_point,
            **_dsp_output(op, target, channels),
        },
        constants=[_weights(packed), _dsp_channels(channels)],
        inputs=[source.index],
        output=target.index,
        scratch_b=rows_needed * row * 2,
        overlaps={source.index: plane_by_plane(window)},
        macs=window.pixels * rows.size,
    )


# ---------------------------------------------------------------------------------- other operators


def _average_pool_2d(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    source = _activation(_tensors(graph, op, (1,))[0])
    target = graph.tensors[op.outputs[0]]
    kernel_h, kernel_w = int(op.options["FilterHeight"]), int(op.options["FilterWidth"])
    if not (0 < kernel_h <= source.elements and 0 < kernel_w <= source.elements):
        raise ModelError(
            f"its window is {kernel_h}x{kernel_w}; 1x1 to {source.elements} rows or columns, "
            "as many as its input has elements, are supported"
        )
    window = _window(op, source, target, kernel_h, kernel_w)
    _check_same_quantisation(source, target)
    if window.in_c != window.out_c:
        raise ModelError(f"{window.in_c} channels in, {window.out_c} out")
    low, high = _activation_range(op, target)
    fields = {**msgspec.structs.asdict(window), "out_min": low, "out_max": high}
    del fields["in_c"]
    function = "average_pool_2d"
    # With more pixels, the product by the inverse of their number might not be exact.
    if kernels == "mve" and kernel_h * kernel_w <= AVERAGE_POOL_2D_MVE_MAX:
        function = "average_pool_2d_mve"
    else:
        for end, tensor, pixels in (
            ("in", source, window.in_h * window.in_w),
            ("out", target, window.pixels),
        ):
            fields[f"{end}_pixel_stride"] = 1 if tensor.index in planar else window.in_c
            fields[f"{end}_channel_stride"] = pixels if tensor.index in planar else 1
    return Step(
        operator=op,
        function=function,
        fields=fields,
        constants=[],
        inputs=[source.index],
        output=target.index,
        overlaps={}
        if planar & {source.index, target.index}
        else {source.index: pixel_by_pixel(window, 1, reads_while_writing=True)},
    )


def _check_same_quantisation(source: Tensor, target: Tensor) -> None:
    if source.zero_point != target.zero_point or abs(source.scale - target.scale) > 1e-6:
        raise ModelError(f"{source} and {target} must have the same scale and zero point")


def _fully_connected(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    del planar
    layer = _layer(graph, op, 2)
    source, target, weights = layer.source, layer.target, layer.weights
    out_c, in_c = weights.shape
    if source.elements != in_c or target.elements != out_c:
        raise ModelError(
            f"weights of {list(weights.shape)} for {source.elements} inputs and "
            f"{target.elements} outputs; only a batch of 1 is supported"
        )
    if op.options["WeightsFormat"] != 0:
        raise ModelError("shuffled weights are not supported")
    channels = _layer_channels(op, layer, weights, 0)
    if kernels == "dsp" and channels.dsp is not None:
        # Four channels by turns, four inputs each; inputs and channels filled up with zeros.
        packed = np.zeros((-(-out_c // 4) * 4, -(-in_c // 4) * 4), np.int8)
        packed[:out_c, :in_c] = weights
        packed = packed.reshape(-(-out_c // 4), 4, -1, 4).transpose(0, 2, 1, 3)
        return Step(
            operator=op,
            function="fully_connected_dsp",
            fields={"in_c": in_c, "out_c": out_c, **_dsp_output(op, target, channels)},
            constants=[_weights(packed), _dsp_channels(channels)],
            inputs=[source.index],
            output=target.index,
            macs=weights.size,
        )
    if kernels == "blocked" and channels.dsp is not None:
        pixel = Window(1, 1, in_c, 1, 1, out_c, 1, 1, 1, 1, 0, 0)
        return _conv_2d_blocked(graph, op, pixel, weights, channels)
    return Step(
        operator=op,
        function="fully_connected",
        fields={"in_c": in_c, "out_c": out_c, **_plain_output(op, source, target)},
        constants=[_weights(weights), _plain_channels(channels)],
        inputs=[source.index],
        output=target.index,
        macs=weights.size,
    )


def _softmax(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    del kernels, planar
    source = _activation(_tensors(graph, op, (1,))[0])
    target = graph.tensors[op.outputs[0]]
    if source.shape != target.shape:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if target.scale != 1 / 256 or target.zero_point != INT8_MIN:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/256 and -128 are supported"
        )
    beta = float(op.options["Beta"])
    if not (math.isfinite(beta) and beta > 0):
        raise ModelError(f"beta {beta:g}; a positive number is needed")
    # With more, the reference kernel shifts by more than 31 bits.
    if source.shape[-1] >= 512:
        raise ModelError(f"{source.shape[-1]} classes; 511 are the most")
    try:
        exponentials = np.array(softmax_exponentials(source.scale, beta), np.int64)
    except ValueError as error:
        raise ModelError(str(error)) from None
    return Step(
        operator=op,
        function="softmax",
        fields={"rows": source.elements // source.shape[-1], "classes": source.shape[-1]},
        constants=[
            Constant("exponentials", "int32_t", exponentials, 4 * exponentials.size, table=True)
        ],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE},
    )


def _reshape(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    del kernels, planar
    source = _activation(_tensors(graph, op, (1, 2))[0])
    target = graph.tensors[op.outputs[0]]
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} does not hold as many as {list(target.shape)}")
    _check_same_quantisation(source, target)
    return Step(
        operator=op,
        function="",
        fields={},
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


def _add(graph: Graph, op: Operator, kernels: str, planar: frozenset[int]) -> Step:
    del planar
    first, second = (_activation(tensor) for tensor in _tensors(graph, op, (2,)))
    target = graph.tensors[op.outputs[0]]
    if not first.shape == second.shape == target.shape:
        raise ModelError(
            f"{list(first.shape)} and {list(second.shape)} into {list(target.shape)}; "
            "broadcasting is not supported"
        )
    # Either may come first; the short form wants the greater scale there.
    if first.scale < second.scale:
        first, second = second, first
    low, high = _activation_range(op, target)
    # Both inputs are brought to twice the greater scale, with 20 bits of head room.
    common = 2.0 * first.scale
    scaling = {
        end: quantised_multiplier(real)
        for end, real in (
            ("first", first.scale / common),
            ("second", second.scale / common),
            ("out", common / ((1 << 20) * target.scale)),
        )
    }
    if scaling["out"][1] > 0:
        raise ModelError(f"the scale of {target} is too small beside those of its inputs")
    function = "add"
    fields = None
    if kernels != "plain":
        function = "add_mve" if kernels == "mve" else "add_blocked"
        fields = _short_add(scaling["second"], scaling["out"], target.zero_point)
    if fields is None:
        function = "add"
        fields = {
            f"{end}_{name}": value
            for end, (multiplier, shift) in scaling.items()
            for name, value in (("multiplier", multiplier), ("right_shift", -shift))
        } | {"out_offset": target.zero_point}
    return Step(
        operator=op,
        function=function,
        fields={
            "count": target.elements,
            "first_offset": -first.zero_point,
            "second_offset": -second.zero_point,
            **fields,
            "out_min": low,
            "out_max": high,
        },
        constants=[],
        inputs=[first.index, second.index],
        output=target.index,
        overlaps={first.index: IN_PLACE, second.index: IN_PLACE},
    )


def _short_add(
    second: tuple[int, int], out: tuple[int, int], zero_point: int
) -> dict[str, int] | None:
    """Return the fields of the short addition, or None where it would not be exact.

    `second` and `out` are multipliers and shifts to the left.
    """
    if second[1] == 0:
        # Nothing at all, or half of the value without a shift: nearly all of it, then halved, is
        # the same, and so every second input is shifted.
        second = INT32_MAX if second[0] else 0, -1
    if out[1] == 0 or min(second[1], out[1]) < -30:
        return None
    rounding = (1 << (-out[1] - 1)) + (zero_point << -out[1])
    # Each input is below 2^27, and so is what is left of their sum.
    if (1 << 28) + abs(rounding) > INT32_MAX:
        return None
    return {
        "second_multiplier": second[0],
        "second_rounding": 1 << (-second[1] - 1),
        "second_right_shift": -second[1],
        "out_multiplier": out[0],
        "out_rounding": rounding,
        "out_right_shift": -out[1],
    }


_LOWER: dict[str, Callable[[Graph, Operator, str, frozenset[int]], Step]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _average_pool_2d,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
}
