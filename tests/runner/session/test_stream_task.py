"""The streaming wake word through the command line: run, checked, edited, compared, resumed."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.models.streaming import wake_word
from tests.models.tflite_builder import write
from tests.program import tinybench
from tinybench.datasets.wake.embedded import read_recording
from tinybench.datasets.wake.official import write_recording
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import UsageError
from tinybench.runner.build.task import load_task
from tinybench.runner.compare.change import measured
from tinybench.runner.compare.store import summary
from tinybench.runner.desk.reserve import for_task
from tinybench.runner.results.result import RESULT_FILE, Result, read_result
from tinybench.runner.results.words import request_of
from tinybench.runner.rules import changed_files, check, check_folder, judged, load_profile
from tinybench.runner.rules.judge import judge

SWW = load_task("sww")


SAMPLES, WORDS = 20 * 16_000 + 100, 3
"""Of the beginning of the package's short recording; the last samples are no whole frame."""
FRAMES = SAMPLES // 512


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a user's: the first 20 seconds of the package's."""
    short, out = read_recording("short"), tmp_path_factory.mktemp("data")
    write_recording(out, "mine", Recording(short.samples[:SAMPLES], short.windows_s[:WORDS]))
    return out


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of it on an emulated board, valid."""
    out = tmp_path_factory.mktemp("sww") / "run"
    words = ["--task", "sww", "--profile", "quick", "--data", str(data)]
    done = tinybench(*words, "-o", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "custom recording mine.wav, 20.0063 s with 3 words",
        "3 found, 0 missed, 0 false alarms, F1 1.000",
        "instructions (p50)",
        "duty cycle",
        "0 deadlines missed",
        "valid under profile quick, not an MLPerf result",
    ):
        assert words in done.stdout
    assert re.search(r"estimated [0-9.]+ ms", done.stdout)
    assert re.search(r"modelled [0-9.]+ mW", done.stdout)
    assert "talkative" not in done.stdout
    return out


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    """Its result."""
    return read_result(folder)


def test_its_folder_agrees_with_itself(folder: Path, result: Result) -> None:
    """Every frame is in journal and transcript, and two witnesses count its instructions."""
    assert check_folder(result, folder) == []
    verdict = judge(folder, thorough=True).verdict
    kept = {one.rule for one in verdict.rulings if one.state == "kept"}
    assert kept >= {"stream-heard", "stream-deadline", "stream-misses", "clock", "transcript"}
    assert "stream-recording" not in kept
    assert result.stream is not None
    assert result.stream.heard == result.stream.expected == FRAMES
    assert result.files_sha256["stream.svg"]


@pytest.mark.parametrize(
    "words",
    [
        ["--board", "host"],
        ["--board", "host", "--whole"],
        pytest.param(["--board", "mps3-an547"], marks=pytest.mark.soak),
        pytest.param(["--board", "nucleo-l4r5", "--emulate"], marks=pytest.mark.soak),
    ],
    ids=" ".join,
)
def test_every_board_hears_the_same(
    words: list[str], data: Path, result: Result, tmp_path: Path
) -> None:
    """Each output of each frame; whole inferences, too, which compute 18 times as much."""
    done = tinybench(
        "--task", "sww", "--profile", "quick", "--data", str(data), *words,
        "-o", str(tmp_path / "run"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_result(tmp_path / "run")
    assert found.stream is not None
    assert result.stream is not None
    assert found.stream.word == result.stream.word
    assert found.stream.whole == ("--whole" in words)
    said = "whole inferences" if found.stream.whole else "46,040 of 826,368 MACs each"
    assert said in done.stdout


def test_what_is_beyond_int8_goes_around_where_asked(tmp_path: Path) -> None:
    """A full-scale tone is beyond it: labelled and judged, and each ruling says which way it was;
    saturated, which is no rule broken, is said to be other than the reference's."""
    at_s = np.arange(3 * 16_000) / 16_000
    tone = np.round(32_767 * np.sin(2 * np.pi * 1000 * at_s)).astype(np.int16)
    write_recording(tmp_path, "loud", Recording(tone, ((0.5, 1.0),)))
    run = tmp_path / "run"
    words = ["--task", "sww", "--profile", "quick", "--board", "host", "--compatible"]
    done = tinybench(*words, "--data", str(tmp_path), "-o", str(run))
    assert "beyond int8 went around, as in the reference" in done.stdout
    found = read_result(run)
    assert found.stream is not None
    assert found.stream.outside > 50
    said = {}
    for name, changes in (
        ("around", {}),
        ("saturated", {"wraps": False}),
        ("none", {"outside": 0}),
    ):
        changed = _with(found, **changes)
        rulings = judged(changed, SWW, load_profile("quick")).rulings
        said[name] = next(one for one in rulings if one.rule == "stream-features")
    assert [one.state for one in said.values()] == ["kept", "declared", "kept"]
    assert "--compatible" in said["saturated"].found
    changed = _with(found, wraps=False)
    assert "journal" in {one.rule for one in changed_files(changed, run) if one.state == "broken"}


def test_a_model_of_others_is_tried(data: Path, tmp_path: Path) -> None:
    """One output, the word's, and its history in a variable; one of more rows anew is refused."""
    for rows, said in ((1, "custom model (state.tflite)"), (3, "takes 3 rows of features anew")):
        model, run = tmp_path / "state.tflite", tmp_path / str(rows)
        model.write_bytes(write(wake_word(rows, 1 / 270)))
        words = [
            "--profile",
            "quick",
            "--board",
            "host",
            "--data",
            str(data),
            "--model",
            str(model),
        ]
        done = tinybench("--task", "sww", *words, "-o", str(run))
        assert said in done.stdout + done.stderr
        assert (done.returncode == 2) == (rows == 3)
    found = read_result(tmp_path / "1")
    assert found.stream is not None
    assert found.stream.heard == FRAMES
    assert "journal" not in {one.rule for one in check_folder(found, tmp_path / "1")}


def test_it_is_told_in_every_form(folder: Path, tmp_path: Path) -> None:
    """A page with a time line; a row of a table; properties of JUnit; JSON without the frames."""
    told = {}
    for form in ("html", "markdown", "csv", "junit", "json"):
        path = tmp_path / form
        assert tinybench("report", str(folder), "--to", form, "-o", str(path)).returncode == 0
        told[form] = path.read_text()
    for words in ("Time line", "Latency of detection", "Misses against false alarms"):
        assert words in told["html"]
    assert told["html"].count('class="word"') == WORDS
    assert "F1 1.000 (0 missed, 0 false)" in told["markdown"].replace("\\", "")
    assert '<property name="words_missed" value="0"' in told["junit"]
    stream = json.loads(told["json"])["stream"]
    assert stream["score"]["readings"][0]["found"] == WORDS
    assert "word" not in stream
    row = summary(judge(folder).result, judge(folder).verdict, folder)
    assert (row.f1, row.duty, row.deadlines_missed) == (1.0, None, 0)
    assert row.latency_s == row.latency_p50_s != 0
    assert row.estimated_duty == pytest.approx(0.269, abs=0.01)
    found = measured(folder)["sww", "mps2-an386"].metrics
    assert {"f1", "false_alarms", "instructions", "estimated_duty", "power"} <= set(found)


def test_gates_hold_a_stream(folder: Path) -> None:
    """A gate on what it has is kept by itself; one on what it has not cannot be."""
    gates = ["--fail-on", "f1<-0.5pt", "--fail-on", "power>1mW", "--fail-on", "estimated_duty>1pt"]
    assert tinybench("compare", str(folder), str(folder), *gates).returncode == 0
    wrong = tinybench("compare", str(folder), str(folder), "--fail-on", "accuracy<-1pt")
    assert wrong.returncode == 2


def _edited(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts changed, one at a time."""
    if isinstance(value, dict):
        for name in value:
            yield from ({**value, name: other} for other in _edited(value[name]))
    elif isinstance(value, list):
        yield [*value, *(value[-1:] or [0])]
        if value:
            yield from ([other, *value[1:]] for other in _edited(value[0]))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1


def test_an_edit_of_any_of_its_figures_is_found(folder: Path, result: Result) -> None:
    """Each is computed again from the journal."""
    fields = msgspec.to_builtins(result)
    tried = 0
    for edit in _edited(fields["stream"]):
        if edit == fields["stream"]:
            continue
        try:
            edited = msgspec.convert({**fields, "stream": edit}, Result)
        except msgspec.ValidationError:
            continue  # no result any more
        tried += 1
        broken = {one.rule for one in changed_files(edited, folder) if one.state == "broken"}
        assert "journal" in broken, edit
    assert tried > 30


@pytest.mark.parametrize(
    ("was", "becomes", "rule"),
    [
        (b'"words_s":[[', b'"words_s":[[0.5,0.9],[', "journal"),
        (b'"counted":625', b'"counted":624', "journal"),
        (b'"device_us":[', b'"device_us":[1', "transcript"),
    ],
)
def test_an_edit_of_its_journal_is_found(
    folder: Path, tmp_path: Path, was: bytes, becomes: bytes, rule: str
) -> None:
    """Of the words by the list of inputs, of a time by the transcript, whoever makes seals anew."""
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    journal = copy / "journal.jsonl"
    raw = journal.read_bytes()
    assert was in raw
    journal.write_bytes(raw.replace(was, becomes, 1))
    broken = {one.rule for one in check_folder(read_result(copy), copy)}
    assert rule in broken


def test_a_stream_that_was_cut_off_is_heard_anew(folder: Path, tmp_path: Path) -> None:
    """Killed while it was heard, nothing of it is known; killed behind it, all of it is."""
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(b'{"stream"'))
    for kept, listens in ((at, True), (at + 1, False)):
        copy = tmp_path / str(kept)
        shutil.copytree(folder, copy)
        (copy / RESULT_FILE).unlink()
        (copy / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
        done = tinybench("resume", str(copy))
        assert done.returncode == 0, done.stdout + done.stderr
        assert (f"listen: {FRAMES} of {FRAMES}" in done.stderr) == listens
        assert check_folder(read_result(copy), copy) == []


def _with(result: Result, **changes: Any) -> Result:
    assert result.stream is not None
    stream = msgspec.structs.replace(result.stream, **changes)
    return msgspec.structs.replace(result, stream=stream)


def test_rules_are_broken_by_name(result: Result) -> None:
    """Lost frames, late ones, missed words, false alarms, doubts, a short recording, nothing."""
    quick, whole = load_profile("quick"), load_profile("mlperf-tiny")
    stream = result.stream
    assert stream is not None
    assert stream.estimated is not None
    first = stream.score.readings[0]

    def score(**changes: Any) -> Any:
        readings = [msgspec.structs.replace(one, **changes) for one in (first, first)]
        return msgspec.structs.replace(stream.score, readings=readings)

    late = msgspec.structs.replace(stream.estimated, missed=1, max_s=0.033)
    doubted = msgspec.structs.replace(stream.score, doubts=["words 1 and 2 are 0.5 s apart"])
    for changed, rule in (
        (_with(result, heard=FRAMES - 1), "stream-heard"),
        (_with(result, counted=FRAMES + 1), "stream-heard"),
        (_with(result, estimated=late), "stream-deadline"),
        (_with(result, score=score(missed=3)), "stream-misses"),
        (_with(result, score=score(false=3)), "stream-false-alarms"),
        (_with(result, score=doubted), "stream-undoubted"),
        (msgspec.structs.replace(result, stream=None), "stream-heard"),
    ):
        assert {one.rule for one in check(changed, SWW, quick)} == {rule}
    assert {one.rule for one in check(result, SWW, whole)} == {"stream-recording"}
    opened = msgspec.structs.replace(_with(result, score=score(missed=9)), division="open")
    assert check(opened, SWW, quick) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"mode": "accuracy"}, "has no mode accuracy"),
        ({"mode": "energy"}, "has no mode energy"),
        ({"scenario": "single-stream"}, "has no mode scenario"),
        ({"limit": 5}, "--limit means nothing for task sww"),
        ({"iterations": 5}, "--iterations means nothing"),
        ({"shards": 2}, "--shards means nothing"),
        ({"port": ("a", "b")}, "a second --port means nothing"),
    ],
)
def test_what_a_stream_has_not_is_refused(words: dict[str, Any], said: str) -> None:
    """Before anything is built; and a task that is no stream has no whole history."""
    with pytest.raises(UsageError, match=said):
        for_task(request_of(task="sww", **words), SWW)
    with pytest.raises(UsageError, match="--whole is of a stream"):
        for_task(request_of(task="kws", whole=True), load_task("kws"))
    with pytest.raises(UsageError, match="--compatible is of a stream"):
        for_task(request_of(task="kws", compatible=True), load_task("kws"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "tflm"], "hears nothing"),
        (["--model", "{models}/kws01.tflite"], "of 40 features of int8 a frame"),
        (["--monitor", "modelled"], "--monitor measures energy"),
        (["--board", "serial", "--port", "/dev/null", "--whole"], "--whole is built into firmware"),
    ],
)
def test_what_cannot_be_heard_ends_in_one_sentence(
    words: list[str], said: str, tmp_path: Path
) -> None:
    """An engine, a model of pictures, a monitor; nothing is left behind."""
    from tests.models.packaged import MODELS

    typed = [word.format(models=MODELS) for word in words]
    done = tinybench("--task", "sww", *typed, "-o", str(tmp_path / "run"))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
