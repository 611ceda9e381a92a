"""Runs chosen by a condition, ordered by a column, and tagged by their owner."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runner.compare.test_store import stored
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner import cli
from tinybench.runner.compare.store import COLUMNS, Summary, find_runs
from tinybench.runner.compare.tags import parse_tags, read_tags, tag
from tinybench.runner.compare.where import like, ordered, parse_where


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Summary]:
    """Three runs: one without an accuracy, one not emulated, one with tags."""
    folder = tmp_path_factory.mktemp("runs")
    stored(folder / "a", board="mps2-an386", accuracy=None)
    stored(folder / "b", board="nucleo-l4r5", emulated=False)
    tag(stored(folder / "c", board="nucleo-h7"), {"rig": "3", "note": "after the reflow"})
    found = find_runs(folder)
    assert not found.unreadable
    return sorted(found.runs, key=lambda run: run.run)


def _names(runs: list[Summary], where: str) -> str:
    return "".join(Path(run.run).name for run in filter(parse_where(where, runs), runs))


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("task = kws", "abc"),
        ("task != kws", ""),
        ("board like nucleo%", "bc"),
        ("board not like 'nucleo%'", "a"),
        ("board like _ucleo-h_", "c"),
        ("emulated", "ac"),
        ("not emulated", "b"),
        ("emulated = false", "b"),
        ("accuracy is none", "a"),
        ("accuracy is not none and not emulated", "b"),
        ("accuracy > 0%", "bc"),
        ("top1 <= 1", "bc"),
        ("latency < 3600 s", "abc"),
        ("latency < 1us", ""),
        ("rig = 3", "c"),
        ("note = 'after the reflow'", "c"),
        ('note like "%reflow" or board = mps2-an386', "ac"),
        ("board = mps2-an386 or emulated and rig = 3", "ac"),
        ("(board = mps2-an386 or emulated) and rig = 3", "c"),
        ("not (not (rig is none))", "ab"),
        ("tags = rig=3", None),
        ("tags = 'rig=3'", "c"),
        ("started >= 2000", "abc"),
    ],
)
def test_a_condition_chooses_runs(runs: list[Summary], where: str, names: str | None) -> None:
    """Columns, units, patterns, tags; `and` binds before `or`, `not` before both."""
    if names is None:
        with pytest.raises(UsageError):
            _names(runs, where)
    else:
        assert _names(runs, where) == names


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "wanted a column, such as task or latency, found its end"),
        ("tsak = kws", "no column 'tsak', nor a tag of these runs: did you mean 'task'?"),
        ("task kws", "wanted =, !=, <, <=, >, >=, like or is after 'task', found 'kws'"),
        ("task = kws board = x", "wanted 'and' or 'or' after 'task = kws', found 'board'"),
        ("(task = kws", "wanted ')'"),
        ("latency < fast", "latency is a number, not 'fast'"),
        ("latency < 3 parsec", "wanted 'and' or 'or'"),
        ("latency < 3parsec", "'parsec' is no unit"),
        ("emulated = maybe", "emulated is true or false, not 'maybe'"),
        ("task = 'kws", "what is ''kws'?"),
        ("task = kws; DROP TABLE runs", "found"),
        ("__class__ = 1", "no column '__class__'"),
        ("(" * 60 + "valid" + ")" * 60, "more than 50 brackets"),
        ("valid and " * 300 + "valid", "at most 2000"),
    ],
)
def test_a_condition_that_is_none_says_where(runs: list[Summary], where: str, said: str) -> None:
    """In one line: what was wanted, and what was found."""
    with pytest.raises(UsageError) as caught:
        parse_where(where, runs)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text() | st.lists(st.sampled_from(
    ["task", "=", "kws", "(", ")", "and", "or", "not", "like", "is", "none", "'", "3", "ms", "<"]
)).map(" ".join))  # fmt: skip
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    """Never anything else, and it is true or false of every run."""
    try:
        holds = parse_where(text, [])
    except UsageError:
        return
    assert callable(holds)


@given(st.text("ab%_", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_fits_as_in_sql(pattern: str, text: str) -> None:
    """Held against the definition: a % is any split of what is left."""

    def fits(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "%":
            return any(fits(p[1:], t[n:]) for n in range(len(t) + 1))
        return bool(t) and p[0] in ("_", t[0]) and fits(p[1:], t[1:])

    assert like(text, pattern) == fits(pattern, text)


def test_an_order_keeps_what_was_not_measured_last(runs: list[Summary]) -> None:
    """Up and down; by a tag, too."""

    def names(text: str) -> str:
        return "".join(Path(run.run).name for run in ordered(runs, text))

    assert names("board") == "acb"
    assert names("board desc") == "bca"
    assert names("accuracy")[-1] == names("accuracy desc")[-1] == "a"
    assert names("rig")[0] == "c"
    for wrong in ("", "a b c", "latency up", "speed"):
        with pytest.raises(UsageError):
            ordered(runs, wrong)


def test_tags_are_kept_beside_what_was_measured(tmp_path: Path) -> None:
    """They change no verdict, are added to, and are taken away."""
    run = stored(tmp_path / "run")
    before = find_runs(tmp_path).runs[0]
    assert before.tags == []
    assert tag(run, parse_tags(["commit=1a2b", "rig=3"])) == {"commit": "1a2b", "rig": "3"}
    assert tag(run, parse_tags(["rig="])) == {"commit": "1a2b"}
    (after,) = find_runs(tmp_path).runs
    assert after.tags == ["commit=1a2b"]
    assert (after.valid, after.broken_rules) == (before.valid, before.broken_rules)
    assert json.loads((run / "tags.json").read_bytes()) == {"commit": "1a2b"}


def test_tags_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """Names that are columns, too many, too long; a file that is none of ours has none."""
    run = stored(tmp_path / "run")
    for words in (["rig"], ["Rig=3"], ["board=mine"], ["a=" + "x" * 501], ["=3"]):
        with pytest.raises(UsageError):
            parse_tags(words, COLUMNS)
    with pytest.raises(RunFolderError, match="take some away"):
        tag(run, {f"t{n}": "x" for n in range(65)})
    with pytest.raises(RunFolderError, match="no run"):
        tag(tmp_path, {"rig": "3"})
    for text in ("[1]", '{"a": 1}', "{", '{"UPPER": "x", "ok": "' + "y" * 600 + '"}'):
        (run / "tags.json").write_text(text)
        assert read_tags(run) == {}


def test_the_command_line_lists_tags_and_writes_parquet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the condition chose, with the types of load_runs, for DuckDB and others."""
    parquet = pytest.importorskip("pyarrow.parquet")
    first, second = stored(tmp_path / "runs" / "a"), stored(tmp_path / "runs" / "b")
    assert cli.main(["tag", str(second), "rig=3"]) == 0
    assert capsys.readouterr().out == "rig=3\n"
    file = tmp_path / "runs.parquet"
    words = ["results", str(tmp_path / "runs"), "--where", "rig = 3", "--sort", "latency desc"]
    assert cli.main([*words, "--to", "parquet", "-o", str(file)]) == 0
    table = parquet.read_table(file)
    assert table.column_names == list(COLUMNS)
    assert table.column("run").to_pylist() == [str(second)]
    assert table.column("tags").to_pylist() == [["rig=3"]]
    assert str(table.schema.field("latency_s").type) == "double"
    assert cli.main(["tag", str(first)]) == 0
    assert not (first / "tags.json").exists()
    assert cli.main(["results", str(tmp_path / "runs"), "--where", "rig = "]) == 2
    assert "wanted a value" in capsys.readouterr().err
