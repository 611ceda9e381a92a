"""The published results as a table in the cache: brought there from a table or from trees, once.

Nobody publishes all rounds as one file, so the table comes from the user's clones of the public
repositories, or from a mirror that holds it, by its checksum.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tinybench.cache import cache_folder
from tinybench.datasets.fetch import mirror_folder
from tinybench.errors import FetchError, UsageError
from tinybench.files import read_bytes, write_whole
from tinybench.read import read_json

from .entry import STREAM_TASK, Entry, f1_of

FORMAT = 2
NAME = "published_results.csv"
SHA256 = "13edb698f43b98a86616b23e84cc19be2b1216f8ef2b98b2a6c538ccf17b98b2"
"""Of the table of 365 results of rounds v0.5 to v1.3 that a mirror may hold."""
STORED = "published/results.json"
"""Below the cache."""
SIZE_MAX_B = 16 << 20
HOW = (
    "tinybench fetch published --from tiny_results_v1.3, with a clone of "
    "https://github.com/mlcommons/tiny_results_v1.3, and of the other rounds"
)
COLUMNS = ("round", "division", "submitter", "system", "task", "processor", "inf_per_s",
           "energy_uJ_per_inf", "top1_pct", "auc")  # fmt: skip

POWER, SCORE, DUTY = "avg_mW_sww", "sww_acc", "sww_duty_perf"
"""Of streams; a table without them has none. A score is such as "TP44 FN6 FP4"."""
_SCORE = re.compile(r"TP(\d{1,6}) FN(\d{1,6}) FP(\d{1,6})")


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The published results that are at hand."""

    format: int = FORMAT
    source: str
    sha256: str
    """Of the table they are from, or of what was read from trees."""
    entries: list[Entry]


def load(cache: Path | None = None) -> Table | None:
    """Return the table in the cache; None where there is none, or none that can be read."""
    try:
        raw = read_bytes((cache or cache_folder()) / STORED, SIZE_MAX_B)
        table = read_json(raw, type=Table)
    except (OSError, msgspec.MsgspecError):  # it can be fetched again
        return None
    return table if table.format == FORMAT else None


def fetch(sources: Sequence[Path], cache: Path | None = None) -> Table:
    """Bring the table into the cache, from a table or trees of the user's, or from the mirror.

    Raises UsageError for what holds no published results, FetchError without a mirror that has
    them, with another checksum, or when the cache cannot be written.
    """
    table = _from(sources) if sources else _mirrored()
    path = (cache or cache_folder()) / STORED
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(table))
    except OSError as error:
        raise FetchError(f"cannot write {path}: {error.strerror or error}") from error
    return table


def parse(raw: bytes, name: str) -> list[Entry]:
    """Return the entries of a table with (at least) the COLUMNS. Raises UsageError."""
    try:
        lines = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), strict=True)
        missing = [column for column in COLUMNS if column not in (lines.fieldnames or ())]
        if missing:
            raise UsageError(f"{name}: no table of results: it has no column {missing[0]}")
        return [_entry(line, f"{name}:{lines.line_num}") for line in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{name}: no table of results: {error}") from error


def _entry(line: dict[str, str], where: str) -> Entry:
    rate = _number(line, "inf_per_s", where)
    energy_uj = _number(line, "energy_uJ_per_inf", where)
    top1_percent = _number(line, "top1_pct", where)
    power_mw = _number(line, POWER, where)
    texts = {name: (line[name] or "")[:200] for name in COLUMNS[:6]}
    streamed = texts["task"] == STREAM_TASK
    return Entry(
        **texts,
        latency_s=1 / rate if rate else None,
        energy_j=None if streamed or not energy_uj else energy_uj * 1e-6,
        top1=None if top1_percent is None else top1_percent / 100,
        auc=_number(line, "auc", where),
        f1=_f1(line.get(SCORE) or "", where),
        duty=_number(line, DUTY, where),
        power_w=None if not power_mw else power_mw * 1e-3,
    )


def _f1(text: str, where: str) -> float | None:
    if not text.strip():
        return None
    match = _SCORE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{where}: column {SCORE}: '{text[:40]}' is none such as TP44 FN6 FP4")
    return f1_of(*map(int, match.groups()))


def _number(line: dict[str, str], column: str, where: str) -> float | None:
    text = (line.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{where}: column {column}: '{text[:40]}' is no number of 0 or more")
    return value


def _from(sources: Sequence[Path]) -> Table:
    if len(sources) == 1 and sources[0].suffix.lower() == ".csv":
        raw = _read(sources[0])
        return _table(str(sources[0]), raw, parse(raw, str(sources[0])))
    from .trees import entries

    found = [entry for source in sources for entry in entries(source)]
    if not found:
        raise UsageError(
            f"{', '.join(map(str, sources))}: no published results there; want a table ({NAME}) or "
            "clones of mlcommons/tiny_results_v..."
        )
    return _table(", ".join(map(str, sources)), msgspec.json.encode(found), found)


def _mirrored() -> Table:
    mirror = mirror_folder()
    if mirror is None:
        raise FetchError(
            f"no public address holds the results of all rounds in one file; type: {HOW}; or point "
            f"TINYBENCH_MIRROR to a folder with {NAME} in it or beside it"
        )
    path = next((p for p in (mirror / NAME, mirror.parent / NAME) if p.is_file()), None)
    if path is None:
        raise FetchError(f"there is no {NAME} in {mirror} or beside it; type: {HOW}")
    raw = _read(path)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != SHA256:
        raise FetchError(
            f"{path}: its SHA-256 is {digest}, wanted {SHA256}; it was not kept. For a table of "
            f"your own: tinybench fetch published --from {path}"
        )
    return _table(NAME, raw, parse(raw, str(path)))


def _table(source: str, raw: bytes, entries: list[Entry]) -> Table:
    return Table(source=source, sha256=hashlib.sha256(raw).hexdigest(), entries=entries)


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, SIZE_MAX_B)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
