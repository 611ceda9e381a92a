"""The graph of a model: tensors, constants and operators."""

import math

import msgspec

WIDTHS_B = {
    "INT8": 1,
    "UINT8": 1,
    "BOOL": 1,
    "INT16": 2,
    "FLOAT16": 2,
    "INT32": 4,
    "FLOAT32": 4,
    "INT64": 8,
}
"""Bytes of an element, by the schema's name of its type."""


class Tensor(msgspec.Struct, frozen=True):
    """A tensor: a constant with `data`, a state with `initial`, an activation with neither."""

    index: int
    name: str
    type: str
    """Name in the schema, such as "INT8"."""
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    """One, or one a channel; none where the tensor is not quantised."""
    zero_points: tuple[int, ...]
    axis: int
    """Dimension that `scales` runs along where there are several."""
    data: bytes | None
    initial: bytes | None = None
    """What a state holds when an inference begins."""

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def size_b(self) -> int:
        """Bytes that it takes."""
        return self.elements * WIDTHS_B.get(self.type, 8)

    @property
    def scale(self) -> float:
        """Scale of a tensor that is quantised as a whole."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """Zero point of a tensor that is quantised as a whole."""
        return self.zero_points[0]

    def __str__(self) -> str:
        return f"tensor {self.index} '{self.name}'"


class Operator(msgspec.Struct, frozen=True, weakref=True):
    """An operator; `inputs` holds -1 where an optional input is absent."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float]

    def __str__(self) -> str:
        return f"operator {self.index} {self.name}"


class Graph(msgspec.Struct, frozen=True):
    """A model with one subgraph."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    """Those that lead to an output."""
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes, gives and calls, whether or not it can be compiled."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    places: tuple[int | None, ...]
    """Of each input whose values choose places in another tensor: of how many."""
    operators: tuple[Operator, ...]
    """Of the main subgraph, without their options."""
    shapes: tuple[tuple[int, ...], ...]
    """What each of these gives first."""
    kinds: tuple[str, ...]
    """Names of the operators of all subgraphs, each once."""
    variables: int
    """Handles of variables."""
    has_state: bool
    """Whether a tensor lasts from one inference to the next."""

    @property
    def keeps_state(self) -> bool:
        """Whether anything lasts: a tensor, or a variable."""
        return self.has_state or self.variables > 0
