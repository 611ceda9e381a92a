"""Read the energy figures that a published results.txt states."""

import re
from pathlib import Path

import msgspec

from tinybench.files import WHOLE_MOST_B, read_text

_FIGURE = r"\s*:?\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*uJ"
_ENERGY = re.compile(r"(?:Total Energy|Energy)\s*:" + _FIGURE + r"(?!/)")
_EACH = re.compile(r"Energy/Inf\.?\s*:" + _FIGURE + r"/inf")
_MEDIAN = re.compile(r"Median energy cost is\s+([0-9.]+)\s*uJ/inf")

_THROUGHPUT = re.compile(r"Median throughput is\s+([0-9]{1,12}\.?[0-9]{0,9})\s*inf\./sec")


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures as they are printed, so that their digits are known; in uJ."""

    energy_uj: list[str]
    per_inference_uj: list[str]
    median_uj: str


def read_published(path: Path) -> Published | None:
    """Return what results.txt states; None where it has no energy."""
    try:
        text = read_text(path, WHOLE_MOST_B, "replace")
    except OSError:
        return None
    median = _MEDIAN.search(text)
    energies, each = _ENERGY.findall(text), _EACH.findall(text)
    if median is None or len(energies) != len(each):
        return None
    return Published(energies, each, median[1])


def read_throughput(path: Path) -> float | None:
    """Return the median throughput that results.txt of a performance run states, in 1/s."""
    try:
        found = _THROUGHPUT.search(read_text(path, WHOLE_MOST_B, "replace"))
    except OSError:
        return None
    return float(found[1]) or None if found else None


def same(value: float | None, printed: str) -> bool:
    """Return whether a value, printed with as many decimals, gives the same text."""
    if value is None:
        return False
    decimals = len(printed.partition(".")[2])
    return f"{value:.{decimals}f}" == printed
