"""Small models that keep a state."""

from collections.abc import Sequence

import numpy as np

from .tflite_builder import Model, Operator, Rng, Tensor


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


def svdf(rng: Rng, wide: bool = False, greatest: int = 3000) -> Model:
    """Return an SVDF of four units; `wide`: with a state of int16, its weights up to `greatest`."""
    rank, memory, in_c = (int(n) for n in rng.integers(1, 5, 3))
    filters = 4 * rank
    kind, most = ("INT16", greatest) if wide else ("INT8", 127)
    features = rng.integers(-127, 128, (filters, in_c)).astype(np.int8)
    times = rng.integers(-most, most + 1, (filters, memory)).astype(np.int16 if wide else np.int8)
    biases = rng.integers(-100, 100, 4).astype(np.int32)
    state_scale, time_scale = (0.001, 0.0005) if wide else (0.3, 0.01)
    tensors = [
        Tensor([1, in_c], scales=[0.05], zero_points=[int(rng.integers(-20, 20))]),
        Tensor(features.shape, scales=[0.01], zero_points=[0], data=features),
        Tensor(times.shape, kind, scales=[time_scale], zero_points=[0], data=times),
        Tensor([4], "INT32", scales=[state_scale * time_scale], zero_points=[0], data=biases),
        Tensor([1, memory * filters], kind, scales=[state_scale], zero_points=[0], variable=True),
        Tensor([1, 4], scales=[0.2 * (greatest // 3000)], zero_points=[5]),
    ]
    operator = Operator("SVDF", range(5), [5], {"Rank": rank, "FusedActivationFunction": 1})
    return Model(tensors, [operator], [0], [5])


def wake_word(rows: int, scale: float) -> Model:
    """Return a wake word that keeps its history in a variable, and takes so many rows anew."""
    rng = np.random.default_rng(3)
    ends = {"scales": [scale], "zero_points": [-128]}
    shape = [1, rows, 40]
    weights = rng.integers(-9, 10, (1, rows * 40)).astype(np.int8)
    step = 0.005 / scale / np.sqrt(rows * 40)  # outputs that are neither 0 nor 1
    tensors = [
        Tensor([], "RESOURCE"),
        *(Tensor(shape, **ends) for _ in range(3)),
        Tensor([2], "INT32", data=np.array([1, rows * 40], np.int32)),
        Tensor([1, rows * 40], **ends),
        Tensor(weights.shape, scales=[step], zero_points=[0], data=weights),
        Tensor([1, 1], scales=[0.03], zero_points=[0]),
        Tensor([1, 1], scales=[1 / 256], zero_points=[-128]),
        Tensor([1, 1], "UINT8", scales=[1 / 256], zero_points=[0]),
    ]
    operators = [
        Operator("VAR_HANDLE", [], [0], {"SharedName": "history"}),
        Operator("READ_VARIABLE", [0], [1]),
        Operator("SUB", [2, 1], [3]),
        Operator("ASSIGN_VARIABLE", [0, 3], []),
        Operator("RESHAPE", [3, 4], [5]),
        Operator("FULLY_CONNECTED", [5, 6], [7]),
        Operator("LOGISTIC", [7], [8]),
        Operator("QUANTIZE", [8], [9]),
    ]
    return Model(tensors, operators, [2], [9])
