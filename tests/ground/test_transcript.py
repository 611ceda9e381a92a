"""Transcripts: read as a stream, compressed when long, whole after any kill."""

import gzip
import json
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinybench.errors import RunFolderError
from tinybench.files import open_lines
from tinybench.transport import transcript
from tinybench.transport.transcript import entries, pack, read_lines, transcripts, unpack


def _line(number: int) -> bytes:
    return json.dumps({"t_s": number, "to": "host", "hex": f"{number:06x}" * 200}).encode() + b"\n"


def _long(folder: Path, name: str = "transcript.jsonl") -> bytes:
    data = b"".join(map(_line, range(transcript.LONG_B // 1200)))
    (folder / name).write_bytes(data)
    assert len(data) > transcript.LONG_B
    return data


def test_a_long_transcript_is_compressed_and_zcat_reads_it(tmp_path: Path) -> None:
    """A short one stays text; the order of the boards' transcripts stays, too."""
    data = _long(tmp_path)
    (tmp_path / "transcript-1.jsonl").write_bytes(_line(1))
    pack(tmp_path)
    names = ["transcript-1.jsonl", "transcript.jsonl.gz"]
    assert [path.name for path in transcripts(tmp_path)] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    packed = tmp_path / "transcript.jsonl.gz"
    assert packed.stat().st_size < len(data) / 10
    assert subprocess.run(["zcat", str(packed)], capture_output=True, check=True).stdout == data
    first = packed.read_bytes()
    unpack(tmp_path)
    assert (tmp_path / "transcript.jsonl").read_bytes() == data
    assert not packed.exists()
    pack(tmp_path)
    assert packed.read_bytes() == first  # the same bytes whenever it is done


def test_a_kill_while_compressing_loses_nothing(tmp_path: Path) -> None:
    """With both there the text counts, which is whole; what was half written is no transcript."""
    data = _long(tmp_path)
    (tmp_path / "transcript.jsonl.gz").write_bytes(gzip.compress(data)[:5000])
    (tmp_path / "transcript.jsonl.gz.partial").write_bytes(b"half")
    assert transcripts(tmp_path) == [tmp_path / "transcript.jsonl"]
    pack(tmp_path)
    assert transcripts(tmp_path) == [tmp_path / "transcript.jsonl.gz"]
    assert b"".join(read_lines(tmp_path / "transcript.jsonl.gz")) == data


def test_reading_holds_a_line_at_a_time(tmp_path: Path) -> None:
    """Nine megabytes of transcript, packed or not, in less than two of memory."""
    _long(tmp_path)
    for path in (tmp_path / "transcript.jsonl", tmp_path / "transcript.jsonl.gz"):
        tracemalloc.start()
        count = sum(1 for _ in entries(path))
        peak_b = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == transcript.LONG_B // 1200
        assert peak_b < 2 << 20
        pack(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("transcript.jsonl", b"x" * (5 << 20), "no transcript is so long"),
        ("transcript.jsonl.gz", gzip.compress(bytes(64 << 20)), "no transcript is so long"),
        ("transcript.jsonl.gz", gzip.compress(_line(1))[:-9], "cannot read the transcript"),
        ("transcript.jsonl.gz", b"\x1f\x8bno gzip", "cannot read the transcript"),
        ("transcript.jsonl", b'{"to": "host"}\n', r"transcript\.jsonl:1: not a transcript entry"),
    ],
    ids=["endless", "bomb", "short", "no-gzip", "no-entry"],
)
def test_what_is_no_transcript_is_refused_by_its_name(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    """A line without end, a bomb, a file cut short, no gzip, no entry."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RunFolderError, match=words):
        list(entries(tmp_path / name))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, packed: bool) -> None:
    """Never another error than ours."""
    path = tmp_path / ("transcript.jsonl.gz" if packed else "transcript.jsonl")
    path.write_bytes(data)
    try:
        assert all(len(entry) == 3 for entry in entries(path))
    except RunFolderError as error:
        assert path.name in str(error)


@pytest.mark.parametrize("before_b", [0, 10, (1 << 16) - 1, 1 << 16, 200_000])
@pytest.mark.parametrize("half_b", [0, 1, 1 << 16, 150_000])
def test_what_was_not_finished_is_cut_off(tmp_path: Path, before_b: int, half_b: int) -> None:
    """However long the whole lines are, and the half one behind them."""
    path = tmp_path / "lines"
    whole = b"a" * before_b + b"\n"
    path.write_bytes(whole + b"b" * half_b)
    with open_lines(path) as file:
        file.write(b"next\n")
    assert path.read_bytes() == whole + b"next\n"
    path.write_bytes(b"c" * half_b)
    open_lines(path).close()
    assert path.read_bytes() == b""
