"""What a way to quantise costs."""

from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BOARD
from .. import options
from ..options import PATH, positive
from ..output import Voice
from ..tree import Option
from .in_lab import study_command
from .lists import several
from .show import do
from .words import boards_of, on_board, place_of, shards, work_of

PLAIN = ("int8-tensor", "int8-channel", "int16x8")
SCHEMES = (*PLAIN, "qat-tensor", "qat-channel")


@study_command(
    "quantisation",
    options.task("a task, such as kws or ad, some of whose inputs calibrate and others test"),
    options.model(),
    options.data(),
    Option("--float", "float_file", type=PATH, metavar="FILE",
           help="the float .tflite (default: the published one, with the published inputs and "
           "model, of 'tinybench fetch'; else the int8 model with its weights as floats)"),
    Option("--schemes", type=several(SCHEMES), default=",".join(PLAIN), metavar="LIST",
           help="of int8-tensor (a scale for all weights of a layer), int8-channel (one for each "
           "channel), int16x8 (activations of int16, weights of int8), beside float (default: "
           "these); qat-tensor, qat-channel: int8 whose weights learn before, by TensorFlow"),
    Option("--calibrate", type=positive, default="100", metavar="N",
           help="inputs that give the ranges, at most half of them; of a stream, histories before "
           "half of its words (default: 100)"),
    Option("--test", type=positive, metavar="N",
           help="other inputs, that are scored (default: 100); of a stream, seconds behind that "
           "(default: all)"),
    *on_board(),
    shards(),
    Option("--monitor", metavar="MONITOR", shared=True,
           help="energy too, of a board on a port in runs of their own, once all others are done; "
           "modelled: by a model of an emulated board's power"),
    examples=(
        "tinybench study quantisation --task kws",
        "tinybench study quantisation --task ad                    AUC of an autoencoder",
        "tinybench study quantisation --task ic --float pretrainedResnet.tflite --schemes int16x8",
        "tinybench study quantisation --task kws --schemes int8-tensor,qat-tensor",
        "tinybench study quantisation --task kws --board nucleo-l4r5 --port /dev/ttyACM0",
    ),
)  # fmt: skip
def quantisation(
    voice: Voice, task: str | None, model: Path | None, data: Path | None, float_file: Path | None,
    schemes: tuple[str, ...], calibrate: int, test: int | None, board: str | None, to: str,
    out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Quantise a float model in several ways, and run each on a board beside the floats.

    Ranges are those of some inputs; others are scored. The folder has each model as a .tflite. Exit
    status 1 where a board does not answer as the same C on this computer.
    """
    from tinybench.models.model_file import read_model_file

    from ...report.study import quantisation as report
    from ...study.quantisation.quantisation import (
        PIECES,
        ask,
        float_model,
        run_quantisation,
        same,
        share_quantisation,
        unlike,
    )
    from ...study.subject import ANY_METRIC, subject

    board, boards = boards_of(said, board)
    if task is None:
        raise UsageError("study quantisation: say of which task: --task kws ('tinybench tasks')")
    of = subject(task, data, model, takes=ANY_METRIC)
    voice.note(of.note)
    given = None if float_file is None else read_model_file(float_file)
    source = float_model(of, float_file, given)
    if said_of_float := unlike(of, source):
        voice.note(said_of_float)
    asked = ask(
        of, source, board or DEFAULT_BOARD, schemes, calibrate, test, emulate=said["emulate"]
    )
    place = place_of(said, out, "quantisation", of.task)
    work = work_of(voice, place, said, board, boards)
    return do(
        voice, to, place, report, asked, PIECES,
        lambda: run_quantisation(of, source, asked, work),
        lambda part: share_quantisation(of, source, asked, work, part),
        lambda found: same(found.rows),
    )  # fmt: skip
