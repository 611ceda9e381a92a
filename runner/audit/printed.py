"""Read the figures that a results.txt, or the end of a v1.3 log, states; as they are printed."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .text import REPLACED, lines

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?)"
_TOP1 = re.compile(rf"Top[- ]1(?:%)?\s*[:=]\s*{_NUMBER}")
_AUC = re.compile(rf"\bAUC\s*[:=]\s*{_NUMBER}")
_THROUGHPUT = re.compile(rf"Median throughput is\s+{_NUMBER}\s*(\S*)")
_ENERGY = re.compile(rf"Median energy cost is\s+{_NUMBER}\s*(\S*)")
_PERFORMANCE_WINDOW = re.compile(r"Performance results for window (\d{1,9})")
_ENERGY_WINDOW = re.compile(
    rf"Energy data for (?:window|trial) (\d{{1,9}})(?:.* for {_NUMBER} sec)?"
)
_COUNT = re.compile(r"(?:# )?Inferences\s*:\s*(\d{1,12})")
_RUNTIME = re.compile(rf"(?:Runtime|Elapsed time)\s*:\s*{_NUMBER}")
_WINDOW_THROUGHPUT = re.compile(rf"Throughput\s*:\s*{_NUMBER}")
_POWER = re.compile(rf"Power\s*:\s*{_NUMBER}\s*([a-zA-Z]*)")
_TOTAL = re.compile(rf"(?:Total Energy|Energy)\s*:\s*{_NUMBER}\s*([a-zA-Z]*)")
_EACH = re.compile(rf"Energy/Inf\.?\s*:\s*{_NUMBER}\s*([a-zA-Z]*)")
_STREAM = re.compile(
    r"(?:Accuracy: )?(\d{1,9}) True positives, (\d{1,9}) False negatives, "
    r"(\d{1,9}) False positives",
    re.IGNORECASE,
)
_DUTY = re.compile(rf"Average duty cycle:\s*{_NUMBER}")
_PERIOD = re.compile(rf"Average period:\s*{_NUMBER}")
_STREAM_THROUGHPUT = re.compile(rf"Estimated throughput:\s*{_NUMBER}")

LINES_MAX = 200_000
LINE_MAX = 4096
"""Characters; no figure stands in a longer line."""
WINDOWS_MAX = 20
"""More are the single inferences of an accuracy run."""


@dataclass(slots=True)
class PrintedWindow:
    """One window as printed; empty where the line is missing."""

    number: int
    iterations: int | None = None
    runtime_s: str = ""
    throughput_per_s: str = ""
    energy_uj: str = ""
    per_inference_uj: str = ""
    power: str = ""
    units: dict[str, str] = field(default_factory=dict)
    """Unit of each printed figure, as printed."""


@dataclass(slots=True)
class Printed:
    """All figures of one mode; the last one printed counts."""

    top1_percent: str = ""
    auc: str = ""
    throughput_per_s: str = ""
    energy_uj: str = ""
    units: dict[str, str] = field(default_factory=dict)
    performance: list[PrintedWindow] = field(default_factory=list)
    energy: list[PrintedWindow] = field(default_factory=list)
    stream: tuple[str, str, str] | None = None
    """True positives, false negatives, false positives."""
    duty_cycle: str = ""
    period_s: str = ""
    stream_throughput_per_s: str = ""
    undecodable: int = 0

    @property
    def empty(self) -> bool:
        return not (
            self.top1_percent
            or self.auc
            or self.throughput_per_s
            or self.energy_uj
            or self.stream
            or self.performance
            or self.energy
        )


def read_printed(path: Path) -> Printed:
    """Return the figures in a file; raises OSError."""
    found = Printed()
    window: PrintedWindow | None = None
    for number, line in enumerate(lines(path)):
        if number > LINES_MAX:
            break
        found.undecodable += line.count(REPLACED)
        if len(line) > LINE_MAX:
            continue
        if match := _PERFORMANCE_WINDOW.search(line):
            window = PrintedWindow(int(match[1]))
            # The v1.3 runner prints each a second time, with all digits.
            if any(one.number == window.number for one in found.performance[:WINDOWS_MAX]):
                found.performance = [w for w in found.performance if w.number != window.number]
            found.performance.append(window)
        elif match := _ENERGY_WINDOW.search(line):
            window = PrintedWindow(int(match[1]), runtime_s=match[2] or "")
            # A file that was appended to: the last run counts.
            found.energy = [w for w in found.energy[-WINDOWS_MAX:] if w.number != window.number]
            found.energy.append(window)
        elif _summary(found, line):
            window = None
        elif window is not None:
            _window(window, line)
    return found


def _summary(found: Printed, line: str) -> bool:
    """Take a figure of the whole run; return whether the line had one."""
    if match := _TOP1.search(line):
        found.top1_percent = match[1]
    elif match := _AUC.search(line):
        found.auc = match[1]
    elif match := _THROUGHPUT.search(line):
        found.throughput_per_s, found.units["throughput"] = match[1], match[2]
    elif match := _ENERGY.search(line):
        found.energy_uj, found.units["energy"] = match[1], match[2]
    elif match := _STREAM.search(line):
        found.stream = (match[1], match[2], match[3])
    elif match := _DUTY.search(line):
        found.duty_cycle = match[1]
    elif match := _PERIOD.search(line):
        found.period_s = match[1]
    elif match := _STREAM_THROUGHPUT.search(line):
        found.stream_throughput_per_s = match[1]
    else:
        return False
    return True


def _window(window: PrintedWindow, line: str) -> None:
    if match := _EACH.search(line):
        window.per_inference_uj, window.units["energy an inference"] = match[1], match[2]
    elif match := _TOTAL.search(line):
        window.energy_uj, window.units["energy"] = match[1], match[2]
    elif match := _POWER.search(line):
        window.power, window.units["power"] = match[1], match[2]
    elif match := _COUNT.search(line):
        window.iterations = int(match[1])
    elif match := _RUNTIME.search(line):
        window.runtime_s = match[1]
    elif match := _WINDOW_THROUGHPUT.search(line):
        window.throughput_per_s = match[1]


def positive(figure: str) -> float | None:
    """Return a printed figure as a number; None for one that is missing or zero."""
    value = float(figure) if figure else 0.0
    return value if value > 0 else None


def half(printed: str) -> float:
    """Return half of the last digit of a printed number."""
    mantissa, _, exponent = printed.lower().partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
