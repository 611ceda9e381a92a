"""The words that ask for a run, as the command line and Python take them, made into a request."""

import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Required, TypedDict, Unpack, cast

from msgspec import ValidationError, convert, to_builtins

from tinybench.declare import nearest
from tinybench.errors import UsageError
from tinybench.expected import in_words

from .defaults import (
    BAUDS,
    BY_LABELS,
    BY_OUTPUTS,
    CLOCK_END_HZ,
    DEFAULT_BAUD,
    DEFAULT_BOARD,
    DIVISIONS,
    ENERGY_BAUD,
    IDLE,
    LONGEST_S,
    MODES,
    OURS,
    PORT_BOARD,
    SCENARIO,
    SCENARIOS,
    STATES,
    hertz,
    seconds,
)
from .request import Request, is_recipe
from .scenario import Asked
from .scenario.interference import interference_of

Named = str | os.PathLike[str]
"""A name, or the path of a declaration."""
File = str | os.PathLike[str]


class SuiteWords(TypedDict, total=False):
    """What may be asked of the runs of all tasks; None is the same as nothing."""

    board: Named | None
    mode: Literal["accuracy", "performance", "energy", "all"] | None
    division: Literal["closed", "open"] | None
    profile: Named | None
    emulate: bool | None
    clock: int | str | None
    """Of a board of the package, instead of its own: Hz, or a text such as "80MHz"."""
    cores: Literal[1, 2] | None
    """That compute, on a board with two."""
    limit: int | None
    data: File | None
    model: File | None
    out: File | None
    port: str | Iterable[str] | None
    flasher: str | None
    flash: bool | None
    """False: --no-flash."""
    baud: int | Literal["auto"] | None
    verify: bool | None
    """False: --no-verify."""
    prune: bool | None
    """False: --no-prune."""
    strips: bool | None
    """False: --no-strips."""
    whole: bool | None
    """Of a stream: infer on the whole history each time."""
    compatible: bool | None
    """Of a stream: features beyond int8 go around, as in the reference firmware."""
    shards: int | None
    monitor: Named | None
    interface_board: bool | None
    probe: str | None
    hub: str | None
    ambient: float | None
    """Temperature of the room in degrees Celsius, to be recorded."""
    supply: float | None
    """Supply of the board in V, likewise."""
    wait: float | str | None
    """Seconds, or a text such as "10m"."""
    iterations: int | None
    """Inferences of a window, to begin with."""
    scenario: Literal["single-stream", "multi-stream", "server", "offline"] | None
    """Queries of MLPerf Inference's scenarios, instead of a mode."""
    min_queries: int | None
    min_duration: float | str | None
    """Seconds, or a text such as "10m", on the DUT's clock."""
    seed: int | None
    """Of the order of queries, and of their arrivals."""
    target_qps: float | None
    """Arrivals in a second, of a server; None: the most at which it keeps its deadline."""
    deadline: float | None
    """Seconds in which a server is to answer."""
    streams: int | None
    """Inputs of a query, of multi-stream."""
    audits: bool | None
    """Audit the DUT as well: does it compute every answer?"""
    engine_loadgen: bool | None
    """Let the genuine LoadGen ask the queries."""
    interference: str | None
    """Build interference into the firmware of an emulated board: "interrupt:50ms:100000"."""


class Words(SuiteWords, total=False):
    """What may be asked of a run: the long options of the command line, by their names."""

    task: Required[Named]
    engine: File | None
    engine_source: File | None


class OwnWords(TypedDict, total=False):
    """What may be said of the inputs of a model of one's own, as `own_words` returns it."""

    inputs: Path
    prepare: str
    count: int
    seed: int
    labels: Path
    classes: tuple[str, ...]
    expect: Path
    metric: str
    tolerance: float
    state: Literal["reset", "keep"]


MODEL_RUN = (
    "board", "emulate", "cores", "out", "port", "flash", "baud", "monitor", "probe", "wait",
    "iterations", "prune", "strips", "engine", "engine_source",
)  # fmt: skip
"""Words of a run that a model of one's own takes as well."""


def request_of(**words: Unpack[Words]) -> Request:
    """Return the run that these words ask for, with the defaults of the command line.

    Raises UsageError, which names the word: one that is none, or whose value cannot be.
    """
    given: dict[str, Any] = {}
    for word, value in words.items():
        if word not in _VALUES:
            raise UsageError(f"a run takes no '{word}': {_instead(word)}")
        if value is not None:
            given[word] = _VALUES[word](word, value)
    if not given.get("task"):
        raise UsageError("name a task, such as kws; 'tinybench tasks' lists them")
    if given["task"] == "all" and "engine" in given:
        raise UsageError("an engine is one for a task: name that, not 'all'")
    if given.get("engine") == OURS:
        del given["engine"]
    if "engine_source" in given and not is_recipe(given.get("engine")):
        raise UsageError("engine_source is the source tree of an engine such as tflm: name that")
    _take_scenario(given)
    for word, modes in IDLE.items():
        idle = given.get("mode") in modes and (word, given.get(word)) != ("shards", 1)
        if idle and word in given:
            raise UsageError(f"{word} means nothing in mode {given['mode']}: leave it out")
    if "clock" in given:
        given["clock_hz"] = given.pop("clock")
    ports = given.pop("port", ())
    bare = given.get("mode") == "energy" and not given.get("interface_board")
    baud = given.pop("baud", ENERGY_BAUD if bare else DEFAULT_BAUD)
    given.setdefault("board", PORT_BOARD if ports else DEFAULT_BOARD)
    return Request(
        ambient_c=given.pop("ambient", None),
        supply_v=given.pop("supply", None),
        ports=ports,
        baud=DEFAULT_BAUD if baud == "auto" else baud,
        raise_baud=baud == "auto",
        wait_s=given.pop("wait", 0.0),
        **given,
    )


def _take_scenario(given: dict[str, Any]) -> None:
    """Make a scenario of its words, in place. Raises UsageError, which names the word."""
    words = {field: given.pop(word) for word, field in _OF_SCENARIO.items() if word in given}
    name = given.get("scenario")
    if name is None:
        if words:
            word = next(word for word, field in _OF_SCENARIO.items() if field in words)
            raise UsageError(f"{word} is that of a scenario: name it, such as single-stream")
        return
    if given.get("mode", SCENARIO) != SCENARIO:
        raise UsageError(f"a scenario is a mode of its own: leave {given['mode']} out")
    for word, only in _ONLY.items():
        if _OF_SCENARIO[word] in words and name != only:
            raise UsageError(f"{word} means nothing in scenario {name}: leave it out")
    if name == "server" and "deadline_s" not in words:
        raise UsageError("a server has a deadline, such as 0.1 s: say which")
    if name == "server" and words.get("engine_loadgen") and "target_qps" not in words:
        raise UsageError(
            "LoadGen sends to a server at one rate: say which with target_qps; the highest that "
            "holds is found without engine_loadgen"
        )
    given["mode"] = SCENARIO
    raw = {"name": name, **words}
    try:
        given["scenario"] = convert(raw, Asked)
    except ValidationError as error:
        field, wanted = in_words(error, Asked, raw)
        word = next((word for word, own in _OF_SCENARIO.items() if own == field), "scenario")
        raise UsageError(f"{word}: {wanted}") from None


def own_words(words: Mapping[str, Any]) -> tuple[OwnWords, dict[str, Any]]:
    """Return the words on inputs and outputs of a model of one's own, and those of its run.

    None is the same as nothing. Raises UsageError, which names the word.
    """
    own: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for word, value in words.items():
        if word not in _OWN and word not in MODEL_RUN:
            raise UsageError(f"a model takes no '{word}': {nearest(word, (*_OWN, *MODEL_RUN))}")
        if value is not None:
            (own if word in _OWN else rest)[word] = (
                _OWN[word](word, value) if word in _OWN else value
            )
    return cast(OwnWords, own), rest


def _instead(word: str) -> str:
    """Say which word may be meant."""
    positive = word.removeprefix("no_")
    if positive != word and positive in ("flash", "verify", "prune", "strips"):
        return f"say {positive}=False"
    return nearest(word, _VALUES)


def _wrong(word: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{word}: {repr(value)[:60]} is no {wanted}")


def _text(word: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(word, value, "text")
    return value


def _named(word: str, value: object) -> str:
    return _text(word, os.fspath(value) if isinstance(value, os.PathLike) else value)


def _path(word: str, value: object) -> Path:
    return Path(_named(word, value))


def _flag(word: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(word, value, "True or False")
    return value


def _count(word: str, value: Any) -> int:
    try:
        count = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise _wrong(word, value, "count of 1 or more")
    return count


def _cores(word: str, value: Any) -> int:
    if (count := _count(word, value)) > 2:
        raise _wrong(word, value, "count of 1 or 2")
    return count


def _one_of(words: tuple[str, ...]) -> Callable[[str, object], str]:
    def choice(word: str, value: object) -> str:
        if value not in words:
            raise _wrong(word, value, f"{word} of a run: {nearest(str(value), words)}")
        return str(value)

    return choice


def _ports(word: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(word, value),)
    try:
        return tuple(_text(word, one) for one in value)
    except TypeError:
        raise _wrong(word, value, "port, and no list of ports") from None


def _baud(word: str, value: Any) -> int | str:
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value not in BAUDS:
        raise _wrong(word, value, "baud rate such as 115200, and not 'auto'")
    return value


def _wait(word: str, value: Any) -> float:
    if isinstance(value, str):
        try:
            return seconds(value)
        except UsageError as error:
            raise UsageError(f"{word}: {error}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_S:
        raise _wrong(word, value, "time: seconds, or a text such as '10m'")
    return float(value)


def _clock(word: str, value: Any) -> int:
    if isinstance(value, str):
        return hertz(value)
    clock_hz = _count(word, value)
    if clock_hz >= CLOCK_END_HZ:
        raise _wrong(word, value, "clock in Hz")
    return clock_hz


def _number(word: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _wrong(word, value, "number above 0")
    return float(value)


def _degrees(word: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -60 <= value <= 200:
        raise _wrong(word, value, "temperature of -60 to 200 degrees Celsius")
    return float(value)


def _volts(word: str, value: Any) -> float:
    volts = _number(word, value)
    if volts > 60:
        raise _wrong(word, value, "supply of a board, of at most 60 V")
    return volts


def _names(word: str, value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(_text(word, one).strip() for one in parts)
    except TypeError:
        raise _wrong(word, value, "list of names") from None


_VALUES: dict[str, Callable[[str, Any], Any]] = {
    "task": _named,
    "board": _named,
    "mode": _one_of(MODES),
    "division": _one_of(DIVISIONS),
    "profile": _named,
    "emulate": _flag,
    "clock": _clock,
    "cores": _cores,
    "limit": _count,
    "data": _path,
    "model": _path,
    "engine": _named,
    "engine_source": _path,
    "out": _path,
    "port": _ports,
    "flasher": _text,
    "flash": _flag,
    "baud": _baud,
    "verify": _flag,
    "prune": _flag,
    "strips": _flag,
    "whole": _flag,
    "compatible": _flag,
    "shards": _count,
    "monitor": _named,
    "interface_board": _flag,
    "probe": _text,
    "hub": _text,
    "ambient": _degrees,
    "supply": _volts,
    "wait": _wait,
    "iterations": _count,
    "scenario": _one_of(SCENARIOS),
    "min_queries": _count,
    "min_duration": _wait,
    "seed": lambda word, value: 0 if value == 0 else _count(word, value),
    "target_qps": _number,
    "deadline": _number,
    "streams": _count,
    "audits": _flag,
    "engine_loadgen": _flag,
    "interference": lambda word, value: to_builtins(interference_of(word, value)),
}
"""What makes a value of each word's value, or raises UsageError."""
_OF_SCENARIO = {
    "min_queries": "min_queries",
    "min_duration": "min_duration_s",
    "seed": "seed",
    "target_qps": "target_qps",
    "deadline": "deadline_s",
    "streams": "streams",
    "audits": "audits",
    "engine_loadgen": "engine_loadgen",
    "interference": "interference",
}
"""Words of a scenario, with its fields."""
_ONLY = {"target_qps": "server", "deadline": "server", "streams": "multi-stream"}
"""Words of one scenario."""
_OWN: dict[str, Callable[[str, Any], Any]] = {
    "inputs": _path,
    "prepare": _named,
    "count": _count,
    "seed": lambda word, value: 0 if value == 0 else _count(word, value),
    "labels": _path,
    "classes": _names,
    "expect": _path,
    "metric": _one_of(BY_LABELS + BY_OUTPUTS),
    "tolerance": _number,
    "state": _one_of(STATES),
}
"""The same for a model of one's own."""
