"""Runs in a folder tree: listed, filtered, remembered, loaded into pandas, read by DuckDB."""

import builtins
import json
import os
import re
from pathlib import Path

import msgspec
import pytest

from tests import ROOT
from tests.runner.results.a_result import good_result
from tinybench import extras, load_runs
from tinybench.errors import RunFolderError, ToolMissingError
from tinybench.runner import cli
from tinybench.runner.compare import store
from tinybench.runner.compare.store import COLUMNS, find_runs
from tinybench.runner.results.result import RESULT_FILE, Result, write_result
from tinybench.runner.rules import Rule, Verdict

DOCS = ROOT / "docs" / "results.md"


def stored(folder: Path, **changed: object) -> Path:
    """Write a good result with fields replaced into a run folder, and return the folder."""
    folder.mkdir(parents=True)
    write_result(folder, good_result(**changed))
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three runs at two depths: a valid one, one on another board, one that broke off."""
    root = tmp_path / "runs"
    stored(root / "b" / "late", started_at="2026-11-22T10:00:00+00:00", board="mps2-an385")
    stored(root / "early")
    stored(root / "c" / "d" / "broken", complete=False, error="unplugged", task="vww")
    return root


def test_runs_are_found_at_every_depth_the_oldest_first(tree: Path) -> None:
    """Each with its verdict and the names of the rules it breaks."""
    found = find_runs(tree)
    assert [Path(run.run).name for run in found.runs] == ["broken", "early", "late"]
    by_name = {Path(run.run).name: run for run in found.runs}
    assert by_name["early"].valid
    assert "complete" in by_name["broken"].broken_rules
    assert not by_name["broken"].valid
    assert found.unreadable == []


def test_a_damaged_run_hides_no_other(tree: Path) -> None:
    """A truncated result.json is named; the rest is listed."""
    path = tree / "early" / RESULT_FILE
    path.write_bytes(path.read_bytes()[:1000])
    found = find_runs(tree)
    assert len(found.runs) == 2
    (words,) = found.unreadable
    assert str(path) in words


def test_a_verdict_is_remembered_until_a_file_changes(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second listing judges nothing; after a change only that run is judged again."""
    first = find_runs(tree)
    judged: list[Path] = []
    from tinybench.runner.rules import judge

    real = judge.judge
    monkeypatch.setattr(judge, "judge", lambda folder: judged.append(folder) or real(folder))
    assert find_runs(tree) == first
    assert judged == []
    write_result(tree / "early", good_result(files_sha256={"board.toml": "0" * 64}))
    (tree / "early" / "board.toml").write_text("edited")
    again = {Path(run.run).name: run for run in find_runs(tree).runs}
    assert judged == [tree / "early"]
    assert again["early"].broken_rules == ["stored-files"]


def test_a_damaged_memory_is_made_anew(tree: Path) -> None:
    """The index is no source of truth: whatever stands in it, the runs are the same."""
    first = find_runs(tree)
    (index,) = [
        path
        for path in (store.cache_folder() / "results").iterdir()
        if str(tree).encode() in path.read_bytes()
    ]
    for junk in (b"", b"[]", b"\xff\x00", b'{"judge": 1, "runs": {}}'):
        index.write_bytes(junk)
        assert find_runs(tree) == first


def test_links_are_not_followed(tree: Path) -> None:
    """A link to a folder above does not go round for ever, nor counts a run twice."""
    (tree / "b" / "again").symlink_to(tree)
    assert len(find_runs(tree).runs) == 3


def test_the_command_filters(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By task, board and validity, as a table and as JSON."""
    assert cli.main(["results", str(tree), "--valid", "--board", "mps2-an386", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert run["run"] == str(tree / "early")
    assert cli.main(["results", str(tree), "--task", "vww"]) == 0
    shown = capsys.readouterr()
    assert "not valid: complete" in shown.out
    assert "1 of 3 runs" in shown.err
    assert "6,375,000" in shown.out
    assert cli.main(["results", str(tree), "--mode", "energy"]) == 0
    assert "0 of 3 runs" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and the folder's name."""
    assert cli.main(["results", "nowhere/at/all"]) == 2
    assert "nowhere/at/all" in capsys.readouterr().err


def test_a_result_of_a_newer_version_is_named(tmp_path: Path) -> None:
    """An unknown field is no damage when a newer tinybench wrote it; the version is told."""
    folder = stored(tmp_path / "run")
    path = folder / RESULT_FILE
    document = json.loads(path.read_bytes()) | {"tinybench": "99.1.0", "colour": "blue"}
    path.write_text(json.dumps(document))
    (words,) = find_runs(tmp_path).unreadable
    assert "written by tinybench 99.1.0, newer than this" in words
    path.write_text(json.dumps(document | {"format": 2}))
    (words,) = find_runs(tmp_path).unreadable
    assert "format 2 by tinybench 99.1.0" in words
    path.write_text(json.dumps(document | {"tinybench": "0.1.0"}))
    (words,) = find_runs(tmp_path).unreadable
    assert "damaged" in words


def test_runs_load_into_pandas(tree: Path) -> None:
    """One row a run under the documented columns, times as times."""
    frame = load_runs(tree)
    assert tuple(frame.columns) == (*COLUMNS, "time_is", "energy_is")
    assert len(frame) == 3
    early = frame[frame["run"] == str(tree / "early")].iloc[0]
    assert early["latency_s"] == pytest.approx(0.204)
    assert early["started_at"].year == 2026
    assert str(frame["started_at"].dt.tz) == "UTC"
    assert early["top1"] == 0.901


def test_an_empty_folder_loads_as_an_empty_frame(tmp_path: Path) -> None:
    """With the same columns, so that a notebook does not fail on its first day."""
    frame = load_runs(tmp_path)
    assert tuple(frame.columns) == (*COLUMNS, "time_is", "energy_is")
    assert frame.empty


def test_a_damaged_run_is_left_out_of_the_frame_with_a_warning(tree: Path) -> None:
    """What cannot be read is no row of missing values."""
    (tree / "early" / RESULT_FILE).write_text("{")
    with pytest.warns(UserWarning, match="early"):
        assert len(load_runs(tree)) == 2


def test_without_pandas_the_message_says_what_to_type(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The missing package is an extra, named with its command."""
    real = builtins.__import__

    def without(name: str, *rest: object, **named: object) -> object:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **named)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ToolMissingError, match=re.escape(extras.command("data"))):
        load_runs(tree)


def test_every_column_is_documented() -> None:
    """The table in docs/results.md has each column of a row, and no other."""
    text = DOCS.read_text().partition("## Columns")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == COLUMNS


def test_duckdb_reads_the_same_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query of docs/results.md runs as it stands, and sees what was measured."""
    import duckdb

    monkeypatch.chdir(tree.parent)
    (query,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    rows = duckdb.execute(query).fetchall()
    assert ("kws", "mps2-an386", 0.901, 204.0, True) in [
        (task, board, top1, round(ms, 6), emulated) for task, board, top1, ms, emulated in rows
    ]
    assert len(rows) == 3


def test_no_folder_for_the_memory_is_no_failure(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that cannot be written costs time, and nothing else."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "file" / "below"))
    assert len(find_runs(tree).runs) == 3


def test_a_row_holds_what_the_result_says() -> None:
    """Nothing measured is None, never 0."""
    result: Result = good_result(accuracy=None, performance=None, firmware=None)
    broken = Rule("a", "clause").broken("wanted", "found", "advice")
    row = store.summary(result, Verdict("mlperf-tiny", True, [broken]), Path("x"))
    values = msgspec.structs.asdict(row)
    empty = ("inputs", "top1", "latency_s", "throughput_per_s", "flash_b", "energy_per_inference_j")
    assert [values[name] for name in empty] == [None] * len(empty)
    assert not row.valid


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    """Where runs are needed, none is an error that names the folder."""
    with pytest.raises(RunFolderError, match="no run here"):
        store.run_folders(tmp_path)


def test_a_long_name_leaves_the_listing_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are cut, escapes spelt out, one line a run; verdict and folder stay whole."""
    folder = stored(tmp_path / "run", board="\x1b[2J\n" + "b" * 300)
    stored(tmp_path / "other")
    assert cli.main(["results", str(tmp_path)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line[head.index("run", 60) :].startswith(str(tmp_path)) for line in lines)
    assert any(line.endswith(str(folder)) and "\\x1b[2J\\x0abbb" in line for line in lines)
    assert max(map(len, lines)) < 250 + len(str(folder))


def test_an_error_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name from a result is spelt out in the message about it."""
    one, two = stored(tmp_path / "a", task="\x1b[31mred"), stored(tmp_path / "b")
    assert cli.main(["compare", str(one), str(two)]) == 2
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown


def test_a_folder_whose_name_is_no_text_is_named(tree: Path) -> None:
    """It could not stand in JSON; the other runs are listed."""
    (tree / "early").rename(tree / "early\udcff")
    found = find_runs(tree)
    assert len(found.runs) == 2
    (words,) = found.unreadable
    assert "not UTF-8" in words
    assert "udcff" in words


def test_what_is_no_file_is_no_result(tree: Path) -> None:
    """A pipe or a folder of that name is passed by: reading a pipe would wait for ever."""
    os.mkfifo(tree / "b" / RESULT_FILE)
    (tree / "c" / RESULT_FILE).mkdir()
    assert len(find_runs(tree).runs) == 3
