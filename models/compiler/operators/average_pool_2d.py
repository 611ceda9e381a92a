"""AVERAGE_POOL_2D: the mean over a window."""

from tinybench.errors import ModelError

from ..checks import activation_range, check_same_quantisation, source_and_target
from ..floats import limit_fields, one_input
from ..graph import Graph, Operator, Tensor
from ..overlap import pixel_by_pixel
from ..step import Kind, Lower, Planes, Step, Variant
from ..window import Window, window_of
from .int16 import check_symmetric
from .int16 import limit_fields as wide_limits
from .int16 import one_input as wide_input

GREATEST, MEAN, SQUARES = range(3)
"""Pools of floats, in floats.h."""
WIDE_MAX = 65535
"""Pixels of a window of int16, whose sum fits 32 bits."""
MVE_MAX = 4087
"""Pixels of a window: with more, the product by the inverse of their number may not be exact."""


def pool_window(op: Operator, source: Tensor, target: Tensor) -> Window:
    """Return the window of a pool."""
    kernel_h, kernel_w = int(op.options["FilterHeight"]), int(op.options["FilterWidth"])
    if not (0 < kernel_h <= source.elements and 0 < kernel_w <= source.elements):
        raise ModelError(
            f"its window is {kernel_h}x{kernel_w}; 1x1 to {source.elements} rows or columns, "
            "as many as its input has elements, are supported"
        )
    window = window_of(op, source, target, kernel_h, kernel_w)
    check_same_quantisation(source, target)
    if window.in_c != window.out_c:
        raise ModelError(f"{window.in_c} channels in, {window.out_c} out")
    return window


def float_pool(function: int) -> Lower:
    """Return what lowers a pool of floats, by its number in floats.h."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target = source_and_target(graph, op)
        fields = pool_window(op, source, target).fields()
        del fields["in_c"]
        limits = {"function": function, **limit_fields(op)}
        return one_input(op, "pool_2d_float32", source, target, {**fields, **limits})

    return lower


def wide_pool(mean: bool) -> Lower:
    """Return what lowers a pool of int16."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target = source_and_target(graph, op)
        window = pool_window(op, source, target)
        check_symmetric(source)
        if window.kernel_h * window.kernel_w > WIDE_MAX:
            raise ModelError(f"its window is {window.kernel_h}x{window.kernel_w}; {WIDE_MAX} "
                             "pixels are the most")  # fmt: skip
        fields = window.fields() | {"mean": int(mean)} | wide_limits(op, target)
        del fields["in_c"]
        return wide_input(op, "pool_2d_int16", source, target, fields)

    return lower


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    window, (low, high) = pool_window(op, source, target), activation_range(op, target)
    fields = {**window.fields(), "out_min": low, "out_max": high}
    del fields["in_c"]
    planar = variant.planar
    function = "average_pool_2d"
    if variant.kernels == "mve" and window.kernel_h * window.kernel_w <= MVE_MAX:
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


def _planes(_graph: Graph, op: Operator) -> Planes:
    return Planes(reads=True, writes=True, wanted=frozenset(op.inputs))


FIELDS = (
    "Padding",
    "StrideH",
    "StrideW",
    "FilterHeight",
    "FilterWidth",
    "FusedActivationFunction",
)
KIND = Kind(
    options="Pool2DOptions",
    fields=FIELDS,
    lower=_lower,
    by_type={"FLOAT32": float_pool(MEAN), "INT16": wide_pool(mean=True)},
    each_image=True,
    planes=_planes,
)
