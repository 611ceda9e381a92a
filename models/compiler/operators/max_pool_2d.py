"""MAX_POOL_2D: the greatest value of a window."""

from ..checks import activation_range, source_and_target
from ..graph import Graph, Operator
from ..overlap import pixel_by_pixel
from ..step import Kind, Step, Variant
from .average_pool_2d import FIELDS, GREATEST, float_pool, pool_window, wide_pool


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    window, (low, high) = pool_window(op, source, target), activation_range(op, target)
    fields = {**window.fields(), "out_min": low, "out_max": high}
    del fields["in_c"]
    return Step(
        operator=op,
        function="max_pool_2d",
        header="reduce.h",
        fields=fields,
        constants=[],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: pixel_by_pixel(window, 1, reads_while_writing=True)},
    )


KIND = Kind(
    options="Pool2DOptions",
    fields=FIELDS,
    lower=_lower,
    by_type={"FLOAT32": float_pool(GREATEST), "INT16": wide_pool(mean=False)},
    each_image=True,
)
