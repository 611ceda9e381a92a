"""How much noise and how many faults a model survives."""

from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from .. import options
from ..options import OneOf, positive
from ..output import Voice
from ..tree import Option
from .in_lab import study_command
from .lists import numbers
from .show import do
from .words import boards_of, on_board, place_of, shards, shards_of

NOISES = (
    *("gaussian", "multiplicative", "levels", "drift"),
    *("bit-flip", "stuck-at-0", "stuck-at-1"),
)
JOBS_MOST = 256


@study_command(
    "noise",
    options.task(),
    options.model(),
    options.data(),
    Option("--noise", type=OneOf(NOISES), default="gaussian", metavar="KIND",
           help="gaussian (default), multiplicative, levels or drift, of analog memory; bit-flip, "
           "stuck-at-0 or stuck-at-1, of digital"),
    Option("--eta", type=numbers, metavar="LIST",
           help="standard deviations of the noise, in units of that of a layer's weights (of "
           "multiplicative: of a weight; of drift: exponents), such as 0,.01,.1"),
    Option("--rate", type=numbers, metavar="LIST",
           help="shares of all bits that flip or are stuck, such as 0,1e-4,1e-3"),
    Option("--levels", type=numbers, metavar="LIST", help="levels of a cell, such as 16,8,4"),
    Option("--where", type=OneOf(("weights", "activations")), default="weights", metavar="WHERE",
           help="what is disturbed: weights (default), or activations, by faults of bits"),
    Option("--trials", type=positive, default="20", metavar="N",
           help="of each amount, with other random numbers (default: 20)"),
    Option("--seed", type=options.count, default="1", metavar="N",
           help="of the random numbers (default: 1)"),
    Option("--together-only", is_flag=True,
           help="leave out the trials of each layer alone, and of each bit"),
    Option("--limit", type=positive, metavar="N",
           help="only so many inputs, drawn, of each label its share; of a stream so many seconds, "
           "from its beginning"),
    *on_board("do each trial on this board, too, and hold its answers against this computer's: "
              "weights are written over the link, or else built in (default: on none); LEFT,RIGHT: "
              "several of bench.toml, of one kind, at work at a time"),
    shards("with --board: so many emulated ones at a time (default: 1)"),
    Option("--jobs", type=positive, metavar="N",
           help="without --board: trials at a time (default: one for each processor)"),
    examples=(
        "tinybench study noise --task kws                       gaussian noise on its weights",
        "tinybench study noise --task kws --noise bit-flip -o flips",
        "tinybench study noise --task ic --noise levels --levels 64,32,16",
        "tinybench study noise --task kws --noise bit-flip --where activations --trials 5",
        "tinybench study noise --task kws --board mps2-an386 --limit 20 --trials 5",
        "tinybench study noise --task kws --lab --parts 4 -o noisy   on the boards of a lab",
    ),
)  # fmt: skip
def noise(
    voice: Voice, task: str | None, model: Path | None, data: Path | None, limit: int | None,
    jobs: int | None, board: str | None, to: str, out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Disturb the weights of a model, or its activations, and see what is left of its accuracy.

    Noise is drawn here, and the model's C infers here, the same as on a board. The folder has the
    study (study.json), every trial (trials.jsonl) and a picture (study.png).
    """
    from ...report.study import noise as report
    from ...study.noise.asked import amounts_of, ask
    from ...study.noise.noise import PIECES, processors, run_noise, share_noise
    from ...study.subject import ANY_METRIC, subject
    from ...study.work import Work

    if task is None:
        raise UsageError("study noise: say of which task: --task kws ('tinybench tasks')")
    if jobs is not None and jobs > JOBS_MOST:
        raise UsageError(f"--jobs {jobs}: at most {JOBS_MOST} at a time")
    if jobs is not None and board is not None:
        raise UsageError(
            f"--jobs {jobs} is of trials on this computer alone: boards do one at a time each, and "
            "several are --shards N of emulated ones, or --board LEFT,RIGHT"
        )
    board, boards = boards_of(said, board)
    at_a_time = said.pop("shards") if board is None else shards_of(said, board, boards)
    if at_a_time > 1 and board is None:
        raise UsageError("--shards is of --board: name one, such as mps2-an386")
    if board is None and (said["port"] or said["emulate"]):
        raise UsageError(
            "--port and --emulate are of a board: name it by --board, such as mps2-an386"
        )
    amounts = amounts_of(said["noise"], said)
    of = subject(task, data, model, limit, ANY_METRIC)
    voice.note(of.note)
    asked = ask(
        of, said["noise"], amounts, said["trials"], said["seed"], said["where"],
        alone=not said["together_only"], board=board or "", emulate=said["emulate"],
    )  # fmt: skip
    place = place_of(said, out, "noise", of.task)
    words = dict[str, Any]()
    if board is not None:
        words = {name: said[name] for name in ("emulate", "port", "baud", "probe", "wait")}
        words |= {"task": task, "model": model, "data": data, "board": board}
    else:
        at_a_time = jobs or processors()
    work = Work(place.folder, words, voice.track, voice.note, at_a_time, boards)
    return do(
        voice, to, place, report, asked, PIECES, lambda: run_noise(of, asked, work),
        lambda part: share_noise(of, asked, work, part),
        lambda found: found.board_equal == found.board_trials,
    )  # fmt: skip
