"""Figures over time: noise told from change, by commit or by date, as text, page and JSON."""

import itertools
import json
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runner.compare.test_store import stored
from tests.runner.results.a_result import good_result
from tinybench.runner import cli
from tinybench.runner.compare.history import change_points, history, noise_of
from tinybench.runner.compare.store import find_runs
from tinybench.runner.compare.tags import tag

LEVELS = [0.1] * 8 + [0.09] * 8


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 measured runs, two a commit, 10 % faster from the ninth on; one of an emulated board."""
    root = tmp_path_factory.mktemp("history") / "runs"
    good = good_result().performance
    assert good is not None
    noise = random.Random(1)  # noqa: S311 - to be the same each time
    for n, level in enumerate(LEVELS):
        latency_s = level * (1 + noise.gauss(0, 0.002))
        folder = stored(
            root / f"run{n:02}",
            board="mine",
            emulated=False,
            started_at=f"2026-11-{n + 1:02}T10:00:00+00:00",
            performance=msgspec.structs.replace(
                good, latency_s=latency_s, latency_uncertainty_s=0.0004,
                instructions_per_inference=None,
            ),
        )  # fmt: skip
        tag(folder, {"commit": f"{n // 2:040x}"})
    stored(root / "emulated")
    return root


def test_a_step_is_found_and_noise_is_none(tree: Path) -> None:
    """One change, at its place, with both levels; the noise is what it was made of."""
    (one,) = [s for s in history(find_runs(tree).runs, "date") if s.metric == "latency"]
    assert (one.board, len(one.points)) == ("mine", 16)
    (change,) = one.changes
    assert change.point == 8
    assert change.before == pytest.approx(0.1, rel=0.005)
    assert change.after == pytest.approx(0.09, rel=0.005)
    assert 0.0001 < one.noise < 0.0005
    assert one.points[0].uncertainty == 0.0004


def test_runs_of_one_commit_are_one_point(tree: Path) -> None:
    """Their median; a run without a commit is left out; counts change by any difference."""
    found = {s.metric: s for s in history(find_runs(tree).runs, "commit")}
    assert len(found["latency"].points) == 8
    assert found["latency"].points[0].runs == 2
    assert [change.point for change in found["latency"].changes] == [4]
    assert found["flash"].changes == []
    assert {s.board for s in found.values()} == {"mine"}


@given(st.lists(st.floats(0.5, 2.0), min_size=0, max_size=30), st.floats(0, 0.2))
def test_change_points_part_any_series(values: list[float], noise: float) -> None:
    """In order, inside it, and without noise exactly where two neighbours differ."""
    found = change_points(values, noise)
    assert found == sorted(set(found))
    assert all(0 < n < len(values) for n in found)
    if noise == 0:
        pairs = enumerate(itertools.pairwise(values), start=1)
        assert found == [n for n, (a, b) in pairs if a != b]
    assert noise_of(values) >= 0


def test_chance_is_seldom_taken_for_a_change() -> None:
    """In 200 series of 40 values that do not change, at most 6 are said to."""
    chance = random.Random(2)  # noqa: S311
    series = [[chance.gauss(1, 0.01) for _ in range(40)] for _ in range(200)]
    assert sum(bool(change_points(values, 0.01)) for values in series) <= 6


def test_the_command_shows_it_in_each_format(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As text, as a page, as JSON; a figure that there is not is said."""
    assert cli.main(["history", str(tree), "--metric", "latency"]) == 0
    shown = capsys.readouterr().out
    assert "kws on mine: latency, 16 points, now 90." in shown
    assert "  2026-11-09 10:00 000000000000: " in shown
    assert "(-1" in shown or "(-9." in shown
    page = tmp_path / "history.html"
    assert cli.main(["history", str(tree), "--by", "commit", "--to", "html", "-o", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "1 of 4 figures changed" in text
    assert text.count('class="moment"') == 1
    capsys.readouterr()
    assert cli.main(["history", str(tree), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 8
    assert cli.main(["history", str(tree), "--metric", "latenzy"]) == 2
    assert "latenzy" in capsys.readouterr().err
    assert cli.main(["history", str(tree), "--metric", "board"]) == 2
