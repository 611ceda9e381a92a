"""The graph of a model: tensors, constants and operators."""

import math

import msgspec


class Tensor(msgspec.Struct, frozen=True):
    """A tensor: an activation where `data` is None, a constant else."""

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

    @property
    def elements(self) -> int:
        """Number of elements, which for int8 is the number of bytes."""
        return math.prod(self.shape)

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


class Operator(msgspec.Struct, frozen=True):
    """An operator; `inputs` holds -1 where an optional input is absent."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float]

    def __str__(self) -> str:
        return f"operator {self.index} {self.name}"


class Graph(msgspec.Struct, frozen=True):
    """A model with one subgraph, one input and one output."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    input: int
    output: int
