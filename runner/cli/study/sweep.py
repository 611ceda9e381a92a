"""Any option by any other: what each changes, and which combinations are ahead."""

from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BAUD, DEFAULT_BOARD, MODES
from .. import options
from ..options import OneOf, positive
from ..output import Voice
from ..tree import Option
from .in_lab import study_command
from .lists import several
from .show import do
from .words import BOARD, boards_of, place_of, shards, shards_of

OBJECTIVES = ("latency", "energy", "flash", "ram", "score")
SHOWN = "latency,flash,ram"
OF_ONE = ("board", "port", "probe", "emulate", "monitor")
"""What is varied of one board."""


@study_command(
    "sweep",
    options.task("the task of all runs, such as kws"),
    options.model(),
    options.data(),
    Option("--by", multiple=True, metavar="FACTOR", section="what is varied",
           help="NAME=VALUE,VALUE; repeat it: clock, flags (added to the core's), kernels, "
           "weights (flash, ram), any other key of a board's declaration such as "
           "memory.ram_size_b, or a word of a run such as board, model, prune or profile"),
    Option("--objectives", type=several(OBJECTIVES), default=SHOWN, metavar="LIST",
           section="what is varied",
           help=f"of latency, energy, flash, ram, score (default: {SHOWN}; and score, energy "
           "where they are measured)"),
    Option("--budget", type=options.lasting, metavar="TIME", section="how much is measured",
           help="such as 2h: which combination is next is chosen by what is known (default: all)"),
    Option("--runs", type=positive, metavar="N", section="how much is measured",
           help="at most so many runs"),
    Option("--repeats", type=positive, default="1", metavar="N", section="how much is measured",
           help="of each combination, for its interval; what is counted is run once (default: 1)"),
    shards("so many emulated boards at a time (default: 1)", section="how much is measured"),
    Option("--profile", default="rapid", metavar="PROFILE", section="each run",
           help="how much each run measures (default: rapid)"),
    Option("--mode", type=OneOf(MODES), default="performance", metavar="MODE", section="each run",
           help="performance (default), accuracy, energy or all"),
    Option("--limit", type=positive, metavar="N", section="each run",
           help="only the first N accuracy inputs"),
    options.board(BOARD, section="each run"),
    options.emulate(section="each run"),
    options.port(section="each run"),
    Option("--baud", type=options.baud, metavar="N", shared=True, section="each run",
           help=f"rate of the port (default: {DEFAULT_BAUD})"),
    options.probe(section="each run"),
    options.wait(section="each run"),
    Option("--monitor", metavar="MONITOR", shared=True, section="each run",
           help="energy too; modelled: by a model of an emulated board's power"),
    examples=(
        "tinybench study sweep --task kws --by kernels=plain,blocked,dsp --by flags=-O3,-Os",
        "tinybench study sweep --task kws --board nucleo-l4r5 --emulate --by clock=24MHz,80MHz "
        "--by weights=flash,ram",
        "tinybench study sweep --task ic --board nucleo-l4r5 --port P --by clock=24MHz,48MHz,80MHz "
        "--by flags=-O2,-O3 --by weights=flash,ram --budget 2h --repeats 3",
    ),
)  # fmt: skip
def sweep(
    voice: Voice, by: tuple[str, ...], objectives: tuple[str, ...], budget: float | None,
    runs: int | None, repeats: int, board: str | None, to: str, out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Run combinations of options, and say what each option changes and which are ahead.

    Each is a run like any other, in the folder of the study and with its options as tags. With a
    budget the next combination is the one that the main effects, as they are known, are least sure
    of; once all are known, the one that may be ahead of the front by most.
    """
    from tinybench.scratch import scratch

    from ...report.study import sweep as report
    from ...study.sweep.asked import ask
    from ...study.sweep.factors import factor
    from ...study.sweep.sweep import Budget, pieces, run_sweep, share_sweep
    from ...study.work import Work

    factors = [factor(text) for text in by]
    varied = {one.name for one in factors}
    if said["task"] is None and "task" not in varied:
        raise UsageError("study sweep: say of which task: --task kws ('tinybench tasks')")
    if not factors:
        raise UsageError("study sweep: say what is varied: --by kernels=plain,dsp")
    board, boards = boards_of(said, board)
    if boards and not varied.isdisjoint(OF_ONE):
        raise UsageError(
            f"--by {', '.join(sorted(varied.intersection(OF_ONE)))} says which board a combination "
            "is on: name one by --board, not several"
        )
    at_a_time = shards_of(said, board, boards)
    place = place_of(said, out, "sweep", said["task"] or "tasks")
    if place.part is not None and (budget is not None or runs is not None):
        raise UsageError(
            "--part is of all combinations, dealt out evenly: with --budget or --runs the next one "
            "depends on what is known"
        )
    words = {name: value for name, value in said.items() if value not in (None, False, "")}
    words = {**words, "board": board or DEFAULT_BOARD}
    if tuple(objectives) == tuple(SHOWN.split(",")):
        score = said["mode"] in ("accuracy", "all") or "mode" in varied
        energy = said["mode"] == "energy" or said["monitor"] or "monitor" in varied
        objectives = (*objectives, *(["score"] if score else []), *(["energy"] if energy else []))
    with scratch() as tried:
        asked = ask(factors, words, objectives, repeats, tried)
    work = Work(place.folder, words, voice.track, voice.note, at_a_time, boards)
    return do(
        voice, to, place, report, asked, pieces(asked),
        lambda: run_sweep(asked, work, Budget(budget, runs)),
        lambda part: share_sweep(asked, work, part),
    )  # fmt: skip
