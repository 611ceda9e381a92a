"""What a run's own files say happened: the inferences, the stream, and the faults in the logs."""

import math
from collections import Counter
from dataclasses import dataclass, field

from tinybench.errors import ProtocolError

from ..dut.inference import parse_results
from ..dut.reply import plain_results

MAX_INFERENCES = 100_000
"""Of one log; the largest official set has 48,608 (ad01: 248 files of 196 windows)."""
MAX_OUTPUTS = 64
"""Of one inference; the largest official model has 12 classes."""
MAX_STAMPS = 200_000
"""Of the DUT's clock in one log."""
Fact = tuple[str, str]
"""What is claimed, and what is said instead."""
GARBLED = "a garbled answer"
SHUFFLED = "an answer whose lines are out of order"
NOISE = "an error of the DUT before the first input"
WRONG_SIZE = "an input of the wrong size"


@dataclass(frozen=True, slots=True)
class Inferred:
    """One `infer` and its answer."""

    input: str
    """Name of the file, without its folder."""
    offset: int
    """Where in the file the input begins: in bytes, or windows for the v1.3 runner."""
    iterations: int
    elapsed_us: int | None
    """By the DUT's clock; None where the log has no two time stamps."""
    outputs: tuple[float, ...]
    """Empty where the DUT printed none, or none that can be read."""
    decimals: int
    """How many the log prints, at most."""
    label: int | None = None
    """The class, where the file states it itself."""
    host_us: int | None = None
    """Between the two time stamps by the clock of the host that wrote the log."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A streaming run: what was detected and when the wake words were."""

    detections_ms: tuple[int, ...]
    """The first one marks the beginning."""
    windows_s: tuple[tuple[float, float], ...] = ()
    starts_s: tuple[float, ...] = ()
    """When inferences began and ended."""
    stops_s: tuple[float, ...] = ()
    length_s: float | None = None
    """Of the recording; None where nothing says so."""


@dataclass(slots=True)
class Evidence:
    """What one mode's files say; `faults` counts what is wrong in the log, by kind."""

    inferred: list[Inferred] = field(default_factory=list)
    stream: Stream | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Input and iterations of each run that the v1.3 runner's log announces; energy mode has no
    answers beside them."""
    captured: list[tuple[int, int]] = field(default_factory=list)
    """Samples and edges of each window's trace."""
    models: list[str] = field(default_factory=list)
    session: str = ""
    """Kind of the session as the log names it, such as "ML Energy 1.0.1"."""
    retries: int = 0
    undecodable: int = 0
    rehearsal: str = ""
    stamps: list[tuple[int, float]] = field(default_factory=list)
    """The DUT's clock in us and the host's in s, in the order of the log."""
    host_step_s: float = 0.001
    """How finely the host's clock is printed."""
    spans_us: list[tuple[int, int]] = field(default_factory=list)
    """Start and stop of each inference by the DUT's clock, where results.json has them."""
    contrary: list[tuple[str, Fact]] = field(default_factory=list)
    """Figures of one file that contradict each other: kind, and what is said."""
    """Line in which the log says that it is no result."""
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """The first line of each kind of fault."""

    def ask(self, name: str, iterations: int) -> None:
        if len(self.asked) < MAX_INFERENCES:
            self.asked.append((name, iterations))

    def stamp(self, dut_us: int, host_s: float) -> None:
        if len(self.stamps) < MAX_STAMPS:
            self.stamps.append((dut_us, host_s))

    def fault(self, kind: str, line: str) -> None:
        self.faults[kind] += 1
        self.examples.setdefault(kind, line.strip()[:200])


def parse_outputs(text: str) -> tuple[tuple[float, ...], int] | None:
    """Return the numbers of `m-results-[...]` and their most decimals; None for anything else.

    By the grammar of the live line. An empty list is an answer without numbers.
    """
    plain = plain_results(text.strip())
    if not plain:  # some firmware answers nothing to a window
        return (), 0
    words = plain.split(",")
    if len(words) > MAX_OUTPUTS:
        return None
    try:
        values = parse_results(plain)
    except ProtocolError:
        return None
    return tuple(values), max(len(word.partition(".")[2]) for word in words)


def parse_list(text: str) -> tuple[tuple[float, ...], int] | None:
    """Return the same of a list as Python prints it, with blanks and exponents."""
    words = text.replace(" ", "").removesuffix(",").split(",")
    try:
        values = [float(word) for word in words] if words != [""] else []
    except ValueError:
        return None
    if len(words) > MAX_OUTPUTS or not all(map(math.isfinite, values)):
        return None
    return tuple(values), max(len(word.partition(".")[2]) for word in words)
