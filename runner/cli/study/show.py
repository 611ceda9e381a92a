"""Studies that are stored: shown again, and their pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tinybench.errors import BenchError, ToolMissingError, UsageError
from tinybench.files import write_whole
from tinybench.plural import counted

from .. import options
from ..options import PATH, command
from ..output import Voice, put
from ..tree import Argument
from .words import Place

if TYPE_CHECKING:
    from ...study.parts import Part, Pieces, Share

T = TypeVar("T")


@command(
    "show",
    Argument("folder", type=PATH, metavar="STUDY", help="the folder of a study"),
    options.into_file(),
    formats=("terminal", "json", "csv", "markdown", "png"),
    examples=("tinybench study show flips", "tinybench study show flips --to png -o flips.png"),
)
def show(voice: Voice, folder: Path, to: str, out: Path | None) -> int:
    """Show a study again, from its folder."""
    from importlib import import_module

    from ...study.kept import kind_of, read_study
    from ...study.listed import KINDS

    name = kind_of(folder)
    if name not in KINDS:
        raise UsageError(f"{folder}: '{name[:40]}' is no study of this version: {', '.join(KINDS)}")
    kind, _ = KINDS[name]
    report = import_module(f"tinybench.runner.report.study.{name}")
    put(voice, to, out, forms(report, read_study(folder, kind)))
    return 0


def forms(report: Any, found: Any) -> dict[str, Callable[[], Any]]:
    """Return how a study is shown, by format; `report` is the module of its kind."""
    return {**texts(report, found), "png": lambda: report.as_png(found)}


def texts(report: Any, found: Any) -> dict[str, Callable[[], Any]]:
    """Return how a study is written, by format."""
    return {
        "terminal": lambda: report.terminal(found),
        "json": lambda: found,
        "csv": lambda: report.as_csv(found),
        "markdown": lambda: report.markdown(found),
    }


def done(voice: Voice, folder: Path, study: Callable[[], T]) -> T:
    """Do a study; one that is interrupted, or whose bench failed, says how to go on."""
    try:
        return study()
    except (KeyboardInterrupt, BenchError) as error:
        if (folder / "asked.json").is_file():
            how = "stopped" if isinstance(error, BenchError) else "interrupted"
            voice.note(f"{how}; to go on, ask for the same again with -o {folder}")
        raise


def do(
    voice: Voice,
    to: str,
    place: Place,
    report: Any,
    asked: Any,
    pieces: "Pieces",
    whole: Callable[[], T],
    some: "Callable[[Part], Share]",
    same: Callable[[T], bool] = lambda _: True,
) -> int:
    """Gather parts, do a study and show it, or a part; return the exit status.

    `same`: whether no board answered otherwise than this computer's C.
    """
    from ...study.parts import held

    folder, part = place.folder, place.part
    if place.gather:
        _gather(voice, place, asked, pieces)
    if part is not None:
        share = done(voice, folder, lambda: some(part))
        put(voice, to, None, shared(share))
        voice.note(f"gather it with the others: ask for the same with --gather {folder}")
        return 0 if share.same else 1
    before = held(folder, pieces) if place.gather else None
    found = done(voice, folder, whole)
    if place.gather and held(folder, pieces) == before:
        voice.note("all was there: nothing was done anew")
    _keep_picture(voice, folder, lambda: report.as_png(found))
    put(voice, to, None, forms(report, found))
    return 0 if same(found) else 1


def _gather(voice: Voice, place: Place, asked: Any, pieces: "Pieces") -> None:
    from ...study.parts import gather

    found, said = gather(place.folder, place.gather, asked, pieces)
    for words in said:
        voice.note(words)
    what = f"{counted(found.trials, 'trial')}, {counted(found.pieces, 'file')} of other figures"
    voice.note(f"gathered into {place.folder}, new there: {what}")


def shared(share: "Share") -> dict[str, Callable[[], Any]]:
    """Return how a part is written, by format."""
    from ...report.study.frame import in_csv

    line = f"part {share.part} of study {share.study}: {share}\n"
    rows = [(share.study, share.part, what, count) for what, count in share.done.items()]
    return {
        "terminal": lambda: line,
        "json": lambda: share,
        "csv": lambda: in_csv(("study", "part", "what", "count"), rows),
        "markdown": lambda: line,
    }


def _keep_picture(voice: Voice, folder: Path, draw: Callable[[], bytes]) -> None:
    """Put the picture of a study into its folder, where it can be drawn, and say if not.

    It may be drawn again at any time; what was found is shown all the same.
    """
    path = folder / "study.png"
    try:
        write_whole(path, draw())
    except ToolMissingError as error:
        voice.note(f"no picture: {error}")
        return
    except OSError as error:
        voice.note(
            f"no picture: cannot write {path}: {error.strerror or error}; to draw it elsewhere: "
            f"tinybench study show {folder} --to png -o FILE"
        )
        return
    voice.note(f"written to {folder}: study.json, study.png")
