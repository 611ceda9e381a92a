"""Would a simpler model do: classic models on a board, beside the task's own."""

from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BOARD
from .. import options
from ..options import PATH, command, positive
from ..output import Voice
from ..tree import Option
from .lists import several
from .show import do
from .words import folder_of, on_board, out_folder, words_of

KINDS = ("linear", "forest", "extra-trees", "knn", "mlp")
THREADS_MOST = 64


@command(
    "classic",
    options.task("a task whose inputs are learnt from, such as kws; its own model stands beside"),
    Option("--csv", type=PATH, metavar="FILE",
           help="rows of your own instead: numbers, a line a row, the last column what to tell"),
    Option("--target", metavar="NAME", help="with --csv: the column to tell (default: the last)"),
    Option("--regression", is_flag=True, help="with --csv: it is a real value, and no class"),
    Option("--models", type=several(KINDS), default=",".join(KINDS), metavar="LIST",
           help="of linear (logistic for classes), forest, extra-trees, knn, mlp (default: all)"),
    Option("--test", type=positive, default="100", metavar="N",
           help="rows that are tested, at most three in ten (default: 100); the others are learnt "
           "from"),
    Option("--seed", type=options.count, default="1", metavar="N",
           help="of the split and of the learning (default: 1)"),
    Option("--threads", type=positive, default="1", metavar="N",
           help="train and predict with 1, 2, 4 ... up to N threads, and say how long each took"),
    *on_board(),
    Option("--monitor", metavar="MONITOR", shared=True,
           help="energy too; modelled: by a model of an emulated board's power"),
    out_folder(),
    formats=("terminal", "json", "csv", "markdown"),
    examples=(
        "tinybench study classic --task kws                    beside the keyword model",
        "tinybench study classic --csv mine.csv --models forest,knn --board nucleo-l4r5 --port P",
        "tinybench study classic --csv mine.csv --target temperature --regression",
    ),
)  # fmt: skip
def classic(
    voice: Voice, task: str | None, csv: Path | None, target: str | None, regression: bool,
    models: tuple[str, ...], test: int, seed: int, threads: int, board: str | None, to: str,
    out: Path | None, **said: Any,
) -> int:  # fmt: skip
    """Train linear models, trees, neighbours and a small net, and run each on a board.

    Each is C behind the same contract as a neural model, and is fed the tested rows by the same
    protocol. Exit status 1 where an answer of the board is not that of the same C here.
    """
    from ...report.study import classic as report
    from ...study.classic.classic import ask, run_classic
    from ...study.rows import read_csv, rows_of_task

    if (task is None) == (csv is None):
        raise UsageError("study classic: say what to learn from: --task kws, or --csv FILE")
    if csv is None and (target is not None or regression):
        raise UsageError("--target and --regression are of --csv: a task says itself what to tell")
    if threads > THREADS_MOST:
        raise UsageError(f"--threads {threads}: at most {THREADS_MOST}")
    rows = read_csv(csv, target, regression=regression) if csv else rows_of_task(task or "")
    counts = [n for n in (2**i for i in range(7)) if n < threads] + [threads]
    asked = ask(rows, task or "", board or DEFAULT_BOARD, models, test, seed, counts)
    folder = folder_of(out, "classic", task)
    words = {**words_of(said, board), "beside": task is not None}
    found = do(
        voice, to, folder, report,
        lambda: run_classic(rows, asked, folder, words, voice.track, voice.note),
    )  # fmt: skip
    return 1 if any(row.rows_equal not in (None, row.rows) for row in found.rows) else 0
