"""Frameworks of others: what a project for one of them is made of."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from tinybench.declare import Declaration, find, load, named
from tinybench.errors import UsageError

from ..build.board import Kernels
from ..build.recipe import Inside

Optimised = Literal["flags", "pragma"]


class Framework(Declaration, frozen=True, kw_only=True):
    """How a project for a framework is laid out, from `firmware/export/<name>.toml`."""

    title: str
    sources: Inside
    """Folder of the project that gets the core, the kernels and the model, side by side."""
    files: list[Inside]
    """What is the framework's own: it lies in `firmware/export/<name>/` as in the project. In what
    is no C, @WORDS@ are replaced."""
    shared: list[Inside] = []
    """Further files of `firmware/`, which come among the sources."""
    kernels: Annotated[list[Kernels], Meta(min_length=1)]
    """Those that it can have; the first by default."""
    timing_pin: bool
    """Whether there is an energy build."""
    optimise: Optimised
    """How the loops that are measured are compiled for speed: by flags of the project, or by a
    line in each source, where a project cannot say."""
    port: str
    """What the board's serial port may be called, in examples."""
    board: str = "BOARD"
    """A board in the framework's own words, in examples, ..."""
    boards: dict[Kernels, str] = {}
    """... and those of kernels that it cannot have."""
    faster: str = ""
    """When kernels that are not portable are worth their while."""
    line: str = ""
    """Which line is the host's, of the usual build, ..."""
    energy_line: str = ""
    """... and of the energy build, with its timing pin."""


def names() -> dict[str, Path]:
    """Return all frameworks as {name: path of the declaration}."""
    return named("firmware", "export")


def load_framework(name: str) -> Framework:
    """Load a framework by its name. Raises UsageError for an unknown one."""
    if name.endswith(".toml"):
        raise UsageError(f"--to {name}: name a framework: {', '.join(names())}")
    return load(find("framework", name, names()), Framework)
