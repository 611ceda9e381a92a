"""Weights in less flash: shared (ROBE), coded (palettes) or left out, on a net trained here."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from ..images import Boarded, boarded, images_left, pieces_of, same_in, singly
from ..kept import Key, Trial, chosen, key_of, open_study, store_study
from ..one_image import Candidates, on_boards
from ..parts import Part, Pieces, Share, share
from ..rows import Parts, Rows, digest, middle_and_half, split
from ..runs import insist_run, is_emulated
from ..work import Work
from .compress_c import Named, weights_b, write_nets
from .robe import Robe, index, robe
from .tied import (
    MOST,
    Int8,
    IntNet,
    Net,
    Ties,
    answers,
    as_ints,
    drawn,
    palettised,
    pruned,
    trained,
    untied,
)

DENSE = "dense"
METHODS = ("robe", "palette", "prune")
RATE_MOST = 1024.0
BITS = {2.0: 4, 4.0: 2, 8.0: 1}
"""Of a palette's codes, by what an int8 shrinks by."""
TUNED = 20
"""Epochs of training again what was pruned or coded."""
BOARD_ROWS_MOST = 100
HIDDEN_MOST, TRIALS_MOST = 1024, 100


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "compress"
    format: int = 1
    source: str
    """Of the rows: a task, a file's name, or "digits"."""
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


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep the weights, at one rate."""

    method: str
    rate: float
    """Weights for each one that is kept; of a palette: what an int8 shrinks by."""
    score: float
    """Mean of top-1 over the trials."""
    deviation: float
    lost: float
    """Of the top-1 of the dense net."""
    weights_b: int
    """Flash of all that stands for the weights: values, codes, columns, constants of the hash."""
    smaller: float
    """Bytes of the dense net for each of them."""
    rows_equal: int
    """Rows to which this computer's C answers what the integers of Python do; of all tested."""
    latency_s: float | None = None
    instructions: int | None = None
    cycles: int | None = None
    cycles_low: int | None = None
    cycles_high: int | None = None


class CompressStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of compression found."""

    asked: Asked
    tinybench: str
    features: int
    classes: int
    learnt_from: int
    tested: int
    emulated: bool
    image_flash_b: int
    """Of the image that holds all ways together."""
    image_ram_b: int
    board_rows: int
    board_rows_equal: int
    """Rows to which the board answered what the same C does here."""
    rows: list[Row]


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
    emulate: bool = False,
) -> Asked:
    """Return what a study is asked for, checked. Raises UsageError."""
    methods = chosen("--methods", methods, METHODS)
    if not rows.classes:
        raise UsageError("study compress tells classes apart, and these rows have real values")
    split(rows, test, seed)  # what teaches nothing is said first
    if not 1 <= hidden <= HIDDEN_MOST:
        raise UsageError(f"--hidden {hidden}: 1 to {HIDDEN_MOST}")
    if trials > TRIALS_MOST:
        raise UsageError(f"--trials {trials}: at most {TRIALS_MOST}")
    asked = Asked(
        source=source, rows_sha256=digest(rows), board=board,
        methods=methods, rates=sorted(set(rates)), hidden=hidden,
        block=block, test=test, trials=trials, seed=seed,
        emulated=is_emulated(board, emulate=emulate),
    )  # fmt: skip
    features, classes = rows.values.shape[1], len(rows.classes)
    for method, rate in _ways(asked):
        if not 1 < rate <= RATE_MOST:
            raise UsageError(f"--rates {rate:g}: more than 1, at most {RATE_MOST:g}")
        if method == "robe":
            _shared(asked, rate, features, classes)
        if method == "prune" and min(hidden * features, classes * hidden) / rate < 1:
            raise UsageError(
                f"--rates {rate:g} prunes a layer whole: the smaller one has "
                f"{min(hidden * features, classes * hidden)} weights; take a lower rate or more "
                "--hidden"
            )
    if not _ways(asked):
        raise UsageError(
            f"--methods palette: it has rates of {', '.join(f'{rate:g}' for rate in BITS)} alone; "
            "ask for one of them by --rates"
        )
    return asked


def _ways(asked: Asked) -> list[tuple[str, float]]:
    """Return each method with each of its rates; a palette has those of 4, 2 and 1 bit."""
    return [
        (method, rate)
        for method in asked.methods
        for rate in asked.rates
        if method != "palette" or rate in BITS
    ]


def pieces(asked: Asked) -> Pieces:
    """Return what the folder of a study keeps beside trials."""
    return pieces_of(singly(len(_candidates_of(asked))))


def _candidates_of(asked: Asked) -> list[tuple[str, float]]:
    return [(DENSE, 1.0), *_ways(asked)]


def _shared(asked: Asked, rate: float, features: int, classes: int) -> Robe:
    count = asked.hidden * (features + classes)
    return robe(max(1, round(count / rate)), asked.block)


def ties_of(of: Robe, features: int, hidden: int, classes: int) -> Ties:
    """Return the ties of a net whose layers share an array: rows of the second come behind."""
    first = index(of, np.arange(hidden)[:, None], np.arange(features))
    second = index(of, hidden + np.arange(classes)[:, None], np.arange(hidden))
    return Ties((first, second), np.zeros(of.size, np.int64))


def run_compress(
    rows: Rows,
    asked: Asked,
    work: Work,
) -> CompressStudy:
    """Train each net, run those of the first trial on the board, and sum up.

    What the folder has is not done again. Raises UsageError, DatasetError, RunFolderError,
    ToolMissingError, ModelError and what a board raises.
    """
    parts, known = _done(rows, asked, work, None)
    found = _summed(parts, asked, known, boarded(work.folder, singly(len(_candidates_of(asked)))))
    store_study(work.folder, found)
    return found


def share_compress(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part,
) -> Share:
    """Train the nets of a part and run its candidates, as `run_compress` does all."""
    parts, _ = _done(rows, asked, work, part)
    count = len(_candidates_of(asked))
    done = {
        "nets": len(share(range(asked.trials * count), part)),
        "candidates": len(share(range(count), part)),
    }
    same = same_in(work.folder, singly(count), part, len(parts.test))
    return Share(study=asked.study, part=str(part), done=done, same=same)


def _done(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part | None,
) -> tuple[Parts, dict[Key, Trial]]:
    """Train the nets of a part and run its candidates: what the folder does not have yet.

    The nets of the first trial are the candidates, dealt out alike.
    """
    insist_run(work.words)
    parts = Parts(rows, *split(rows, asked.test, asked.seed))
    values, labels = _as_int8(parts), rows.targets.astype(np.intp)
    ways = _candidates_of(asked)
    mine = share([(trial, at) for trial in range(asked.trials) for at in range(len(ways))], part)
    with open_study(work.folder, asked, str(part or "")) as (known, keep):
        if known:
            work.say(f"{work.folder}: {len(known)} nets are there already")
        left = images_left(work.folder, singly(len(ways)), work.shards, part)
        needed = {(0, at) for group in left for at in group.which}
        first = dict[int, IntNet]()
        for trial in work.track(range(asked.trials), "trials", asked.trials):
            wanted = {at: Trial(*ways[at], trial, 0.0) for of, at in mine if of == trial}
            wanted = {
                at: one
                for at, one in wanted.items()
                if key_of(one) not in known or (trial, at) in needed
            }
            nets = _nets(
                values[parts.train], labels[parts.train], len(rows.classes), asked, wanted,
                asked.seed + trial,
            )  # fmt: skip
            if trial == 0:
                first = nets
            for at, one in wanted.items():
                if key_of(one) not in known:
                    right = answers(nets[at], values[parts.test])
                    score = float(np.mean(right == labels[parts.test]))
                    done = msgspec.structs.replace(one, score=score)
                    keep(done)
                    known[key_of(one)] = done
        of = _candidates(first, ways, values[parts.test], asked, len(rows.classes))
        on_boards(of, left, work)
    return parts, known


def _as_int8(parts: Parts) -> Int8:
    """Return all features as a board gets them, scaled by the rows that are learnt from."""
    values = parts.rows.values
    middle, half = middle_and_half(values[parts.train])
    return np.clip(np.rint((values - middle) / half * MOST), -MOST, MOST).astype(np.int8)


def _nets(
    x: Int8,
    labels: npt.NDArray[np.intp],
    classes: int,
    asked: Asked,
    wanted: dict[int, Trial],
    seed: int,
) -> dict[int, IntNet]:
    """Train some nets of one trial; what is coded or pruned begins as the dense one."""
    features, hidden = x.shape[1], asked.hidden
    found = dict[int, IntNet]()

    @cache
    def dense() -> Net:
        return trained(drawn(untied(features, hidden, classes), seed), x, labels, seed)

    for at, one in wanted.items():
        if one.part == "robe":
            ties = ties_of(_shared(asked, one.amount, features, classes), features, hidden, classes)
            net = trained(drawn(ties, seed), x, labels, seed)
        elif one.part == "palette":
            net = trained(palettised(dense(), BITS[one.amount]), x, labels, seed, TUNED)
        elif one.part == "prune":
            net = trained(pruned(dense(), one.amount), x, labels, seed, TUNED)
        else:
            net = dense()
        found[at] = as_ints(net, x)
    return found


def _candidates(
    nets: dict[int, IntNet],
    ways: Sequence[tuple[str, float]],
    tested: Int8,
    asked: Asked,
    classes: int,
) -> Candidates:
    """Return all candidates, of which those with a net can be written."""
    features = tested.shape[1]

    def named(at: int) -> Named:
        method, rate = ways[at]
        shared = _shared(asked, rate, features, classes) if method == "robe" else None
        return method, nets[at], shared

    def write(engine: Path, which: Sequence[int]) -> list[int]:
        some = [named(at) for at in which]
        write_nets(engine, some)
        return [weights_b(*one) for one in some]

    return Candidates(
        names=[f"{method} {rate:g}x" for method, rate in ways],
        data=tested,
        board_rows=BOARD_ROWS_MOST,
        wanted=lambda at: answers(nets[at], tested),
        write=write,
    )


def _summed(parts: Parts, asked: Asked, known: dict[Key, Trial], board: Boarded) -> CompressStudy:
    ways = _candidates_of(asked)
    scores = {
        way: np.array([known[(*way, -1, trial)].score for trial in range(asked.trials)])
        for way in ways
    }
    clean, there = float(scores[ways[0]].mean()), board.there
    found = [
        Row(
            method=method,
            rate=rate,
            score=float(scores[method, rate].mean()),
            deviation=float(scores[method, rate].std(ddof=1)) if asked.trials > 1 else 0.0,
            lost=clean - float(scores[method, rate].mean()),
            weights_b=size_b,
            smaller=board.weights_b[0] / size_b,
            rows_equal=equal,
            **msgspec.structs.asdict(counted),
        )
        for (method, rate), size_b, equal, counted in zip(
            ways, board.weights_b, board.equal, there.counted, strict=True
        )
    ]
    return CompressStudy(
        asked=asked, tinybench=version("tinybench-mcu"), features=parts.rows.values.shape[1],
        classes=len(parts.rows.classes), learnt_from=len(parts.train), tested=len(parts.test),
        emulated=there.emulated, image_flash_b=there.flash_b, image_ram_b=there.ram_b,
        board_rows=there.rows, board_rows_equal=there.rows_equal, rows=found,
    )  # fmt: skip
