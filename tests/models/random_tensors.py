"""Tensors of random models, shaped and scaled as they come, and a model of one operator."""

from collections.abc import Sequence

import numpy as np

from .tflite_builder import Model, Operator, Rng, Tensor, replaced

Shape = Sequence[int]


def quantised(rng: Rng, shape: Shape, type_: str = "INT8", scale: float | None = None) -> Tensor:
    """Return an activation with a random scale and zero point."""
    low, high = (0, 256) if type_ == "UINT8" else (-128, 128)
    scale = float(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))) if scale is None else scale
    return Tensor(shape, type_, scales=[scale], zero_points=[int(rng.integers(low, high))])


def shape_of(rng: Rng, least: int = 1, most: int = 4, longest: int = 6) -> list[int]:
    """Return a random shape of so many dimensions."""
    return [int(n) for n in rng.integers(1, longest + 1, rng.integers(least, most + 1))]


def image_of(rng: Rng, channels: int | None = None) -> list[int]:
    """Return the shape of a small image."""
    return [1, *(int(n) for n in rng.integers(1, 8, 2)), channels or int(rng.integers(1, 6))]


def ints(*values: int) -> Tensor:
    """Return a constant list of int32."""
    return Tensor([len(values)], "INT32", data=np.array(values, np.int32))


def scalar(value: int) -> Tensor:
    """Return a constant int32."""
    return Tensor([], "INT32", data=np.array(value, np.int32))


def like(source: Tensor, shape: Shape) -> Tensor:
    """Return an activation of another shape with the same quantisation."""
    return Tensor(shape, source.type, scales=source.scales, zero_points=source.zero_points)


def constant_of(rng: Rng, tensor: Tensor) -> Tensor:
    """Return the same as a constant."""
    data = rng.integers(-128, 128, list(tensor.shape)).astype(np.int8)
    return replaced(tensor, data=data)


def model(
    name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], **options: float | str
) -> Model:
    """Return a model of one operator."""
    count = len(inputs)
    op = Operator(name, range(count), range(count, count + len(outputs)), options)
    ends = [i for i, tensor in enumerate(inputs) if tensor.data is None]
    return Model([*inputs, *outputs], [op], ends, list(op.outputs))
