"""What makes the command of a study: where it is kept, in which form it is told, and by a lab."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from tinybench.errors import UsageError

from ...results.defaults import PARTS_FIRST
from ..options import command, positive
from ..output import Voice
from ..tree import Command, Option
from .words import placed

Do = Callable[..., int]


def study_command(
    name: str, *parameters: click.Parameter, examples: Sequence[str]
) -> Callable[[Do], Command]:
    """Make the command of a study of a function, as `command` does; a lab may do it, too."""

    def make(do: Do) -> Command:
        made = command(
            name,
            *parameters,
            *elsewhere(),
            *placed(),
            formats=("terminal", "json", "csv", "markdown"),
            examples=examples,
        )
        return made(or_in_lab(name)(do))

    return make


def elsewhere() -> tuple[Option, ...]:
    """Return the options of a study that a lab does."""
    return (
        Option("--lab", is_flag=False, flag_value="", optional=True, metavar="DIR",
               section="in a lab",
               help="let a lab do it, part by part, and gather it here; DIR: the folder with its "
               "token (default: TINYBENCH_LAB, or the user's own)"),
        Option("--at", metavar="URL", default="http://127.0.0.1:8750", section="in a lab",
               help="with --lab: address of its page (default: http://127.0.0.1:8750)"),
        Option("--parts", type=positive, metavar="N", section="in a lab",
               help="with --lab: jobs that it is dealt out into (default: one for each board that "
               f"fits, at most {PARTS_FIRST})"),
    )  # fmt: skip


def or_in_lab(study: str) -> Callable[[Do], Do]:
    """Return what makes of a command of a study one that a lab may do."""

    def make(do: Do) -> Do:
        @functools.wraps(do)
        def either(
            voice: Voice, *, lab: str | None, at: str, parts: int | None, **said: Any
        ) -> int:
            if lab is None:
                if parts is not None:
                    raise UsageError("--parts is of --lab; a part of a study here: --part 1/4")
                return do(voice, **said)
            from .through_lab import in_lab

            return in_lab(voice, do, study, Path(lab) if lab else None, at, parts, said)

        return either

    return make
