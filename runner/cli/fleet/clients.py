"""The clients of a fleet as a table, and as the capacities that FedScale knows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.plural import counted

from .. import options
from ..options import command, into_file
from ..output import Voice, put
from ..tree import Option
from .words import clients_of, who

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...fleet.client import Client

SHOWN = 50


@command(
    "clients",
    *who(),
    Option("--seed", type=options.count, default="1", metavar="N",
           help="of simulated clients (default: 1)"),
    into_file(),
    formats=("terminal", "json"),
    examples=(
        "tinybench fleet clients --runs runs --json -o capacities.json   for FedScale",
        "tinybench fleet clients --capacities capacities.json",
    ),
)  # fmt: skip
def clients(voice: Voice, to: str, out: Path | None, **said: Any) -> int:
    """Show the clients of a fleet; as JSON in FedScale's terms, ms a sample and 1024 bit/s.

    FedScale reads a pickle: json.load, int() of each key, and pickle.dump make one of it.
    """
    from ...fleet.client import as_capacities

    found = clients_of(said)
    put(voice, to, out, {"terminal": lambda: _table(found), "json": lambda: as_capacities(found)})
    return 0


def _table(found: "list[Client]") -> "RenderableType":
    from ...fleet.client import LEARNING
    from ...report.study.frame import below, columns

    header = ("client", "time is", "of", "ms a sample", "energy is", "uJ a sample", "kbit/s")
    lines = [
        (
            one.name,
            one.time,
            "inference" if one.learning == LEARNING else "learning",
            f"{one.sample_s * 1e3:.4g}",
            one.energy or "-",
            "-" if one.sample_j is None else f"{one.sample_j * 1e6:.4g}",
            f"{one.bandwidth_b_per_s * 8e-3:.4g}",
        )
        for one in found[:SHOWN]
    ]
    more = [f"and {len(found) - SHOWN} more"] if found[SHOWN:] else []
    more.append(f"learning from a sample: {LEARNING:g} inferences, or as long as a training took")
    return below(counted(len(found), "client"), columns(header, lines), more)
