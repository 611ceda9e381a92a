"""What runs of a tree say together: modes, logs of two systems, descriptions, partial clones."""

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runner.audit import trees
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.clone import Clones, parse
from tinybench.runner.audit.result import Audit


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A sound task: 40 ms an inference in both modes."""
    folder = trees.task_folder(tmp_path / "tree")
    trees.accuracy(folder / "accuracy")
    trees.performance(folder / "performance")
    return folder


def _said(found: Audit, rule: str) -> list[str]:
    return [v.found for run in found.runs for v in run.violations if v.rule == rule]


def _notes(found: Audit) -> str:
    return "\n".join(note for run in found.runs for note in run.notes)


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("elapsed_us", "median", "said"),
    [
        (10_000_000, "25.000", []),
        (11_500_000, "21.739", []),
        (15_000_000, "16.667", ["40 ms in accuracy mode"]),
    ],
)
def test_modes_that_contradict_each_other_are_named(
    task: Path, elapsed_us: int, median: str, said: list[str]
) -> None:
    """Cold caches and the overhead of a command are no contradiction; another clock is."""
    trees.performance(task / "performance", elapsed_us=elapsed_us, median=median)
    assert _said(audit(task), "modes-contradict") == said


def test_a_log_of_two_systems_is_named_at_both(task: Path, tmp_path: Path) -> None:
    """Byte by byte; that one system is handed in twice is none."""
    other = task.parents[1] / "Other" / "kws"
    trees.performance(other / "performance")
    trees.accuracy(other / "accuracy", start_us=5)
    again = trees.task_folder(tmp_path / "tree", round_="v1.2")
    trees.performance(again / "performance")
    found = _said(audit(tmp_path / "tree"), "same-log")
    assert len(found) == 3
    assert all("/performance/log.txt, byte by byte" in text for text in found)
    assert "results/Other/kws" in found[0]


@pytest.mark.parametrize(
    ("files", "missing", "note"),
    [
        ({}, 0, "no folder systems"),
        ({"other.json": "{}"}, 1, ""),
        ({"board.JSON": "{}"}, 0, ""),
    ],
)
def test_a_missing_description_is_named(
    task: Path, tmp_path: Path, files: dict[str, str], missing: int, note: str
) -> None:
    """Once a system, whatever its case; a part of a tree has no such folder at all."""
    if files:
        trees.write(task.parents[2] / "systems", dict(files))
    found = audit(tmp_path / "tree")
    assert len(_said(found, "missing-system")) == missing
    assert (note in _notes(found)) == bool(note) or not note


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_what_is_not_checked_out_is_not_called_missing(
    task: Path, tmp_path: Path, version: str
) -> None:
    """The index of the clone knows it: a log, a whole mode, a description; of each version."""
    root = tmp_path / "tree"
    trees.write(task.parents[2] / "systems", {"Board.json": "{}"})
    _git(root, "init", "-q")
    _git(root, "add", ".")
    _git(root, "update-index", "--index-version", version)
    (task / "performance" / "log.txt").unlink()
    for path in (task / "accuracy").iterdir():
        path.unlink()
    (task / "accuracy").rmdir()
    (task.parents[2] / "systems" / "Board.json").unlink()
    found = audit(root)
    rules = {violation.rule for run in found.runs for violation in run.violations}
    assert rules == set()
    assert "published, and not in this clone: log.txt" in _notes(found)
    assert "not in this clone: systems/Board.json" in _notes(found)
    assert "not in this clone: accuracy" in _notes(found)
    _git(root, "rm", "-q", "--cached", "-r", ".")
    rules = {v.rule for run in audit(root).runs for v in run.violations}
    assert rules == {"missing-log", "missing-mode", "missing-system"}


def test_an_index_that_does_not_list_every_file_says_nothing(tmp_path: Path) -> None:
    """Damaged, cut off, of another kind, or a link."""
    git = tmp_path / ".git"
    for raw in (b"", b"DIRC", b"DIRC" + struct.pack(">II", 9, 0), b"DIRC\0\0\0\2\0\0\0\1abc",
                b"DIRC\0\0\0\2\0\0\0\0link\0\0\0\0"):  # fmt: skip
        trees.write(git, {"index": raw})
        assert not Clones().known(tmp_path)
    trees.write(git, {"index": b"DIRC\0\0\0\2\0\0\0\0"})
    assert Clones().known(tmp_path)
    (tmp_path / "kept").write_bytes(b"DIRC\0\0\0\2\0\0\0\0")
    (git / "index").unlink()
    (git / "index").symlink_to(tmp_path / "kept")
    assert not Clones().known(tmp_path)


@given(st.binary(max_size=400), st.sampled_from([2, 3, 4]), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_an_index_or_are_refused(raw: bytes, version: int, count: int) -> None:
    """Within the bytes that there are."""
    try:
        names = parse(b"DIRC" + struct.pack(">II", version, count) + raw)
    except (ValueError, IndexError, struct.error):
        return
    assert sum(map(len, names)) <= max(1, len(names)) * len(raw)
