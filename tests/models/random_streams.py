"""Models with a time axis, of any architecture: windows, strides, crops, sums, joins, borders."""

from collections.abc import Sequence

import numpy as np

from .random_tensors import ints
from .tflite_builder import NONE, RELU, SAME, VALID, Model, Operator, Rng, Tensor
from .tflite_builder import average_pool as pool_of
from .tflite_builder import convolution as convolution_of

LONGEST = 20
MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")


class _Draft:
    """A model while it grows; `end` is its last tensor."""

    def __init__(self, rng: Rng, shape: Sequence[int]) -> None:
        self.rng = rng
        zero_point = int(rng.integers(-128, 128))
        self.tensors = [Tensor(shape, scales=[0.05], zero_points=[zero_point])]
        self.operators = list[Operator]()
        self.end = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, width and channels."""
        _, frames, width, channels = self.tensors[self.end].shape
        return frames, width, channels

    def tensor(self, tensor: Tensor) -> int:
        """Add a tensor."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def put(self, name: str, inputs: Sequence[int], target: Tensor, **options: float) -> None:
        """Add an operator, which is the end from now on."""
        self.end = self.tensor(target)
        self.operators.append(Operator(name, inputs, [self.end], options))

    def like(self, shape: Sequence[int], *, same: bool) -> Tensor:
        """Return an activation, with the quantisation of the end where `same`."""
        last = self.tensors[self.end]
        zero_points = last.zero_points if same else [int(self.rng.integers(-128, 128))]
        return Tensor(shape, scales=last.scales, zero_points=zero_points)

    def layer(self, model: Model) -> None:
        """Add a model of one layer."""
        (op,) = model.operators
        ends = [self.end, *(self.tensor(t) for t in model.tensors[1:-1])]
        last = self.tensors[self.end]
        if len(ends) > 1:
            ratio = last.scales[0] / model.tensors[0].scales[0]
            biases = model.tensors[2]
            scales = [ratio * s for s in biases.scales]
            self.tensors[ends[2]] = Tensor(
                biases.shape, "INT32", scales, biases.zero_points, 0, biases.data
            )
            target = model.tensors[3]
            new = Tensor(target.shape, "INT8", [0.4 * ratio * target.scales[0]], target.zero_points)
        else:
            new = self.like(model.tensors[1].shape, same=True)
        self.put(
            op.name,
            ends,
            new,
            **{k: float(v) if k == "Beta" else int(v) for k, v in op.options.items()},
        )


def stream_model(rng: Rng) -> Model:
    """Return a model of a history of frames."""
    frames, width = int(rng.integers(8, LONGEST + 1)), int(rng.integers(1, 4))
    draft = _Draft(rng, (1, frames, width, int(rng.integers(1, 6))))
    _convolved(draft, padding=VALID)
    for _ in range(int(rng.integers(1, 5))):
        _STEPS[int(rng.integers(len(_STEPS)))](draft)
    if rng.random() < 0.8:
        _decide(draft)
    return Model(draft.tensors, draft.operators, [0], [draft.end])


def _convolved(draft: _Draft, padding: int | None = None, stride: int | None = None) -> None:
    rng = draft.rng
    frames, width, channels = draft.shape
    dilation = 2 if rng.random() < 0.3 else 1
    kernel = int(rng.integers(1, max(2, min(5, (frames - 1) // dilation + 1) + 1)))
    if (kernel - 1) * dilation + 1 > frames:
        kernel = 1
    if stride is None:
        stride = 2 if rng.random() < 0.25 else 1
    if padding is None:
        padding = SAME if rng.random() < 0.1 else VALID
    kernel_w = int(rng.integers(1, width + 1))
    depthwise = rng.random() < 0.5
    out_c = channels if depthwise else int(rng.integers(1, 6))
    draft.layer(
        convolution_of(
            rng, draft.shape, out_c, (kernel, kernel_w), (stride, 1), padding,
            (NONE, RELU)[rng.integers(2)], depthwise=depthwise, dilation=(dilation, 1),
        )
    )  # fmt: skip


def _pooled(draft: _Draft) -> None:
    frames, _, _ = draft.shape
    kernel = int(draft.rng.integers(1, min(3, frames) + 1))
    draft.layer(pool_of(draft.rng, draft.shape, (kernel, 1), (int(draft.rng.integers(1, 3)), 1)))


def _mapped(draft: _Draft) -> None:
    target = Tensor((1, *draft.shape), scales=[1 / 256], zero_points=[-128])
    draft.put("LOGISTIC", [draft.end], target)


def _residual(draft: _Draft) -> None:
    """The sum of a convolution and of the columns in the middle of its windows."""
    frames, width, channels = draft.shape
    kernel = 3 if frames >= 4 else 1
    before = draft.end
    draft.layer(
        convolution_of(draft.rng, draft.shape, channels, (kernel, 1), padding=VALID, depthwise=True)
    )
    after, left = draft.end, frames - kernel + 1
    draft.end = before
    first = int(draft.rng.integers(0, kernel))
    numbers = ([0, first, 0, 0], [1, first + left, width, channels], [1, 1, 1, 1])
    places = [draft.tensor(ints(*values)) for values in numbers]
    cropped = draft.like((1, left, width, channels), same=True)
    draft.put("STRIDED_SLICE", [before, *places], cropped, **dict.fromkeys(MASKS, 0))
    draft.put("ADD", [draft.end, after], draft.like(cropped.shape, same=False))


def _joined(draft: _Draft) -> None:
    frames, width, channels = draft.shape
    before = draft.end
    draft.put("QUANTIZE", [before], draft.like((1, frames, width, channels), same=True))
    joined = draft.like((1, frames, width, 2 * channels), same=True)
    draft.put("CONCATENATION", [before, draft.end], joined, Axis=3)


def _scaled(draft: _Draft) -> None:
    """The product with a constant of each channel."""
    data = draft.rng.integers(-128, 128, draft.shape[2]).astype(np.int8)
    factor = draft.tensor(Tensor([data.size], scales=[0.01], zero_points=[3], data=data))
    draft.put("MUL", [draft.end, factor], draft.like((1, *draft.shape), same=False))


def _padded(draft: _Draft) -> None:
    """A border: before the first column, as of a causal convolution, or on the sides."""
    frames, width, channels = draft.shape
    ahead, beside = (2, 0) if draft.rng.random() < 0.3 else (0, 1)
    sides = Tensor([4, 2], "INT32", data=np.array(
        [[0, 0], [ahead, 0], [beside, 0], [0, 0]], np.int32))  # fmt: skip
    shape = (1, frames + ahead, width + beside, channels)
    draft.put("PAD", [draft.end, draft.tensor(sides)], draft.like(shape, same=True))


def _decide(draft: _Draft) -> None:
    """Few values of all that is left."""
    frames, width, channels = draft.shape
    count = frames * width * channels
    draft.put(
        "RESHAPE", [draft.end, draft.tensor(ints(1, count))], draft.like((1, count), same=True)
    )
    draft.layer(_connected(draft.rng, count))


def _connected(rng: Rng, count: int) -> Model:
    from .tflite_builder import fully_connected

    return fully_connected(rng, count, 3)


_STEPS = (
    _convolved,
    _convolved,
    _convolved,
    _pooled,
    _mapped,
    _residual,
    _joined,
    _scaled,
    _padded,
)
