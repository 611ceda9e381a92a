"""The random models of operators, on int16: one a name, where there are kernels for it."""

import numpy as np

from tinybench.models.compiler.operators import kind, names

from .random_floats import MAKERS
from .random_tensors import Shape, model, shape_of
from .tflite_builder import Model, Operator, Rng, Tensor, replaced

FINER = 256
"""Steps of int16 in one of int8."""
OUTPUTS = {"LOGISTIC": 2.0**-15, "TANH": 2.0**-15, "SOFTMAX": 2.0**-15}
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV",
            "UNIDIRECTIONAL_SEQUENCE_LSTM")  # fmt: skip
NAMES = [name for name in names() if name in MAKERS and "INT16" in kind(name).by_type]


def wide(name: str, rng: Rng) -> Model:
    """Return a random model of an operator on int16; its weights stay int8, with long biases."""
    model = MAKERS[name](rng)
    tensors = [_wide(tensor, name in WEIGHTED) for tensor in model.tensors]
    end = model.outputs[0]
    if name in OUTPUTS:
        tensors[end] = replaced(tensors[end], scales=[OUTPUTS[name]])
        if rng.random() < 0.5:  # what the reference does not need to multiply
            start = model.inputs[0]
            tensors[start] = replaced(tensors[start], scales=[2.0**-12])
    if name in ("CONV_2D", "FULLY_CONNECTED") and rng.random() < 0.2:
        tensors = [_short_bias(tensor) for tensor in tensors]
    return replaced(model, tensors=tensors)


def _wide(tensor: Tensor, weighted: bool) -> Tensor:
    if tensor.type == "INT32" and tensor.scales:
        assert tensor.data is not None
        scales = [scale / FINER for scale in tensor.scales]
        data = tensor.data.astype(np.int64) * FINER
        return replaced(tensor, type="INT64", scales=scales, data=data)
    if tensor.type != "INT8" or (weighted and tensor.data is not None):
        return tensor
    scales = [scale / FINER for scale in tensor.scales]
    data = None if tensor.data is None else tensor.data.astype(np.int16) * FINER + 17
    return replaced(tensor, type="INT16", scales=scales, zero_points=[0], data=data)


def _short_bias(tensor: Tensor) -> Tensor:
    """Return biases of 32 bits."""
    if tensor.type != "INT64" or tensor.data is None:
        return tensor
    return replaced(tensor, type="INT32", data=(tensor.data // 100).astype(np.int32))


def _end(shape: Shape, type_: str, scale: float, zero_point: int = 0) -> Tensor:
    return Tensor(shape, type_, scales=[scale], zero_points=[zero_point])


def ends(rng: Rng) -> Model:
    """Return a model of floats that passes through int16, int8, int16 and int32."""
    shape = shape_of(rng)
    scales = rng.uniform(0.4, 2.5, 4) * [0.002, 0.3, 0.002, 0.001]
    floats = Tensor(shape, "FLOAT32")
    tensors = [
        floats,
        _end(shape, "INT16", scales[0]),
        _end(shape, "INT8", scales[1], int(rng.integers(-128, 128))),
        _end(shape, "INT16", scales[2]),
        _end(shape, "INT16", scales[3]),
        _end(shape, "INT32", scales[0]),
        floats,
        _end(shape, "INT8", scales[1] * float(rng.uniform(0.5, 2)), int(rng.integers(-128, 128))),
        _end(shape, "INT16", scales[2] * float(rng.uniform(0.5, 2))),
    ]
    operators = [Operator("QUANTIZE", [i], [i + 1]) for i in range(4)]
    operators += [Operator("QUANTIZE", [4], [5]), Operator("DEQUANTIZE", [1], [6])]
    operators += [Operator("QUANTIZE", [5], [7]), Operator("QUANTIZE", [5], [8])]
    return Model(tensors, operators, [0], [4, 5, 6, 7, 8])


def shares(rng: Rng) -> Model:
    """Return a SOFTMAX of int8 whose shares are of int16, then turned into int32."""
    shape = shape_of(rng, longest=12)
    tensors = [
        _end(shape, "INT8", float(rng.uniform(0.01, 0.3)), 7),
        _end(shape, "INT16", 2.0**-16, -(1 << 15)),
        _end(shape, "INT32", 2.0**-16),
    ]
    softmax = Operator("SOFTMAX", [0], [1], {"Beta": float(rng.uniform(0.5, 2))})
    return Model(tensors, [softmax, Operator("QUANTIZE", [1], [2])], [0], [1, 2])


def border(rng: Rng) -> Model:
    """Return a PAD of an input of int16."""
    shape = shape_of(rng)
    borders = rng.integers(0, 3, (len(shape), 2)).astype(np.int32)
    after = [int(n) for n in np.add(shape, borders.sum(axis=1))]
    pads = Tensor(borders.shape, "INT32", data=borders)
    return model("PAD", [_end(shape, "INT16", 0.01), pads], [_end(after, "INT16", 0.01)])
