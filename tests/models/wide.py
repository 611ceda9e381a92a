"""Models of a few layers whose tensors are wide, so that they are computed strip by strip."""

from tests.models import tflite_builder as build
from tests.models.planted import Net, shape_of
from tests.models.tflite_builder import NONE, RELU, RELU6, SAME, VALID, Model, Rng

MOST_LAYERS = 6
LEAST_SIDE = 4
"""Rows of a tensor that another layer follows."""


def random_run(rng: Rng) -> Model:
    """Return a run of convolutions and pools of any window, step and border."""
    net = Net()
    shape = (int(rng.integers(9, 26)), int(rng.integers(5, 14)), int(rng.integers(1, 5)))
    net.put(build.activation(rng, (1, *shape)))
    at = 0
    for _ in range(int(rng.integers(2, MOST_LAYERS + 1))):
        at = net.layer(_layer(rng, shape_of(net, at)), at)
        if min(shape_of(net, at)[:2]) < LEAST_SIDE:
            break
    return net.model(at)


def _layer(rng: Rng, shape: tuple[int, int, int]) -> Model:
    """Return a layer that fits behind an image of such a shape."""
    kind = rng.choice(["conv", "depthwise", "mobile", "pointwise", "pool"])
    relu = int(rng.choice([NONE, RELU, RELU6]))
    padding = int(rng.choice([SAME, SAME, VALID]))
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    out_c = int(rng.integers(1, 14))
    if kind == "pool":
        return build.average_pool(rng, shape, kernel, stride, padding)
    if kind == "depthwise":
        return build.convolution(
            rng, shape, shape[2], kernel, stride, padding, relu, depthwise=True
        )
    if kind == "mobile":
        same = int(rng.integers(1, 3))
        return build.convolution(
            rng, shape, shape[2], (3, 3), (same, same), padding, relu, depthwise=True
        )
    if kind == "pointwise":
        return build.convolution(rng, shape, out_c, (1, 1), relu=relu)
    return build.convolution(rng, shape, out_c, kernel, stride, padding, relu)


def first_stage(rng: Rng, side: int = 48, classes: int = 3) -> Model:
    """Return the beginning of a mobile net: one tensor of it is wider than all others together."""
    net = Net()
    net.put(build.activation(rng, (1, side, side, 3)))
    at = net.layer(build.convolution(rng, (side, side, 3), 4, stride=(2, 2), relu=RELU), 0)
    half = shape_of(net, at)
    at = net.layer(build.convolution(rng, half, 4, relu=RELU, depthwise=True), at)
    at = net.layer(build.convolution(rng, half, 32, (1, 1), relu=RELU), at)
    wide = shape_of(net, at)
    at = net.layer(build.convolution(rng, wide, 32, stride=(2, 2), relu=RELU, depthwise=True), at)
    at = net.layer(build.convolution(rng, shape_of(net, at), classes, (1, 1), relu=RELU), at)
    return net.model(at)
