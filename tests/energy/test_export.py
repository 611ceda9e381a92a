"""Traces for other programs: each file is what its format says, and holds the same numbers."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from tinybench import extras
from tinybench.energy.analysis import analyse
from tinybench.energy.examine import told
from tinybench.energy.export import FORMATS, PERFETTO_POINTS, export
from tinybench.energy.importers import open_any
from tinybench.energy.trace import (
    Chunk,
    Edge,
    Trace,
    TraceHead,
    TraceWriter,
    memory_trace,
    open_trace,
)
from tinybench.errors import TraceError
from tinybench.runner.cli import main

COUNT = 150_000
EDGES = (1000, 20_000, 60_000, 80_000, 120_000)


def _trace(*, voltage: bool = True, modelled: bool = False) -> Trace:
    current_a = np.random.default_rng(5).random(COUNT, np.float32) * np.float32(0.02)
    current_a[100_000] = np.nan
    voltage_v = np.linspace(3.3, 3.2, COUNT, dtype=np.float32)
    return memory_trace(
        TraceHead(
            rate_hz=1e4,
            unit="A",
            monitor="JS220",
            serial="7",
            voltage_v=None if voltage else 3.0,
            voltage_measured=voltage,
            modelled=modelled,
            note="two\nlines",
        ),
        current_a,
        voltage_v if voltage else None,
        edges=[Edge((at + 0.5) / 1e4) for at in EDGES],
    )


def _all(trace: Trace) -> tuple[np.ndarray, np.ndarray | None]:
    return trace.read(0, trace.count)


@pytest.mark.parametrize("voltage", [True, False])
def test_csv_reads_back_to_the_bit(tmp_path: Path, voltage: bool) -> None:
    """Through our own importer: the samples, the lost one, the edges and the energy."""
    trace = _trace(voltage=voltage)
    export(trace, "csv", tmp_path / "a.csv")
    with open_any(tmp_path / "a.csv", voltage_v=None if voltage else 3.0) as back:
        assert back.head.rate_hz == pytest.approx(1e4)
        for one, other in zip(_all(back), _all(trace), strict=True):
            if one is not None and other is not None:
                assert np.array_equal(one, other, equal_nan=True)
        assert [edge.time_s for edge in back.edges] == pytest.approx(
            [edge.time_s for edge in trace.edges]
        )
        assert analyse(back).median_j == pytest.approx(analyse(trace).median_j, rel=1e-6)


def test_parquet_holds_the_same_numbers(tmp_path: Path) -> None:
    """Typed columns, and what the trace says of itself."""
    trace = _trace()
    export(trace, "parquet", tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["time_s", "current_a", "voltage_v", "edge"]
    samples, voltage_v = _all(trace)
    assert np.array_equal(table["current_a"].to_numpy(), samples, equal_nan=True)
    assert voltage_v is not None
    assert np.array_equal(table["voltage_v"].to_numpy(), voltage_v)
    assert np.flatnonzero(table["edge"].to_numpy()).tolist() == list(EDGES)
    assert json.loads(table.schema.metadata[b"tinybench"])["serial"] == "7"


def test_a_sigrok_session_holds_the_same_numbers(tmp_path: Path) -> None:
    """Version 2: one logic channel and two of floats, of successive files."""
    trace = _trace()
    export(trace, "sr", tmp_path / "a.sr")
    with zipfile.ZipFile(tmp_path / "a.sr") as archive:
        assert archive.testzip() is None
        assert archive.read("version") == b"2"
        metadata = archive.read("metadata").decode()
        for line in ("total probes=1", "total analog=2", "samplerate=10000", "analog2=current"):
            assert line in metadata
        logic = np.frombuffer(archive.read("logic-1-1"), np.uint8)
        current_a = np.frombuffer(archive.read("analog-1-2-1"), "<f4")
    assert np.flatnonzero(logic).tolist() == list(EDGES)
    assert np.array_equal(current_a, _all(trace)[0], equal_nan=True)


@pytest.mark.skipif(shutil.which("sigrok-cli") is None, reason="sigrok-cli is not installed")
def test_sigrok_itself_opens_the_session(tmp_path: Path) -> None:
    """The real program names the channels and counts the samples."""
    export(_trace(), "sr", tmp_path / "a.sr")
    command = ["sigrok-cli", "-i", str(tmp_path / "a.sr"), "--show"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "timing pin: logic" in shown
    assert "current: analog" in shown
    assert f"Analog sample count: {COUNT}" in shown


def test_perfetto_gets_counters_and_edges(tmp_path: Path) -> None:
    """As many points as a screen shows; no NaN, which JSON does not know; modelled is said."""
    export(_trace(modelled=True), "perfetto", tmp_path / "a.json")
    events = json.loads((tmp_path / "a.json").read_text())["traceEvents"]
    counters = [event for event in events if event["ph"] == "C"]
    assert 0 < len(counters) <= 2 * PERFETTO_POINTS
    assert {event["name"] for event in counters} == {
        "current, mean (modelled)",
        "current, max (modelled)",
    }
    assert [event["ts"] for event in events if event["ph"] == "i"] == pytest.approx(
        [(at + 0.5) * 100 for at in EDGES]
    )
    assert "modelled: no measurement" in events[0]["args"]["name"]


def test_the_command_writes_beside_the_trace_or_where_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And prints the name of the file; a run folder is as good as the trace in it."""
    trace = _trace()
    with TraceWriter(tmp_path / "trace", trace.head) as writer:
        samples, voltage_v = _all(trace)
        writer.write(Chunk(0, samples, voltage_v, trace.edges))
    for to in FORMATS:
        assert main(["energy", "export", str(tmp_path), "--to", to]) == 0
        written = Path(capsys.readouterr().out.strip())
        assert written.parent == tmp_path
        assert written.stat().st_size > 1000
    out = str(tmp_path / "other.csv")
    assert main(["energy", "export", str(tmp_path / "trace.jls"), "--to", "csv", "-o", out]) == 0
    assert Path(out).read_bytes() == (tmp_path / "trace.csv").read_bytes()


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No half file; the trace itself is never overwritten."""
    with pytest.raises(TraceError, match="cannot write"):
        export(_trace(), "csv", tmp_path / "none" / "a.csv")
    path = tmp_path / "a.csv"
    export(_trace(), "csv", path)
    before = path.read_bytes()
    assert main(["energy", "export", str(path), "--to", "csv"]) == 2
    assert "is the trace itself" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parquet and pictures are extras."""
    export(_trace(), "csv", tmp_path / "a.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert main(["energy", "export", str(tmp_path / "a.csv"), "--to", "parquet"]) == 2
    assert extras.command("parquet") in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    pictures = str(tmp_path / "pictures")
    assert main(["energy", "analyse", str(tmp_path / "a.csv"), "--to", "png", "-o", pictures]) == 2
    assert extras.command("energy") in capsys.readouterr().err


def test_pictures_are_drawn_of_every_window(tmp_path: Path) -> None:
    """As the public runner names them, and all side by side; an invalid window says so."""
    from tinybench.energy.pictures import draw, envelope

    trace = told(_trace(modelled=True), 100, None, None)
    found = analyse(trace)
    names = [path.name for path in draw(trace, found, tmp_path)]
    assert names == ["energy_inf_000.png", "energy_inf_001.png", "energy_windows.png"]
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    _, low, mean, high = envelope(trace, 9.0, 11.0)
    there = np.isfinite(mean)
    assert (low[there] <= mean[there]).all()
    assert (mean[there] <= high[there]).all()
    assert high[there].max() <= 0.02 * 3.3 + 1e-6
    nothing = analyse(memory_trace(trace.head, np.zeros(10), np.zeros(10)))
    assert draw(trace, nothing, tmp_path) == []


def test_a_stored_trace_is_exported_piece_by_piece(tmp_path: Path) -> None:
    """Chunks of a file give the same as the whole in memory."""
    trace = _trace()
    with TraceWriter(tmp_path / "trace", trace.head) as writer:
        samples, voltage_v = _all(trace)
        writer.write(Chunk(0, samples, voltage_v, trace.edges))
    with open_trace(tmp_path) as stored:
        export(stored, "sr", tmp_path / "stored.sr")
    export(trace, "sr", tmp_path / "memory.sr")
    with (
        zipfile.ZipFile(tmp_path / "stored.sr") as one,
        zipfile.ZipFile(tmp_path / "memory.sr") as other,
    ):
        assert one.namelist() == other.namelist()
        assert all(one.read(name) == other.read(name) for name in one.namelist())
