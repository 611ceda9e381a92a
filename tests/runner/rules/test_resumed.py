"""A run that goes on holds what was said on the line, whatever its journal says."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from tests.runner.rules.a_run import broken, copy_of
from tinybench.errors import RunFolderError
from tinybench.runner import rules
from tinybench.runner.results.journal import Entry, read
from tinybench.runner.results.result import read_result
from tinybench.runner.session.run import resume
from tinybench.track import silent


@pytest.fixture(scope="session")
def interrupted(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run as a kill would have left it after its second window: no result, no seal."""
    folder = copy_of(measured, tmp_path_factory.mktemp("interrupted") / "run")
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    last = [number for number, line in enumerate(lines) if line.startswith('{"window"')][1]
    (folder / "journal.jsonl").write_text("".join(lines[: last + 1]))
    for name in ("result.json", "SHA256SUMS"):
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize(
    ("pattern", "new", "again"),
    [
        ("^", "", ""),
        (r'"elapsed_us":\[', '"elapsed_us":[9', "answer to"),
        (r'"elapsed_us":\[[0-9]+\]', '"elapsed_us":[]', "answer to"),
        (r'"iterations":[0-9]+', '"iterations":0', "window on"),
        (r'"iterations":(?=[0-9])', '"iterations":9', "window on"),
        (r'"elapsed_us":(?=[0-9])', '"elapsed_us":9', "window on"),
    ],
)
def test_a_resumed_run_holds_what_was_said_whatever_its_journal_says(
    interrupted: Path, measured: Path, tmp_path: Path, pattern: str, new: str, again: str
) -> None:
    """What was edited in the journal is measured again, by name; the rest is not."""
    folder = copy_of(interrupted, tmp_path / "run")
    text = (folder / "journal.jsonl").read_text()
    (folder / "journal.jsonl").write_text(re.sub(pattern, new, text, count=1))
    said: list[str] = []
    outcome = resume(folder, silent, said.append)
    assert outcome.violations == []
    assert [again] * bool(again) == [again for words in said if f"has it: {again}" in words]
    assert broken(folder) == set()
    found, wanted = outcome.result.accuracy, read_result(measured).accuracy
    assert found is not None
    assert wanted is not None
    assert [one.results for one in found.answers] == [one.results for one in wanted.answers]
    assert found.top1 == wanted.top1


@pytest.mark.parametrize(
    ("pattern", "new", "why"),
    [
        (r'"label":[0-9]+', '"label":77', "the label file has"),
        (r'"answer":{"input":"[^"]*"', '"answer":{"input":"x.bin"', "the label file has no such"),
    ],
)
def test_a_journal_that_gives_an_input_another_class_is_refused(
    interrupted: Path, tmp_path: Path, pattern: str, new: str, why: str
) -> None:
    """Classes are those of the label file; who changes them in a journal changes the score."""
    folder = copy_of(interrupted, tmp_path / "run")
    text = (folder / "journal.jsonl").read_text()
    (folder / "journal.jsonl").write_text(re.sub(pattern, new, text, count=1))
    with pytest.raises(RunFolderError, match=why):
        resume(folder, silent, lambda _: None)


@pytest.mark.parametrize("changed", ['"iterations":0', '"limit":-1', '"shards":0', '"baud":0'])
def test_a_journal_that_asks_for_what_nobody_can_is_refused(
    interrupted: Path, tmp_path: Path, changed: str
) -> None:
    """By its line, and before a board is asked."""
    folder = copy_of(interrupted, tmp_path / "run")
    text = (folder / "journal.jsonl").read_text()
    key = changed.split(":")[0]
    text, found = re.subn(f"{key}:(null|[0-9]+)", changed, text, count=1)
    assert found == 1
    (folder / "journal.jsonl").write_text(text)
    with pytest.raises(RunFolderError, match=r"journal\.jsonl:1: damaged: Expected `int` >= 1"):
        resume(folder, silent, print)


def test_equal_answers_are_told_apart_by_how_often_they_were_said(
    measured: Path, tmp_path: Path
) -> None:
    """Two inputs, the same answer in the same time: said once, one of them is measured again."""
    _, entries = read(measured)
    one = next(entry.answer for entry in entries if entry.answer)
    line = {"to": "host", "text": f"m-infer-start-1\r\nm-lap-us-5\r\nm-lap-us-{5 + 70}\r\n"}
    line["text"] += "m-results-[0.1]\r\n"
    path = tmp_path / "transcript.jsonl"
    path.write_text(f"{json.dumps(line)}\n")
    same = [
        Entry(answer=msgspec.structs.replace(one, input=name, results="0.1", elapsed_us=[70]))
        for name in ("a", "b")
    ]
    labels = {"a": one.label, "b": one.label}
    assert rules.stands(same, tmp_path, labels, []) == (same[:1], ["answer to b"])
    path.write_text(f"{json.dumps(line)}\n" * 2)
    assert rules.stands(same, tmp_path, labels, []) == (same, [])
