"""Tables of samples: every way in which others write them, and what makes one no trace."""

import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinybench.energy.analysis import Analysis, analyse
from tinybench.energy.examine import told
from tinybench.energy.export import export
from tinybench.energy.importers import open_any
from tinybench.energy.importers.header import parse_rate_hz
from tinybench.energy.importers.levels import Fall, Levels
from tinybench.energy.importers.ppk2_session import SAMPLE
from tinybench.energy.trace import Accuracy, Edge, Infer, TraceHead, memory_trace
from tinybench.errors import TraceError, UsageError
from tinybench.runner.cli import main

HIGH_A, LOW_A, VOLTAGE_V = 0.012, 0.005, 3.0
FALLS = (500, 1000, 2000, 2500, 3500)
"""A mark and two windows of 1 s at 1 kS/s."""
EACH_J = HIGH_A * VOLTAGE_V / 10


def _current(at: int) -> float:
    return HIGH_A if 1000 <= at < 2000 or 2500 <= at < 3500 else LOW_A


def _write(path: Path, header: str, row: str, count: int = 4000, **said: str) -> Path:
    """Write a table; `row` is formatted with k, t, ms, a, ma, ua, edge, x (levels)."""
    lines = [header] if header else []
    for k in range(count):
        values = {"k": k, "t": f"{k / 1e3:.3f}", "ms": k, "a": _current(k), "edge": int(k in FALLS)}
        values |= {"ma": _current(k) * 1e3, "ua": f"{_current(k) * 1e6:.3f}"}
        values |= {"x": "X0000000" if k in FALLS else "10000000", "w": _current(k) * VOLTAGE_V}
        lines.append(row.format(**values))
    path.write_text("\n".join(lines) + "\n", **said)  # pyright: ignore[reportArgumentType]
    return path


def _found(path: Path, **said: float | str) -> Analysis:
    with open_any(path, **said) as trace:  # pyright: ignore[reportArgumentType]
        return analyse(told(trace, 10, None, None))


def _is_right(found: Analysis) -> bool:
    assert found.median_j is not None
    assert found.uncertainty_j is not None
    return found.valid and abs(found.median_j - EACH_J) <= found.uncertainty_j < 0.01 * EACH_J


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("time_s,current_a,voltage_v,edge", "{t},{a},3.0,{edge}", {}),
        ('"Timestamp(ms)","Current(uA)","D0-D7"', '"{ms}","{ua}","{x}"', {"voltage_v": 3.0}),
        ("Timestamp(ms),Current(uA),D0-D7", "{ms},{ua},{x}", {"voltage_v": 3.0}),
        ("# js\n# time,002557.i,002557.v,002557.p,edge", "{t},{a},3.0,{w},{edge}", {}),
        ("", "{t},{a},3.0,{edge}", {"columns": "t,i,v,edge"}),
        ("", "{ms},{ma},3.0,{edge}", {"columns": "t[ms],i[ma],v,edge"}),
        ("", "{a},3.0,{edge}", {"columns": "i,v,edge", "rate_hz": 1000.0}),
        ("", "{k},{w},{edge}", {"columns": "-,p,edge", "rate_hz": 1000.0}),
        ("time,current,x,e", "{ms},{ma},3.0,{edge}", {"columns": "t[ms],i[ma],v,edge"}),
    ],
)
def test_the_same_trace_is_read_however_it_is_written(
    tmp_path: Path, header: str, row: str, said: dict[str, float | str]
) -> None:
    """12 mA in windows of 1 s, 5 mA between, at 3 V: within its uncertainty."""
    assert _is_right(_found(_write(tmp_path / "a.csv", header, row), **said))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    """As their first bytes tell."""
    header = "time_s,current_a,voltage_v,edge"
    if encoding == "utf-16-be":
        header = "\ufeff" + header
    path = _write(tmp_path / "a.csv", header, "{t},{a},3.0,{edge}", encoding=encoding)
    assert _is_right(_found(path))


def test_dates_are_times(tmp_path: Path) -> None:
    """Compact ISO 8601 or not, in UTC or in another zone."""
    for date in ("20260601T235959.{k:03d}Z", "2026-06-02T01:59:59.{k:03d}+02:00"):
        path = tmp_path / "a.csv"
        rows = "\n".join(f"{date.format(k=k)},0.01" for k in range(1000))
        path.write_text(f"time_s,power_w\n{rows}\n20260602T000000Z,0.01\n")
        with open_any(path) as trace:
            assert trace.head.start == "2026-06-01T23:59:59+00:00"
            assert (trace.head.rate_hz, trace.count, trace.gaps) == (1000, 1001, [])


GOOD = "time_s,current_a,voltage_v,edge\n0,1,3,0\n1,1,3,0\n2,1,3,1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "3,1,3,nan\n", "line 5: the column of edges holds no number"),
        (GOOD + "3,1,3,\n", "line 5: the column of edges holds no number"),
        (GOOD + "inf,1,3,0\n", "line 5: the time is inf"),
        (GOOD + "1e12,1,3,0\n", r"line 5: time jumps by 1e\+12 s"),
        (GOOD + "\n# a remark\n1e12,1,3,0\n", r"line 7: time jumps by 1e\+12 s"),
        (GOOD + ",1,3,0\n", "line 5: the time is nan"),
        (GOOD + "2,1,3,0\n", "line 5: time stands still"),
        (GOOD + "3,1,3\n", "line 5 has 3 columns, where 4 belong"),
        (GOOD + "3,1_0,3,0\n", "line 5: column 2 holds no number: '1_0'"),
        (
            GOOD + "".join(f"{at},1,3,0\n" for at in (*range(3, 30), 30.4, 31.8, 33.2)),
            "line 32: the sample comes 1.4 s after",
        ),
        ("time_s,current,voltage_v\n0,1,3\n1,1,3\n", "line 1: the column 'current' has no unit"),
        ("time,current_a,voltage_v\n0,1,3\n1,1,3\n", "line 1: the column 'time' has no unit"),
        ("time_s,current_mw\n0,1\n1,1\n", "line 1: the column 'current_mw' is in mW"),
        ("time_s,current_a,voltage_v\n0,1,3000\n1,1,3000\n", "a supply of 3000 V"),
        ("time_s,current_a,voltage_v\n0,5000,3\n1,5000,3\n", "a current of 5000 A"),
        ("time_s,current_a,voltage_v,power_w\n0,1,3,3000\n1,1,3,3000\n", "not its current times"),
        ("Timestamp(ms),Current(uA),D0-D7\n0,1,10000000\n1,1,20000000\n", "line 3: '20000000' is"),
        ("time_s,current_a,d0\n0,1,0\n1,1,high\n", "line 3: 'high' is no level"),
        ("0,1,3\n1,1,3\n", "line 1 is a sample, and nothing names its columns"),
        ("# tinybench trace: {}\ntime_s,power_w\n0,1\n1,1\n", "line 1: not what a trace says"),
        ("#" * 70_000 + "\n", "line 1: no table begins so"),
    ],
)
def test_what_is_no_trace_is_refused_by_name_and_line(
    tmp_path: Path, text: str, words: str
) -> None:
    """Never a number of it."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=words):
        open_any(path)


def test_a_message_prints_no_commands_and_no_pipe_is_opened(tmp_path: Path) -> None:
    """Of a header, a name and a cell that hold an escape; a pipe would never end."""
    path = tmp_path / "a.csv"
    for text in ("\x1b[31m,a\n", "\x1b time,b\n", "time_s,power_w\n0,1\n1,\x1b[31m\n"):
        path.write_text(text)
        with pytest.raises(TraceError, match=r"\\x1b") as caught:
            open_any(path)
        assert "\x1b" not in str(caught.value)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(TraceError, match="a device or a pipe"):
        open_any(path)


def test_a_time_that_is_rounded_or_restarts_is_even(tmp_path: Path) -> None:
    """700 kS/s in whole microseconds; gaps of no whole number of samples."""
    path = tmp_path / "a.csv"
    rows = "\n".join(f"{round(k / 0.7)},0.01" for k in range(70_000))
    path.write_text(f"time_us,power_w\n{rows}\n")
    with open_any(path) as trace:
        assert trace.head.rate_hz == pytest.approx(7e5, rel=1e-5)
        assert (trace.count, trace.gaps) == (70_000, [])
    times_s = np.concatenate([np.arange(100) / 100 + at for at in (0, 1.234, 2.507)])
    path.write_text("time_s,power_w\n" + "\n".join(f"{at:.4f},0.01" for at in times_s) + "\n")
    with open_any(path) as trace:
        assert [gap.count for gap in trace.gaps] == [23, 28]


def test_a_rate_that_its_times_contradict_is_refused(tmp_path: Path) -> None:
    """Milliseconds that were told as seconds."""
    path = _write(tmp_path / "a.csv", "", "{ms},{a},3.0,{edge}", 100)
    with pytest.raises(TraceError, match=r"1 samples a second, and --rate says 1000"):
        open_any(path, columns="t,i,v,edge", rate_hz=1000.0)


def test_an_edge_in_a_gap_is_as_uncertain_as_the_gap(tmp_path: Path) -> None:
    """It fell anywhere between the samples that are there."""
    path = tmp_path / "a.csv"
    rows = [f"{k / 1e3:.3f},0.01,{int(k < 500)}" for k in range(1000) if not 450 <= k < 550]
    path.write_text("time_s,power_w,d0\n" + "\n".join(rows) + "\n")
    with open_any(path) as trace:
        (edge,) = trace.edges
    assert edge.time_s == pytest.approx(0.5)
    assert edge.uncertainty_s == pytest.approx(0.051)


@pytest.mark.parametrize(
    ("levels", "falls"),
    [
        ("1100", [(1, 2)]),
        ("0011", []),
        ("1X11", [(1, 1)]),
        ("1XX1", [(1, 1)]),
        ("1X00", [(1, 1)]),
        ("0X11", []),
        ("0X00", [(1, 1)]),
        ("1XXX1", [(1, 1), (2, 2), (3, 3)]),
        ("1--0", [(0, 3)]),
        ("1--1", []),
        ("X1X", [(0, 0), (2, 2)]),
        ("----", []),
    ],
)
def test_a_level_falls_where_it_can_only_have_fallen(
    levels: str, falls: list[tuple[int, int]]
) -> None:
    """X: both within the sample; -: nobody knows. However it is cut into pieces."""
    codes = np.array(["01X-".index(level) for level in levels], np.int8)
    for cut in range(len(codes)):
        found = Levels()
        found.add(0, codes[:cut])
        found.add(cut, codes[cut:])
        assert found.falls() == [Fall(*fall) for fall in falls], cut
        assert found.sampled == (levels != "----")


def test_a_rate_is_told_in_any_unit() -> None:
    """Of those that people write."""
    for text, rate_hz in (("2MHz", 2e6), ("100k", 1e5), ("5000", 5e3), ("1.5 kS/s", 1500.0)):
        assert parse_rate_hz(text) == rate_hz
    for text in ("", "-1", "0", "fast", "1e999", "2 GHz"):
        with pytest.raises(UsageError, match="give a number above 0"):
            parse_rate_hz(text)


def test_columns_that_are_none_are_refused(tmp_path: Path) -> None:
    """Each by its name."""
    path = _write(tmp_path / "a.csv", "", "{t},{a}", 10)
    for columns, name in (("t,amps", "amps"), ("x,i", "x")):
        with pytest.raises(UsageError, match=f"'{name}' is no column"):
            open_any(path, columns=columns)


def _session(path: Path, *, raw: bytes | None = None, **metadata: object) -> Path:
    samples = np.zeros(4000, SAMPLE)
    samples["current_ua"] = [_current(k) * 1e6 for k in range(4000)]
    samples["bits"] = [0x5557 if k in FALLS else 0x5556 for k in range(4000)]
    told = {"metadata": {"samplesPerSecond": 1000, **metadata}, "formatVersion": 2}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("session.raw", samples.tobytes() if raw is None else raw)
        archive.writestr("metadata.json", json.dumps(told))
    return path


def test_a_saved_session_of_the_power_profiler_is_read(tmp_path: Path) -> None:
    """Two bits an input; its start in milliseconds since 1970."""
    path = _session(tmp_path / "a.ppk2", startSystemTime=1718000000000)
    assert _is_right(_found(path, voltage_v=3.0))
    with open_any(tmp_path) as trace:
        assert trace.head.start == "2024-06-10T06:13:20+00:00"


def test_a_session_that_is_damaged_or_a_bomb_is_refused(tmp_path: Path) -> None:
    """Whatever its archive claims; nothing is unpacked beyond a limit."""
    path = tmp_path / "a.ppk2"
    for raw in (bytes(7), bytes(3), b""):
        with pytest.raises(TraceError, match="cut short"):
            open_any(_session(path, raw=raw))
    with pytest.raises(TraceError, match="says no rate"):
        open_any(_session(path, samplesPerSecond=0))
    whole = bytearray(_session(path).read_bytes())
    at = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"PK\x01\x02"))
    whole[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(whole)
    with pytest.raises(TraceError, match="is to have 4294967280 bytes, more than"):
        open_any(path)
    whole = bytearray(_session(path).read_bytes())
    for place in range(40, len(whole), 97):
        damaged = whole.copy()
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            found = _found(path, voltage_v=3.0)
        except (TraceError, UsageError) as error:
            assert str(error)
            continue
        assert not found.valid or _is_right(found)
    path.write_bytes(b"no archive")
    with pytest.raises(TraceError, match="no session of the Power Profiler"):
        open_any(path)


def _log(path: Path, *, start_ms: int = 0, words: bool = True, lost: range = range(0)) -> Path:
    lines = ["", "PowerShield > ack freq 1k", "PowerShield > ack volt get 3000-03"] if words else []
    for k in range(4000):
        if k % 1000 == 0:
            ms = start_ms + k
            lines.append(f"TimeStamp: {ms // 1000:03d}s {ms % 1000:03d}ms, buff 00%")
        if k not in lost:
            lines.append(
                "\0" * (k == 7) + f"{_current(k) * 1e6:04.0f}-06"[-7:].replace("12000-06", "")
            )
            if k in FALLS:
                lines.append(f"event {FALLS.index(k):02d} ris")
    text = "\r\n".join(line.replace("2000-06", "1200-05") for line in lines)
    path.write_text(text + "\r\nend\r\n")
    return path


@pytest.mark.parametrize("start_ms", [0, 1, 123_456])
def test_a_log_of_an_lpm01a_is_read(tmp_path: Path, start_ms: int) -> None:
    """Whenever it began; the rate by its words, or by its time stamps."""
    assert _is_right_log(_found(_log(tmp_path / "a.txt", start_ms=start_ms)))
    path = _log(tmp_path / "b.log", start_ms=start_ms, words=False)
    assert _is_right_log(_found(path, voltage_v=3.0))


def _is_right_log(found: Analysis) -> bool:
    assert found.median_j is not None
    assert found.uncertainty_j is not None
    assert found.not_stated == []
    return found.valid and abs(found.median_j - EACH_J) <= found.uncertainty_j


def test_samples_that_a_log_lacks_are_lost(tmp_path: Path) -> None:
    """Its time stamps count them."""
    found = _found(_log(tmp_path / "a.txt", lost=range(1500, 1600)))
    assert not found.valid
    assert "are lost" in found.windows[0].faults[0]


def test_an_export_of_ours_states_the_uncertainty_of_its_trace(tmp_path: Path) -> None:
    """Accuracy, marks and iterations are in it; the edges are known to a sample only."""
    states = Accuracy(gain=0.02, offset_a=1e-7, voltage=0.01, clock_ppm=50.0)
    head = TraceHead(
        rate_hz=1000.0, unit="A", monitor="lpm01a", voltage_v=VOLTAGE_V, accuracy=states
    )
    samples = np.array([_current(k) for k in range(4000)], np.float32)
    edges = [Edge((at + 0.5) / 1e3, None, 0.5e-3) for at in FALLS]
    trace = memory_trace(head, samples, edges=edges, infers=[Infer(10), Infer(10)])
    before = analyse(trace)
    export(trace, "csv", tmp_path / "a.csv")
    with open_any(tmp_path / "a.csv") as again:
        after = analyse(again)
    assert before.uncertainty_j is not None
    assert after.uncertainty_j == pytest.approx(before.uncertainty_j, rel=1e-6)
    assert after.median_j == pytest.approx(before.median_j)
    assert after.not_stated == []


def test_windows_by_hand_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As often as there are, with edges or without, side by side; never an MLPerf result."""
    path = _write(tmp_path / "a.csv", "time_s,current_a,voltage_v", "{t},{a},3.0")
    words = ["energy", "analyse", str(path), "--iterations", "10"]
    assert main([*words, "--window", "1:2", "--window", "2.5:3.5", "--json"]) == 1
    whole = json.loads(capsys.readouterr().out)
    assert (whole["windows_by"], whole["mlperf"], whole["threshold"]) == ("hand", False, None)
    assert whole["against_rules"] == [
        "its windows are by hand, not by the timing pin: never an MLPerf result"
    ]
    document = whole["tinybench"]
    assert document["valid"]
    assert document["median_j"] == pytest.approx(EACH_J, rel=1e-3)
    assert document["terms_j"]["gain"] is None
    for window in ("2:1", "x", "1", "-1:2", "1:inf"):
        assert main([*words, f"--window={window}"]) == 2
        assert "give FROM:TO" in capsys.readouterr().err
    assert main([*words, "--window", "1:1.5", "--window", "1.5:2"]) == 1
    shown = capsys.readouterr().out
    assert "median of 2 windows: 1800." in shown
    assert "sound (windows are by hand, not by the timing pin: never an MLPerf result)" in shown
    assert main([*words, "--window", "1:2", "--window", "2.5:3"]) == 1
    assert "windows by hand do not hold that many inferences each" in capsys.readouterr().out
    path = _write(tmp_path / "b.csv", "time_s,power_w,edge", "{t},{w},{edge}")
    assert main(["energy", "analyse", str(path), "--window", "1:2", "--json"]) == 1
    whole = json.loads(capsys.readouterr().out)
    assert (whole["windows_by"], len(whole["tinybench"]["windows"])) == ("hand", 1)
    assert main(["energy", "analyse", str(path), "--rate", "fast"]) == 2


def test_an_input_that_was_not_sampled_is_named_so(tmp_path: Path) -> None:
    """`-` in the export of a PPK2; another one, or its only one, is what to ask for."""
    path = tmp_path / "dash.csv"
    path.write_text("Timestamp(ms),Current(uA),D0-D7\n0,5,1-------\n1,5,0-------\n2,5,1-------\n")
    with open_any(path, channel="d0") as trace:
        assert len(trace.edges) == 1
    with pytest.raises(UsageError, match="the channel 'd1' was not sampled; sampled: d0"):
        open_any(path, channel="d1")
    with pytest.raises(UsageError, match="no channel 'd9'"):
        open_any(path, channel="d9")


def test_a_table_that_ends_within_its_header_is_said_to(tmp_path: Path) -> None:
    """Beside what its beginning lacks: whoever was cut off need not name columns."""
    path = tmp_path / "cut.csv"
    path.write_text("Time", encoding="utf-16")
    with pytest.raises(TraceError, match=r"'time' has no unit.*the file ends there, without a sam"):
        open_any(path)
