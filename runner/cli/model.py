"""A model of one's own: what it is, where it fits, and how it does on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError
from tinybench.plural import counted

from ..results.defaults import BY_LABELS, BY_OUTPUTS, DEFAULT_BAUD, STATES
from . import options
from .options import PATH, command, positive
from .output import Voice, put
from .tree import Argument, Group, Option, typed

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tinybench.models.compiler.anatomy import Anatomy

    from ..build.fit import Fit

BOARD, INPUTS, SCORE = "measure it on a board", "its inputs", "its score"
MEASURED = (
    "port",
    "emulate",
    "cores",
    "baud",
    "probe",
    "no_flash",
    "wait",
    "monitor",
    "engine",
    "engine_source",
    "inputs",
    "prepare",
    "iterations",
    "state",
    "labels",
    "expect",
)
"""Words that mean a measurement, hence a board."""


def truth_words(section: str = SCORE) -> list[Option]:
    """Return the options that say what should come out."""
    return [
        Option("--labels", type=PATH, metavar="FILE", section=section,
               help="the inputs' classes: a line 'name,class' each, or the class alone, in order "
               "(default: labels.csv of a folder of inputs)"),
        Option("--classes", metavar="NAMES", section=section,
               help="names of the classes, with commas between, in the order of the outputs"),
        Option("--expect", type=PATH, metavar="FILE|DIR", section=section,
               help="outputs that it should give: .npy, .csv or .bin"),
        Option("--metric", type=options.OneOf(BY_LABELS + BY_OUTPUTS), metavar="METRIC",
               section=section,
               help="top1 or auc, of --labels; exact (default), regression or iou, of --expect"),
        Option("--tolerance", type=options.quantity, metavar="X", section=section,
               help="most that an expected output may differ (default: half a step; of floats "
               "1e-5 of the largest)"),
    ]  # fmt: skip


def prepare_word(section: str = INPUTS) -> Option:
    """Return the option that says how pictures and sounds become inputs."""
    return Option("--prepare", metavar="NAME|FILE", section=section,
                  help="what the values of .png and .wav become: pixels, unit (0 to 1), signed (-1 "
                  "to 1), imagenet, keyword (MFCC), or a .toml file")  # fmt: skip


def inputs_words(section: str = INPUTS) -> list[Option]:
    """Return the options that say what is inferred."""
    return [
        Option("--inputs", type=PATH, metavar="FILE|DIR", section=section,
               help=".npy, .csv, .bin, .png or .wav (default: random bytes); real values are "
               "quantised"),
        prepare_word(section),
        Option("--count", type=positive, metavar="N", section=section,
               help="random inputs (default: 20)"),
        Option("--seed", type=options.count, metavar="N", section=section,
               help="of the random inputs (default: 1)"),
        Option("--state", type=options.OneOf(STATES), metavar="STATE", section=section,
               help="of a model that keeps one: reset (default) for each input; keep it through "
               "all of them: they are one stream"),
    ]  # fmt: skip


@command(
    "model",
    Argument("tflite", type=PATH, metavar="MODEL",
             help="an int8 .tflite, the C array of one, or ONNX (QDQ)"),
    options.board("build, run, time and verify it there (default: only say what it is)",
                  section=BOARD),
    Option("--check", is_flag=True, section=BOARD,
           help="with --board: only whether it fits there, without building it; status 1 if not"),
    Option("--strict", is_flag=True, section=BOARD,
           help="with --check: status 1, too, where it is too close to say; to build it tells"),
    options.emulate(section=BOARD),
    options.cores(section=BOARD),
    options.port("serial port of the board", section=BOARD),
    Option("--baud", type=options.baud, metavar="N", shared=True, section=BOARD,
           help=f"rate of the port (default: {DEFAULT_BAUD})"),
    Option("--engine", multiple=True, metavar="NAME|DIR", section=BOARD,
           help="tinybench (ours, the default), tflm, tflm-cmsis-nn, cmsis-nn, or the folder of "
           "your own; repeat it for several side by side"),
    options.engine_source(section=BOARD),
    options.probe(section=BOARD),
    Option("--no-flash", is_flag=True, section=BOARD,
           help="leave the firmware of the board as it is"),
    options.wait(section=BOARD),
    Option("--monitor", metavar="MONITOR", shared=True, section=BOARD,
           help="energy too; modelled: by a model of an emulated board's power"),
    *inputs_words(),
    Option("--iterations", type=positive, metavar="N", section=INPUTS,
           help="inferences of a window (default: calibrated)"),
    *truth_words(),
    options.no_prune(),
    options.no_strips(),
    options.stream(),
    Option("-o", "--out", type=PATH, metavar="PATH", section="output",
           help="file of what is printed; of a measurement the run folder (default: runs/...)"),
    formats=("terminal", "json", "png"),
    examples=(
        "tinybench model my.tflite                       what it is, and where it fits",
        "tinybench model my.tflite --board mps2-an386    build it, time it, verify it",
        "tinybench model my.onnx --board mps2-an386      the same of ONNX in QDQ form",
        "tinybench model my.tflite --board host --inputs x.npy --labels y.csv   its top-1",
        "tinybench model my.tflite --board mps2-an386 --inputs x.npy --state keep   a stream",
        "tinybench model my.tflite --board mps2-an386 --engine tinybench --engine tflm",
        "tinybench model my.tflite --to png -o arena.png     which tensors are alive when",
        "tinybench model my.tflite --board nucleo-l4r5 --check   for CI",
    ),
)  # fmt: skip
def model(
    voice: Voice, tflite: Path, board: str | None, check: bool, strict: bool, stream: bool, to: str,
    out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Say what a model is and where it fits; with --board, measure it there.

    Its outputs are held against the reference kernels, to the bit; those of an ONNX model against
    onnxruntime, within one step of their scale. The format png is a picture of
    the arena: which tensors are alive when.
    """
    from ..build.fit import examine

    wants = check or any(said[word] for word in MEASURED)
    if strict and not check:
        raise UsageError("--strict is about what --check cannot tell: give that, too")
    if not wants and not typed(click.get_current_context(), "board"):
        board = None  # one that tinybench.toml names is for those who measure
    if board is None:
        wanted = next((word for word in MEASURED if said[word]), "check" if check else None)
        if wanted is not None:
            raise UsageError(f"--{wanted.replace('_', '-')} needs a --board ('tinybench boards')")
    if board is not None and not check:
        if to == "png":
            raise UsageError("--to png draws the arena, without --board")
        if stream:
            raise UsageError(
                "--stream with a --board needs --check: it says what a model becomes, and runs "
                "nothing"
            )
        return _measured(voice, tflite, board, to, out, said)
    found = examine(
        tflite,
        board,
        prune=not said["no_prune"],
        strips=not said["no_strips"],
        stream=stream,
    )
    _put(voice, to, out, found.anatomy, found.boards)
    if not check:
        return 0
    (one,) = found.boards
    if one.verdict == "too close to say":
        voice.note(
            f"{one.board}: what the firmware around the model takes is an estimate, too rough to "
            f"say; to build it tells: tinybench model {tflite} --board {board}"
        )
    return int(one.verdict == "does not fit" or (strict and one.verdict != "fits"))


def _put(voice: Voice, to: str, out: Path | None, found: "Anatomy", fitting: "list[Fit]") -> None:
    from ..report.terminal.anatomy import document, told

    def picture() -> bytes:
        from ..report.arena import as_png

        return as_png(found)

    put(
        voice,
        to,
        out,
        {
            "terminal": lambda: told(found, fitting),
            "json": lambda: document(found, fitting),
            "png": picture,
        },
    )


def _measured(
    voice: Voice, tflite: Path, board: str, to: str, out: Path | None, said: dict[str, Any]
) -> int:
    """Run the model on a board, and report."""
    from ..report.measured import measured, measured_document
    from ..session.own_model import examined, measure

    words = {**said, "board": board, "out": out, "flash": not said["no_flash"]}
    words["prune"] = not words.pop("no_prune")
    words["strips"] = not words.pop("no_strips")
    words |= {"emulate": said["emulate"] or None, "port": said["port"] or None}
    del words["no_flash"]
    engines = words.pop("engine")
    if len(engines) > 1:
        return _side_by_side(voice, tflite, to, words, engines)
    words["engine"] = engines[0] if engines else None
    outcome = measure(tflite, words, voice.track, voice.note)
    put(
        voice,
        to,
        None,
        {
            "terminal": lambda: measured(outcome),
            "json": lambda: measured_document(
                outcome,
                examined(tflite, ours=False, prune=words["prune"], strips=words["strips"]),
            ),
        },
    )
    return 1 if outcome.violations else 0


def _side_by_side(
    voice: Voice, tflite: Path, to: str, words: dict[str, Any], engines: tuple[str, ...]
) -> int:
    """Run the model by one engine after the other, and report on all of them in one table."""
    from ..report.terminal.engines import document, table
    from ..session.side_by_side import measure_each

    rows = measure_each(tflite, words, engines, voice.track, voice.note)
    put(voice, to, None, {"terminal": lambda: table(rows), "json": lambda: document(rows)})
    return max(row.status for row in rows)


@command(
    "init",
    Argument("tflite", type=PATH, metavar="MODEL",
             help="an int8 .tflite, the C array of one, or ONNX (QDQ)"),
    Argument("folder", type=PATH, metavar="FOLDER",
             help="its inputs: .npy, .csv, .bin, .png or .wav, a file each; labels.csv in it is "
             "--labels"),
    prepare_word(),
    *truth_words(),
    Option("-o", "--out", type=PATH, metavar="DIR", section="output",
           help="folder of the task, a new one (default: the model's name, here)"),
    examples=("tinybench task init my.tflite inputs --classes no,yes -o mine",),
)  # fmt: skip
def init(voice: Voice, tflite: Path, folder: Path, out: Path | None, **said: Any) -> int:
    """Write the task of a model: its declarations and a dataset of a folder of files."""
    from tinybench.models.compiler.anatomy import anatomy

    from ..build.own_task import own_task
    from ..results.words import own_words
    from ..session.own_model import inputs_of
    from ..session.run_folder import insist_free

    own, _ = own_words({**said, "inputs": folder})
    found = anatomy(tflite, ("plain",))
    given = inputs_of(found, own)
    out = out or Path(found.file).with_suffix("")
    insist_free(out)
    made = own_task(tflite, found, given, out)
    voice.note(f"{found.file}: {given.note}; metric: {given.truth.metric}")
    print(f"{made} is written; to run it: tinybench --task {made} --board mps2-an386")
    return 0


task = Group("task", help="Make tasks of models.").add(init)


def _complete_zoo(_: click.Context, __: click.Parameter, begun: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from tinybench.models.declaration import zoo_names

    return [CompletionItem(name) for name in zoo_names() if name.startswith(begun)]


def _zoo_words(text: str) -> Argument:
    return Argument("names", nargs=-1, metavar="[NAME...]", shell_complete=_complete_zoo, help=text)


@command(
    "list",
    options.into_file(),
    formats=("terminal", "json"),
    examples=("tinybench zoo list", "tinybench zoo list --json"),
)
def zoo_list(voice: Voice, to: str, out: Path | None) -> int:
    """List the public models by which boards are compared."""
    import msgspec

    from ..build.zoo import is_here, load_zoo

    found = [(one, is_here(one)) for one in load_zoo(())]

    def lines() -> str:
        wide = max(len(one.name) for one, _ in found)
        return "".join(
            f"{one.name:<{wide}} {one.size_b:>9,} B  {'here' if here else '-':<4}  "
            f"{one.licence:<10} {one.title}\n"
            for one, here in found
        )

    put(
        voice,
        to,
        out,
        {
            "terminal": lines,
            "json": lambda: [{**msgspec.to_builtins(one), "here": here} for one, here in found],
        },
    )
    return 0


@command(
    "fetch",
    _zoo_words("models of 'tinybench zoo list' (default: all)"),
    Option("--list", "only_list", is_flag=True,
           help="fetch nothing: print SHA-256 and address of each, for a mirror made by hand"),
    examples=("tinybench zoo fetch person-detect", "tinybench zoo fetch --list"),
)  # fmt: skip
def zoo_fetch(voice: Voice, names: tuple[str, ...], only_list: bool) -> int:
    """Get models of the zoo into the cache, each checked by its SHA-256."""
    from tinybench.errors import FetchError

    from ..build.zoo import addresses, bring, load_zoo

    wanted = load_zoo(names)
    if only_list:
        print("\n".join(addresses(wanted)))
        return 0
    lost = bring(wanted, voice.track)
    if lost:
        name, why = next(iter(lost.items()))
        raise FetchError(f"{len(lost)} of {len(wanted)} models are not here: {name}: {why}")
    print(f"in the cache: {counted(len(wanted), 'model')}, all checksums right")
    return 0


@command(
    "import",
    Argument("folder", type=PATH, metavar="DIR", help="a folder with models anywhere below it"),
    examples=("tinybench zoo import ~/models",),
)
def zoo_import(voice: Voice, folder: Path) -> int:
    """Take models of the zoo from a folder into the cache, by their bytes."""
    from ..build.zoo import import_zoo, load_zoo

    found = import_zoo(folder, voice.track)
    print(f"{len(found)} of {len(load_zoo(()))} models are taken: {', '.join(found)}")
    return 0


@command(
    "run",
    _zoo_words("models of 'tinybench zoo list' (default: all)"),
    options.board("a board, or a .toml file; repeat it for several", multiple=True),
    options.emulate(),
    options.port("serial port of the board, or a URL such as rfc2217://host:port"),
    options.probe(),
    options.wait(),
    Option("-o", "--out", type=PATH, metavar="DIR", section="output",
           help="folder of the runs, a new one (default: runs/...)"),
    formats=("terminal", "markdown", "csv", "json"),
    examples=(
        "tinybench zoo run --board mps2-an386",
        "tinybench zoo run kws01 micro-speech --board mps2-an386 --board mps3-an547 -o zoo",
    ),
)  # fmt: skip
def zoo_run(
    voice: Voice, names: tuple[str, ...], board: tuple[str, ...], to: str, out: Path | None,
    **said: Any,
) -> int:  # fmt: skip
    """Measure models of the zoo on a board, and hold their outputs against the expected ones.

    Each is a run as of 'tinybench model', fetched where it is not in the cache; a model that cannot
    be on a board is a line of the table, and no failure.
    """
    from datetime import UTC, datetime

    from ..build.zoo import load_zoo
    from ..report import zoo as report
    from ..session.run_folder import default_folder, insist_free
    from ..session.zoo import run_zoo

    if not board:
        raise UsageError("zoo run: say where: --board mps2-an386 ('tinybench boards')")
    if said["port"] and len(board) > 1:
        raise UsageError("--port is that of one board: give one --board")
    wanted = load_zoo(names)
    out = out or default_folder("zoo", "-".join(Path(one).stem for one in board), datetime.now(UTC))
    insist_free(out)
    words = {**said, "emulate": said["emulate"] or None, "port": said["port"] or None}
    told = voice.note if voice.verbose else _unsaid
    found = list(run_zoo(wanted, board, words, out, voice.track, voice.note, told))
    put(
        voice,
        to,
        None,
        {
            "terminal": lambda: report.terminal(found),
            "markdown": lambda: report.markdown(found),
            "csv": lambda: report.as_csv(found),
            "json": lambda: found,
        },
    )
    if any(row.failed for row in found):
        return 3
    return 1 if any(row.valid is False or row.exact is False for row in found) else 0


def _unsaid(_: str) -> None:
    """Say nothing."""


zoo = Group("zoo", help="Compare boards by public models.").add(
    zoo_list, zoo_run, zoo_fetch, zoo_import
)


def _complete_framework(
    _: click.Context, __: click.Parameter, begun: str
) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from ..export.framework import names

    return [CompletionItem(name) for name in names() if name.startswith(begun)]


@command(
    "export",
    options.task("whose model it is, such as kws"),
    Option("--model", type=PATH, metavar="FILE",
           help="an int8 .tflite: of that task, or without --task as 'tinybench model' has it"),
    Option("--to", required=True, metavar="FRAMEWORK", shell_complete=_complete_framework,
           help="arduino, zephyr, esp-idf, cmake or make"),
    Option("--kernels", type=options.OneOf(("plain", "blocked", "rv32", "thumb2", "dsp", "mve")),
           metavar="KIND",
           help="portable C: blocked (default) or plain; rv32: RV32IM, thumb2: Cortex-M3, "
           "dsp: Armv7E-M's DSP, mve: Armv8.1-M's vector instructions"),
    Option("--board", metavar="BOARD",
           help="a board whose kernels are taken, and into whose memory it must fit"),
    Option("--name", metavar="NAME", help="of the project (default: tinybench_kws01 and the like)"),
    Option("--energy", is_flag=True, help="the energy build, which marks time on a pin"),
    options.no_prune(),
    Option("-o", "--out", type=PATH, required=True, metavar="DIR", section="output",
           help="folder of the project, a new one or an empty one"),
    examples=(
        "tinybench export --task kws --to arduino -o kws_arduino",
        "tinybench export --model mine.tflite --to zephyr --kernels dsp -o mine_zephyr",
    ),
)  # fmt: skip
def export(
    voice: Voice,
    task: str | None,
    model: Path | None,
    no_prune: bool,
    out: Path,
    **said: Any,
) -> int:
    """Write firmware as a project for Arduino, Zephyr, ESP-IDF, CMake or make.

    The project is whole: core, kernels, model, and a port for the framework's serial line, clock
    and pin. Its README has the commands that build, flash and run it.
    """
    from ..export.choose import chosen
    from ..export.framework import load_framework
    from ..export.kept import keep
    from ..export.project import Asked, commands
    from ..export.project import export as exported

    load_framework(said["to"])  # what is wrong with it is said before anything is fetched
    wanted, file, run = chosen(task, model, prune=not no_prune)
    made = exported(Asked(task=wanted, model=file, run=run, prune=not no_prune, **said), out)
    voice.note(f"written to {out}; in it, type:")
    try:
        keep(made)
    except OSError as error:
        voice.note(f"which model it holds is not remembered: {error.strerror or error}")
    print(f"build-{made.build_id}: {made.model} as {made.model_id}, {made.kernels} kernels")
    for line in commands(out):
        print(f"    {line}")
    return 0
