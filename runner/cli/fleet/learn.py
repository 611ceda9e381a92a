"""Federated averaging over boards: rounds, time, joules and bytes to a quality."""

import contextlib
from itertools import product
from pathlib import Path
from typing import Any

import click

from tinybench.errors import UsageError

from .. import options
from ..options import PATH, OneOf, command
from ..output import Voice
from ..study.lists import several
from ..study.words import folder_of, out_folder
from ..tree import Option
from .boards import reached, seated
from .show import do
from .words import counts, parts_of, what, who

METHODS, SELECTIONS = ("fedavg", "fedprox"), ("random", "fastest", "oort")
COMBINES, ATTACKS = ("mean", "median", "trimmed"), ("nan", "huge", "flip")


def named(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas."""
    found = tuple(word.strip() for word in text.split(","))
    if not all(found):
        raise click.BadParameter(f"'{text[:40]}' has a board without a name")
    return found


@command(
    "learn",
    *who(),
    *what(),
    Option("--method", type=several(METHODS), default="fedavg", metavar="LIST",
           help="of fedavg (default), fedprox"),
    Option("--select", type=several(SELECTIONS), default="random", metavar="LIST",
           help="who takes part in a round: of random (default), fastest, oort"),
    Option("--per-round", type=counts, default="5", metavar="LIST",
           help="clients of a round, such as 2,5,10 (default: 5)"),
    Option("--steps", type=counts, default="10", metavar="LIST",
           help="local steps of a client in a round, such as 10,50 (default: 10)"),
    Option("--pull", type=options.instant, default="0.1", metavar="MU",
           help="of fedprox, towards the common weights (default: 0.1)"),
    Option("--combine", type=OneOf(COMBINES), default="mean", metavar="KIND",
           help="of updates: mean (default), median or trimmed, which bear bad clients"),
    Option("--clip", type=options.quantity, metavar="LENGTH",
           help="longest update of a client; longer ones are shortened"),
    Option("--noise", type=options.instant, default="0", metavar="Z",
           help="Gaussian noise on their sum, of Z x LENGTH, and the epsilon that it proves"),
    Option("--drop", type=options.share, default="0", metavar="P",
           help="probability that a client dies in a round (default: 0)"),
    Option("--availability", type=PATH, metavar="FILE",
           help="JSON: when each client can be reached, as FedScale's traces"),
    Option("--attack", type=OneOf(ATTACKS), metavar="KIND",
           help="what the first clients send instead of their updates: nan, huge or flip"),
    Option("--attackers", type=options.count, default="1", metavar="N",
           help="with --attack: so many of them (default: 1)"),
    Option("--time", type=options.lasting, metavar="TIME",
           help="simulated time after which a run ends, such as 2h (default: no end)"),
    Option("--boards", type=named, metavar="LIST",
           help="boards that learn --task themselves, one a client, such as mps2-an386,host"),
    options.emulate(),
    Option("--leader", metavar="ADDRESS",
           help="of a lab, or of any scheduler of dask, such as tcp://127.0.0.1:8751: its boards "
           "learn, or those of --boards"),
    Option("--tls", type=PATH, metavar="DIR",
           help="with a tls:// leader: folder of the files that `lab init` made"),
    Option("--workers", type=options.count, default="0", metavar="N",
           help="train on so many dask workers of this computer, each client always on the same "
           "(default: in this process)"),
    out_folder(),
    formats=("terminal", "json", "csv", "markdown"),
    examples=(
        "tinybench fleet --select random,fastest,oort            simulated clients, digits",
        "tinybench fleet --runs runs --clients 20 --task kws     boards that were measured",
        "tinybench fleet --per-round 10 --steps 10,50 --trials 5",
        "tinybench fleet --task kws --boards mps2-an386,mps2-an386,mps3-an547 --per-round 3",
        "tinybench fleet --attack flip --attackers 2 --combine median",
    ),
)  # fmt: skip
def learn(
    voice: Voice, method: tuple[str, ...], select: tuple[str, ...], per_round: tuple[int, ...],
    steps: tuple[int, ...], availability: Path | None, boards: tuple[str, ...] | None,
    emulate: str | None, leader: str | None, tls: Path | None, workers: int, to: str,
    out: Path | None, time: float | None, attack: str | None, attackers: int, **said: Any,
) -> int:  # fmt: skip
    """Let clients learn together by federated averaging, and say what it takes to a quality.

    The model learns on this computer, or on boards; the clock is simulated by the times of the
    clients. The folder has the study (study.json), each run, and plots. Exit status 1 where a
    setting has not reached the target with every seed.
    """
    from ...fleet.study import by, run_fleet
    from ...report.fleet import fleet as report

    said |= {"seconds_most": time, "attack": attack, "attackers": attackers if attack else 0}
    if said["noise"] and said["clip"] is None:
        raise UsageError("--noise needs --clip LENGTH: it is in units of the longest update")
    products = [
        {"method": m, "select": s, "per_round": k, "steps": e}
        for m, s, k, e in product(method, select, per_round, steps)
    ]
    folder = folder_of(out, "fleet", said["task"])
    with contextlib.ExitStack() as stack:
        if boards is None and leader is None:
            if emulate or tls:
                raise UsageError(
                    "--emulate and --tls are of boards that learn themselves (--boards)"
                )
            parts = parts_of(said, products, availability)
            hands = by(workers)
        else:
            if workers:
                raise UsageError("--workers train simulated clients; boards learn themselves")
            where = reached(leader, tls, boards or ()) if leader else None
            names, ask = stack.enter_context(where) if where else (boards or (), None)
            parts, hands = seated(voice, names, ask, bool(emulate), said, products, availability)
        found = do(
            voice, to, folder, report,
            lambda: run_fleet(parts, folder, hands, voice.track, voice.note),
        )  # fmt: skip
    return 0 if all(row.reached == row.trials for row in found.rows) else 1
