"""A streaming run in the tree of a submission: the lines of the checker, and an audit of it."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.runner.results.a_result import good_result
from tinybench.datasets.wake.embedded import read_recording
from tinybench.errors import UsageError
from tinybench.runner.audit.audit import audit
from tinybench.runner.results.result import InputsUsed, Result, write_result
from tinybench.runner.results.stream import PERIOD_S, Streamed
from tinybench.runner.results.stream.score import score
from tinybench.runner.submission import stream as files
from tinybench.runner.submission.logs import Marks
from tinybench.runner.submission.tree import submit

LINES = {
    "throughput": re.compile(r"Estimated throughput: ([\d.]+) inf\./sec\."),
    "accuracy": re.compile(
        r"Accuracy: (\d+) True positives, (\d+) False negatives, (\d+) False positives"
    ),
    "duty": re.compile(r"Average duty cycle: ([\d.]+)"),
}
"""What the public checker reads. Ref: mlcommons/tiny, submission_checker.py, version v1.3."""
YES, NO = "0.996,0.000,0.003", "0.000,0.996,0.003"


@pytest.fixture(scope="module")
def result() -> Result:
    """A run on a board with the official recording: one word missed, one false alarm."""
    words_s = [(round(start_s, 3), round(end_s, 3)) for start_s, end_s in _windows()]
    hits = {round((end_s + 0.1) / PERIOD_S) for _, end_s in words_s[:-1]} | {30_000}
    heard = Streamed(
        recording="long_wav.wav",
        sound_sha256="0" * 64,
        samples=1200 * 16_000,
        words_s=words_s,
        loudness=[],
        results=[YES if frame in hits else NO for frame in range(37_500)],
        device_us=[17_887 + frame % 3 for frame in range(37_500)],
        counted=37_500,
        outside=0,
        begun=1,
    )
    found = score(heard, whole=False, wraps=False, cycles=None, instruction_ns=0, currents=None)
    return good_result(
        task="sww",
        model_id="sww01",
        mode="stream",
        emulated=False,
        time_base="clock of the board",
        inputs=InputsUsed("sww01", "official recording", "0" * 64, 1),
        accuracy=None,
        performance=None,
        vips=None,
        vops=None,
        stream=found,
    )


def _windows() -> tuple[tuple[float, float], ...]:
    return read_recording("long").windows_s


def test_its_tree_has_what_the_checker_reads(result: Result, tmp_path: Path) -> None:
    """Three lines, with the runner's score; an audit computes each figure again, to the digit."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_result(folder, result)
    (tmp_path / "desk.toml").write_text('Status = "preview"\n')
    made = submit(
        [folder], submitter="Me", system=tmp_path / "desk.toml", division="closed",
        out=tmp_path / "tree",
    )  # fmt: skip
    assert made.refused == []
    (mode,) = (tmp_path / "tree" / "closed" / "Me" / "results" / "desk" / "sww").iterdir()
    assert mode.name == "performance"
    assert {path.name for path in mode.iterdir()} == {"log.txt", "results.txt", "results.json"}
    text = (mode / "results.txt").read_text()
    counts = LINES["accuracy"].search(text)
    assert counts is not None
    assert tuple(map(int, counts.groups())) == (49, 1, 1)
    rate, duty = (LINES[name].search(text) for name in ("throughput", "duty"))
    assert (rate and rate[1], duty and duty[1]) == ("55.90", "0.55900")
    (entry,) = json.loads((mode / "results.json").read_text())
    assert len(entry["dutycycle"]["start_times_s"]) == len(entry["activations"]) == 37_500
    found = audit(tmp_path / "tree", cache=tmp_path / "cache")
    assert (found.reproduced, found.differing, found.not_recomputable) == (4, 0, 0)
    assert [run.violations for run in found.runs] == [[]]


def test_what_is_no_result_is_not_handed_in(result: Result, tmp_path: Path) -> None:
    """Lost audio, and a recording of two minutes, in no division; an emulated run without time."""
    assert result.stream is not None
    (tmp_path / "desk.toml").write_text('Status = "preview"\n')
    for name, changed, rule in (
        ("lost", {"counted": 37_499}, "stream-heard"),
        ("short", {"length_s": 120.0}, "stream-recording"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write_result(folder, replace(result, stream=replace(result.stream, **changed)))
        made = submit(
            [folder], submitter="Me", system=tmp_path / "desk.toml", division="open",
            out=tmp_path / "tree",
        )  # fmt: skip
        assert rule in [one.rule for one in made.refused]
    emulated = replace(result, emulated=True, no_cycles="no plugin")
    with pytest.raises(UsageError, match="no times to hand in: no plugin"):
        files.performance(emulated, result.stream, Marks("", ""))
