"""What a study of noise is asked for: which noise, how much of it, on what."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from tinybench.errors import UsageError
from tinybench.plural import counted

from ..declared import Declared, board_asked
from ..kept import chosen as known
from ..runs import is_emulated
from ..subject import Subject, digest
from .perturb import ANALOG, BITS, NOISES

Where = Literal["weights", "activations"]
DEFAULTS = {
    **dict.fromkeys(("gaussian", "multiplicative"), (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4)),
    "levels": (256.0, 64.0, 32.0, 16.0, 8.0, 4.0),
    "drift": (0.0, 0.01, 0.02, 0.05, 0.1),
    **dict.fromkeys(BITS, (0.0, 1e-5, 1e-4, 1e-3, 1e-2)),
}
"""Amounts of each kind of noise."""
OPTIONS = {
    "eta": tuple(one for one in ANALOG if one != "levels"),
    "rate": BITS,
    "levels": ("levels",),
}
"""By which option a kind of noise has its amounts."""
AMOUNTS_MOST, TRIALS_MOST, LEVELS_MOST = 64, 100_000, 1 << 16
FORMAT = 3


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study, and nothing else: the same, the same figures."""

    study: str = "noise"
    format: int = FORMAT
    task: str
    noise: str
    where: Where
    amounts: list[float]
    """In the order of growing harm; eta, levels, exponents or rates."""
    trials: int
    seed: int
    alone: bool
    """Whether layers, and bits, are disturbed one by one as well."""
    samples: int
    """Inputs; of a stream, frames."""
    model_sha256: str
    dataset_sha256: str
    inputs_sha256: str = ""
    """Of those that are taken, and of how they are scored; empty in a folder of before."""
    board: str = ""
    """Where inferences are done beside this computer; empty: nowhere."""
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""
    board_sha256: str = ""
    """Of what its file says, of a board of one's own."""
    task_sha256: str = ""
    """Likewise of the task."""


def amounts_of(noise: str, said: Mapping[str, Sequence[float] | None]) -> Sequence[float] | None:
    """Return the amounts of the option that a kind of noise has them by. Raises UsageError."""
    right = next(option for option, kinds in OPTIONS.items() if noise in kinds)
    for option in OPTIONS:
        if option != right and said.get(option) is not None:
            raise UsageError(f"--{option} is not of {noise} noise: give its amounts by --{right}")
    return said.get(right)


def insist_noise(
    noise: str, amounts: Sequence[float] | None, trials: int, where: Where = "weights"
) -> list[float]:
    """Return the amounts in the order of growing harm: what is known without a model.

    Raises UsageError.
    """
    known("--noise", [noise], NOISES)
    if where == "activations" and noise not in BITS:
        raise UsageError(
            f"--where activations is for faults of memory ({', '.join(BITS)}), not for {noise}"
        )
    chosen = sorted(set(DEFAULTS[noise] if amounts is None else amounts))
    if noise == "levels":
        chosen.reverse()
    if not 0 < len(chosen) <= AMOUNTS_MOST:
        raise UsageError(f"{len(chosen)} amounts of noise: 1 to {AMOUNTS_MOST} are studied at once")
    for amount in chosen:
        _check(noise, amount)
    if not 0 < trials * len(chosen) <= TRIALS_MOST:
        raise UsageError(
            f"{counted(trials, 'trial')} of {len(chosen)} amounts: a study has 1 to "
            f"{TRIALS_MOST:,} of them"
        )
    return chosen


def ask(
    of: Subject,
    noise: str,
    amounts: Sequence[float] | None,
    trials: int,
    seed: int,
    where: Where = "weights",
    *,
    alone: bool = True,
    board: str = "",
    emulate: bool = False,
) -> Asked:
    """Return what a study is asked for, checked. Raises UsageError."""
    chosen = insist_noise(noise, amounts, trials, where)
    if board and of.sound is not None:
        raise UsageError(
            f"task {of.task} is a stream, whose noise is studied on this computer alone, by the "
            "same C as a board's: leave --board out"
        )
    if board and where == "activations":
        raise UsageError("--board takes other weights; activations are disturbed here alone")
    there = board_asked(board) if board else Declared("")
    return Asked(
        task=of.task,
        noise=noise,
        where=where,
        amounts=chosen,
        trials=trials,
        seed=seed,
        alone=alone,
        samples=of.count,
        model_sha256=of.model_sha256,
        dataset_sha256=of.dataset_sha256,
        inputs_sha256=digest(of),
        board=there.name,
        board_sha256=there.sha256,
        task_sha256=of.task_sha256,
        emulated=bool(board) and is_emulated(board, emulate=emulate),
    )


def _check(noise: str, amount: float) -> None:
    """Raise UsageError for an amount that means nothing."""
    if noise == "levels":
        if amount != int(amount) or not 2 <= amount <= LEVELS_MOST:
            raise UsageError(
                f"--levels {amount:g}: a cell has 2 to {LEVELS_MOST} of them, a whole number"
            )
    elif noise in BITS:
        if not 0 <= amount <= 1:
            raise UsageError(f"--rate {amount:g}: a share of the bits is 0 to 1")
    elif not 0 <= amount <= 100:
        raise UsageError(f"--eta {amount:g}: a standard deviation is 0 or more, at most 100 here")
