"""The random models of operators, on floats: one a name, where there are kernels for floats."""

from collections.abc import Callable

import numpy as np

from tinybench.models.compiler.operators import kind, names

from . import tflite_builder as build
from .random_arithmetic import REAL
from .random_operators import RANDOM
from .tflite_builder import Model, Rng, Tensor, replaced

STEPS = {
    "COS": 1,
    "ELU": 3,
    "EXP": 1,
    "LOG": 1,
    "LOGISTIC": 2,
    "SIN": 1,
    "SOFTMAX": 2,
    "TANH": 3,
}
"""Steps of single precision from the reference, by operators with exponentials; 0 for others."""
AWAY = {"LOG_SOFTMAX": 2.0**-18, "UNIDIRECTIONAL_SEQUENCE_LSTM": 2.0**-20}
"""How far from the reference, by operators whose steps add to each other."""


def floats(model: Model) -> Model:
    """Return a model of int8 as one of floats; lists of axes and sizes stay what they are."""
    return replaced(model, tensors=[_float(tensor) for tensor in model.tensors])


def _float(tensor: Tensor) -> Tensor:
    if not tensor.scales:
        return tensor
    data = tensor.data
    if data is not None:
        scale = float(tensor.scales[0]) if tensor.type == "INT32" else 0.02
        data = (data * scale).astype(np.float32)
    return Tensor(tensor.shape, "FLOAT32", data=data, variable=tensor.variable)


def _convolution(depthwise: bool) -> Callable[[Rng], Model]:
    def make(rng: Rng) -> Model:
        height, width, in_c = (int(n) for n in rng.integers(1, 6, 3))
        out_c = in_c * int(rng.integers(1, 3)) if depthwise else int(rng.integers(1, 6))
        kernel, stride = (
            (int(rng.integers(1, 4)), int(rng.integers(1, 4))),
            (int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        )
        return build.convolution(
            rng,
            (height, width, in_c),
            out_c,
            kernel,
            stride,
            relu=int(rng.choice([build.NONE, build.RELU, build.RELU6])),
            depthwise=depthwise,
            # The reference crashes at a depthwise convolution of floats without biases.
            bias=depthwise or bool(rng.random() < 0.7),
            dilation=(1, int(rng.integers(1, 3))) if stride == (1, 1) else (1, 1),
        )

    return make


MAKERS: dict[str, Callable[[Rng], Model]] = RANDOM | {
    "CONV_2D": _convolution(depthwise=False),
    "DEPTHWISE_CONV_2D": _convolution(depthwise=True),
    "FULLY_CONNECTED": lambda rng: build.fully_connected(
        rng, int(rng.integers(1, 20)), int(rng.integers(1, 9)), batch=int(rng.integers(1, 4))
    ),
    "AVERAGE_POOL_2D": lambda rng: build.average_pool(rng, (5, 6, 3), (3, 2), (2, 1), build.SAME),
    "SOFTMAX": lambda rng: build.softmax(rng, int(rng.integers(2, 12)), 0.1),
    **REAL,
}
_OTHERS = {"CAST", "QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
"""Their random models quantise."""
NAMES = [
    name
    for name in names()
    if name in MAKERS
    and name not in _OTHERS
    and ("FLOAT32" in kind(name).by_type or "FLOAT32" in kind(name).types)
]
