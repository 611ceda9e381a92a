"""What was heard of a stream, as files have it, and its score on the command line."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.errors import UsageError
from tinybench.runner.cli import main
from tinybench.runner.streaming.heard import read_heard
from tinybench.runner.streaming.summary import summarise
from tinybench.runner.streaming.verdict import judge

OUTPUTS = [[-128, 127]] * 100 + [[120, -128]] * 5 + [[-100, 100]] * 200
WORDS = [{"wav_file": "a.wav", "detection_windows": [[2.6, 3.1], [8.0, 8.5]], "length_sec": 9.76}]


def test_the_outputs_of_all_frames_are_detections() -> None:
    """Of the threshold that they were heard with; the first frame marks the beginning."""
    found = read_heard(json.dumps({"activations": OUTPUTS, "board": "host"}).encode(), "x")
    assert found.detections_ms == (0, 3200, 3232, 3264, 3296, 3328)
    assert not found.drifts
    raw = json.dumps({"activations": OUTPUTS, "threshold": -101}).encode()
    assert len(read_heard(raw, "x").detections_ms) == 206


def test_a_list_and_a_published_result_are_detections() -> None:
    """In ms, by another clock than that of the audio."""
    assert read_heard(b"[60, 3200.5]", "x").detections_ms == (60, 3200.5)
    infer = {"detections": [60, 900], "detection_windows": [[0.5, 0.8]], "length_sec": 10}
    found = read_heard(json.dumps([{"infer": infer, "dutycycle": {"period": 0.03}}]).encode(), "x")
    assert (found.windows_s, found.length_s, found.period_s) == (((0.5, 0.8),), 10, 0.03)
    assert found.drifts


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"null", b"[[1]]", b'{"activations": [[]]}', b'{"activations": [[200]]}',
     b"[-1]", b'["a"]', b'[{"infer": {}}]', b"[NaN]", b'{"activations": 3}'],
)  # fmt: skip
def test_another_file_is_refused_by_name(raw: bytes) -> None:
    """The message says what is wanted."""
    with pytest.raises(UsageError, match=r"^x\.json: .*wanted what 'tinybench listen --json'"):
        read_heard(raw, "x.json")


@settings(max_examples=60)
@given(
    st.binary(max_size=60) | st.text(alphabet='[]{}",:0123456789.-infer detcons').map(str.encode)
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Never another error."""
    with contextlib.suppress(UsageError):
        read_heard(raw, "x")


def test_a_summary_has_every_reading() -> None:
    """Missed words, alarms and latencies are those without the drift."""
    words = [(10.0 + 12 * n, 10.6 + 12 * n) for n in range(40)]
    late = [50, *(round(50 + (at + 0.9) * 1002) for _, at in words[:-1]), 1_100_000]
    judged = judge([*map(float, late)], words, length_s=1200)
    found = summarise(judged, words)
    assert [one.passes for one in found.readings] == [False, True, True, True]
    assert (found.missed_s, len(found.false_s)) == ([478.0], 1)
    assert found.latency_s(0.5) == pytest.approx(0.9, abs=0.01)
    assert summarise(judge([], words), words).latency_s(0.5) is None
    assert found.curve == []


def test_the_command_scores_what_a_board_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0 within the limits, 1 where they are broken or the stream is doubtful."""
    (tmp_path / "heard.json").write_text(json.dumps({"activations": OUTPUTS}))
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    argv = ["score", str(tmp_path / "heard.json"), "--words", str(tmp_path / "words.json")]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "1 of 2 words found, 0 false alarms, F1 0.667: within the limits" in said
    assert "missed at     8.0 s" in said
    assert "latency       +0.100 s" in said
    assert said.rstrip().splitlines()[-1].split() == ["126", "2", "0"]
    assert main([*argv, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["readings"][0]["found"] == 1
    assert {"threshold": 120, "missed": 2, "false": 0} in document["curve"]
    (tmp_path / "heard.json").write_text("[5000, 8100]")
    assert main(argv) == 1
    said = capsys.readouterr().out
    assert "no result" in said
    assert "doubtful: the first pulse came after 5.000 s" in said


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words, and a file that is not there."""
    (tmp_path / "heard.json").write_text("[60]")
    assert main(["score", str(tmp_path / "heard.json")]) == 2
    assert "give the list with --words" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_a_published_run_is_scored_as_it_was(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the code 44/6/4, by the rules' text 38/12/28, and 44/6/4 without the drift."""
    run = "v1.3/closed/STMicroelectronics/results/NUCLEO_U575ZI_Q/sww/performance/results.json"
    assert main(["score", str(shared_data / "streaming/published" / run)]) == 0
    said = capsys.readouterr().out
    assert "44 of 50 words found, 4 false alarms, F1 0.898: within the limits" in said
    assert "readings disagree: the limits are kept by TP 44 FN 6 FP 4 until 2 s" in said
    assert "broken by TP 38 FN 12 FP 28 until 1 s" in said
    assert "missed at     127.9, 198.5, 254.2, 335.7, 441.3, 570.0 s" in said
