"""Models with channels planted in them that are constants, or that nobody reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced

import numpy as np

from tests.models import tflite_builder as build
from tests.models.random_tensors import ints
from tests.models.tflite_builder import NONE, RELU, SAME, VALID, Model, Operator, Rng, Tensor

HUGE = 1 << 30
"""What a converter gives as the bias of a channel without weights."""


@dataclass
class Net:
    """A model that grows; tensors are known by their indices."""

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def put(self, tensor: Tensor) -> int:
        """Add a tensor."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def apply(
        self, name: str, inputs: Sequence[int], target: Tensor, **options: float | str
    ) -> int:
        """Add an operator; returns its output."""
        index = self.put(target)
        self.operators.append(Operator(name, inputs, [index], options))
        return index

    def layer(self, model: Model, source: int, scale: float | None = None) -> int:
        """Add a model of one operator that reads `source`; returns its output.

        Its scales change with that of its input, so that values stay as they would be alone.
        """
        (op,) = model.operators
        before = self.tensors[source]
        ratio = before.scales[0] / model.tensors[0].scales[0]
        place = {0: source, -1: -1}
        for i, tensor in enumerate(model.tensors[1:-1], 1):
            scales = [ratio * s for s in tensor.scales] if tensor.type == "INT32" else tensor.scales
            place[i] = self.put(replaced(tensor, scales=scales))
        target = model.tensors[-1]
        if op.name == "AVERAGE_POOL_2D":
            target = replaced(target, scales=before.scales, zero_points=before.zero_points)
        else:
            target = replaced(target, scales=[scale or 0.5 * target.scales[0] * ratio])
        return self.apply(op.name, [place[i] for i in op.inputs], target, **op.options)

    def model(self, *outputs: int) -> Model:
        """Return the model; its input is the first tensor."""
        return Model(self.tensors, self.operators, [0], outputs)


def begun(rng: Rng, channels: int = 4, side: int = 5) -> Net:
    """Return a net of an input alone."""
    net = Net()
    net.put(build.activation(rng, (1, side, side, channels)))
    return net


def shape_of(net: Net, tensor: int) -> tuple[int, int, int]:
    """Return height, width and channels."""
    _, height, width, channels = net.tensors[tensor].shape
    return height, width, channels


def dead(model: Model, channels: Sequence[int], *biases: int, zero_point: int = -128) -> Model:
    """Return a layer with channels of no weights; a bias of -HUGE makes a ReLU's zero point."""
    source, weights, given, target = model.tensors
    assert weights.data is not None
    assert given.data is not None
    values, numbers = weights.data.copy(), given.data.copy()
    index = list(channels)
    if weights.axis == 3:
        values[..., index] = 0
    else:
        values[index] = 0
    numbers[index] = biases
    return replaced(
        model,
        tensors=[
            source,
            replaced(weights, data=values),
            replaced(given, data=numbers),
            replaced(target, zero_points=[zero_point]),
        ],
    )


def deaf(model: Model, channels: Sequence[int]) -> Model:
    """Return a convolution or a fully connected layer that reads none of some channels."""
    source, weights, given, target = model.tensors
    assert weights.data is not None
    values = weights.data.copy()
    values[..., list(channels)] = 0
    return replaced(model, tensors=[source, replaced(weights, data=values), given, target])


def pointwise(rng: Rng, net: Net, source: int, out_c: int, relu: int = RELU) -> Model:
    """Return a convolution of single pixels that fits behind a tensor."""
    return build.convolution(rng, shape_of(net, source), out_c, (1, 1), relu=relu)


# ------------------------------------------------------------------------------------ chosen cases


def _ended(rng: Rng, net: Net, *ends: int) -> Model:
    """Return the model with a convolution behind each end, whose outputs are the model's."""
    return net.model(*(net.layer(pointwise(rng, net, end, 3, NONE), end) for end in ends))


def chain(rng: Rng) -> Model:
    """Dead channels at the zero point through a padded depthwise layer, and one of another value
    that it makes several of."""
    net = begun(rng)
    wide = net.layer(dead(pointwise(rng, net, 0, 8), [1, 4, 6], -HUGE, -HUGE, HUGE), 0)
    deep = build.convolution(rng, shape_of(net, wide), 8, depthwise=True, relu=NONE)
    return _ended(rng, net, net.layer(deep, wide))


def two_readers(rng: Rng) -> Model:
    """A dead channel for two layers, only one of which has a border, of another value."""
    net = begun(rng)
    wide = net.layer(dead(pointwise(rng, net, 0, 6), [2], HUGE), 0)
    bordered = net.layer(build.convolution(rng, shape_of(net, wide), 4), wide)
    return _ended(rng, net, bordered, wide)


def two_readers_of_zero(rng: Rng) -> Model:
    """The same with the value that the border has: neither needs it."""
    net = begun(rng)
    wide = net.layer(dead(pointwise(rng, net, 0, 6), [2], -HUGE), 0)
    bordered = net.layer(build.convolution(rng, shape_of(net, wide), 4), wide)
    return _ended(rng, net, bordered, wide)


def sums(rng: Rng) -> Model:
    """Constants of both, of one and of no side of an ADD."""
    net = begun(rng)
    ends = [
        net.layer(dead(pointwise(rng, net, 0, 6), channels, *biases), 0)
        for channels, biases in (([0, 1], (5000, HUGE)), ([1, 2], (-HUGE, 900)))
    ]
    scale = 1.3 * max(net.tensors[end].scales[0] for end in ends)
    target = Tensor(net.tensors[ends[0]].shape, scales=[scale], zero_points=[-7])
    total = net.apply("ADD", ends, target, FusedActivationFunction=NONE)
    return _ended(rng, net, total)


def joined(rng: Rng) -> Model:
    """Dead channels in both parts of a CONCATENATION along the channels."""
    net = begun(rng)
    first = net.layer(dead(pointwise(rng, net, 0, 3), [0], -HUGE), 0)
    model = dead(pointwise(rng, net, 0, 5), [2, 4], 4000, HUGE)
    second = net.layer(model, 0, net.tensors[first].scales[0])
    like = net.tensors[first]
    target = replaced(like, shape=(*like.shape[:3], 8))
    options = {"Axis": 3, "FusedActivationFunction": NONE}
    return _ended(rng, net, net.apply("CONCATENATION", [first, second], target, **options))


def all_dead(rng: Rng) -> Model:
    """A layer whose channels are all constants, and one before it that hence nobody reads."""
    net = begun(rng)
    first = net.layer(pointwise(rng, net, 0, 6), 0)
    model = dead(pointwise(rng, net, first, 5), range(5), -HUGE, 1, HUGE, 9000, -4)
    return _ended(rng, net, net.layer(model, first))


def dead_output(rng: Rng) -> Model:
    """Dead channels of the model's output, which are answered all the same."""
    net = begun(rng)
    return net.model(net.layer(dead(pointwise(rng, net, 0, 6), [1, 2], 3000, HUGE), 0))


def unread(rng: Rng) -> Model:
    """Channels that the next layer multiplies by zero, through a depthwise layer."""
    net = begun(rng)
    wide = net.layer(pointwise(rng, net, 0, 6), 0)
    deep = net.layer(build.convolution(rng, shape_of(net, wide), 6, depthwise=True), wide)
    return net.model(net.layer(deaf(pointwise(rng, net, deep, 4, NONE), [0, 5]), deep))


def flattened(rng: Rng) -> Model:
    """Dead channels through a pool, and an image that a fully connected layer reads as a row."""
    net = begun(rng, side=6)
    wide = net.layer(dead(pointwise(rng, net, 0, 6), [0, 3], 2500, -HUGE), 0)
    pool = net.layer(build.average_pool(rng, shape_of(net, wide), (2, 2), (2, 2)), wide)
    like = net.tensors[pool]
    flat = net.apply("RESHAPE", [pool, net.put(ints(1, 54))], replaced(like, shape=(1, 54)))
    whole = net.layer(build.fully_connected(rng, 54, 4), flat)
    image = net.layer(replaced(build.fully_connected(rng, 54, 3)), pool)
    return net.model(whole, image)


def multiplied(rng: Rng) -> Model:
    """A dead channel of which a depthwise layer makes two, one of them read."""
    net = begun(rng)
    wide = net.layer(dead(pointwise(rng, net, 0, 4), [1, 2], -HUGE, HUGE), 0)
    deep = build.convolution(rng, shape_of(net, wide), 8, depthwise=True, padding=VALID)
    return _ended(rng, net, net.layer(dead(deep, [0, 2, 5], 30, 40, HUGE), wide))


def clamped(rng: Rng) -> Model:
    """Channels with weights whose bias holds them at an end of the range, whatever comes in."""
    net = begun(rng)
    model = pointwise(rng, net, 0, 6)
    source, weights, biases, target = model.tensors
    assert biases.data is not None
    numbers = biases.data.copy()
    numbers[[0, 3]] = (1 << 22, -(1 << 22))
    model = replaced(model, tensors=[source, weights, replaced(biases, data=numbers), target])
    return _ended(rng, net, net.layer(model, 0))


def pooled(rng: Rng) -> Model:
    """All channels but one are dead before a pool whose window is larger than what is left."""
    net = begun(rng, side=1)
    wide = net.layer(dead(pointwise(rng, net, 0, 5), [1, 2, 3, 4], -HUGE, 5, HUGE, 8), 0)
    pool = build.average_pool(rng, shape_of(net, wide), (2, 2), (1, 1), SAME)
    return _ended(rng, net, net.layer(pool, wide))


CHOSEN: dict[str, Callable[[Rng], Model]] = {
    make.__name__: make
    for make in (
        *(chain, two_readers, two_readers_of_zero, sums, joined, all_dead, dead_output, unread),
        *(flattened, multiplied, clamped, pooled),
    )
}


# ------------------------------------------------------------------------------------- at random


def planted(rng: Rng) -> Model:
    """Return a small model of layers, sums, joints, borders and pools with planted channels."""
    net = begun(rng, int(rng.integers(1, 5)), int(rng.integers(4, 8)))
    at = 0
    for _ in range(rng.integers(2, 6)):
        at = STEPS[rng.integers(len(STEPS))](rng, net, at)
    if rng.random() < 0.5:
        return net.model(_layer(rng, net, at, (1, 1), int(rng.integers(1, 5))))
    shape = net.tensors[at].shape
    row = build.fully_connected(rng, int(np.prod(shape)), int(rng.integers(1, 5)))
    return net.model(net.layer(_with_plants(rng, row), at))


def _with_plants(rng: Rng, model: Model) -> Model:
    """Return a layer in which some channels are dead, held at an end, or not read."""
    source, weights, biases, target = model.tensors
    assert weights.data is not None
    assert biases.data is not None
    values, numbers = weights.data.copy(), biases.data.copy()
    count = len(numbers)
    is_dead, held = rng.random(count) < 0.35, rng.random(count) < 0.15
    if weights.axis == 3:
        values[..., is_dead] = 0
    else:
        values[is_dead] = 0
        values[..., rng.random(values.shape[-1]) < 0.15] = 0
    some = rng.choice([-HUGE, HUGE, 0, 700, -700, 4000], count)
    numbers = np.where(is_dead, some, np.where(held, rng.choice([-1, 1], count) << 23, numbers))
    changed = replaced(weights, data=values), replaced(biases, data=numbers.astype(np.int32))
    return replaced(model, tensors=[source, *changed, target])


def _layer(
    rng: Rng, net: Net, at: int, kernel: tuple[int, int], out_c: int, scale: float | None = None
) -> int:
    relu = (NONE, RELU)[rng.integers(2)]
    model = build.convolution(rng, shape_of(net, at), out_c, kernel, relu=relu)
    return net.layer(_with_plants(rng, model), at, scale)


def _convolution(rng: Rng, net: Net, at: int) -> int:
    kernel = ((1, 1), (3, 3), (2, 3))[rng.integers(3)]
    return _layer(rng, net, at, kernel, int(rng.integers(2, 10)))


def _depthwise(rng: Rng, net: Net, at: int) -> int:
    height, width, in_c = shape_of(net, at)
    padding = VALID if min(height, width) > 2 and rng.random() < 0.4 else SAME
    stride = (1, 1) if rng.random() < 0.7 else (2, 2)
    model = build.convolution(
        rng, (height, width, in_c), in_c * int(rng.integers(1, 3)), (3, 3), stride, padding,
        (NONE, RELU)[rng.integers(2)], depthwise=True,
    )  # fmt: skip
    return net.layer(_with_plants(rng, model), at)


def _sum(rng: Rng, net: Net, at: int) -> int:
    first = _layer(rng, net, at, (3, 3), shape_of(net, at)[2])
    second = at if rng.random() < 0.5 else _layer(rng, net, at, (1, 1), shape_of(net, at)[2])
    scale = 1.4 * max(net.tensors[i].scales[0] for i in (first, second))
    target = Tensor(net.tensors[at].shape, scales=[scale], zero_points=[int(rng.integers(-128, 9))])
    return net.apply("ADD", [first, second], target, FusedActivationFunction=RELU)


def _joint(rng: Rng, net: Net, at: int) -> int:
    first = _layer(rng, net, at, (1, 1), 3)
    second = _layer(rng, net, at, (3, 3), 4, net.tensors[first].scales[0])
    like = net.tensors[first]
    net.tensors[second] = replaced(net.tensors[second], zero_points=like.zero_points)
    target = replaced(like, shape=(*like.shape[:3], 7))
    options = {"Axis": 3, "FusedActivationFunction": NONE}
    return net.apply("CONCATENATION", [first, second], target, **options)


def _border(_rng: Rng, net: Net, at: int) -> int:
    like = net.tensors[at]
    _, height, width, channels = like.shape
    borders = Tensor([4, 2], "INT32", data=np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))
    target = replaced(like, shape=(1, height + 1, width + 2, channels))
    return net.apply("PAD", [at, net.put(borders)], target)


def _pool(rng: Rng, net: Net, at: int) -> int:
    if min(shape_of(net, at)[:2]) < 2:
        return at
    return net.layer(build.average_pool(rng, shape_of(net, at), (2, 2), (1, 1), SAME), at)


def _mean(rng: Rng, net: Net, at: int) -> int:
    like = net.tensors[at]
    target = Tensor((1, 1, 1, like.shape[3]), scales=[0.7 * like.scales[0]],
                    zero_points=[int(rng.integers(-128, 128))])  # fmt: skip
    return net.apply("MEAN", [at, net.put(ints(1, 2))], target, KeepDims=1)


def _table(rng: Rng, net: Net, at: int) -> int:
    like = net.tensors[at]
    target = replaced(like, scales=[0.9 * like.scales[0]], zero_points=[int(rng.integers(-9, 9))])
    return net.apply(("RELU", "QUANTIZE")[rng.integers(2)], [at], target)


STEPS = (_convolution, _convolution, _depthwise, _depthwise, _sum, _joint, _border, _pool, _mean,
         _table)  # fmt: skip
