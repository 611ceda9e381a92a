"""Each field of a run folder is edited, one at a time, and each edit is found by `check`."""

import random
import re
from pathlib import Path

import msgspec
import pytest

from tests.faults.edits import Edit, noticed, of_folder
from tests.soak import record
from tinybench.runner.results.journal import noted, read
from tinybench.runner.results.recorded import RECORDED
from tinybench.runner.results.request import Request
from tinybench.runner.results.result import Result, read_result
from tinybench.runner.rules.evidence.derived import given
from tinybench.runner.rules.judge import judge
from tinybench.runner.session.run import run
from tinybench.track import silent

PROFILE = """\
name = "moment"
title = "as little as can be judged"
source = "these tests"
accuracy_inputs = 10
window_min_s = 0.05
"""
FAST = 100
"""Edits that the ordinary tests make, of each run; `make soak` makes them all."""


LISTS = ("manifest.json", "energy.json", "SHA256SUMS", "inputs.csv")
"""Files with many fields alike, of which the ordinary tests edit one."""
OWN = "reference_outputs = true\n"
"""What the profile `model` adds: profile.json, and the answers of the reference kernels."""
RUNS = (("host", ""), ("mps2-an386", ""), ("host", OWN))


def _made(at: Path, board: str, more: str) -> Path:
    """Do a run of ten inputs; of an emulated board with modelled energy. Return its folder."""
    (at / "moment.toml").write_text(PROFILE + more)
    asked = Request(
        board=board,
        task="kws",
        profile=str(at / "moment.toml"),
        out=at / "run",
        monitor=None if board == "host" else "modelled",
    )
    assert run(asked, silent, lambda _: None).violations == []
    return at / "run"


@pytest.fixture(scope="module", params=RUNS)
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A run on the host, one of an emulated board, and one with layers and reference answers."""
    return _made(tmp_path_factory.mktemp("edited"), *request.param)


def _unnoticed(folder: Path, edits: list[Edit]) -> list[str]:
    assert judge(folder, thorough=True).violations == []
    return [f"{edit.file}: {edit.field}" for edit in edits if not noticed(folder, edit)]


def test_an_edit_of_any_field_is_found(folder: Path) -> None:
    """By somebody who makes every hash right again: a part of all edits, of every file some."""
    chance = random.Random(13)  # noqa: S311 - test data
    each: dict[tuple[str, str], list[Edit]] = {}
    for edit in of_folder(folder):
        field = "" if edit.file in LISTS else edit.field
        each.setdefault((edit.file, field), []).append(edit)
    edits = [chance.choice(alike) for alike in each.values()]
    written = [*folder.glob("*.jsonl"), *folder.glob("profile.json")]
    assert {edit.file for edit in edits} >= {path.name for path in written}
    assert _unnoticed(folder, chance.sample(edits, min(FAST, len(edits)))) == []


@pytest.mark.soak
def test_every_edit_of_every_field_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each field of each file, with several other values."""
    count, unnoticed = 0, []
    for board, more in RUNS:
        folder = _made(tmp_path_factory.mktemp("edited"), board, more)
        edits = list(of_folder(folder))
        count += len(edits)
        unnoticed += _unnoticed(folder, edits)
    record("evidence.edits", count, 5000, better="higher")
    record("evidence.unnoticed", len(unnoticed), 0, better="lower")
    assert unnoticed == []


def test_every_field_of_a_result_has_a_witness(folder: Path) -> None:
    """Computed from the folder, or repeated by the journal with a reason: a new field, too."""
    result = read_result(folder)
    head, entries = read(folder)
    computed = given(result, folder, head, noted(entries))
    fields = {field.name for field in msgspec.structs.fields(Result)}
    assert fields - set(computed) - set(RECORDED) == {"format"}
    assert all(RECORDED.values())


@pytest.mark.parametrize(
    ("file", "pattern", "new"),
    [
        ("result.json", r'"mode": "all"', '"mode": "none"'),
        ("result.json", r'"files_sha256": \{[^}]*\}', '"files_sha256": {}'),
        ("result.json", r'"elapsed_us": \[[^]]*\]', '"elapsed_us": []'),
        ("result.json", r'"latency_s": [^,]*', '"latency_s": 1e308'),
        ("result.json", r'"latency_s": [^,]*', '"latency_s": NaN'),
        ("journal.jsonl", r'"iterations":[0-9]+', '"iterations":0'),
        ("journal.jsonl", r'"elapsed_us":[0-9]+', '"elapsed_us":0'),
        ("journal.jsonl", r'"elapsed_us":\[[^]]*\]', '"elapsed_us":[]'),
    ],
)
def test_what_no_run_writes_is_found(folder: Path, file: str, pattern: str, new: str) -> None:
    """A mode that is none, no file named, answers without a time, values out of this world."""
    edited, count = re.subn(pattern, new, (folder / file).read_text(), count=1)
    assert count == 1
    assert noticed(folder, Edit(file, pattern, edited.encode()))
