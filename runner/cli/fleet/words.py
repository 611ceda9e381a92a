"""Words that commands of fleets have in common: who its clients are, and what they learn from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError

from .. import options
from ..options import PATH, OneOf, positive, quantity
from ..tree import Option

if TYPE_CHECKING:
    from ...fleet.client import Client
    from ...fleet.data import Learnable
    from ...fleet.study import Parts

CLIENTS = 20
"""Simulated ones, unless a number is given."""
RATE, BOARD_RATE = 0.3, 0.02
"""Features are scaled to 1, but on boards, where the body gives them."""
SPLITS = ("iid", "dirichlet", "labels")
LIST_MOST = 64


def counts(text: str) -> tuple[int, ...]:
    """Return counts of 1 or more, of a list with commas or of ranges such as 1-20."""
    found = list[int]()
    for word in text.split(","):
        first, dash, last = word.partition("-")
        low = positive(first.strip())
        high = positive(last.strip()) if dash else low
        if high < low or high - low > LIST_MOST or len(found) > LIST_MOST:
            raise click.BadParameter(f"'{word[:40]}' is no range of at most {LIST_MOST}")
        found += range(low, high + 1)
    return tuple(dict.fromkeys(found))


def who() -> tuple[Option, ...]:
    """Return the options that say who the clients are."""
    return (
        Option("--runs", type=PATH, multiple=True, metavar="DIR",
               help="a client for each run and each training (tinybench train) in this folder or "
               "below it, with its time and energy; may be given again"),
        Option("--capacities", type=PATH, metavar="FILE",
               help="clients of a JSON file in FedScale's terms, as 'fleet clients' writes"),
        Option("--clients", type=positive, metavar="N",
               help=f"so many: runs are dealt out in turn; without runs simulated ones "
               f"(default: {CLIENTS})"),
        Option("--bandwidth", type=quantity, default="200", metavar="KBIT",
               help="kbit/s of a client's link, declared; of simulated clients the median "
               "(default: 200)"),
        Option("--radio", type=options.instant, default="0.03", metavar="W",
               help="what a client draws on its link, declared (default: 0.03)"),
    )  # fmt: skip


def what() -> tuple[Option, ...]:
    """Return the options that say what is learnt, and how it is spread."""
    return (
        options.task("features of its model's body are learnt from, such as kws (default: digits)"),
        Option("--csv", type=PATH, metavar="FILE",
               help="rows of your own instead: numbers, the last column the class"),
        Option("--test", type=positive, default="540", metavar="N",
               help="rows that are tested, at most three in ten (default: 540)"),
        Option("--split", type=OneOf(SPLITS), default="labels", metavar="KIND",
               help="labels (default): a few labels a client; dirichlet; iid: evenly"),
        Option("--labels", type=positive, default="2", metavar="N",
               help="with --split labels: so many a client (default: 2)"),
        Option("--alpha", type=quantity, default="0.3", metavar="A",
               help="with --split dirichlet: less is less even (default: 0.3)"),
        Option("--batch", type=positive, default="16", metavar="N",
               help="samples of a local step (default: 16)"),
        Option("--rate", type=quantity, metavar="R",
               help=f"learning rate (default: {RATE}; {BOARD_RATE} where boards learn)"),
        Option("--hidden", type=options.count, default="0", metavar="N",
               help="units of a hidden layer of the head (default: none)"),
        Option("--target", type=options.share, default="0.88", metavar="Q",
               help="top-1 to reach on the tested rows (default: 0.88)"),
        Option("--rounds", type=positive, default="400", metavar="N",
               help="rounds after which a run ends (default: 400)"),
        Option("--trials", type=positive, default="3", metavar="N",
               help="runs of each setting, with other random numbers (default: 3)"),
        Option("--seed", type=options.count, default="1", metavar="N",
               help="of the split, of simulated clients and of the first run (default: 1)"),
    )  # fmt: skip


def clients_of(said: dict[str, Any]) -> "list[Client]":
    """Return the clients that the options name, which are taken out of `said`."""
    from ...fleet.client import BITS, KILO, read_capacities, simulated
    from ...fleet.stored import stored

    runs, file, count = said.pop("runs"), said.pop("capacities"), said.pop("clients")
    bandwidth, radio_w = said.pop("bandwidth") * KILO / BITS, said.pop("radio")
    if runs and file:
        raise UsageError("clients come from --runs or from --capacities: give one of them")
    if file:
        if count is not None:
            raise UsageError("--clients: the file of --capacities says how many there are")
        return read_capacities(file, radio_w)
    if runs:
        return stored(list(runs), count, bandwidth, radio_w)
    return simulated(CLIENTS if count is None else count, said["seed"], bandwidth, radio_w)


def parts_of(
    said: dict[str, Any],
    products: list[dict[str, Any]],
    availability: Path | None = None,
    boards: "tuple[list[Client], Learnable] | None" = None,
) -> "Parts":
    """Return the study that the options ask for; `products`: what its settings differ by.

    `boards`: clients that learn themselves, and what from.
    """
    from ...fleet.available import read_traces
    from ...fleet.data import learnable
    from ...fleet.federate import Setting
    from ...fleet.study import ask

    task, csv = said.pop("task"), said.pop("csv")
    if task is not None and csv is not None:
        raise UsageError("a fleet learns from one: --task, or --csv FILE")
    simulated = clients_of(said) if boards is None else []
    seed, test = said.pop("seed"), said.pop("test")
    clients, data = boards or (simulated, learnable(task, csv, test, seed))
    if said["rate"] is None:
        said["rate"] = RATE if boards is None else BOARD_RATE
    spread = {name: said.pop(name) for name in ("split", "alpha", "labels", "trials")}
    shared = {**said, "rounds_most": said["rounds"]}
    del shared["rounds"]
    settings = [Setting(**shared, **one) for one in products]
    traces = None if availability is None else read_traces(availability)
    return ask(data, clients, settings, seed=seed, traces=traces, **spread)
