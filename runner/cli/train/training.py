"""Learning on the device, and going on with it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import RunFolderError, UsageError

from ...results.defaults import DEFAULT_BOARD
from .. import options
from ..options import OneOf, command, positive
from ..output import Voice, put, write
from ..study.words import folder_of, on_board, out_folder
from ..tree import Option

if TYPE_CHECKING:
    from ...train.document import Asked, Training, Words
    from ...train.given import Given

FORMATS = ("terminal", "json", "csv")
SAME = (
    *("target", "init", "weights", "part", "rate", "momentum", "batch", "epochs", "budget_s"),
    *("evaluate_every", "held_out", "limit", "only", "hidden", "samples", "drift", "monitor"),
)
"""What a training is asked for again when it goes on."""
GIVEN = (*("only", "held_out", "init", "weights", "part", "hidden", "samples", "drift"),)
"""Of that what decides how it begins."""


def momentum_of(text: str) -> float:
    """Return a momentum: a share below 1."""
    if (number := options.share(text)) == 1:
        raise click.BadParameter("1 never forgets: give a share below 1, such as .9")
    return number


@command(
    "train",
    options.task(),
    options.model(),
    options.data(),
    Option("--target", type=options.share, default="0.88", metavar="SHARE",
           help="top-1 (of ad: AUC) of what is held out at which a seed ends (default: 0.88)"),
    Option("--init", type=OneOf(("zero", "model")), default="zero", metavar="WHAT",
           help="the head begins as a new one (zero, default), or as the model's own (model)"),
    Option("--weights", type=OneOf(("float32", "int16", "int8")), default="float32",
           metavar="TYPE", help="float32 (default), int16 or int8; what is gathered is float32"),
    Option("--part", type=OneOf(("all", "bias", "sparse")), default="all", metavar="WHAT",
           help="all weights (default), bias: biases alone, or sparse: --rows and --columns"),
    Option("--rows", metavar="LIST", help="with sparse: outputs that learn, such as 0-3,7"),
    Option("--columns", metavar="LIST", help="with sparse: features whose weights learn"),
    Option("--hidden", type=positive, metavar="UNITS",
           help="a new head of two layers in place of the last one: so many units with ReLU, and "
           "the outputs"),
    Option("--samples", type=OneOf(("link", "flash")), default="link", metavar="WHERE",
           help="they come over the link (default), or lie in flash: epochs without the link"),
    Option("--drift", default="", metavar="WORDS",
           help="let the sensor drift: gain=0.8,offset=3,noise=2 on each value of an input"),
    Option("--rate", type=options.quantity, default="0.02", metavar="X",
           help="learning rate (default: 0.02)"),
    Option("--momentum", type=momentum_of, default="0.9", metavar="X",
           help="share of what was gathered that is kept (default: 0.9)"),
    Option("--batch", type=positive, default="10", metavar="N",
           help="samples of a step (default: 10)"),
    Option("--epochs", type=positive, default="20", metavar="N",
           help="rounds over the samples, at most (default: 20)"),
    Option("--budget", type=options.lasting, metavar="TIME",
           help="a seed ends after so much time here, such as 10m, without evaluations"),
    Option("--evaluate-every", type=positive, metavar="STEPS",
           help="steps between evaluations and checkpoints (default: those of an epoch)"),
    Option("--held-out", type=options.share, default="0.5", metavar="SHARE",
           help="of each class, what is evaluated on and never trained (default: 0.5)"),
    Option("--limit", type=positive, metavar="N",
           help="only so many inputs, drawn, of each label its share"),
    Option("--only", default="", metavar="TEXT",
           help="only inputs with this in their name, such as one machine of ad: id_02"),
    Option("--monitor", metavar="MONITOR",
           help="energy of the steps by a monitor, such as lpm01a ('tinybench monitors'), or "
           "modelled: a model of an emulated board's power; with --samples flash"),
    Option("--seed", type=options.count, default="1", metavar="N",
           help="of the order of the samples, and of how int weights are rounded (default: 1)"),
    Option("--seeds", type=positive, default="1", metavar="N",
           help="trials, with this seed and those that follow (default: 1)"),
    *on_board(options.BOARD),
    out_folder("training"),
    formats=FORMATS,
    examples=(
        "tinybench train --task kws --target 0.88           a new head, emulated Cortex-M4",
        "tinybench train --task kws --board host --seeds 5 -o learnt",
        "tinybench train --task kws --init model --part bias --rate 0.02 --target 0.95",
        "tinybench train --task kws --samples flash --monitor modelled",
        "tinybench train --task ad --only id_04 --init model --part bias --rate 0.3",
        "tinybench train --task kws --part sparse --rows 3,9 --columns 0-31 --weights int8",
    ),
)  # fmt: skip
def train(
    voice: Voice, task: str | None, model: Path | None, data: Path | None, board: str | None,
    limit: int | None, budget: float | None, seed: int, seeds: int, rows: str | None,
    columns: str | None, only: str, hidden: int | None, samples: str, drift: str,
    monitor: str | None, to: str, out: Path | None, emulate: str | None, port: Any, baud: Any,
    probe: Any, wait: Any, **said: Any,
) -> int:  # fmt: skip
    """Train the last layer of a model on a board, and say what quality took.

    The model before it is frozen, and works out its features on the board, of samples that come
    over the line or lie in its flash. Exit status 1 where a seed does not reach the target. Not an
    MLPerf Training result.
    """
    from ...train.document import EPOCHS_MOST, SEEDS_MOST, Words
    from ...train.given import ask, given

    if task is None:
        raise UsageError("train: say of which task: --task kws ('tinybench tasks')")
    if seeds > SEEDS_MOST or said["epochs"] > EPOCHS_MOST:
        raise UsageError(f"at most {SEEDS_MOST} --seeds, and {EPOCHS_MOST} --epochs")
    named = board or (DEFAULT_BOARD if not port else None)
    if named is not None and named.endswith(".toml"):
        named = str(Path(named).resolve())
    said |= {"only": only, "hidden": hidden or 0, "samples": samples, "drift": drift}
    of = given(
        task, model, data, limit, rows=rows, columns=columns,
        **{name: said[name] for name in GIVEN},
    )  # fmt: skip
    voice.note(of.inputs.note)
    asked = ask(
        of,
        named or "port",
        list(range(seed, seed + seeds)),
        limit=limit,
        budget_s=budget,
        monitor=monitor or "",
        **said,
    )
    reached = {
        "board": named, "emulate": emulate or None, "port": port or None, "baud": baud,
        "probe": probe, "wait": wait,
    }  # fmt: skip
    words = Words(
        task=task, model=_whole(model), data=_whole(data),
        limit=limit, board=reached,
    )  # fmt: skip
    folder = folder_of(out, "train", of.task.name)
    return _show(voice, to, None, _drawn(voice, folder, _trained(voice, of, asked, words, folder)))


def _whole(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def go_on(voice: Voice, folder: Path, to: str, out: Path | None) -> int:
    """Go on with the training of a folder, from the last checkpoint of each seed."""
    from ...train.given import ask, given
    from ...train.kept import asked_before

    asked, words = asked_before(folder)
    if to not in FORMATS:
        raise UsageError(f"--to {to}: a training is shown as {', '.join(FORMATS)}")
    sparse = asked.part == "sparse"
    of = given(
        words.task,
        None if words.model is None else Path(words.model),
        None if words.data is None else Path(words.data),
        words.limit,
        rows=",".join(map(str, asked.rows)) if sparse else None,
        columns=",".join(map(str, asked.columns)) if sparse else None,
        **{name: getattr(asked, name) for name in GIVEN},
    )
    same = {name: getattr(asked, name) for name in SAME}
    if ask(of, asked.board, asked.seeds, **same) != asked:
        raise RunFolderError(
            f"{folder} is a training of another model or other inputs than are here now: "
            f"{of.inputs.model} has SHA-256 {of.inputs.model_sha256[:16]}..., wanted was "
            f"{asked.model_sha256[:16]}..."
        )
    return _show(voice, to, out, _drawn(voice, folder, _trained(voice, of, asked, words, folder)))


def _trained(voice: Voice, of: "Given", asked: "Asked", words: "Words", folder: Path) -> "Training":
    from ...train.run import run_training

    try:
        return run_training(of, asked, words, folder, voice.track, voice.note)
    except KeyboardInterrupt:
        if folder.is_dir():
            voice.note(f"interrupted; go on with: tinybench resume {folder}")
        raise


def _drawn(voice: Voice, folder: Path, found: "Training") -> "Training":
    """Keep the learning curves of all seeds in the folder."""
    from ...report.fleet.quality import pictures
    from ...train.course import courses

    kept = pictures(list(courses(found)))
    for one in kept:
        write(folder / f"{one.name}.svg", one.svg.encode())
    voice.note(f"written to {folder}: train.json; plots: {', '.join(one.name for one in kept)}")
    return found


def _show(voice: Voice, to: str, out: Path | None, found: "Training") -> int:
    from ...report.study import train as report

    forms = {
        "terminal": lambda: report.terminal(found),
        "json": lambda: found,
        "csv": lambda: report.as_csv(found),
    }
    put(voice, to, out, forms)
    return 0 if all(one.reached for one in found.trials) else 1
