"""What the columns of a table are: told by their names, by what wrote it, or by the user.

A quantity has a unit (`Current(uA)`, `current_a`, `Voltage [mV]`), but where a known program
writes SI without saying so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tinybench.errors import TraceError, UsageError
from tinybench.printable import one_line
from tinybench.read import read_json

from ..trace import Infer, TraceHead

SCALES = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3}
KINDS = {"time": "s", "current": "A", "voltage": "V", "power": "W", "energy": "J"}
MAIN = ("current", "power", "energy")
"""What a sample may be; the first of them that is there counts."""
NAMES = {
    "time": ("timestamp", "time", "timer", "t"),
    "current": ("current", "i", "main"),
    "voltage": ("voltage", "v", "u"),
    "power": ("power", "p"),
    "energy": ("energy", "e"),
}
UNIT = re.compile(r"^(.*?)[\s_(\[/]+([nuµμmk]?)([aswvj])[)\]]?\Z")
PINS = re.compile(
    r"^(d\d|gpio?\s*\[?\d?\]?|d0-d7|bits|digital.*|logic.*|trigger|sync|timing.*|pin\s*\d*)\Z"
)
OTHER = re.compile(r"\b(min|max|peak)\b")
"""What a column has besides a mean, as Monsoon's PowerTool writes it."""
EIGHT = ("d0-d7", "bits")
"""Columns of eight inputs, a digit each, the first leftmost."""
EDGE = re.compile(r"^(edges?|events?|markers?)\Z")
JOULESCOPE = re.compile(r"^\w+\.([ivp]|[0-3t])\Z")
"""Joulescope UI, visible data: serial number and signal, in SI."""
STATISTICS = ["time", "current", "voltage", "power", "charge", "energy"]
"""Joulescope UI, statistics: means in SI over the time since the row before."""
UNSTATED_S = ("t", "timer")
"""Times that are in s without saying so: the symbol, and Otii's."""
OWN = "tinybench trace: "
"""Begins a comment that says of our own exports what columns cannot."""
LINE_MAX = 1 << 16
LINES_MAX = 1000
"""Length of a line before the first sample, and how many there are, at most."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)
_STAMP = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d")
_RATE = re.compile(r"(\d+\.?\d*(?:e[+-]?\d+)?)\s*([kM]?)(?:Hz|S/s|sps)?", re.IGNORECASE)


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an export of ours says of itself."""

    head: TraceHead
    infers: list[Infer] = []


@dataclass(frozen=True)
class Columns:
    """Indexes of what is there, and the scale to SI."""

    known: dict[str, tuple[int, float]]
    edge: int | None
    pins: dict[str, int]
    delimiter: str
    first_line: int
    """Lines before the first sample."""
    program: str = ""
    """What wrote it, where its columns show that."""
    own: Own | None = None


def parse_rate_hz(text: str) -> float:
    """Return a rate such as "2MHz", "100k" or "5000" in Hz. Raises UsageError."""
    found = _RATE.fullmatch(text.strip())
    rate_hz = float(found[1]) * {"": 1, "k": 1e3, "m": 1e6}[found[2].lower()] if found else 0.0
    if not 0 < rate_hz < float("inf"):
        raise UsageError(f"the rate '{text}' is none: give a number above 0, such as 5000 or 2MHz")
    return rate_hz


def told_columns(text: str) -> list[str]:
    """Return the names that a user gives, in SI where they have no unit. Raises UsageError."""
    names = []
    for name in (part.strip().lower() for part in text.split(",")):
        unit = UNIT.match(name)
        kind = next((kind for kind, words in NAMES.items() if name in words), None)
        if kind is not None:
            names.append(f"{kind}_{KINDS[kind].lower()}")
        elif name in ("", "-") or EDGE.match(name) or PINS.match(name) or (unit and _kind(name)):
            names.append(name)
        else:
            raise UsageError(
                f"--columns {text}: '{name}' is no column: t, i, v, p, e (in SI, or with a unit as "
                "in 'i[ma]'), edge, d0 to d7, or - for one that is of no use"
            )
    return names


def read_header(path: str, lines: Iterator[str], told: list[str] | None) -> tuple[Columns, str]:
    """Return the columns, and the line of the first sample where it has been read already.

    Raises TraceError with the line: no such columns, or one without a unit.
    """
    header, comment, number, own = "", "", 0, None
    for number, line in enumerate(lines, start=1):
        header = line.strip().lstrip("\ufeff")
        if len(header) >= LINE_MAX or number > LINES_MAX:
            raise TraceError(f"{path}: line {number}: no table begins so; it takes columns of text")
        if header.startswith("#"):
            comment = header.lstrip("# ")
            own = _own(path, number, comment) or own
        elif header:
            break
        header = ""
    delimiter = max(",;\t", key=(header or comment).count)
    first = ""
    if _is_sample(header, delimiter):
        first, header, number = header, "" if own else comment, number - 1
    elif not header and not told:  # no sample at all: name what is there
        header = comment
    names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
    if told is not None:
        names = told
    elif first and not any(_kind(name) or JOULESCOPE.match(name) for name in names):
        raise TraceError(
            f"{path}: line {number + 1} is a sample, and nothing names its columns; name them, as "
            "--columns t,i,v, and the rate where there is no time, as --rate 2MHz"
        )
    return _columns(path, number, header, names, delimiter, own), first


def _own(path: str, number: int, comment: str) -> Own | None:
    if not comment.startswith(OWN):
        return None
    try:
        return read_json(comment.removeprefix(OWN), type=Own)
    except msgspec.MsgspecError as error:
        raise TraceError(
            f"{path}: line {number}: not what a trace says of itself: {error}"
        ) from None


def _is_sample(line: str, delimiter: str) -> bool:
    """Return whether a line begins with a number or a time."""
    cell = line.split(delimiter)[0].strip().strip('"').strip()
    if delimiter != ",":
        cell = cell.replace(",", ".")
    return bool(_NUMBER.fullmatch(cell) or _STAMP.match(cell))


def _kind(name: str) -> str | None:
    """Return which quantity a column is."""
    unit = UNIT.match(name)
    if OTHER.search(name):
        return None
    words = re.split(r"[\s_]+", (unit[1] if unit else name).strip())
    kinds = [kind for kind, known in NAMES.items() if any(word in known for word in words)]
    fitting = [kind for kind in kinds if unit and KINDS[kind].lower() == unit[3]]
    return (fitting or kinds or [None])[0]


def _columns(
    path: str, number: int, header: str, names: list[str], delimiter: str, own: Own | None
) -> Columns:
    known: dict[str, tuple[int, float]] = {}
    edge, pins, program = None, {}, ""
    statistics = names == STATISTICS
    for index, name in enumerate(names):
        joulescope = JOULESCOPE.match(name)
        if joulescope or statistics:
            program = "joulescope"
        if joulescope and joulescope[1] not in "ivp":
            pins[f"gpi[{joulescope[1]}]"] = index
        elif EDGE.match(name):
            edge = index
        elif PINS.match(name):
            pins[name] = index
        elif joulescope:
            kind = next(kind for kind, words in NAMES.items() if joulescope[1] in words)
            known.setdefault(kind, (index, 1.0))
        elif statistics:
            # Of a mean only power can be added up; its charge and energy are running sums.
            if name in ("time", "power"):
                known[name] = (index, 1.0)
        elif (kind := _kind(name)) and kind not in known:
            known[kind] = (index, _scale(path, number, name, kind, names))
    if not any(kind in known for kind in MAIN):
        raise TraceError(
            f"{path}: line {max(number, 1)} names no column of current, power or energy, such as "
            f"'time_s,current_a,voltage_v,edge' or 'Timestamp(ms),Current(uA),D0-D7'; found "
            f"'{one_line(header[:80])}'"
        )
    if any(name in pins for name in EIGHT):
        program = "ppk2"
    return Columns(known, edge, pins, delimiter, number, program, own)


def _scale(path: str, number: int, name: str, kind: str, names: list[str]) -> float:
    unit = UNIT.match(name)
    if unit is not None and unit[3] == KINDS[kind].lower():
        return SCALES[unit[2]]
    if kind == "time" and name.endswith("(utc)"):  # Otii's "Wall-clock time (UTC)": dates
        return 1.0
    if unit is None and (name in UNSTATED_S or any(JOULESCOPE.match(other) for other in names)):
        return 1.0
    what = f"is in {unit[2]}{unit[3].upper()}, which is no {kind}" if unit else "has no unit"
    raise TraceError(
        f"{path}: line {max(number, 1)}: the column '{one_line(name[:40])}' {what}; "
        "name it with its unit, as in "
        f"'{kind}_{KINDS[kind].lower()}', or tell all columns with --columns, as in "
        "--columns t[ms],i[ua],v"
    )
