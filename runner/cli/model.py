"""A model of one's own: what it is, where it fits, and how it does on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError

from ..results.defaults import BY_LABELS, BY_OUTPUTS, DEFAULT_BAUD
from . import options
from .options import PATH, command, positive
from .output import Voice, put
from .tree import Argument, Group, Option, typed

if TYPE_CHECKING:
    from tinybench.models.compiler.anatomy import Anatomy

    from ..build.fit import Fit

BOARD, INPUTS, SCORE = "measure it on a board", "its inputs", "its score"
LABELS_FILE = "labels.csv"
MEASURED = (
    "port",
    "emulate",
    "baud",
    "probe",
    "no_flash",
    "wait",
    "monitor",
    "inputs",
    "iterations",
    "labels",
    "expect",
)
"""Words that mean a measurement, hence a board."""


def truth_words() -> list[Option]:
    """Return the options that say what should come out."""
    return [
        Option("--labels", type=PATH, metavar="FILE", section=SCORE,
               help="the inputs' classes: a line 'name,class' each, or the class alone, in order"),
        Option("--classes", metavar="NAMES", section=SCORE,
               help="names of the classes, with commas between, in the order of the outputs"),
        Option("--expect", type=PATH, metavar="FILE|DIR", section=SCORE,
               help="outputs that it should give: .npy, .csv or .bin"),
        Option("--metric", type=options.OneOf(BY_LABELS + BY_OUTPUTS), metavar="METRIC",
               section=SCORE,
               help="top1 or auc, of --labels; exact (default), regression or iou, of --expect"),
        Option("--tolerance", type=options.quantity, metavar="X", section=SCORE,
               help="most that an expected output may differ (default: half a step; of floats "
               "1e-5 of the largest)"),
    ]  # fmt: skip


@command(
    "model",
    Argument("tflite", type=PATH, metavar="MODEL.tflite", help="an int8 model"),
    options.board("build, run, time and verify it there (default: only say what it is)",
                  section=BOARD),
    Option("--check", is_flag=True, section=BOARD,
           help="with --board: only whether it fits there, without building it; status 1 if not"),
    options.emulate(section=BOARD),
    options.port("serial port of the board", section=BOARD),
    Option("--baud", type=options.baud, metavar="N", shared=True, section=BOARD,
           help=f"rate of the port (default: {DEFAULT_BAUD})"),
    options.probe(section=BOARD),
    Option("--no-flash", is_flag=True, section=BOARD,
           help="leave the firmware of the board as it is"),
    options.wait(section=BOARD),
    Option("--monitor", metavar="MONITOR", shared=True, section=BOARD,
           help="energy too; modelled: by a model of an emulated board's power"),
    Option("--inputs", type=PATH, metavar="FILE|DIR", section=INPUTS,
           help=".npy, .csv or .bin (default: random bytes); real values are quantised"),
    Option("--count", type=positive, default="20", metavar="N", section=INPUTS,
           help="random inputs (default: 20)"),
    Option("--seed", type=options.count, default="1", metavar="N", section=INPUTS,
           help="of the random inputs (default: 1)"),
    Option("--iterations", type=positive, metavar="N", section=INPUTS,
           help="inferences of a window (default: calibrated)"),
    *truth_words(),
    options.no_prune(),
    Option("-o", "--out", type=PATH, metavar="PATH", section="output",
           help="file of what is printed; of a measurement the run folder (default: runs/...)"),
    formats=("terminal", "json", "png"),
    examples=(
        "tinybench model my.tflite                       what it is, and where it fits",
        "tinybench model my.tflite --board mps2-an386    build it, time it, verify it",
        "tinybench model my.tflite --board host --inputs x.npy --labels y.csv   its top-1",
        "tinybench model my.tflite --to png -o arena.png     which tensors are alive when",
        "tinybench model my.tflite --board nucleo-l4r5 --check   for CI",
    ),
)  # fmt: skip
def model(
    voice: Voice, tflite: Path, board: str | None, check: bool, to: str, out: Path | None,
    **said: Any,
) -> int:  # fmt: skip
    """Say what a model is and where it fits; with --board, measure it there.

    Its outputs are held against the reference kernels, to the bit. The format png is a picture of
    the arena: which tensors are alive when.
    """
    from ..build.fit import examine

    wants = check or any(said[word] for word in MEASURED)
    if not wants and not typed(click.get_current_context(), "board"):
        board = None  # one that tinybench.toml names is for those who measure
    if board is None:
        wanted = next((word for word in MEASURED if said[word]), "check" if check else None)
        if wanted is not None:
            raise UsageError(f"--{wanted.replace('_', '-')} needs a --board ('tinybench boards')")
    if board is not None and not check:
        if to == "png":
            raise UsageError("--to png draws the arena, without --board")
        return _measured(voice, tflite, board, to, out, said)
    found = examine(tflite, board, prune=not said["no_prune"])
    _put(voice, to, out, found.anatomy, found.boards)
    return 1 if check and found.boards[0].verdict == "does not fit" else 0


def _put(voice: Voice, to: str, out: Path | None, found: "Anatomy", fitting: "list[Fit]") -> None:
    from ..report.arena import as_png
    from ..report.terminal.anatomy import document, told

    put(
        voice,
        to,
        out,
        {
            "terminal": lambda: told(found, fitting),
            "json": lambda: document(found, fitting),
            "png": lambda: as_png(found),
        },
    )


def _measured(
    voice: Voice, tflite: Path, board: str, to: str, out: Path | None, said: dict[str, Any]
) -> int:
    """Run the model on a board, and report."""
    from tinybench.models.compiler.anatomy import anatomy

    from ..report.terminal.anatomy import measured, measured_document
    from ..session.own_model import measure

    words = {**said, "board": board, "out": out, "flash": not said["no_flash"]}
    words["prune"] = not words.pop("no_prune")
    words |= {"emulate": said["emulate"] or None, "port": said["port"] or None}
    del words["no_flash"]
    outcome = measure(tflite, words, voice.track, voice.note)
    put(
        voice,
        to,
        None,
        {
            "terminal": lambda: measured(outcome),
            "json": lambda: measured_document(
                outcome, anatomy(tflite, ("plain",), prune=words["prune"])
            ),
        },
    )
    return 1 if outcome.violations else 0


@command(
    "init",
    Argument("tflite", type=PATH, metavar="MODEL", help="the .tflite, or the C array of one"),
    Argument("folder", type=PATH, metavar="FOLDER",
             help="its inputs: .npy, .csv or .bin, a file each; labels.csv in it is --labels"),
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

    if said["labels"] is None and said["expect"] is None and (folder / LABELS_FILE).is_file():
        said["labels"] = folder / LABELS_FILE
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
