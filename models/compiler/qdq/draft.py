"""The graph that is written while an ONNX file is read: tensors, operators, and their layouts."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinybench.errors import ModelError

from ..graph import Operator, Tensor
from ..reader.tables import MAX_ACTIVATION_B, MAX_DIMENSIONS, MAX_TENSOR_B
from .values import Array, Codes, Quantisation, Real, exact, identity

SPENT_MOST_B = 4 * MAX_TENSOR_B
"""Weights that are kept as floats take four times the room."""
CONSTANTS = {"INT8": "<i1", "INT32": "<i4"}


class Draft:
    """What has been written so far."""

    def __init__(self) -> None:
        self.tensors = list[Tensor]()
        self.operators = list[Operator]()
        self.inputs = dict[int, int]()
        """Tensor of each input of the model that something reads."""
        self.name = ""
        """Of the node that is being read; its tensors are called after it."""
        self._moved = dict[tuple[str, int, tuple[int, ...]], int]()
        self._constants_b = 0

    def tensor(self, shape: Sequence[int], quantisation: Quantisation, type_: str = "INT8") -> int:
        """Add an activation; returns its number."""
        offset = quantisation.offset if type_ == "UINT8" else 0
        if len(shape) > MAX_DIMENSIONS or min(shape, default=1) < 1:
            raise ModelError(f"gives the shape {list(shape)}")
        if math.prod(shape) > MAX_ACTIVATION_B:
            raise ModelError(
                f"gives {math.prod(shape)} bytes; {MAX_ACTIVATION_B} are more than any "
                "microcontroller has"
            )
        return self._add(
            type_,
            tuple(int(n) for n in shape),
            (quantisation.scale,),
            (quantisation.zero_point + offset,),
        )

    def constant(
        self,
        values: Array,
        type_: str,
        scales: Sequence[float] = (),
        zero_points: Sequence[int] = (),
        axis: int = 0,
    ) -> int:
        """Add a constant; returns its number."""
        data = np.ascontiguousarray(values).astype(CONSTANTS[type_]).tobytes()
        self.spend(len(data))
        return self._add(type_, values.shape, tuple(scales), tuple(zero_points), axis, data)

    def spend(self, size_b: int) -> None:
        """Count bytes of constants that are worked on; raises ModelError for too many."""
        self._constants_b += size_b
        if self._constants_b > SPENT_MOST_B:
            raise ModelError(f"more than {SPENT_MOST_B} bytes of constants to be worked on")

    def _add(
        self,
        type_: str,
        shape: tuple[int, ...],
        scales: tuple[float, ...],
        zero_points: tuple[int, ...],
        axis: int = 0,
        data: bytes | None = None,
    ) -> int:
        index = len(self.tensors)
        self.tensors.append(Tensor(index, self.name, type_, shape, scales, zero_points, axis, data))
        return index

    def op(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: int | float
    ) -> None:
        """Add an operator."""
        index = len(self.operators)
        self.operators.append(Operator(index, name, tuple(inputs), tuple(outputs), options))

    def quantisation(self, tensor: int) -> Quantisation:
        """Return that of an activation."""
        found = self.tensors[tensor]
        return Quantisation(found.scale, found.zero_point)

    def like(self, tensor: int, shape: Sequence[int]) -> int:
        """Add an activation of another shape with the same quantisation."""
        return self.tensor(shape, self.quantisation(tensor))

    def reshaped(self, tensor: int, shape: Sequence[int]) -> int:
        """Return the same memory in another shape."""
        shape = tuple(shape)
        if self.tensors[tensor].shape == shape:
            return tensor
        key = ("RESHAPE", tensor, shape)
        if key not in self._moved:
            self._moved[key] = self.like(tensor, shape)
            self.op("RESHAPE", [tensor], [self._moved[key]])
        return self._moved[key]

    def transposed(self, tensor: int, order: Sequence[int]) -> int:
        """Return a tensor with its dimensions in another order."""
        key = ("TRANSPOSE", tensor, tuple(order))
        if key not in self._moved:
            shape = self.tensors[tensor].shape
            self._moved[key] = self.like(tensor, [shape[axis] for axis in order])
            places = self.constant(np.array(order), "INT32")
            self.op("TRANSPOSE", [tensor, places], [self._moved[key]])
        return self._moved[key]

    def ordered(self, value: Real | Codes, order: Sequence[int]) -> int:
        """Return a tensor that holds the declared values, their dimensions in this order."""
        seen = [value.stored[axis] for axis in value.perm]
        if _longer(seen) != _longer(value.shape):
            plain = self.ordered(replace(value, shape=tuple(seen)), identity(tuple(seen)))
            plain = self.reshaped(plain, value.shape)
            whole = identity(value.shape)
            if tuple(order) == whole:
                return plain
            return self.ordered(replace(value, tensor=plain, stored=value.shape, perm=whole), order)
        wanted = [value.shape[axis] for axis in order]
        # Dimensions of one element lie anywhere; the others are where the view says.
        places = iter(axis for axis in value.perm if value.stored[axis] > 1)
        place_of = {axis: next(places) for axis, size in enumerate(value.shape) if size > 1}
        axes = [place_of[axis] for axis in order if axis in place_of]
        if axes == sorted(axes):
            return self.reshaped(value.tensor, wanted)
        if exact(value):
            return self.transposed(value.tensor, [value.perm[axis] for axis in order])
        compact = self.reshaped(value.tensor, _longer(value.stored))
        rank = {axis: number for number, axis in enumerate(sorted(axes))}
        return self.reshaped(self.transposed(compact, [rank[axis] for axis in axes]), wanted)

    def cut(self, tensor: int, spans: Sequence[tuple[int, int]]) -> int:
        """Return a part of a tensor, from a begin to an end of each dimension."""
        target = self.like(tensor, [end - begin for begin, end in spans])
        bounds = [*zip(*spans, strict=True), [1] * len(spans)]
        places = [self.constant(np.array(bound), "INT32") for bound in bounds]
        self.op("STRIDED_SLICE", [tensor, *places], [target], BeginMask=0, EndMask=0,
                EllipsisMask=0, NewAxisMask=0, ShrinkAxisMask=0)  # fmt: skip
        return target

    def looked_up(self, tensor: int, codes: Array, quantisation: Quantisation) -> int:
        """Return what a table makes of a tensor; `codes` are its results, from -128 on."""
        target = self.tensor(self.tensors[tensor].shape, quantisation)
        self.op("LOOK_UP", [tensor, self.constant(codes, "INT8")], [target])
        return target

    def requantised(self, value: Real, wanted: Quantisation) -> Real:
        """Return the same real numbers, rounded to another scale."""
        codes = wanted.codes(value.table)
        there = self.quantisation(value.tensor)
        same = (there.scale, there.zero_point) == (wanted.scale, wanted.zero_point)
        if same and np.array_equal(codes, np.arange(-128, 128)):
            return replace(value, table=wanted.reals())
        return replace(
            value, tensor=self.looked_up(value.tensor, codes, wanted), table=wanted.reals()
        )

    def linear(self, value: object) -> Real:
        """Return an activation that is a scale times its int8 without its zero point.

        Raises ModelError for what is no quantised activation.
        """
        if not isinstance(value, Real):
            raise ModelError(f"reads {told(value)}")
        own = self.quantisation(value.tensor)
        if np.array_equal(value.table, own.reals()):
            return value
        rounded = self.requantised(value, own)
        if not np.array_equal(own.reals()[own.codes(value.table) + 128], value.table):
            raise ModelError("reads real numbers that nothing has quantised")
        return rounded

    def linear_image(self, value: object) -> tuple[Real, int]:
        """Return an activation as NHWC and as declared; one of a single row has three dimensions.

        The image's tensor comes second.
        """
        found = self.linear(value)
        shape = found.shape
        if len(shape) not in (3, 4):
            raise ModelError(f"its input has the shape {list(shape)}; NCHW or NCW is needed")
        four = shape if len(shape) == 4 else (*shape[:2], 1, shape[2])
        return found, self.ordered(replace(found, shape=four), (0, 2, 3, 1))


def told(value: object) -> str:
    """Return what a value is that cannot be read."""
    kinds = {
        "NoneType": "nothing",
        "Raw": "the model's input before it is quantised",
        "Codes": "integers, not what a DequantizeLinear gives",
        "Pending": "what no QuantizeLinear has quantised",
    }
    return kinds.get(type(value).__name__, "a constant where an activation is needed")


def _longer(shape: Sequence[int]) -> list[int]:
    """Return the dimensions that have more than one element."""
    return [size for size in shape if size != 1]
