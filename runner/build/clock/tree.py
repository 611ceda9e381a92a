"""Clock trees: what a chip's PLL can make of a source, and what flash and supply then want.

A tree is a TOML file in `firmware/clocks/`. The settings become macros of the port, which holds
them against the board's clock when it is compiled.
"""

from collections.abc import Iterator
from itertools import count
from typing import Annotated

from msgspec import Meta, Struct

from tinybench.declare import Declaration, Name, find, load, named, nearest
from tinybench.errors import DeclarationError

Hz = Annotated[int, Meta(ge=1, lt=2**40)]
Bounds = Annotated[list[Annotated[int, Meta(ge=1, lt=2**40)]], Meta(min_length=2, max_length=2)]
"""The least and the most."""
DIVIDERS_MAX = 256
MHZ = 1_000_000
"""The time base of every port counts whole microseconds of the core's clock."""


def shown(hz: int) -> str:
    """Return a frequency for a person."""
    return f"{hz / MHZ:.10g} MHz" if hz >= MHZ else f"{hz} Hz"


class Source(Declaration, frozen=True, kw_only=True):
    """What may feed the PLL."""

    hz: Annotated[list[Hz], Meta(min_length=1, max_length=64)] = []
    """All frequencies that there are; none: any in `range_hz`."""
    range_hz: Bounds | None = None
    """Of a crystal or an outer clock, which is the board's."""

    def gives(self, hz: int) -> bool:
        """Whether it runs at a frequency."""
        low, high = self.range_hz or (1, 0)
        return hz in self.hz or low <= hz <= high


class Supply(Declaration, frozen=True, kw_only=True):
    """A voltage of the core's, and what it allows."""

    name: str
    wait_states: Annotated[list[Hz], Meta(min_length=1, max_length=16)]
    """The most that flash is read at with none, with one, ...; the last is the most that the core
    runs at."""
    vco_hz: Bounds | None = None
    """Narrower than the tree's."""


class Tree(Declaration, frozen=True, kw_only=True):
    """A clock tree, from `firmware/clocks/<name>.toml`: source / m * n / divide is the core's."""

    description: str
    source: str
    """Where its figures come from."""
    least_hz: Hz
    """Below it the serial line has no rate to begin with, or the PLL does not go so low."""
    m: Bounds
    n: Bounds
    divide: Annotated[list[Annotated[int, Meta(ge=1, le=512)]], Meta(min_length=1, max_length=64)]
    input_hz: Bounds
    """What the VCO takes."""
    vco_hz: Bounds
    """What it gives."""
    sources: Annotated[dict[Name, Source], Meta(min_length=1, max_length=8)]
    supply: Annotated[list[Supply], Meta(min_length=1, max_length=8)]
    """The first that goes as fast as the core is taken."""

    def __post_init__(self) -> None:
        if self.m[1] - self.m[0] >= DIVIDERS_MAX:
            raise ValueError(f"m has more than {DIVIDERS_MAX} values: {self.m}")
        for low, high in (self.m, self.n, self.input_hz, self.vco_hz):
            if low > high:
                raise ValueError(f"[{low}, {high}] is not [least, most]")
        for one in self.supply:
            if sorted(one.wait_states) != one.wait_states:
                raise ValueError(f"wait_states of {one.name} do not rise: {one.wait_states}")


class Clock(Declaration, frozen=True, kw_only=True):
    """How a board makes its `clock_hz`."""

    tree: Name
    """Name of `firmware/clocks/<tree>.toml`."""
    source: Name
    """One of the tree's."""
    source_hz: Hz


class Settings(Struct, frozen=True):
    """What a port writes into a chip's registers; frequencies in Hz."""

    source: str
    source_hz: int
    m: int
    n: int
    divide: int
    supply: int
    """Its place in the tree."""
    wait_states: int
    source_wait_states: int
    """Where the core runs by the source for a while, which may be the faster one."""

    @property
    def input_hz(self) -> int:
        """What the VCO takes, rounded down."""
        return self.source_hz // self.m

    @property
    def vco_hz(self) -> int:
        """What the VCO gives, rounded down."""
        return self.source_hz * self.n // self.m

    def macros(self) -> dict[str, int]:
        """Return the settings as macros of the port; flags are 1, or not there."""
        return {
            f"PLL_FROM_{self.source.upper()}": 1,
            "PLL_SOURCE_HZ": self.source_hz,
            "PLL_M": self.m,
            "PLL_N": self.n,
            "PLL_DIVIDE": self.divide,
            "SUPPLY": self.supply,
            "WAIT_STATES": self.wait_states,
            "SOURCE_WAIT_STATES": self.source_wait_states,
        }


def settings(clock: Clock, clock_hz: int) -> Settings:
    """Return how a chip makes `clock_hz`.

    Of several ways that of the slowest VCO, and of those the one with the fastest input. Raises
    UsageError for a tree that there is not, DeclarationError for a source that the tree has not, or
    a frequency that it cannot make, with the nearest one.
    """
    known = named("firmware", "clocks")
    tree = load(find("clock tree", clock.tree, known), Tree)
    if clock.source not in tree.sources:
        raise DeclarationError(
            f"key 'clock.source': the tree {clock.tree} has no source '{clock.source}': "
            f"{nearest(clock.source, tree.sources)}"
        )
    source = tree.sources[clock.source]
    if not source.gives(clock.source_hz):
        ends = " to ".join(map(shown, source.range_hz or []))
        can = " or ".join(map(shown, source.hz)) or ends
        raise DeclarationError(
            f"key 'clock.source_hz': {clock.source} of {clock.tree} does not run at "
            f"{shown(clock.source_hz)}, but at {can}"
        )
    if (found := solve(tree, clock, clock_hz)) is not None:
        return found
    said = (
        f"key 'clock_hz': {clock.tree} cannot run at {shown(clock_hz)} from {clock.source} at "
        f"{shown(clock.source_hz)}"
    )
    near, least, most = (_nearest_hz(tree, clock, hz) for hz in (clock_hz, 0, 2**32))
    if near is None or least is None or most is None:
        raise DeclarationError(f"{said}, nor at any other frequency: another source?")
    raise DeclarationError(
        f"{said} (whole MHz from {least // MHZ} to {most // MHZ}, as its PLL divides); the nearest "
        f"that it can is {shown(near)}"
    )


def solve(tree: Tree, clock: Clock, clock_hz: int) -> Settings | None:
    """Return how a tree makes a frequency exactly; None where it cannot."""
    supply = next(
        (at for at, one in enumerate(tree.supply) if clock_hz <= one.wait_states[-1]), None
    )
    if supply is None or clock_hz < tree.least_hz or clock_hz % MHZ:
        return None
    limits = tree.supply[supply]
    waits, source_waits = (
        sum(hz > most_hz for most_hz in limits.wait_states) for hz in (clock_hz, clock.source_hz)
    )
    ways = [
        Settings(clock.source, clock.source_hz, m, n, divide, supply, waits, source_waits)
        for m, n, divide in _dividers(tree, clock.source_hz, clock_hz)
        if (limits.vco_hz or tree.vco_hz)[0] * m <= clock.source_hz * n
        and clock.source_hz * n <= (limits.vco_hz or tree.vco_hz)[1] * m
    ]
    return min(ways, key=lambda way: (way.vco_hz, way.m), default=None)


def _dividers(tree: Tree, source_hz: int, clock_hz: int) -> Iterator[tuple[int, int, int]]:
    """Yield (m, n, divide) that give the frequency exactly, with an input that the VCO takes."""
    for m in range(tree.m[0], tree.m[1] + 1):
        if not tree.input_hz[0] * m <= source_hz <= tree.input_hz[1] * m:
            continue
        for divide in tree.divide:
            n, left = divmod(clock_hz * m * divide, source_hz)
            if not left and tree.n[0] <= n <= tree.n[1]:
                yield m, n, divide


def _nearest_hz(tree: Tree, clock: Clock, clock_hz: int) -> int | None:
    """Return the frequency nearest to a wished one that a tree makes; None: it makes none."""
    most = tree.supply[-1].wait_states[-1] // MHZ
    wished = min(max(round(clock_hz / MHZ), 0), most + 1)
    for away in count():
        if away > most + 1:
            return None
        tried = [mhz * MHZ for mhz in (wished - away, wished + away) if 0 < mhz <= most]
        for hz in sorted(tried, key=lambda hz: abs(hz - clock_hz)):
            if solve(tree, clock, hz) is not None:
                return hz
    return None
