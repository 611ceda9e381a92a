"""Open a recorded energy trace of any known kind, told apart by what is there."""

from pathlib import Path

from tinybench.errors import TraceError

from ..trace import Trace, open_trace

KNOWN = (
    "a tinybench trace or a Joulescope file (.jls), an EEMBC trace (trace1-energy.bin), "
    "the v1.3 runner's results.json, a session of the Power Profiler (.ppk2), a log of a Keysight "
    "(.dlog) or of an LPM01A (.txt), or a table (.csv)"
)


def open_any(
    path: Path,
    *,
    voltage_v: float | None = None,
    rate_hz: float | None = None,
    channel: str | None = None,
    columns: str | None = None,
) -> Trace:
    """Open a trace: a file of a known kind, or a folder that holds one.

    `voltage_v` is the supply where the file has none, `rate_hz` the rate of a table without times,
    `channel` the digital input with the timing pin where several change, `columns` the names of a
    table's columns. Raises TraceError: nothing there, of no known kind, or damaged; UsageError
    when it takes a choice.
    """
    file = _only_trace(path) if path.is_dir() else path
    if not file.exists():
        raise TraceError(f"{path}: there is no such file; give {KNOWN}")
    if not file.is_file():
        raise TraceError(f"{path}: no file, but a device or a pipe; give {KNOWN}")
    from .eembc import SUFFIX, read_eembc
    from .runner13 import read_runner13

    if file.name.endswith("-timestamps.json"):
        file = file.with_name(file.name.removesuffix("-timestamps.json") + SUFFIX)
    if file.suffix == ".bin":
        return read_eembc(file)
    if file.suffix in (".jls", ".json") and file.with_suffix(".jls").exists():
        if file.with_suffix(".json").exists():
            return open_trace(file)
        from .joulescope import read_joulescope

        return read_joulescope(file, voltage_v=voltage_v, channel=channel)
    if file.suffix == ".json":
        return read_runner13(file)
    if file.suffix in (".ppk2", ".dlog"):
        from .dlog import read_dlog
        from .ppk2_session import read_session

        read = read_session if file.suffix == ".ppk2" else read_dlog
        return read(file, voltage_v=voltage_v, channel=channel)
    if file.suffix in (".csv", ".txt", ".tsv", ".log"):
        return _read_text(file, voltage_v, rate_hz, channel, columns)
    other = "export it as CSV, or " if file.suffix == ".pt5" else ""
    raise TraceError(f"{file}: not a trace of a known kind; {other}give {KNOWN}")


def _read_text(
    file: Path,
    voltage_v: float | None,
    rate_hz: float | None,
    channel: str | None,
    columns: str | None,
) -> Trace:
    from .lpm01a_log import is_log, read_log
    from .table import read_table

    if columns is None and is_log(file):
        return read_log(file, voltage_v=voltage_v, rate_hz=rate_hz)
    return read_table(file, voltage_v=voltage_v, rate_hz=rate_hz, channel=channel, columns=columns)


def _only_trace(folder: Path) -> Path:
    for pattern in ("*.jls", "*-energy.bin", "results.json", "*.ppk2", "*.dlog", "*.csv"):
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise TraceError(f"{folder}: several traces ({names}); name one")
    raise TraceError(f"{folder}: there is no trace in this folder; give {KNOWN}")
