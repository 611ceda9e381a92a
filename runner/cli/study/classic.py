"""Would a simpler model do: classic models on a board, beside the task's own."""

from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BOARD
from .. import options
from ..options import positive
from ..output import Voice
from ..tree import Option
from .in_lab import study_command
from .lists import several
from .show import do
from .words import (
    boards_of,
    of_rows,
    on_board,
    place_of,
    rows_of,
    shards,
    work_of,
)

KINDS = ("linear", "forest", "extra-trees", "knn", "mlp")


@study_command(
    "classic",
    options.task("a task whose inputs are learnt from, such as kws; its own model stands beside"),
    options.model(),
    options.data(),
    *of_rows(100),
    Option("--regression", is_flag=True, help="with --csv: it is a real value, and no class"),
    Option("--models", type=several(KINDS), default=",".join(KINDS), metavar="LIST",
           help="of linear (logistic for classes), forest, extra-trees, knn, mlp (default: all)"),
    Option("--threads", type=positive, default="1", metavar="N",
           help="train and predict with 1, 2, 4 ... up to N threads, and say how long each took"),
    *on_board(),
    shards(),
    Option("--monitor", metavar="MONITOR", shared=True,
           help="energy too, of a board on a port in runs of their own, once all others are done; "
           "modelled: by a model of an emulated board's power"),
    examples=(
        "tinybench study classic --task kws                    beside the keyword model",
        "tinybench study classic --csv mine.csv --models forest,knn --board nucleo-l4r5 --port P",
        "tinybench study classic --csv mine.csv --target temperature --regression",
    ),
)  # fmt: skip
def classic(
    voice: Voice, task: str | None, model: Path | None, data: Path | None, csv: Path | None,
    target: str | None, regression: bool, models: tuple[str, ...], test: int, seed: int,
    threads: int, board: str | None, to: str, out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Train linear models, trees, neighbours and a small net, and run each on a board.

    Each is C behind the same contract as a neural model, and is fed the tested rows by the same
    protocol. Exit status 1 where an answer of the board is not that of the same C here, and where
    each of them is refused.
    """
    from ...build.task import load_task
    from ...report.study import classic as report
    from ...study.classic.classic import (
        PIECES,
        any_learnt,
        ask,
        insist_threads,
        run_classic,
        same,
        share_classic,
    )

    board, boards = boards_of(said, board)
    insist_threads(threads)
    rows = rows_of(task, csv, target, regression=regression, data=data, model=model, beside=True)
    if rows is None:
        raise UsageError("study classic: say what to learn from: --task kws, or --csv FILE")
    counts = [n for n in (2**i for i in range(7)) if n < threads] + [threads]
    asked = ask(
        rows,
        load_task(task).name if task else "",
        board or DEFAULT_BOARD,
        models,
        test,
        seed,
        counts,
        emulate=said["emulate"],
    )
    place = place_of(said, out, "classic", task)
    work = work_of(voice, place, said, board, boards)
    own = {"task": task, "data": data, "model": model}
    return do(
        voice, to, place, report, asked, PIECES, lambda: run_classic(rows, asked, work, own),
        lambda part: share_classic(rows, asked, work, part, own),
        lambda found: same(found.rows) and any_learnt(found.rows),
    )  # fmt: skip
