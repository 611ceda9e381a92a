"""ADD: the sum of two tensors."""

from ...fixed_point import INT32_MAX
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import float_pair, in_place, operands, pair_step, sum_fields, wide_sum, words_pair


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    if not first.shape == second.shape == target.shape:
        fields = sum_fields(*ends, op)
        return pair_step(op, "weighted_sum", ends, {"sign": 1, **fields})
    # Either may come first; the short form wants the greater scale there.
    if first.scale < second.scale:
        first, second = second, first
    fields = sum_fields(first, second, target, op)
    function = "add"
    if variant.kernels != "plain":
        short = _short_add(
            (fields["second_multiplier"], -fields["second_right_shift"]),
            (fields["out_multiplier"], -fields["out_right_shift"]),
            target.zero_point,
        )
        if short is not None:
            function = "add_mve" if variant.kernels == "mve" else "add_blocked"
            kept = ("first_offset", "second_offset", "out_min", "out_max")
            fields = {name: fields[name] for name in kept} | short
    return Step(
        operator=op,
        function=function,
        fields={"count": target.elements, **fields},
        constants=[],
        inputs=[first.index, second.index],
        output=target.index,
        overlaps=in_place(first, second, target),
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


KIND = Kind(
    options="AddOptions",
    fields=("FusedActivationFunction",),
    lower=_lower,
    by_type={"FLOAT32": float_pair(0), "INT16": wide_sum(1), "INT32": words_pair(0)},
)
