"""ADD: the sum of two activations of one shape."""

from tinybench.errors import ModelError

from ..checks import activation, activation_range, inputs
from ..fixed_point import INT32_MAX, quantised_multiplier
from ..graph import Graph, Operator
from ..overlap import IN_PLACE
from ..step import Kind, Step, Variant


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    first, second = (activation(tensor) for tensor in inputs(graph, op, (2,)))
    target = graph.tensors[op.outputs[0]]
    if not first.shape == second.shape == target.shape:
        raise ModelError(
            f"{list(first.shape)} and {list(second.shape)} into {list(target.shape)}; "
            "broadcasting is not supported"
        )
    # Either may come first; the short form wants the greater scale there.
    if first.scale < second.scale:
        first, second = second, first
    low, high = activation_range(op, target)
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
    if variant.kernels != "plain":
        function = "add_mve" if variant.kernels == "mve" else "add_blocked"
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


KIND = Kind(options="AddOptions", fields=("FusedActivationFunction",), lower=_lower)
