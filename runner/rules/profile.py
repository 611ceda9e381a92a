"""Profiles: how much a run does, and what it is judged by."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from tinybench.declare import Declaration, Name, find, load, named
from tinybench.mlperf_tiny import WINDOW_MIN_S, WINDOWS

from ..results.scenario import Asked
from ..scenario.tail import queries_needed
from .rule import DEFAULT_PROFILE

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Celsius = Annotated[float, Meta(ge=-60, le=200)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class Host(Declaration, frozen=True, kw_only=True):
    """What a profile asks of a process of this computer, which measures no microcontroller."""

    window_min_s: Annotated[float, Meta(gt=0, le=3600)]
    cool_down_s: Seconds = 0.0


class Profile(Declaration, frozen=True, kw_only=True):
    """A profile, from `runner/rules/profiles/<name>.toml`: what a run does, and what judges it."""

    name: Name
    title: str
    source: str
    """Where its figures come from."""
    accuracy_inputs: Count | None = None
    """Inputs of the accuracy set, drawn, of each label its share; None: the whole set."""
    windows: Annotated[int, Meta(ge=1, le=100)] = WINDOWS
    """Windows of the performance and of the energy mode, each on another input."""
    window_min_s: Annotated[float, Meta(gt=0, le=3600)] = WINDOW_MIN_S
    window_min_iterations: Count = 1
    """Inferences in a window, unless it lasts `window_max_s`."""
    window_max_s: Annotated[float, Meta(gt=0, le=3600)] | None = None
    """A window that lasts so long needs no more inferences; None: it needs them however long."""
    performance_first: bool = False
    """Performance is measured before accuracy, on a board that has rested."""
    cool_down_s: Seconds = 0.0
    """Rest before the performance mode, where the board has worked before it."""
    float_share: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Least quality as a share of the float model's on the same inputs; None: not asked for."""

    scenario_queries: Count = 1
    """Queries of a scenario, at least."""
    scenario_min_s: Seconds = 600.0
    """How long they last on the DUT's clock, at least. Ref: MLPerf Inference Rules, scenarios."""

    recording: Literal["short", "long"] = "long"
    """Of a stream: the package's of 2 minutes, or one of 20, as the rules have it."""
    ambient_c: Annotated[list[Celsius], Meta(min_length=2, max_length=2)] | None = None
    """Least and highest temperature of the room, which is to be stated; None: not asked for."""

    layers: bool = True
    """Each layer is timed as well, where the firmware can."""
    reference_outputs: bool = False
    """The answers are the reference kernels', to the bit, where these are at hand."""

    host: Host | None = None
    """Of board `host`, in the place of the same keys above; None: as of any board."""

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if self.ambient_c is not None and self.ambient_c[0] > self.ambient_c[1]:
            raise ValueError(f"ambient_c is not [least, highest]: {self.ambient_c}")

    def on(self, core: str) -> "Profile":
        """Return the profile as it is for a board with a core."""
        if core != "host" or self.host is None:
            return self
        return replace(self, window_min_s=self.host.window_min_s, cool_down_s=self.host.cool_down_s)

    def scenario(self, asked: Asked) -> Asked:
        """Return a scenario with what it does not say itself."""
        queries, min_s = asked.min_queries, asked.min_duration_s
        proved = 1 if asked.name == "offline" else queries_needed(1, asked.share)
        return replace(
            asked,
            min_queries=max(self.scenario_queries, proved) if queries is None else queries,
            min_duration_s=self.scenario_min_s if min_s is None else min_s,
        )

    @property
    def mlperf(self) -> bool:
        """Whether it asks for no less than the published MLPerf Tiny run rules."""
        return (
            self.accuracy_inputs is None
            and self.windows == WINDOWS
            and self.window_min_s >= WINDOW_MIN_S
            and self.recording == "long"
        )


def names() -> dict[str, Path]:
    """Return all profiles in the package as {name: path of the declaration}."""
    return named("runner.rules", "profiles")


def load_profile(name: str) -> Profile:
    """Load a profile by name, or by the path of a .toml file.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    return load(find("profile", name, names()), Profile)


def default_profile() -> Profile:
    """Return the published run rules."""
    return load_profile(DEFAULT_PROFILE)
