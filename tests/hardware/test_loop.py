"""Recording and replaying boards, proved on the real firmware as a process behind a real port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.hardware import loop
from tests.link.paced_line import paced_line
from tinybench.errors import TransportError

PROFILE = """\
name = "short"
title = "Short windows, for tests"
source = "none"
window_min_s = 1.2
"""


@pytest.fixture
def port(line: Path, firmware: str) -> Iterator[str]:
    """The port of a board that holds it."""
    with paced_line(line, [firmware]) as path:
        yield path


def test_a_recorded_board_gives_the_same_result_when_it_is_gone(
    line: Path, firmware: str, tmp_path: Path
) -> None:
    """Named in a bench file, measured, recorded, unplugged, replayed: to the last microsecond."""
    bench, profile = tmp_path / "bench.toml", tmp_path / "short.toml"
    profile.write_text(PROFILE)
    with paced_line(line, [firmware]) as path:
        bench.write_text(f'[boards.left]\nboard = "serial"\nport = "{path}"\n')
        assert loop.boards(bench, tmp_path) == ["left"]
        assert loop.port_of("left", bench) == path
        measured = loop.measure(path, tmp_path / "run", profile=str(profile), limit=3)
    loop.record(tmp_path / "run", tmp_path / "recorded" / "left")
    assert loop.port_of("left", bench) is None
    assert loop.boards(None, tmp_path / "recorded") == ["left"]
    replayed = loop.replay(tmp_path / "recorded" / "left", tmp_path / "again")
    assert loop.compared(replayed) == loop.compared(measured)
    assert measured.accuracy is not None
    assert (measured.accuracy.count, measured.task, measured.complete) == (3, "kws", True)
    assert measured.performance is not None
    assert len(measured.performance.windows) == 5


def test_a_record_that_was_changed_is_not_replayed(port: str, tmp_path: Path) -> None:
    """Another answer in the transcript is another result; a missing command is an error."""
    loop.measure(port, tmp_path / "run", mode="accuracy", limit=2)
    record = tmp_path / "left"
    loop.record(tmp_path / "run", record)
    transcript = record / "transcript.jsonl"
    lines = transcript.read_text().splitlines(keepends=True)
    sent = [number for number, text in enumerate(lines) if '"to": "dut"' in text]
    missing = sent[len(sent) // 2]
    transcript.write_text("".join(lines[:missing] + lines[missing + 1 :]))
    with pytest.raises(TransportError, match=r"where the runner sends|has ended"):
        loop.replay(record, tmp_path / "again")


def test_without_board_and_record_the_hardware_tests_skip_with_the_reason(tmp_path: Path) -> None:
    """They are deselected unless asked for."""
    command = [sys.executable, "-m", "pytest", "tests/hardware", "-p", "no:cacheprovider"]
    for words, expected in (
        ([], "deselected"),
        (["-m", "hardware"], "no board and no record of one: no board: name one in bench.toml"),
    ):
        done = subprocess.run(
            [*command, *words, "--collect-only" if not words else "-q"],
            cwd=ROOT,
            env=os.environ | {"CI": "", "TINYBENCH_RECORDED": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert expected in done.stdout
    assert done.returncode == 0
