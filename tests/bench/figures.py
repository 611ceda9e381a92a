"""One measured figure, as `make bench` prints and stores it."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A value, what it must be, and where it comes from."""

    name: str
    value: float
    unit: str
    must: float | None
    """None for a yardstick that other figures are compared with."""
    where: str
    better: str = "lower"
    """"lower" or "higher": the side of `must` on which the value should be."""

    @property
    def missed(self) -> bool:
        """Whether it is not as it must be."""
        if self.must is None:
            return False
        return self.value > self.must if self.better == "lower" else self.value < self.must
