"""Operators that take parts of a tensor in the order of a constant or of another tensor."""

import numpy as np

from tinybench.errors import ModelError

from ...checks import check_same_quantisation, numbers
from ...graph import Operator, Tensor
from ...step import Constant, Step


def taken(
    op: Operator, source: Tensor, target: Tensor, places: Tensor, *, outer: int, whole: int
) -> Step:
    """Return the copy of runs along an axis of `whole` places, by a constant or another tensor.

    Those of another tensor that are outside are the first or the last place.
    """
    if source.type != target.type:
        raise ModelError(f"{source} is {source.type} and {target} is {target.type}")
    if source.scales or target.scales:
        check_same_quantisation(source, target)
    run_b = source.size_b // (outer * whole)
    fields = {"outer": outer, "whole": whole, "count": places.elements, "run_b": run_b}
    constants, inputs = list[Constant](), [source.index]
    if places.data is None:
        if places.type != "INT32":
            raise ModelError(f"{places} is {places.type}; INT32 is supported")
        inputs.append(places.index)
    else:
        values = np.array(numbers(places, "indices"), np.int64)
        if (values < 0).any() or (values >= whole).any():
            raise ModelError(f"has indices outside 0..{whole - 1}")
        constants = [Constant("places", "int32_t", values, 4 * len(values))]
    return Step(
        operator=op,
        function="gather" if constants else "gather_at",
        header="move.h",
        fields=fields,
        constants=constants,
        inputs=inputs,
        output=target.index,
    )
