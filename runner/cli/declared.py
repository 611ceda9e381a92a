"""What there is, and what is missing: boards, tasks, fetch, import, prepare, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING

from tinybench.errors import UsageError
from tinybench.plural import counted

from ..results.defaults import DEFAULT_BOARD
from .desk import put_attached
from .options import PATH, OneOf, command, complete_task, into_file
from .output import Voice, put
from .tree import Argument, Option

if TYPE_CHECKING:
    from ..desk.doctor import Finding

TABLE = ("terminal", "json")


@command(
    "boards",
    Option("--attached", is_flag=True, help="list what is plugged into this computer"),
    into_file(),
    formats=TABLE,
    examples=("tinybench boards", "tinybench boards --attached"),
)
def boards(voice: Voice, attached: bool, to: str, out: Path | None) -> int:
    """List the boards."""
    if attached:
        return put_attached(voice, to, out)
    from tinybench.declare import load

    from ..build.board import Board, names

    found = [load(path, Board) for path in names().values()]

    def lines() -> str:
        width = max(len(board.name) for board in found)
        said = []
        for board in found:
            note = " (default)" if board.name == DEFAULT_BOARD else ""
            if board.attached is not None:
                note = " (on a --port" + ", or --emulate" * (board.emulator is not None) + ")"
            said.append(f"{board.name:<{width}} {board.core:<12} {board.description}{note}\n")
        return "".join(said)

    put(voice, to, out, {"terminal": lines, "json": lambda: found})
    return 0


@command(
    "tasks", into_file(), formats=TABLE, examples=("tinybench tasks", "tinybench tasks --json")
)
def tasks(voice: Voice, to: str, out: Path | None) -> int:
    """List the tasks."""
    from ..build.task import METRICS, load_task, names
    from ..streaming.score import ERRORS_MAX

    found = [load_task(name) for name in names()]

    def lines() -> str:
        return "".join(
            f"{task.name:<6} {task.model_id:<8} {task.title}: {task.input_b} bytes an input, "
            "closed division "
            + (
                f"with at most {ERRORS_MAX} words missed and {ERRORS_MAX} false alarms"
                if task.streams
                else f"from {METRICS[task.metric]} {task.rules.closed_threshold:.0%}"
            )
            + (f", submitted together with {task.together_with}" if task.together_with else "")
            + "\n"
            for task in found
        )

    put(voice, to, out, {"terminal": lines, "json": lambda: found})
    return 0


@command(
    "fetch",
    Argument(
        "task",
        required=False,
        metavar="[TASK]",
        shell_complete=complete_task,
        help="such as kws; or published, for the published results",
    ),
    Option(
        "--list",
        "only_list",
        is_flag=True,
        help="fetch nothing: print SHA-256 and address of each file, for a mirror made by hand",
    ),
    Option(
        "--from",
        "fetch_source",
        type=PATH,
        multiple=True,
        metavar="PATH",
        help="of published results: a table (.csv), or a clone of mlcommons/tiny_results_v...; "
        "repeat it for several",
    ),
    examples=("tinybench fetch kws", "tinybench fetch published", "tinybench fetch --list"),
)
def fetch(voice: Voice, task: str | None, only_list: bool, fetch_source: tuple[Path, ...]) -> int:
    """Get the official inputs and model of a task."""
    if only_list and fetch_source:
        raise UsageError("--list and --from exclude each other: give one of them")
    if only_list:
        from ..build.official import addresses

        print("\n".join(addresses(task)))
        return 0
    if task is None:
        raise UsageError("fetch: say what: a task such as kws, or published; or --list")
    if task == "published":
        from ..compare.published.table import fetch

        table = fetch(list(fetch_source))
        results = counted(len(table.entries), "published result")
        print(f"in the cache: {results} from {table.source}")
        return 0
    if fetch_source:
        raise UsageError("--from is for tinybench fetch published; for inputs: tinybench prepare")
    from ..build.inputs import fetch_official
    from ..build.official import fetched
    from ..build.task import load_task

    known = load_task(task)
    print(fetched(known, fetch_official(known, voice.track)))
    return 0


@command(
    "import",
    Argument("folder", type=PATH, metavar="DIR", help="an EEMBC folder with any of the sets"),
    examples=("tinybench import ~/eembc/datasets",),
)
def import_(voice: Voice, folder: Path) -> int:
    """Take official inputs from an EEMBC folder into the cache, by their bytes."""
    from ..build.official import import_folder, imported_words

    found = import_folder(folder, voice.track)
    print("\n".join(imported_words(found)))
    return 0 if any(one.whole for one in found) else 1


@command(
    "prepare",
    Argument(
        "task",
        metavar="TASK",
        shell_complete=complete_task,
        help="kws, vww, ic, ic02, ad or sww",
    ),
    Option(
        "--from",
        "source",
        type=PATH,
        metavar="PATH",
        help="a folder with one-second clips (kws), COCO's val2017.zip or its photographs (vww), "
        "CIFAR-10's binary archive (ic, ic02), dev_data_ToyCar.zip or its wavs (ad), Speech "
        "Commands (sww); without --from, the command says where they are published, and their "
        "checksums",
    ),
    Option("--noise", type=PATH, metavar="DIR", help="MUSAN, beside --from (sww)"),
    Option(
        "--spec",
        "own_list",
        type=PATH,
        metavar="FILE",
        help="build the recording from a list of your own (sww; default: the official one)",
    ),
    Option(
        "--embedded",
        type=OneOf(("short", "long")),
        metavar="WHICH",
        help="write a recording of the package, short (2 minutes) or long (20), and the list of "
        "its words (sww)",
    ),
    Option("-o", "--out", type=PATH, metavar="DIR", help="dataset folder (default: the cache)"),
    examples=(
        "tinybench prepare ic",
        "tinybench prepare kws --from speech_commands -o kws",
        "tinybench prepare sww --from speech_commands --noise musan",
        "tinybench prepare sww --embedded short -o sww",
    ),
)
def prepare(
    voice: Voice,
    task: str,
    source: Path | None,
    noise: Path | None,
    own_list: Path | None,
    embedded: str | None,
    out: Path | None,
) -> int:
    """Make official inputs from the public originals."""
    if task == "sww" and embedded is not None:
        return _write_embedded(embedded, out or Path())
    if task == "sww":
        from tinybench.cache import cache_folder
        from tinybench.datasets.wake.official import make_official, said

        made = make_official(source, noise, own_list, out, cache_folder(), voice.track)
        print("\n".join(said(made)))
        return 0
    if noise is not None or own_list is not None or embedded is not None:
        raise UsageError("--noise, --spec and --embedded are for tinybench prepare sww")
    from ..build.inputs import prepare_official
    from ..build.official import prepared
    from ..build.task import load_task

    known = load_task(task)
    folder, made, total = prepare_official(known, source, out, voice.track)
    print(f"{made} of {total} inputs of {known.name} made in {folder}")
    print(prepared(known, folder))
    return 0


def _write_embedded(which: str, out: Path) -> int:
    """Write a recording of the package and the list of its words."""
    from tinybench.datasets.wake.embedded import read_recording
    from tinybench.datasets.wake.official import write_recording

    built = read_recording(which)
    write_recording(out, which, built)
    print(
        f"{counted(len(built.windows_s), 'word')} in {built.length_s:g} s: "
        f"{out / which}.wav, {which}.json"
    )
    return 0


@command(
    "doctor",
    Option(
        "--udev",
        is_flag=True,
        help="say who may open the ports, whether ModemManager disturbs them, and the udev rules",
    ),
    into_file(),
    formats=("terminal", "json", "rules"),
    examples=("tinybench doctor", "tinybench doctor --udev --to rules"),
)
def doctor(voice: Voice, udev: bool, to: str, out: Path | None) -> int:
    """Say what is installed and what is missing.

    The format rules is that of --udev: the udev rules alone.
    """
    from ..desk import doctor as desk
    from ..desk import udev as ports

    if to == "rules" and not udev:
        raise UsageError("--to rules is for tinybench doctor --udev")
    findings = [] if to == "rules" else (ports if udev else desk).examine()

    def terminal() -> str:
        install = f"\n{ports.rules()}\nto install these rules, type:\n\n{ports.commands()}\n"
        return _lines(findings) + (install if udev else "")

    put(voice, to, out, {"terminal": terminal, "json": lambda: findings, "rules": ports.rules})
    return 2 if any(finding.required and not finding.found for finding in findings) else 0


def _lines(findings: "list[Finding]") -> str:
    said = []
    for finding in findings:
        if finding.found:
            said.append(f"ok       {finding.name:<18} {finding.found}\n")
        else:
            word = "MISSING" if finding.required else "absent"
            said.append(
                f"{word:<8} {finding.name:<18} for {finding.needed_for}; {finding.remedy}\n"
            )
    return "".join(said)
