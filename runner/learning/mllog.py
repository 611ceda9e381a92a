"""The course of a run as the lines of MLPerf Training's log, written by its own package."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import one_line

from .course import Course

SAID = "not an MLPerf Training result: no model of that benchmark learns here"
_PLACE = re.compile(r'"file": "[^"]*", "lineno": \d+')


class _Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def mllog_lines(course: Course) -> list[str]:
    """Return `:::MLLOG` lines: the run, each evaluation, and how it ended; times are the course's.

    The run begins at 0 ms: its clock may be a simulated or an emulated one. Raises
    ToolMissingError without mlperf-logging.
    """
    try:
        from mlperf_logging.mllog import constants
        from mlperf_logging.mllog.mllog import MLLogger
    except ImportError as error:
        raise ToolMissingError(extras.missing("--mllog", "mlperf-logging", "mllog")) from error
    kept = _Lines()
    log = logging.Logger("tinybench course", logging.INFO)
    log.addHandler(kept)
    write: Any = MLLogger(log)
    origin = {"time": course.time, "said": SAID}
    for key, value in (
        (constants.SUBMISSION_BENCHMARK, one_line(course.what)),
        (constants.SUBMISSION_DIVISION, constants.OPEN),
        (constants.SEED, course.seed),
        (constants.GLOBAL_BATCH_SIZE, course.batch),
        ("quality_target", course.target),
    ):
        write.event(key, value, metadata=origin, time_ms=0)
    write.start(constants.RUN_START, metadata=origin, time_ms=0)
    for point in course.points:
        where = {constants.SAMPLES_COUNT: point.samples}
        write.event(constants.EVAL_ACCURACY, point.score, metadata=where, time_ms=_ms(point.time_s))
        if point is course.reached:
            break
    end = course.reached or (course.points[-1] if course.points else None)
    status = constants.SUCCESS if course.reached else constants.ABORTED
    told = {constants.STATUS: status, constants.SAMPLES_COUNT: end.samples if end else 0}
    write.end(constants.RUN_STOP, metadata=told | origin, time_ms=_ms(end.time_s if end else 0.0))
    return [_placeless(line) for line in kept.lines]


def _ms(time_s: float) -> int:
    return round(time_s * 1e3)


def _placeless(line: str) -> str:
    """Leave out where on this computer the package was called from."""
    return _PLACE.sub('"file": "tinybench", "lineno": 0', line)


def log_names(courses: Sequence[Course]) -> list[str]:
    """Return the files of a result's logs, as the submission rules number them."""
    return [f"result_{number}.txt" for number in range(len(courses))]
