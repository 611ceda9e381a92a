"""What the genuine LoadGen says of the queries it asked: its summary, as it wrote it."""

import re
from pathlib import Path

from tinybench.errors import RunFolderError
from tinybench.files import read_bytes

from . import LoadGen

SUMMARY_FILE = "mlperf_log_summary.txt"
DETAIL_FILE = "mlperf_log_detail.txt"
PREFIX = "mlperf_log_"
"""How the names of its logs begin."""
LOG_MAX_B = 16 << 20
ADVICE_MAX = 300
_RESULT = re.compile(r"^Result is : (VALID|INVALID)$", re.MULTILINE)
_KEPT = re.compile(r"^ {1,4}([A-Z][a-z ]{1,40}?) ?: (Yes|NO)$", re.MULTILINE)
_PERCENTILE = re.compile(r"^([0-9]{2}\.[0-9]{2}) percentile latency \(ns\) *: ([0-9]{1,18})$",
                         re.MULTILINE)  # fmt: skip
_MEAN = re.compile(r"^Mean latency \(ns\) *: ([0-9]{1,18})$", re.MULTILINE)
_ESTIMATE = re.compile(
    r"Early stopping ([0-9]{2}(?:\.[0-9])?)th percentile estimate: ([0-9]{1,18})"
)
_SETTING = re.compile(r"^(min_duration \(ms\)|min_query_count) *: ([0-9]{1,12})$", re.MULTILINE)
_ADVICE = re.compile(r"^ \* (.{1,300})$", re.MULTILINE)
_VERSION = re.compile(r'"loadgen_version", "value": "([0-9A-Za-z.+-]{1,40})')


def read(folder: Path) -> LoadGen | None:
    """Return what the summary in a run folder says; None where no test came to its end.

    Raises RunFolderError for one that is none. Ref: mlcommons/inference, loadgen/results.cc.
    """
    text = _text(folder / SUMMARY_FILE)
    if text is None or (verdict := _RESULT.search(text)) is None:
        return None
    kept = {name.strip(): word == "Yes" for name, word in _KEPT.findall(text)}
    at = {name: int(ns) for name, ns in _PERCENTILE.findall(text)}
    said = {name: int(value) for name, value in _SETTING.findall(text)}
    mean = _MEAN.search(text)
    version = _VERSION.search(_text(folder / DETAIL_FILE) or "")
    try:
        return LoadGen(
            version=version[1] if version else "",
            valid=verdict[1] == "VALID",
            duration_met=kept["Min duration satisfied"],
            queries_met=kept["Min queries satisfied"],
            early_stopping_met=kept["Early stopping satisfied"],
            min_duration_s=said["min_duration (ms)"] * 1e-3,
            min_queries=said["min_query_count"],
            mean_ns=int(mean[1]) if mean else 0,
            p50_ns=at["50.00"],
            p90_ns=at["90.00"],
            p97_ns=at["97.00"],
            p99_ns=at["99.00"],
            p99_9_ns=at["99.90"],
            estimates_ns={f"p{float(p):g}": int(ns) for p, ns in _ESTIMATE.findall(text)},
            advice=_advice(text),
        )
    except KeyError as error:
        raise RunFolderError(
            f"{folder / SUMMARY_FILE}: no summary of LoadGen: it says nothing of {error}"
        ) from error


def _advice(text: str) -> str:
    """Return what LoadGen recommends where a test is not valid."""
    _, _, below = text.partition("Recommendations:\n")
    above, _, _ = below.partition("Early Stopping Result:")
    return "; ".join(_ADVICE.findall(above))[:ADVICE_MAX]


def _text(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        return read_bytes(path, LOG_MAX_B, links=False).decode(errors="replace")
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error}") from error
