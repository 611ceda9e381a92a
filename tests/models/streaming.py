"""Small models that keep a state."""

from collections.abc import Sequence

import numpy as np

from .tflite_builder import Model, Operator, Tensor


def running_sum(
    initial: Sequence[int] | None = None,
    *,
    called: int = 1,
    computes: bool = False,
    extra: int = 0,
) -> Model:
    """Return a model that adds its input of four values to a variable and gives the sum.

    `initial` is what subgraph 1 assigns, which is called once; `computes`: with another operator
    on the way. `called` is the subgraph that is really named; `extra` ones are never called.
    """
    value = Tensor([1, 4], scales=[0.1], zero_points=[3])
    handle = Tensor([], "RESOURCE")
    operators = [
        Operator("VAR_HANDLE", [], [0], {"SharedName": "state"}),
        Operator("READ_VARIABLE", [0], [1]),
        Operator("ADD", [1, 2], [3]),
        Operator("ASSIGN_VARIABLE", [0, 3], []),
    ]
    others = list[Model]()
    if initial is not None:
        operators.insert(0, Operator("CALL_ONCE", [], [], {"InitSubgraphIndex": called}))
        shape = [1, len(initial)]
        data = np.array(initial, np.int8)
        tensors = [handle, Tensor(shape, scales=[0.1], zero_points=[3], data=data), value]
        begin = [Operator("VAR_HANDLE", [], [0], {"SharedName": "state"})]
        if computes:
            begin.append(Operator("QUANTIZE", [1], [2]))
        begin.append(Operator("ASSIGN_VARIABLE", [0, 2 if computes else 1], []))
        others.append(Model(tensors, begin, [], []))
    idle = Model([value, value], [Operator("QUANTIZE", [0], [1])], [0], [1])
    others += [idle] * extra
    return Model([handle, value, value, value], operators, [2], [3], others)
