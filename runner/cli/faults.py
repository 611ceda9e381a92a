"""What is said of an error: one line that names what is wrong and what to do."""

import textwrap
import traceback
from pathlib import Path

import click

from .tree import Argument, Option

FOLDER = Path(__file__).parents[2]


def usage(error: click.UsageError) -> str:
    """Return what is wrong with a command line, by the word that is."""
    path = ""
    if error.ctx is not None:
        path = error.ctx.command_path.removeprefix("tinybench").strip()
    parameter = error.param if isinstance(error, click.BadParameter) else None
    name = ""
    if isinstance(parameter, Option):
        name = parameter.word
    elif isinstance(parameter, Argument):
        name = str(parameter.metavar).removesuffix("...")
    if isinstance(error, click.MissingParameter):
        metavar = f" {parameter.metavar}" if isinstance(parameter, Option) else ""
        return f"{path} needs {name}{metavar}; see: tinybench {path} --help"
    if name:
        return f"{name}: {error.message}"
    return error.message


def told(error: Exception, *, verbose: bool) -> str:
    """Return what is said of an error that nobody expected: its kind, its words, its place."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(FOLDER)] or frames
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown place"
    words = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        said = f"the system refused: {words} ({kind} at {place})"
    else:
        said = f"a fault of tinybench itself: {kind}: {words} at {place}; please report it"
    if not verbose:
        return f"{said}; -v shows where it comes from"
    frames_said = "".join(traceback.format_exception(error)).rstrip()
    return f"{said}\n{textwrap.indent(frames_said, '    ')}"
