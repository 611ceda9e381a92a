"""How many clients a round and how many local steps a fleet should do."""

from pathlib import Path
from typing import Any

import click

from .. import options
from ..options import command
from ..output import Voice
from ..study.words import folder_of, out_folder
from ..tree import Option
from .show import do
from .words import counts, parts_of, what, who


def two(text: str) -> tuple[float, float]:
    """Return A0 and B0."""
    first, comma, second = text.partition(",")
    if not comma:
        raise click.BadParameter(f"'{text[:40]}' is not A0,B0, such as 100,1")
    return options.instant(first), options.instant(second)


@command(
    "plan",
    *who(),
    *what(),
    Option("--gamma", type=options.share, default="0.5", metavar="G",
           help="what a joule is worth beside 1 - G of a second: 0 time alone, 1 energy alone "
           "(default: 0.5)"),
    Option("--per-round", type=counts, metavar="LIST",
           help="clients a round to choose from, such as 1-20 (default: seven up to all)"),
    Option("--steps", type=counts, default="1,2,4,6,10,15,20,30", metavar="LIST",
           help="local steps to choose from (default: 1,2,4,6,10,15,20,30)"),
    Option("--bound", type=two, metavar="BOUND",
           help="A0,B0 of the bound, where they are known: no sampling run is done"),
    out_folder(),
    formats=("terminal", "json", "csv", "markdown"),
    examples=(
        "tinybench fleet plan --gamma 0                        simulated clients, time alone",
        "tinybench fleet plan --runs runs --clients 20 --task kws",
        "tinybench fleet plan --bound 100,1 --per-round 1-20 --steps 1-30",
    ),
)  # fmt: skip
def plan(
    voice: Voice, gamma: float, per_round: tuple[int, ...] | None, steps: tuple[int, ...],
    bound: tuple[float, float] | None, to: str, out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Say how many clients a round and how many local steps cost least to a quality.

    A bound on rounds is learnt from sampling runs on this computer; a grid is searched by it and
    by what these runs took.
    """
    from ...fleet.plan import Bound
    from ...fleet.planned import plan_asked, run_plan
    from ...report.fleet import plan as report

    folder = folder_of(out, "plan", said["task"])
    parts = parts_of(said, [{"per_round": 1}])
    holders = sum(len(own) > 0 for own in parts.fleet.members)
    asked = plan_asked(
        parts, gamma, per_round or _spread(holders), steps, None if bound is None else Bound(*bound)
    )
    do(voice, to, folder, report, lambda: run_plan(parts, asked, folder, voice.track, voice.note))
    return 0


def _spread(most: int) -> list[int]:
    """Return about seven counts from 1 to all, evenly by their logarithms."""
    return sorted({round(most ** (n / 6)) for n in range(7)})
