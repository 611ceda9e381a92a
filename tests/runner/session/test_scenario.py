"""A scenario through the command line, on an emulated board: run, checked, gone on with, edited."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner.results.result import RESULT_FILE, Result, read_result
from tinybench.runner.results.words import request_of
from tinybench.runner.rules import changed_files, check_folder

PROFILE = """\
name = "moment"
title = "A moment"
source = "a test"
scenario_queries = 64
scenario_min_s = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the single-stream scenario with its audits, valid."""
    scratch = tmp_path_factory.mktemp("scenario")
    (scratch / "moment.toml").write_text(PROFILE)
    words = ["--task", "kws", "--scenario", "single-stream", "--audits", "--seed", "3"]
    done = tinybench(*words, "--profile", str(scratch / "moment.toml"), "-o", str(scratch / "run"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "figure          p90 " in done.stdout
    assert "valid under profile moment, not an MLPerf result" in done.stdout
    return scratch / "run"


def test_its_folder_agrees_with_itself_and_has_a_page(folder: Path, tmp_path: Path) -> None:
    """Every query is in journal and transcript; the page has its pictures."""
    result = read_result(folder)
    assert check_folder(result, folder) == []
    assert result.scenario is not None
    assert [one.name for one in result.scenario.audits] == ["repeated", "known", "unseen", "answer"]
    done = tinybench("report", str(folder), "--to", "html", "-o", str(tmp_path / "a.html"))
    assert done.returncode == 0
    assert "Latencies in order" in (tmp_path / "a.html").read_text()


def _edited(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts changed, one at a time."""
    if isinstance(value, dict):
        for name in value:
            yield from ({**value, name: other} for other in _edited(value[name]))
    elif isinstance(value, list):
        yield [*value, value[-1]] if value else []
        yield from ([other, *value[1:]] for other in _edited(value[0]))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
    elif value is None:
        yield 1


def test_an_edit_of_any_of_its_figures_is_found(folder: Path) -> None:
    """Each is computed again from the journal."""
    result = msgspec.to_builtins(read_result(folder))
    edits = list(_edited(result["scenario"]))
    assert len(edits) > 30
    for edit in edits:
        try:
            edited = msgspec.convert({**result, "scenario": edit}, Result)
        except msgspec.ValidationError:
            continue  # no result any more
        broken = {one.rule for one in changed_files(edited, folder) if one.state == "broken"}
        assert "journal" in broken, edit


def test_a_run_that_was_cut_off_goes_on(folder: Path, tmp_path: Path) -> None:
    """Killed in the middle of its queries, it asks the rest and finds the same."""
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    (copy / RESULT_FILE).unlink()
    lines = (copy / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "journal.jsonl").write_bytes(b"".join(lines[:40]))
    done = tinybench("resume", str(copy))
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = read_result(folder).scenario, read_result(copy).scenario
    assert before is not None
    assert after is not None
    assert after.device_us == before.device_us
    assert after.latency == before.latency


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"scenario": "server"}, "deadline"),
        ({"scenario": "single-stream", "deadline": 1.0}, "deadline means nothing"),
        ({"scenario": "single-stream", "mode": "accuracy"}, "leave accuracy out"),
        ({"min_queries": 5}, "min_queries is that of a scenario"),
        ({"scenario": "server", "deadline": 0.0}, "deadline: 0.0"),
        ({"scenario": "single-stream", "seed": -1}, "seed: -1"),
        ({"scenario": "single-stream", "seed": 2**32}, "seed"),
        ({"scenario": "single-stream", "streams": 2}, "streams means nothing"),
        ({"scenario": "multi-stream", "streams": 5000}, "streams"),
        ({"scenario": "single-stream", "seed": "none"}, "seed: 'none'"),
        ({"scenario": "single-stream", "min_queries": 2_000_000}, "min_queries"),
        ({"scenario": "serve"}, "server"),
        (
            {"scenario": "offline", "min_queries": 2_000_000},
            "min_queries: give a whole number of 1500000 or less, not 2000000",
        ),
        ({"scenario": "offline", "shards": 2}, "shards means nothing"),
    ],
)
def test_words_that_make_no_scenario_are_refused(words: dict[str, Any], said: str) -> None:
    """In one line that names the word, before anything is built."""
    with pytest.raises(UsageError, match=said):
        request_of(task="kws", **words)
