"""What the DUT answers to one `infer`, and how its numbers are read."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat

from tinybench.errors import InferenceError, ProtocolError

MICROS_WRAP = 1 << 32
"""`m-lap-us` counts 32 bits of microseconds, 71.6 minutes; some firmware counts 64."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PLAIN = r"-?+[0-9]++(?:\.[0-9]++)?+"
_MANY = re.compile(rf"{_PLAIN}(?:[,;]{_PLAIN})*+")
"""Numbers of results, with ";" between those of one input and the next."""


@dataclass(frozen=True)
class Inference:
    """A timed window: `iterations` inferences on one input, and the results of the last."""

    iterations: int
    elapsed_us: int
    """Time from the first to the second time stamp, on the DUT's clock; 0 where it gives none, as
    stock firmware in energy mode."""
    results: str
    """The numbers of `m-results` as the DUT printed them, separated by commas; empty where it had
    none: no answer to this input."""
    end_us: int | None = field(default=None, compare=False)
    """The DUT's clock at the second time stamp; None where it gives none."""


def elapsed_us(start_us: int, end_us: int) -> int:
    """Return the time between two stamps of a clock that wraps at 32 bits, or has more of them.

    Raises ProtocolError when a clock of more than 32 bits goes back.
    """
    if max(start_us, end_us) < MICROS_WRAP:
        return (end_us - start_us) % MICROS_WRAP
    if end_us < start_us:
        raise ProtocolError(f"the DUT's clock goes back, from {start_us} to {end_us} us")
    return end_us - start_us


def failed(status: int) -> InferenceError:
    """Return what is said of an engine that failed with a status, as core/model.h has it."""
    return InferenceError(
        f"the engine on the board says that it failed, with status {status}; the same input would "
        "fail again: is the model one that this engine takes, with as much memory as it has?"
    )


def parse_results(text: str) -> list[float]:
    """Return the numbers of a comma-separated results text.

    Raises ProtocolError for anything that is not a plain finite decimal number.
    """
    words = text.split(",")
    if all(map(_NUMBER.fullmatch, words)):
        values = list(map(float, words))
        if all(map(math.isfinite, values)):
            return values
    wrong = next(w for w in words if not _NUMBER.fullmatch(w) or not math.isfinite(float(w)))
    raise ProtocolError(f"the results [{text}] have '{wrong}', which is no number")


def answered(text: str) -> list[float]:
    """Return the numbers of the results for one input, or for each of a file; none without all.

    Raises ProtocolError for anything that is not a plain finite decimal number.
    """
    return parse_results(text) if all(text.split(",")) else []


def all_answered(texts: Sequence[str]) -> Sequence[Sequence[float]]:
    """Return `answered` of each text, of thousands at once. Raises ProtocolError as that."""
    joined = ";".join(texts)
    if _MANY.fullmatch(joined) and joined.count(";") == len(texts) - 1:
        values = list(map(float, joined.replace(";", ",").split(",")))
        if math.inf not in values and -math.inf not in values:
            commas = list(map(str.count, texts, repeat(",")))
            each = iter(values)
            if min(commas) == (most := max(commas)):
                return list(zip(*[each] * (most + 1), strict=True))
            return [tuple(islice(each, count + 1)) for count in commas]
    return [answered(text) for text in texts]
