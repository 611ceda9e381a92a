"""The options that more than one command takes, declared once; and what their words may be."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from tinybench.errors import UsageError

from ..results.defaults import BAUDS, DEFAULT_BAUD, DEFAULT_BOARD, IDLE, PORT_BOARD, hertz, seconds
from .grammar import nearest
from .tree import Argument, Command, Option, typed

DIGITS, PORT_MOST = 12, 65_535
"""Of a number that means anything here; and the last port of an address."""
REPORTS = (
    *("terminal", "html", "markdown", "csv", "json", "junit"),
    *("mlperf-mobile-json", "svg", "png"),
)
"""Formats of a report on runs."""
PATH_MOST_B, PART_MOST_B = 4095, 255
"""Of the name of a file and of each folder in it, on Linux; elsewhere no more either."""


class FilePath(click.Path):
    """The path of a file or folder that can be, whether it is there or not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as a Path. Raises click.BadParameter for one that no file can have."""
        found: Any = super().convert(value, param, ctx)
        parts = map(len, map(os.fsencode, Path(found).parts))
        if len(os.fsencode(found)) > PATH_MOST_B or max(parts, default=0) > PART_MOST_B:
            self.fail(f"'{str(found)[:40]}...': no file has so long a name", param, ctx)
        return found


PATH = FilePath(path_type=Path)


def baud_or_auto(text: str) -> tuple[int, bool]:
    """Return the rate to begin with, and whether to raise it."""
    if text == "auto":
        return DEFAULT_BAUD, True
    try:
        return baud(text), False
    except click.BadParameter as error:
        raise click.BadParameter(f"{error.message}, and not auto") from None


def baud(text: str) -> int:
    """Return the rate of a line."""
    if not _digits(text) or int(text) not in BAUDS:
        raise click.BadParameter(f"'{text}' is no baud rate such as 115200")
    return int(text)


def duration(text: str) -> float:
    """Return a time in seconds, of "90", "90s", "10m" or "2h"."""
    try:
        return seconds(text)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def lasting(text: str) -> float:
    """Return a time in seconds in which something can be done: more than 0."""
    if (found := duration(text)) == 0:
        raise click.BadParameter(f"'{text}' is no time to do anything in: give one such as 10m")
    return found


def clock(text: str) -> int:
    """Return a clock in Hz, of "80MHz" or "80000000"."""
    try:
        return hertz(text)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def count(text: str) -> int:
    """Return a count of 0 or more."""
    if not _digits(text):
        raise _no_count(text, 0)
    return int(text)


def positive(text: str) -> int:
    """Return a count of 1 or more."""
    if not _digits(text) or int(text) < 1:
        raise _no_count(text, 1)
    return int(text)


def tcp_port(text: str) -> int:
    """Return the port of an address: 1 to 65535."""
    if not _digits(text) or not 1 <= int(text) <= PORT_MOST:
        raise click.BadParameter(f"'{text[:40]}' is no port: 1 to {PORT_MOST}")
    return int(text)


def core_count(text: str) -> int:
    """Return 1 or 2."""
    if text not in ("1", "2"):
        raise click.BadParameter(f"'{text[:40]}' is no count of cores: 1 or 2")
    return int(text)


def quantity(text: str) -> float:
    """Return a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise click.BadParameter(f"'{text[:40]}' is none: give a number above 0")
    return number


def share(text: str) -> float:
    """Return a share of 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise click.BadParameter(f"'{text[:40]}' is no share of 0 to 1, such as .88")
    return number


def degrees(text: str) -> float:
    """Return a temperature in degrees Celsius."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not -273.15 <= number <= 1000:
        raise click.BadParameter(f"'{text[:40]}' is no temperature in degrees Celsius")
    return number


def instant(text: str) -> float:
    """Return a number that is not below 0."""
    return 0.0 if text.strip() in ("0", "0.0") else quantity(text)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS


def _no_count(text: str, least: int) -> click.BadParameter:
    long = f", of {DIGITS} digits at most" if len(text) > DIGITS else ""
    return click.BadParameter(f"'{text[:40]}' is no count of {least} or more{long}")


class OneOf(click.Choice):
    """One of a few words; another one is refused with the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word."""
        if value not in self.choices:
            valid = ", ".join(self.choices)
            guess = nearest(str(value), self.choices)
            self.fail(f"'{str(value)[:40]}' is none of {valid}{guess}", param, ctx)
        return str(value)


def command(
    name: str,
    *parameters: click.Parameter,
    examples: Sequence[str],
    formats: Sequence[str] = (),
    exclusive: Sequence[tuple[str, str]] = (),
) -> Callable[[Callable[..., int]], Command]:
    """Make a command of a function, whose docstring describes it; its formats are those of --to."""

    def make(do: Callable[..., int]) -> Command:
        lines = (do.__doc__ or "").strip()
        return Command(
            name,
            do,
            examples=examples,
            exclusive=exclusive,
            help=lines,
            short_help=lines.partition("\n")[0].rstrip("."),
            params=[*parameters, *(_formats(formats) if formats else ()), *_voice()],
        )

    return make


def _formats(formats: Sequence[str]) -> list[Option]:
    first, *more = formats
    found = [
        Option(
            "--to",
            type=OneOf(formats),
            default=first,
            metavar="FORMAT",
            section="output",
            help=f"{first} (default)" + (f", {', '.join(more[:-1])}" if more[1:] else "")
            + (f" or {more[-1]}" if more else ""),
        )
    ]  # fmt: skip
    if "json" in more:
        found.append(Option("--json", is_flag=True, section="output", help="the same as --to json"))
    return found


def _voice() -> list[Option]:
    return [
        Option("-v", "--verbose", is_flag=True, shared=True, section="output",
               help="say more: when, what tinybench.toml gave, the traceback of a fault"),
        Option("-q", "--quiet", is_flag=True, shared=True, section="output",
               help="say only what was asked for and errors: no notes, no progress"),
    ]  # fmt: skip


def into_file() -> Option:
    """Return -o of what is printed otherwise."""
    return Option(
        "-o",
        "--out",
        type=PATH,
        metavar="FILE",
        section="output",
        help="write it into a file (default, and with -: standard output)",
    )


def task(text: str = "a task, such as kws ('tinybench tasks')", **more: Any) -> Option:
    """Return --task."""
    return Option("--task", metavar="TASK", help=text, shared=True, shell_complete=_tasks, **more)


def board(text: str, **more: Any) -> Option:
    """Return --board."""
    return Option(
        "--board", metavar="BOARD", help=text, shared=True, shell_complete=_boards, **more
    )


BOARD = f"a board, one of bench.toml, or a .toml file (default: {DEFAULT_BOARD})"
PORT_OR = (
    f"a board, one of bench.toml, or a .toml file (default: {DEFAULT_BOARD}; "
    f"with --port: {PORT_BOARD})"
)


def port(text: str = "serial port of the board, or a URL such as rfc2217://host:port",
         **more: Any) -> Option:  # fmt: skip
    """Return --port."""
    return Option("--port", metavar="PORT", help=text, **{"shared": True, **more})


def emulate(**more: Any) -> Option:
    """Return --emulate."""
    return Option(
        "--emulate",
        is_flag=True,
        shared=True,
        help="run a real board's firmware in an emulator",
        **more,
    )


def wait(**more: Any) -> Option:
    """Return --wait."""
    return Option(
        "--wait",
        type=duration,
        default="0",
        metavar="TIME",
        shared=True,
        help="wait so long, such as 10m, for a board that another run has (default: not at all)",
        **more,
    )


def probe(**more: Any) -> Option:
    """Return --probe."""
    return Option(
        "--probe",
        metavar="SERIAL",
        shared=True,
        help="serial number of the board's debug probe",
        **more,
    )


def hub(**more: Any) -> Option:
    """Return --hub."""
    return Option(
        "--hub",
        metavar="HUB:PORT",
        shared=True,
        help="hub port that switches the board's power, as 1-1.4:2",
        **more,
    )


def flasher(**more: Any) -> Option:
    """Return --flasher."""
    return Option(
        "--flasher",
        metavar="NAME",
        shared=True,
        help="such as st-flash (default: the first the board declares)",
        **more,
    )


def data(**more: Any) -> Option:
    """Return --data."""
    return Option(
        "--data", type=PATH, metavar="DIR", shared=True, help="an EEMBC dataset folder", **more
    )


def model(**more: Any) -> Option:
    """Return --model."""
    return Option(
        "--model",
        type=PATH,
        metavar="FILE",
        shared=True,
        help="an int8 .tflite of your own",
        **more,
    )


def no_verify(**more: Any) -> Option:
    """Return --no-verify."""
    return Option(
        "--no-verify",
        is_flag=True,
        shared=True,
        help="do not read back uploads over the stock protocol, which has no check sum",
        **more,
    )


def no_prune(**more: Any) -> Option:
    """Return --no-prune."""
    return Option(
        "--no-prune",
        is_flag=True,
        help="compute channels too that are constants or that nobody reads",
        **more,
    )


def cores(**more: Any) -> Option:
    """Return --cores."""
    return Option(
        "--cores",
        type=core_count,
        metavar="N",
        help="1 or 2 that compute, on a board with two: each half of a layer (default: as the "
        "board declares)",
        **more,
    )


def no_strips(**more: Any) -> Option:
    """Return --no-strips."""
    return Option(
        "--no-strips",
        is_flag=True,
        help="compute every operator whole, though the arena is larger for it",
        **more,
    )


def stream(**more: Any) -> Option:
    """Return --stream."""
    return Option(
        "--stream",
        is_flag=True,
        help="of a model that takes a history [1, frames, ...]: evaluate it frame by frame, the "
        "same outputs",
        **more,
    )


OF_A_PORT = ("port", "baud", "probe", "hub", "flasher", "no_flash", "interface_board")
"""What a board that is a child process has not."""


def as_typed(said: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a run, without what tinybench.toml says and a typed word rules out.

    That of a port, where an emulated board or --emulate is typed; that which a mode has not.
    """
    ctx = click.get_current_context()
    idle = [word for word, modes in IDLE.items() if said.get("mode") in modes]
    if (typed(ctx, "board") or typed(ctx, "emulate")) and _child_process(said):
        idle += OF_A_PORT
    return {
        word: None if word in idle and not typed(ctx, word) else value
        for word, value in said.items()
    }


def _child_process(said: dict[str, Any]) -> bool:
    from ..build.board import load_board

    try:
        board = load_board(said["board"] or DEFAULT_BOARD, emulate=said["emulate"])
    except UsageError:  # one of the bench file, or none
        return False
    return board.emulator is not None


def runs_word(text: str = "folder of a run, or a folder with runs below it") -> Argument:
    """Return RUN..., one or more."""
    return Argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...", help=text)


def run_word(text: str = "folder of a run") -> Argument:
    """Return RUN."""
    return Argument("run", type=PATH, metavar="RUN", help=text)


def _tasks(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ..build.task import names

    return _beginning(incomplete, [*names(), "all"])


def _boards(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ..build.board import names
    from ..desk.bench import find_bench, load_bench

    return _beginning(incomplete, [*names(), *load_bench(find_bench()).boards])


def complete_task(
    ctx: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Complete the name of a task."""
    return _tasks(ctx, parameter, begun)


def _beginning(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def engine_source(section: str) -> Option:
    """Return the option that says where an engine is built from."""
    return Option("--engine-source", type=PATH, metavar="DIR", section=section,
                  help="source tree of the engine that --engine names (default: that of the "
                  "variable TINYBENCH_TFLM; of cmsis-nn TINYBENCH_CMSIS_NN)")  # fmt: skip
