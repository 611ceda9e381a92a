"""What an operator is turned into: a call of a kernel, its constants, and the memory it needs."""

from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from .graph import Graph, Operator, Tensor
from .overlap import IN_PLACE, Overlap


class Constant(msgspec.Struct, frozen=True):
    """A constant array of the generated C; two-dimensional where an element is a struct."""

    field: str
    """Field of the kernel's parameter struct that points to it."""
    ctype: str
    values: np.ndarray
    size_b: int
    table: bool = False
    """Whether it is arithmetic of the kernel's, not a part of the model."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A call of one kernel."""

    operator: Operator
    function: str
    """C function; its parameters are a `struct <function>`. "" where the output is an alias."""
    parameters: str = ""
    """Name of the struct, where it is that of another function."""
    header: str = "kernels.h"
    """What declares both."""
    fields: dict[str, int] | dict[str, int | float]
    """Of the parameters; a float is written in single precision."""
    constants: list[Constant]
    inputs: list[int]
    """Tensors it reads, in the order of the kernel's arguments; constants among them are emitted
    as they are."""
    output: int
    scratch_b: int = 0
    overlaps: dict[int, Overlap] = {}
    """Inputs whose memory the output may take over, and how."""
    macs: int = 0
    images: int = 1
    """As often it is called: for each image of a batch, one after the other in memory."""
    begins: dict[int, int] = {}
    """Bytes behind which it begins in a tensor, where it computes a strip of one."""
    whole: tuple[int, int] | None = None
    """Of which tensors of the model it computes a strip: what is read, and what is written."""
    beside: bool = False
    """Whether a second core computes it, while the first computes the step before."""

    @property
    def weights_b(self) -> int:
        """Bytes of constants."""
        return sum(constant.size_b for constant in self.constants)

    @property
    def tables_b(self) -> int:
        """Bytes of constants that are no part of the model."""
        return sum(constant.size_b for constant in self.constants if constant.table)


def call_on_one(
    header: str, op: Operator, function: str, source: Tensor, target: Tensor,
    fields: Mapping[str, int | float], constants: list[Constant] | None = None,
    in_place: bool = False,
) -> Step:  # fmt: skip
    """Return the call of a kernel of one input, which `header` declares."""
    return Step(
        operator=op,
        function=function,
        header=header,
        fields=dict(fields),
        constants=constants or [],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE} if in_place else {},
    )


class Variant(msgspec.Struct, frozen=True):
    """Which kernels a step may call."""

    kernels: str
    """One of KERNELS (models/compiler); a shape without such a kernel gets the plain one."""
    planar: frozenset[int] = frozenset()
    """Activations that lie in memory plane by plane, only for "dsp"."""


class Planes(msgspec.Struct, frozen=True):
    """What an operator's DSP kernel can do with planes: activations kept channel by channel."""

    reads: bool = False
    writes: bool = False
    both: bool = False
    """It has to read planes where it writes them, and the other way round."""
    wanted: frozenset[int] = frozenset()
    """Its activations that it is faster with, or needs, as planes."""


def no_planes(_graph: Graph, _op: Operator) -> Planes:
    """Return what a kernel says that knows one layout only, channels innermost."""
    return Planes()


Lower = Callable[[Graph, Operator, Variant], Step | list[Step]]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """All that the compiler knows of a kind of operator."""

    types: tuple[str, ...] = ("INT8",)
    """Types of the activations that it reads and writes."""
    reads: int | None = None
    """How many of its inputs matter: the rest say again what the output's shape says."""

    options: str = ""
    """Table of its options in the schema."""
    fields: tuple[str, ...] = ()
    """What is read of them into `Operator.options`."""
    lower: Lower
    """Turn an operator into a call of the fastest kernel of the variant that is exact for it, or
    into several, one after the other.

    Raises ModelError for what is not supported.
    """
    by_type: Mapping[str, Lower] = {}
    """The same where all activations are of another type, such as "FLOAT32"."""
    as_they_are: bool = False
    """Whether it reads values without their scale, and so takes tensors that have none."""
    each_image: bool = False
    """Whether it does the same to each image of a batch, by itself."""
    planes: Callable[[Graph, Operator], Planes] = no_planes
    """As `lower`."""
