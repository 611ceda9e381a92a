"""What a run is asked for where nothing is said, and what may be said; loads next to nothing."""

import re

from tinybench.errors import UsageError

DEFAULT_BOARD = "mps2-an386"
PORT_BOARD = "serial"
"""The default with a port."""
DEFAULT_BAUD = 115_200
ENERGY_BAUD = 9600
"""Of a DUT without an interface board. Ref: energyrunner README, energy mode."""
WARMUP = 1
"""Untimed inferences before each timed window."""
BAUDS = range(300, 12_000_001)
STATES = ("reset", "keep")
"""What becomes of a model's state between two inputs."""
BY_LABELS, BY_OUTPUTS = ("top1", "auc"), ("exact", "regression", "iou")
"""Metrics of inputs of which classes are known, or outputs."""
OURS = "tinybench"
"""Our own compiler, among engines."""
MODES = ("accuracy", "performance", "energy", "all")
SCENARIO = "scenario"
"""The mode of a scenario, which is named by itself."""
STREAM = "stream"
"""The mode of a task that is a stream."""
SCENARIOS = ("single-stream", "multi-stream", "server", "offline")
IDLE = {
    "limit": ("performance", "energy"),
    "shards": ("performance", "energy", "scenario"),
    "iterations": ("accuracy", "scenario"),
}
"""Words that mean nothing in some modes."""
DIVISIONS = ("closed", "open")
UNITS_S = {"s": 1, "m": 60, "h": 3600}
LONGEST_S = 7 * 24 * 3600
LONGEST_DIGITS = 9
"""Of the number of a time."""
CLOCK_UNITS = {"": 1, "hz": 1, "khz": 1000, "mhz": 1_000_000}
CLOCK_END_HZ = 2**32
_CLOCK = re.compile(r"([0-9](?:_?[0-9]){0,9})(?:\.([0-9]{1,9}))? ?(|hz|khz|mhz)", re.ASCII | re.I)
PARTS_FIRST = 16
"""Of a study in a lab; more parts are asked for by --parts alone."""


def seconds(text: str) -> float:
    """Return a time in seconds, of "90", "90s", "10m" or "2h". Raises UsageError."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS_S else (text, "s")
    digits = number.isascii() and number.isdecimal() and len(number) <= LONGEST_DIGITS
    if not digits or int(number) * UNITS_S[unit] > LONGEST_S:
        raise UsageError(f"'{text[:40]}' is no time such as 90s, 10m or 2h")
    return float(int(number) * UNITS_S[unit])


def hertz(text: str) -> int:
    """Return a clock in Hz, of "80MHz", "70.5 mhz" or "80_000_000", rounded to whole ones.

    Raises UsageError.
    """
    match = _CLOCK.fullmatch(text)
    clock_hz = 0
    if match is not None:
        whole, part, unit = match[1], match[2] or "", CLOCK_UNITS[match[3].lower()]
        clock_hz = round(int(whole + part) * unit / 10 ** len(part))
    if not 0 < clock_hz < CLOCK_END_HZ:
        raise UsageError(f"'{text[:40]}' is no clock such as 80MHz")
    return clock_hz
