"""What a name in an ONNX graph stands for while it is read.

Each activation is a tensor of int8 in memory, seen through a view: `perm` and `shape` say how the
values that the file declares, channels first, lie in it: declared = stored.transpose(perm)
.reshape(shape). So channels move to the end once, and transposes and reshapes cost nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinybench.errors import ModelError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
CODES = np.arange(-128, 128)
OPERAND_MOST = 1 << 22
"""Elements of a constant that is no layer's weights."""


@dataclass(frozen=True)
class Quantisation:
    """Scale and zero point of a tensor of int8."""

    scale: float
    zero_point: int
    """Of int8."""
    offset: int = 0
    """What is added to it where the file has uint8: 128."""

    def reals(self) -> Floats:
        """Return what each int8 stands for, from -128 on."""
        return (CODES - self.zero_point).astype(np.float32) * np.float32(self.scale)

    def codes(self, reals: Array) -> npt.NDArray[np.int64]:
        """Return the nearest int8 of real numbers, halves to even, saturated."""
        with np.errstate(over="ignore"):
            steps = np.rint(np.asarray(reals, np.float32) / np.float32(self.scale))
        return np.clip(np.clip(steps, -512, 512) + self.zero_point, -128, 127).astype(np.int64)


@dataclass(frozen=True)
class Raw:
    """An input of the model that nothing has quantised yet."""

    end: int
    name: str
    stored: tuple[int, ...]
    type: str
    perm: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Codes:
    """An activation as it is quantised."""

    tensor: int
    stored: tuple[int, ...]
    perm: tuple[int, ...]
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Real:
    """Real numbers that are a function of the int8 in memory."""

    tensor: int
    stored: tuple[int, ...]
    perm: tuple[int, ...]
    shape: tuple[int, ...]
    table: Floats
    """Of each int8, from -128 on."""


@dataclass(frozen=True)
class Pending:
    """Real numbers that an operator gives once it is known how they are quantised."""

    what: str
    """The node."""
    stored: tuple[int, ...]
    perm: tuple[int, ...]
    shape: tuple[int, ...]
    make: Callable[[Quantisation, int], int]
    """Emit it for a quantisation and a fused activation; returns the tensor."""
    fuses: bool
    """Whether it knows fused activations."""
    low: float = -np.inf
    high: float = np.inf
    """Where its values end."""
    default: Quantisation | None = None
    """Of a mean, whose values lie within those of its input: how that is quantised."""


@dataclass(frozen=True)
class Weights:
    """A quantised constant."""

    values: Array
    scales: Floats
    """One, or one for each place along `axis`."""
    zero_points: Array
    axis: int

    def int8(self) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """Return values and zero points as int8; raises ModelError for int32."""
        zeros = self.zero_points.astype(np.int64)
        if self.values.dtype.name == "uint8":
            return (self.values ^ np.uint8(0x80)).view(np.int8), zeros - 128
        if self.values.dtype.name != "int8":
            raise ModelError(f"its constant is {self.values.dtype.name}; int8 and uint8 are known")
        return self.values, zeros

    def reals(self) -> npt.NDArray[np.float64]:
        """Return its real numbers; raises ModelError where it is larger than an operand is."""
        if self.values.size > OPERAND_MOST:
            raise ModelError(f"a constant of {self.values.size} elements; {OPERAND_MOST} are known")
        shape = [1] * self.values.ndim
        if self.scales.size > 1:
            shape[self.axis] = -1
        zeros = self.zero_points.astype(np.int64).reshape(shape)
        scales = self.scales.astype(np.float64).reshape(shape)
        return np.asarray((self.values.astype(np.int64) - zeros) * scales)


Viewed: TypeAlias = Raw | Codes | Real | Pending
Value: TypeAlias = Viewed | Weights | Array


def identity(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of dimensions as they are."""
    return tuple(range(len(shape)))


def exact(value: Viewed) -> bool:
    """Whether a view only moves dimensions."""
    return tuple(value.stored[axis] for axis in value.perm) == value.shape


def ints(value: Value | None, what: str) -> list[int]:
    """Return a constant list of whole numbers, such as axes."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu":
        raise ModelError(f"its {what} are no constant")
    return [int(one) for one in value.reshape(-1)[:64]]


def number(value: Value | None, default: float, what: str) -> float:
    """Return a constant of one value."""
    if value is None:
        return default
    found = value.reals() if isinstance(value, Weights) else value
    if not isinstance(found, np.ndarray) or found.size != 1 or found.dtype.kind not in "fiu":
        raise ModelError(f"its {what} is no constant number")
    return float(found.reshape(-1)[0])
