"""The Python door: its words, its tables, what its import costs."""

import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import tinybench
from tests.runner.results.a_result import good_result
from tinybench.energy.trace import Chunk, TraceHead, TraceWriter
from tinybench.errors import RunFolderError, TraceError, UsageError
from tinybench.runner.results import words
from tinybench.runner.results.result import write_result


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run of 1000 answers and five windows, in a folder of its own below runs/."""
    folder = tmp_path / "runs" / "good"
    folder.mkdir(parents=True)
    write_result(folder, good_result())
    return folder


def _documented(name: str) -> dict[str, str]:
    text = inspect.getdoc(getattr(tinybench, name)) or ""
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))


def _dtypes(frame: Any) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_the_import_loads_nothing_until_it_is_used() -> None:
    """Neither a part of tinybench nor a package of others."""
    code = (
        "import sys; before = set(sys.modules); import tinybench;"
        "print([n for n in set(sys.modules) - before"
        " if n.startswith(('tinybench.', 'msgspec', 'numpy', 'pandas', 'rich'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_door_offers_is_there() -> None:
    """Each name of `__all__`, listed by dir(); another one is an AttributeError."""
    assert set(tinybench.__all__) <= set(dir(tinybench))
    for name in tinybench.__all__:
        assert getattr(tinybench, name) is not None
    with pytest.raises(AttributeError, match="lode_runs"):
        tinybench.lode_runs  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tsak": "kws"}, "a run takes no 'tsak': did you mean 'task'?"),
        ({"task": "kws", "no_flash": True}, "say flash=False"),
        ({"task": "kws", "limit": 0}, "limit: 0 is no count of 1 or more"),
        ({"task": "kws", "mode": "acuracy"}, "mode: 'acuracy'.*did you mean 'accuracy'"),
        ({"task": "kws", "baud": "fast"}, "baud: 'fast' is no baud rate"),
        ({"task": "kws", "wait": "3x"}, "wait: '3x' is no time"),
        ({"task": "kws", "port": 3}, "port: 3 is no port"),
        ({"task": "kws", "board": "hots"}, "did you mean 'host'"),
        ({"task": "all"}, "use tinybench.run_all"),
        ({}, "name a task"),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest(asked: dict[str, Any], said: str) -> None:
    """And nothing is run."""
    with pytest.raises(UsageError, match=said):
        tinybench.run(**asked)


def test_the_words_are_known_to_types_values_and_help_alike() -> None:
    """A new word gets its type, its check and its line in the docstring."""
    typed = set(get_type_hints(words.Words))
    assert typed == set(words._VALUES) == set(_documented("run"))


def test_defaults_are_those_of_the_command_line() -> None:
    """The board by the port, the rate by the mode."""
    assert words.request_of(task="kws").board == "mps2-an386"
    asked = words.request_of(task="kws", port="/dev/x", mode="energy", wait="10m")
    assert (asked.board, asked.ports, asked.baud, asked.wait_s) == (
        "serial",
        ("/dev/x",),
        9600,
        600.0,
    )
    assert words.request_of(task="kws", baud="auto").raise_baud


@pytest.mark.parametrize("name", ["load_runs", "windows"])
def test_tables_of_folders_have_the_documented_dtypes(name: str, stored: Path) -> None:
    """Whatever is in the folder, and where nothing is."""
    table = getattr(tinybench, name)
    empty = stored.parents[1] / "empty"
    empty.mkdir()
    full = table(stored.parent)
    assert len(full) == {"load_runs": 1, "windows": 5}[name]
    assert _dtypes(full) == _dtypes(table(empty)) == _documented(name)
    assert set(full["time_is"]) == {"emulated"}


@pytest.mark.parametrize("name", ["answers", "layers"])
def test_tables_of_a_run_have_the_documented_dtypes(name: str, stored: Path) -> None:
    """Also of a run that has none of it."""
    bare = stored.parent / "bare"
    bare.mkdir()
    write_result(bare, good_result(accuracy=None))
    table = getattr(tinybench, name)
    assert _dtypes(table(stored)) == _dtypes(table(bare)) == _documented(name)
    assert len(table(bare)) == 0


def test_answers_say_what_is_right(stored: Path) -> None:
    """As many as the score counts."""
    assert int(tinybench.answers(stored)["correct"].sum()) == 901


def test_a_window_says_whether_its_run_is_valid(stored: Path) -> None:
    """As the table of runs does; an edited figure makes it none."""
    assert set(tinybench.windows(stored.parent)["valid"]) == {
        bool(tinybench.load_runs(stored.parent)["valid"].iloc[0])
    }
    write_result(stored, good_result(complete=False))
    assert set(tinybench.windows(stored.parent)["valid"]) == {False}


def test_a_run_that_was_edited_is_warned_of(tmp_path: Path) -> None:
    """By what reads one run; as it was left, nothing is said."""
    run = tmp_path / "run"
    tinybench.run(board="host", task="kws", mode="accuracy", limit=3, out=run)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tinybench.answers(run)
        tinybench.layers(run)
    text = (run / "result.json").read_text()
    edited = text.replace('"label": 3', '"label": 4').replace('"label":3', '"label":4')
    assert edited != text
    (run / "result.json").write_text(edited)
    for read in (tinybench.answers, tinybench.layers):
        with pytest.warns(UserWarning, match="is not as its run left it"):
            read(run)


def test_a_claim_that_fits_no_column_is_missing(stored: Path) -> None:
    """A date beyond all calendars hides no other run."""
    write_result(stored, good_result(started_at="9999-01-01T00:00:00+00:00"))
    runs = tinybench.load_runs(stored.parent)
    assert runs["started_at"].isna().all()
    assert _dtypes(runs) == _documented("load_runs")


def test_a_trace_comes_in_chunks(stored: Path) -> None:
    """Successive frames of at most so many samples; power from the set voltage."""
    import numpy as np

    head = TraceHead(rate_hz=1000, unit="A", voltage_v=2.0, modelled=True)
    with TraceWriter(stored / "energy.jls", head) as writer:
        writer.write(Chunk(0, np.full(2500, 0.5, np.float32)))
    frames = list(tinybench.trace(stored, chunk=1000))
    assert [len(frame) for frame in frames] == [1000, 1000, 500]
    assert all(_dtypes(frame) == _documented("trace") for frame in frames)
    assert frames[1]["t_s"].iloc[0] == pytest.approx(1.0)
    assert frames[2]["power_w"].iloc[-1] == pytest.approx(1.0)
    assert set(frames[0]["energy_is"]) == {"modelled"}


def test_what_is_not_there_is_said(stored: Path) -> None:
    """A folder without a trace, a folder without a run, a chunk of nothing."""
    with pytest.raises(TraceError, match="measured no energy"):
        tinybench.trace(stored)
    with pytest.raises(RunFolderError, match="no result here"):
        tinybench.answers(stored.parent)
    with pytest.raises(UsageError, match="1 or more"):
        tinybench.trace(stored, chunk=0)
