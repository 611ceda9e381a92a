"""Studies of fleets that are stored: shown again, and their plots."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tinybench.errors import UsageError

from .. import options
from ..options import PATH, command
from ..output import Voice, put, put_pictures, write
from ..study.show import done, texts
from ..tree import Argument

if TYPE_CHECKING:
    from ...report.pictures import Drawn

T = TypeVar("T")


@command(
    "show",
    Argument("folder", type=PATH, metavar="STUDY", help="the folder of a fleet or of a plan"),
    options.into_file(),
    formats=("terminal", "json", "csv", "markdown", "svg", "png"),
    examples=("tinybench fleet show mine", "tinybench fleet show mine --to png -o plots"),
)
def show(voice: Voice, folder: Path, to: str, out: Path | None) -> int:
    """Show a fleet or a plan again, from its folder; its plots into a folder."""
    from ...fleet.planned import PlanStudy
    from ...fleet.study import FleetStudy
    from ...report.fleet import fleet, plan
    from ...study.kept import kind_of, read_study

    kinds: dict[str, tuple[Any, type[Any]]] = {
        "fleet": (fleet, FleetStudy),
        "fleet-plan": (plan, PlanStudy),
    }
    kind = kind_of(folder)
    if kind not in kinds:
        raise UsageError(f"{folder} is a study of {kind[:40]}: tinybench study show {folder}")
    report, document = kinds[kind]
    found = read_study(folder, document)
    put_or_draw(voice, to, out, report, found, lambda: report.pictures(found))
    return 0


def put_or_draw(
    voice: Voice,
    to: str,
    out: Path | None,
    report: Any,
    found: Any,
    draw: "Callable[[], list[Drawn]]",
) -> None:
    """Print what was found in a format, or draw it into a folder."""
    from ...report.pictures import encoded

    if to in ("svg", "png"):
        put_pictures(voice, to, out, None, lambda: encoded(draw(), to))
        return
    put(voice, to, out, texts(report, found))


def do(voice: Voice, to: str, folder: Path, report: Any, study: Callable[[], T]) -> T:
    """Do a study, keep its plots, and show it."""
    found = done(voice, folder, study)
    pictures = report.pictures(found)
    for one in pictures:
        write(folder / f"{one.name}.svg", one.svg.encode())
    voice.note(f"written to {folder}: study.json; plots: {', '.join(one.name for one in pictures)}")
    put_or_draw(voice, to, None, report, found, lambda: pictures)
    return found
