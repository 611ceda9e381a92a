"""What a study of compression is asked for, checked before anything is learnt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from tinybench.errors import UsageError

from ...build.task import load_task
from ..declared import board_asked
from ..kept import chosen, chosen_rates
from ..rows import Parts, Rows, digest, split
from ..runs import board_of, is_emulated
from ..subject import CLASSES
from .robe import Robe, robe, roomy
from .tables import Tables, tables_of
from .tied import Inputs, Shapes, shrunk

DENSE = "dense"
METHODS = ("robe", "palette", "prune")
RATE_MOST = 1024.0
BITS = {2.0: 4, 4.0: 2, 8.0: 1}
"""Of a palette's codes, by what an int8 shrinks by."""
HIDDEN, HIDDEN_OF_TABLES = 128, 32
"""Units of the hidden layer, by default."""
HIDDEN_MOST, TRIALS_MOST = 1024, 100
WIDTH, WIDTH_MOST = 16, 256
"""Of a row of an embedding table; a byte tells a column of it."""
TABLES_MOST = 1 << 20
"""Weights of all tables."""
Way = tuple[str, float]
"""A method and its rate."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "compress"
    format: int = 2
    source: str
    """Of the rows: a task, a file's name, or what is made or taken here."""
    rows_sha256: str
    board: str
    methods: list[str]
    rates: list[float]
    hidden: int
    block: int
    """Neighbouring weights that stay neighbours in ROBE's array."""
    test: int
    trials: int
    seed: int
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""
    board_sha256: str = ""
    """Of what its file says, of a board of one's own."""
    task_sha256: str = ""
    """Likewise of the task."""
    embed: list[str] = []
    """Columns of categories, each of which has an embedding table."""
    width: int = 0
    """Weights of a row of a table; 0 without tables."""
    model_sha256: str = ""
    """Of the model whose layers are kept in less flash; empty where nets are trained."""
    dataset_sha256: str = ""
    """Of the inputs that these layers are fitted to, and that are scored ..."""
    inputs_sha256: str = ""
    """... which of them, and how they are scored; empty where nets are trained, or of before."""


@dataclass(frozen=True)
class Form:
    """What all nets of a study have in common."""

    tables: Tables
    numbers: int
    hidden: int
    classes: int
    block: int

    @property
    def shapes(self) -> Shapes:
        """Return those of tables and layers."""
        return self.tables.shapes(self.numbers, self.hidden, self.classes)

    @property
    def shrunk(self) -> tuple[int, ...]:
        """Return the weights of what takes less flash: of all tables, or of each layer."""
        return tuple(rows * columns for rows, columns in self._shrunk)

    @property
    def _shrunk(self) -> list[tuple[int, int]]:
        return [self.shapes[which] for which in shrunk(self.shapes)]

    def shared(self, rate: float) -> Robe:
        """Return ROBE's array. Raises UsageError where it has no room for a block."""
        size = max(1, round(sum(self.shrunk) / rate))
        rows = self.tables.count
        return roomy(size, self.block, rows) if rows else robe(size, self.block)


def form_of(parts: Parts, asked: Asked) -> tuple[Form, Inputs]:
    """Return the form of all nets, and what they are given of all rows."""
    tables, inputs = tables_of(parts, asked.width)
    numbers, classes = inputs.numbers.shape[1], len(parts.rows.classes)
    return Form(tables, numbers, asked.hidden, classes, asked.block), inputs


def insist_compress(
    methods: Sequence[str],
    rates: Sequence[float],
    hidden: int,
    trials: int,
    width: int | None,
    *,
    tables: bool,
) -> list[str]:
    """Return the methods, each once: what is known without any rows.

    `tables`: whether some columns have, or may have, an embedding table. Raises UsageError.
    """
    methods = insist_ways(methods, rates)
    if not 1 <= hidden <= HIDDEN_MOST:
        raise UsageError(f"--hidden {hidden}: 1 to {HIDDEN_MOST}")
    if trials > TRIALS_MOST:
        raise UsageError(f"--trials {trials}: at most {TRIALS_MOST}")
    if width is not None and not tables:
        raise UsageError(
            "--width is of embedding tables: name columns of categories by --embed, or take "
            "--tables"
        )
    if width is not None and not 1 <= width <= WIDTH_MOST:
        raise UsageError(f"--width {width}: 1 to {WIDTH_MOST}")
    return methods


def keeps_layers(task: str | None, *, layers: bool, model: bool) -> bool:
    """Return whether the layers of a task's model are kept, and no net is trained.

    `layers`: whether that is asked for; `model`: whether there is one of one's own. Raises
    UsageError, DeclarationError.
    """
    return task is not None and (layers or model or load_task(task).metric not in CLASSES)


def insist_ways(methods: Sequence[str], rates: Sequence[float]) -> list[str]:
    """Return the methods, each once. Raises UsageError for rates that they have not."""
    methods = chosen("--methods", methods, METHODS)
    ways = _ways(methods, chosen_rates(rates))
    for _, rate in ways:
        if not 1 < rate <= RATE_MOST:
            raise UsageError(f"--rates {rate:g}: more than 1, at most {RATE_MOST:g}")
    if not ways:
        raise UsageError(
            f"--methods palette: it has rates of {', '.join(f'{rate:g}' for rate in BITS)} alone; "
            "ask for one of them by --rates"
        )
    return methods


def ask(
    rows: Rows,
    source: str,
    board: str,
    methods: Sequence[str],
    rates: Sequence[float],
    hidden: int,
    block: int,
    test: int,
    trials: int,
    seed: int,
    *,
    width: int | None = None,
    emulate: bool = False,
) -> Asked:
    """Return what a study is asked for, checked. Raises UsageError."""
    embed = [one.name for one in rows.categories]
    methods = insist_compress(methods, rates, hidden, trials, width, tables=bool(embed))
    if not rows.classes:
        raise UsageError("study compress tells classes apart, and these rows have real values")
    parts = Parts(rows, *split(rows, test, seed))  # what teaches nothing is said first
    there = board_asked(board)
    asked = Asked(
        source=source, rows_sha256=digest(rows), board=there.name,
        board_sha256=there.sha256, task_sha256=rows.task_sha256,
        methods=methods, rates=chosen_rates(rates), hidden=hidden, block=block, test=test,
        trials=trials, seed=seed,
        emulated=is_emulated(board, emulate=emulate), embed=embed,
        width=(width or WIDTH) if embed else 0,
    )  # fmt: skip
    form, _ = form_of(parts, asked)
    _insist_size(form, board, emulate=emulate)
    less = f"take a lower rate, or more of them by {'--width' if embed else '--hidden'}"
    insist_rates(asked, form.shrunk, "tables" if embed else "a layer", less, form.shared)
    return asked


def insist_rates(
    asked: Asked, sizes: Sequence[int], what: str, less: str, shared: Callable[[float], Robe]
) -> None:
    """Raise UsageError for a rate that leaves nothing of what has so many weights.

    `shared`: raises it where ROBE's array has no room. `less`: what to do instead of pruning all.
    """
    for method, rate in _ways(asked.methods, asked.rates):
        if method == "robe":
            shared(rate)
        if method == "prune" and min(sizes) / rate < 1:
            raise UsageError(
                f"--rates {rate:g} prunes {what} whole, of {min(sizes)} weights; {less}"
            )


def _insist_size(form: Form, board: str, *, emulate: bool) -> None:
    """Raise UsageError for tables that no net on the board can have: before hours of learning."""
    rows, width = form.tables.count, form.tables.width
    most = f"tables of {rows:,} rows of {width} weights are"
    less = "join values that are rare, leave a column out, or take a smaller --width"
    if rows * width > TABLES_MOST:
        raise UsageError(f"{most} more than {TABLES_MOST:,} weights: {less}")
    memory = board_of(board, emulate=emulate).memory
    if rows and memory is not None and rows * width > memory.flash_size_b:
        raise UsageError(
            f"{most} {rows * width:,} bytes in the dense net that all others are held against, and "
            f"{board} has {memory.flash_size_b:,} bytes of flash: {less}"
        )


def candidates_of(asked: Asked) -> list[Way]:
    """Return the dense net, and each method with each of its rates."""
    return [(DENSE, 1.0), *_ways(asked.methods, asked.rates)]


def _ways(methods: Sequence[str], rates: Sequence[float]) -> list[Way]:
    """Return each method with each of its rates; a palette has those of 4, 2 and 1 bit."""
    return [
        (method, rate)
        for method in methods
        for rate in rates
        if method != "palette" or rate in BITS
    ]
