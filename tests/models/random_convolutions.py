"""Convolutions of any shape: window, step, dilation, multiplier, layout and scales at random."""

from dataclasses import replace

import numpy as np

from tests.models import tflite_builder as build
from tests.models.tflite_builder import NONE, RELU, RELU6, SAME, VALID, Model, Rng

KERNELS = [(3, 3), (1, 1), (5, 5), (1, 7), (6, 1), (2, 3), (4, 2), (7, 3)]
COARSE = 50


def convolution(rng: Rng, depthwise: bool) -> Model:
    """Return a layer alone, or between two others, where it may lie in planes."""
    kernel = KERNELS[rng.integers(len(KERNELS))]
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation = (1, 1) if rng.random() < 0.5 else (int(rng.integers(1, 4)), int(rng.integers(1, 5)))
    padding = SAME if rng.random() < 0.6 else VALID
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = reach if padding == VALID else (1, 1)
    in_c = int(rng.integers(1, 7)) if rng.random() < 0.7 else int(rng.integers(7, 41))
    most = 1 if padding == VALID and rng.random() < 0.4 else 9  # one window alone
    height, width = (int(n + rng.integers(0, most)) for n in least)
    shape = (height, width, in_c)
    out_c = int(rng.integers(1, 10))
    if depthwise:
        out_c = in_c * (int(rng.integers(2, 9)) if rng.random() < 0.4 else 1)
    relu = (NONE, RELU, RELU6)[rng.integers(3)]
    bias = depthwise or rng.random() < 0.8  # the oracle cannot do without
    middle = build.convolution(
        rng, shape, out_c, kernel, stride, padding, relu, rng.random() < 0.8, depthwise,
        bias, dilation,
    )  # fmt: skip
    if rng.random() < 0.3:
        middle = _coarse(middle)
    elif rng.random() < 0.2:
        middle = least_weights(middle)
    elif rng.random() < 0.2:
        middle = _extreme(rng, middle)
    if rng.random() < 0.5:
        return middle
    out_shape = middle.tensors[3].shape[1:]
    before = build.convolution(rng, (*shape[:2], 3), in_c, (1, 1), relu=RELU)
    after = build.convolution(rng, (out_shape[0], out_shape[1], out_c), 4, (1, 1))
    return build.chain(before, middle, after)


def along_a_side(rng: Rng) -> Model:
    """Return a depthwise layer along one side, alone or between two others, as of sound in time."""
    taps, lines = int(rng.integers(2, 19)), int(rng.choice([1, 1, 2, 5]))
    padding = SAME if rng.random() < 0.5 else VALID
    length = int(rng.integers(1, 40)) + (taps if padding == VALID else 0)
    in_c = int(rng.integers(1, 7)) * int(rng.choice([1, 4, 4]))
    relu = (NONE, NONE, RELU)[rng.integers(3)]
    across = rng.random() < 0.4
    kernel = (1, taps) if across else (taps, 1)
    height, width = (lines, length) if across else (length, lines)
    middle = build.convolution(
        rng, (height, width, in_c), in_c, kernel, (1, 1), padding, relu, rng.random() < 0.8, True
    )
    if rng.random() < 0.4:
        middle = _coarse(middle)
    elif rng.random() < 0.3:
        middle = _extreme(rng, middle)
    if rng.random() < 0.5:
        return middle
    out_shape = middle.tensors[3].shape[1:]
    before = build.convolution(rng, (height, width, 3), in_c, (1, 1), relu=RELU)
    after = build.convolution(rng, (out_shape[0], out_shape[1], in_c), 4, (1, 1))
    return build.chain(before, middle, after)


def least_weights(model: Model) -> Model:
    """Return a layer some of whose weights are the least that int8 has."""
    source, weights, *rest = model.tensors
    assert weights.data is not None
    data = np.where(weights.data < -100, -128, weights.data).astype(np.int8)
    return replace(model, tensors=[source, replace(weights, data=data), *rest])


def _extreme(rng: Rng, model: Model) -> Model:
    """Return a layer whose weights are as large as they may be, a few of them -128."""
    source, weights, biases, target = model.tensors
    assert weights.data is not None
    data = rng.choice([-128, -127, 127, 127], weights.data.shape).astype(np.int8)
    data[..., : data.shape[-1] // 2] = -128
    coarse = replace(target, scales=[2 * scale for scale in target.scales])
    return replace(model, tensors=[source, replace(weights, data=data), biases, coarse])


def _coarse(model: Model) -> Model:
    """Return a layer of small whole weights, whose sums are about as large as its outputs."""
    source, weights, biases, target = model.tensors
    assert weights.data is not None
    assert biases.data is not None
    weights = replace(
        weights,
        data=(weights.data // COARSE).astype(np.int8),
        scales=[2 * COARSE * scale for scale in weights.scales],
    )
    biases = replace(biases, data=(biases.data // (8 * COARSE)).astype(np.int32))

    return replace(
        model,
        tensors=[source, weights, biases, replace(target, scales=[2 * s for s in target.scales])],
    )
