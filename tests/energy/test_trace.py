"""Stored traces: what is written is read, and what is damaged says so."""

import resource
import signal
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinybench.energy.analysis import analyse
from tinybench.energy.trace import (
    Accuracy,
    Chunk,
    Edge,
    Gap,
    Infer,
    TraceHead,
    TraceWriter,
    memory_trace,
    open_trace,
)
from tinybench.errors import TraceError
from tinybench.runner.report.live.recording import Recording

HEAD = TraceHead(
    rate_hz=1000.0,
    unit="A",
    start="2026-03-01T10:00:00+00:00",
    monitor="LPM01A",
    serial="123",
    firmware="1.0.6",
    voltage_v=3.0,
    accuracy=Accuracy(gain=0.02, offset_a=1e-7, quantisation=1 / 512),
)


def _ramp(count: int) -> np.ndarray:
    return np.linspace(1e-3, 2e-2, count, dtype=np.float32)


def _stored(path: Path, head: TraceHead = HEAD, count: int = 200_000) -> Path:
    with TraceWriter(path, head) as writer:
        voltage = np.full(count, 3.0, np.float32) if head.voltage_measured else None
        writer.write(Chunk(0, _ramp(count), voltage, [Edge(0.5, True, 5e-4)]))
        writer.infer(Infer(100, "a.bin", dut_s=1.0, host_s=1.1))
    return writer.path


def test_a_stored_trace_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Samples to the bit, and the head, edges and infers as they were."""
    path = _stored(tmp_path / "trace")
    for name in (path, path.with_suffix(".json"), tmp_path):
        with open_trace(name) as trace:
            assert trace.head == HEAD
            assert (trace.count, trace.complete, list(trace.gaps)) == (200_000, True, [])
            assert list(trace.edges) == [Edge(0.5, True, 5e-4)]
            assert list(trace.infers) == [Infer(100, "a.bin", dut_s=1.0, host_s=1.1)]
            chunks = list(trace.chunks(10, 150_000))
            assert [chunk.start_index for chunk in chunks] == [10, 65546, 131082]
            samples = np.concatenate([chunk.samples for chunk in chunks])
            assert np.array_equal(samples, _ramp(200_000)[10:150_000])


def test_each_sample_may_have_its_own_voltage(tmp_path: Path) -> None:
    """Current and voltage stay together, at a rate with a fraction, and of a modelled trace."""
    head = TraceHead(rate_hz=1000.5, unit="A", voltage_measured=True, modelled=True)
    with open_trace(_stored(tmp_path / "trace", head)) as trace:
        (chunk,) = trace.chunks(0, 10)
        assert chunk.voltage_v is not None
        assert np.array_equal(chunk.voltage_v, np.full(10, 3.0))
        assert trace.head.modelled
        assert trace.head.rate_hz == 1000.5


def test_a_jump_of_the_sample_index_is_a_gap_of_nans(tmp_path: Path) -> None:
    """Lost samples are listed, and never read back as numbers; a declared gap counts once."""
    with TraceWriter(tmp_path / "trace.jls", HEAD) as writer:
        writer.write(Chunk(0, _ramp(1000)))
        writer.write(Chunk(1500, _ramp(100)))
        writer.write(Chunk(200_000, _ramp(100), gaps=[Gap(1600, 198_400)]))
    with open_trace(writer.path) as trace:
        assert list(trace.gaps) == [Gap(1000, 500), Gap(1600, 198_400)]
        (chunk,) = trace.chunks(999, 1501)
        assert np.isnan(chunk.samples[1:-1]).all()
        assert np.isfinite(chunk.samples[[0, -1]]).all()
        assert trace.count == 200_100


def test_the_samples_may_be_read_by_whoever_may_read_the_rest(tmp_path: Path) -> None:
    """The writer of JLS files keeps its own from others."""
    path = _stored(tmp_path / "trace")
    allowed = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.with_suffix(".json"))]
    assert allowed[0] == allowed[1]


def test_a_trace_in_memory_reads_like_a_stored_one() -> None:
    """Analysis does not know where the samples are."""
    trace = memory_trace(HEAD, _ramp(100), edges=[Edge(0.01)])
    assert [len(chunk.samples) for chunk in trace.chunks(5, 1000, size=50)] == [50, 45]


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        (Chunk(5, _ramp(10)), "after 10 were stored"),
        (Chunk(10, _ramp(10), _ramp(10)), "where the head has none"),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused(tmp_path: Path, chunk: Chunk, words: str) -> None:
    """Samples never overlap, and never lose their voltage."""
    with TraceWriter(tmp_path / "trace", HEAD) as writer:
        writer.write(Chunk(0, _ramp(10)))
        with pytest.raises(TraceError, match=words):
            writer.write(chunk)


def test_currents_and_voltages_of_unequal_number_are_refused(tmp_path: Path) -> None:
    """A lost voltage does not shift the rest."""
    head = TraceHead(rate_hz=10, unit="A", voltage_measured=True)
    writer = TraceWriter(tmp_path / "trace", head)
    with pytest.raises(TraceError, match="10 samples, 9 voltages"):
        writer.write(Chunk(0, _ramp(10), _ramp(9)))
    writer.close()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (TraceHead(rate_hz=1000, unit="V"), "'V': one of A, W, J, uJ is known"),
        (TraceHead(rate_hz=float("nan"), unit="A"), "no rate"),
        (TraceHead(rate_hz=0, unit="A"), "no rate"),
    ],
)
def test_a_head_without_sense_is_refused(tmp_path: Path, head: TraceHead, words: str) -> None:
    """Before anything is recorded under it."""
    with pytest.raises(TraceError, match=words):
        TraceWriter(tmp_path / "trace", head)


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    """Not the library's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError, match="cannot begin the trace"):
        TraceWriter(tmp_path / "file" / "trace", HEAD)


def test_a_full_disk_is_noticed(tmp_path: Path) -> None:
    """The library writes in a thread of its own; what it could not write is missed at the end."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        with pytest.raises(TraceError, match="trace"):
            _stored(tmp_path / "trace", count=1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_recording_that_was_cut_short_says_so(tmp_path: Path) -> None:
    """Its sidecar is on disk from the first edge on; the library repairs the samples."""
    path = _stored(tmp_path / "trace", count=1_000_000)
    path.write_bytes(path.read_bytes()[:2_000_000])
    with open_trace(path) as trace:
        assert not trace.complete
        assert 0 < trace.count < 1_000_000


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not the description of a trace"),
        (b"[1]", "not the description of a trace"),
        (b'{"format": 2}', "update tinybench"),
        (b'{"format": 1, "count": -1}', "not the description of a trace"),
        (
            b'{"format": 1, "complete": true, "count": 10, "head": {"rate_hz": 0, "unit": "A"}, '
            b'"edges": [], "gaps": [], "infers": []}',
            "not the description of a trace",
        ),
        (
            b'{"format": 1, "complete": true, "count": 10, "head": {"rate_hz": 1, "unit": "V"}, '
            b'"edges": [], "gaps": [], "infers": []}',
            "is known",
        ),
    ],
)
def test_a_wrong_sidecar_is_named(tmp_path: Path, raw: bytes, words: str) -> None:
    """The file and what is wrong with it."""
    path = _stored(tmp_path / "trace", count=10)
    path.with_suffix(".json").write_bytes(raw)
    with pytest.raises(TraceError, match=words):
        open_trace(path)


def test_files_that_are_no_trace_are_refused(tmp_path: Path) -> None:
    """No sidecar, no samples, an empty file, another trace's samples."""
    path = _stored(tmp_path / "trace", count=10)
    sidecar = path.with_suffix(".json")
    with pytest.raises(TraceError, match="0 traces"):
        open_trace(tmp_path.parent)
    with pytest.raises(TraceError, match="of one name"):
        open_trace(tmp_path / "other.jls")
    (tmp_path / "other.json").write_bytes(sidecar.read_bytes())
    with pytest.raises(TraceError, match="no such file"):
        open_trace(tmp_path / "other.jls")
    (tmp_path / "other.jls").write_bytes(b"")
    with pytest.raises(TraceError, match="not a JLS file"):
        open_trace(tmp_path / "other.jls")
    power = msgspec.json.decode(sidecar.read_bytes())
    power["head"]["unit"] = "W"
    sidecar.write_bytes(msgspec.json.encode(power))
    with pytest.raises(TraceError, match="no signal 'power'"):
        open_trace(path)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.lists(st.integers(0, 2**31), min_size=1, max_size=20))
def test_damaged_samples_are_refused_or_unchanged(tmp_path: Path, at: list[int]) -> None:
    """Checksums see every flipped byte: no sample is ever a wrong number."""
    path = tmp_path / "trace.jls"
    if not path.exists():
        _stored(path, count=20_000)
        (tmp_path / "good").write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "good").read_bytes())
    for place in at:
        damaged[place % len(damaged)] ^= 0x55
    path.write_bytes(damaged)
    try:
        with open_trace(path) as trace:
            samples = np.concatenate([chunk.samples for chunk in trace.chunks()])
    except TraceError as error:
        assert str(path) in str(error)
    else:
        kept = _ramp(20_000)[: len(samples)]
        assert np.array_equal(samples, kept, equal_nan=True) or not trace.complete
    path.write_bytes((tmp_path / "good").read_bytes())


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 3000), mark=st.sampled_from(b'0159-."e,{}[]nA '))
def test_a_damaged_sidecar_is_refused_or_analysed(tmp_path: Path, at: int, mark: int) -> None:
    """One wrong byte: an error of ours, or an analysis with finite numbers; never a traceback."""
    path = tmp_path / "trace.jls"
    if not path.exists():
        with TraceWriter(path, HEAD) as writer:
            edges = [Edge(at_s, None, 5e-4) for at_s in (0.5, 1.0, 2.0)]
            writer.write(Chunk(0, _ramp(3000), edges=edges))
            writer.infer(Infer(100, "a.bin", 0.6, 2.4, dut_s=1.0, host_s=1.1, host_stop_s=2.1))
        (tmp_path / "good").write_bytes(path.with_suffix(".json").read_bytes())
    damaged = bytearray((tmp_path / "good").read_bytes())
    damaged[at % len(damaged)] = mark
    path.with_suffix(".json").write_bytes(damaged)
    try:
        with open_trace(path) as trace:
            found = analyse(trace)
    except TraceError as error:
        assert str(error)
    else:
        for window in found.windows:
            assert window.energy_j is None or np.isfinite(window.energy_j)


def test_what_a_monitor_sends_after_the_end_is_refused(tmp_path: Path) -> None:
    """One that did not stop in time may still be writing from its thread."""
    with TraceWriter(tmp_path / "trace", HEAD) as writer:
        writer.write(Chunk(0, np.zeros(10, np.float32)))
    with pytest.raises(TraceError, match="after the trace was closed"):
        writer.write(Chunk(10, np.zeros(10, np.float32)))


def test_a_part_of_what_is_seen_live_is_a_trace_of_its_own(tmp_path: Path) -> None:
    """From its first sample on; another part has another name, and none takes that of a file."""
    head = TraceHead(rate_hz=1000.0, unit="A")
    (tmp_path / "a-2.json").write_text("mine")
    with Recording(head, tmp_path / "a.jls") as recording:
        recording.write(Chunk(0, np.full(100, 1e-3)))
        recording.toggle()
        recording.write(Chunk(100, np.full(100, 2e-3)))
        assert (recording.on, recording.words()) == (False, "off")
        recording.toggle()
        edges = [Edge(0.19), Edge(0.25)]
        recording.write(Chunk(200, np.full(100, 3e-3), edges=edges, gaps=[Gap(150, 10)]))
        recording.mark("b")
        assert recording.words() == f"0.1 s in {tmp_path / 'a-3.jls'}"
    assert [path.name for path in recording.files] == ["a.jls", "a-3.jls"]
    assert (tmp_path / "a-2.json").read_text() == "mine"
    with open_trace(tmp_path / "a-3.jls") as trace:
        assert trace.count == 100
        assert [edge.time_s for edge in trace.edges] == [pytest.approx(0.05)]
        assert not trace.gaps
        assert trace.markers[0].time_s == pytest.approx(0.1)


def test_without_a_name_a_recording_has_that_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the folder where one is."""
    monkeypatch.chdir(tmp_path)
    with Recording(TraceHead(rate_hz=1000.0, unit="A"), None) as recording:
        recording.write(Chunk(0, np.full(100, 1e-3)))
        recording.toggle()
        recording.write(Chunk(100, np.full(100, 1e-3)))
    (path,) = recording.files
    assert path.name.startswith("live-")
    with open_trace(path) as trace:
        assert (trace.count, len(trace.gaps)) == (100, 0)


@pytest.mark.parametrize("voltage", [False, True], ids=["alone", "with voltage"])
@pytest.mark.parametrize("count", [81_921, 164_000, 1_640_000, 1_640_959, 1_640_960])
def test_a_short_tail_behind_a_full_summary_is_there(
    count: int, voltage: bool, tmp_path: Path
) -> None:
    """The library sees such a tail only if more comes, and what comes is no sample."""
    samples = np.arange(count, dtype=np.float32)
    head = msgspec.structs.replace(HEAD, voltage_measured=voltage)
    with TraceWriter(tmp_path / "t.jls", head) as writer:
        writer.write(Chunk(0, samples, samples if voltage else None, (), ()))
    with open_trace(tmp_path / "t.jls") as trace:
        assert (trace.count, trace.complete) == (count, True)
        for found in trace.read(count - 3, count)[: 1 + voltage]:
            assert found is not None
            assert found.tolist() == samples[-3:].tolist()
