"""Classic models: learnt from rows, turned into C, and run where a neural model runs."""

import csv
import io
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.bench.study.classic import LOST_MOST, digits_lost, share_equal
from tests.program import tinybench
from tests.runner.study.dealt import but_times, copy_runs, gathered
from tinybench.errors import DatasetError, UsageError
from tinybench.models.declaration import package_folder
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.report.study.classic import as_csv, header, markdown, said
from tinybench.runner.results.result import read_result
from tinybench.runner.results.score import latency_s
from tinybench.runner.study.classic import classic
from tinybench.runner.study.classic.classic import (
    PIECES,
    ClassicStudy,
    Row,
    ask,
    run_classic,
    same,
    scored,
    share_classic,
)
from tinybench.runner.study.classic.learn import (
    REACH,
    SQUARES_MOST,
    learner,
    macs_of,
    scale_of,
    unit_of,
)
from tinybench.runner.study.host_engine import infer, load
from tinybench.runner.study.kept import kept_part
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.parts import Part
from tinybench.runner.study.rows import Rows, digest, read_csv, rows_of_task, split
from tinybench.runner.study.subject import engine_of, subject
from tinybench.runner.study.work import Work
from tinybench.track import silent

STORED = "neural.json"


def table(count: int = 160, classes: int = 3) -> Rows:
    """Return rows of small integers whose class a threshold between two of them tells."""
    rng = np.random.default_rng(4)
    values = rng.integers(0, 5, (count, 6)).astype(np.float64)
    labels = (values[:, 0] + values[:, 1] > 3).astype(int) + (values[:, 2] > 2)
    return Rows("made", values, np.minimum(labels, classes - 1), ("a", "b", "c")[:classes])


def studied(rows: Rows, folder: Path, *models: str, board: str = "mps2-an386") -> ClassicStudy:
    """Do a study of few rows."""
    asked = ask(rows, "", board, models, 24, 1, [1])
    return run_classic(rows, asked, Work(folder, {"board": board}, silent, lambda _: None, 2))


def test_each_answer_of_the_board_is_that_of_the_same_c_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows, on an emulated core; thresholds between small integers lose next to nothing.

    Nothing is run again, and parts that are gathered are the same study.
    """
    whole = tmp_path / "whole"
    found = studied(table(), whole, "forest", "knn", "mlp")
    assert [row.refused for row in found.rows] == [None] * 3
    for row in found.rows:
        assert (row.rows_equal, row.rows) == (24, 24)
        assert row.emulated
        assert row.instructions
        assert row.flash_b
        assert row.score is not None
        assert row.learnt_score is not None
        assert row.score > row.learnt_score - 2 / 24
    by_name = {row.model: row for row in found.rows}
    assert macs_of("linear", 6, 3) == 6 * 3
    each_s = latency_s(read_result(whole / "mlp"))
    assert each_s is not None
    assert by_name["mlp"].estimated_vips == pytest.approx((by_name["mlp"].score or 0) / each_s)
    assert by_name["mlp"].estimated_vops
    assert by_name["forest"].estimated_vips
    assert (by_name["mlp"].vips, by_name["forest"].estimated_vops) == (None, None)
    assert header(found)[-2:] == ("est. VIPS", "est. MVOPS")
    (timed,) = by_name["mlp"].times
    assert f"| mlp | 1 | {timed.train_s:.4f} | {timed.predict_s:.4f} |" in markdown(found)
    (told,) = (one for one in csv.DictReader(io.StringIO(as_csv(found))) if one["model"] == "mlp")
    assert float(told["predict_s_threads_1"]) == pytest.approx(timed.predict_s)
    assert (by_name["forest"].instructions or 0) < 5000
    listed = find_studies(whole).rows
    assert [(row.name, row.score_by) for row in listed] == [
        (name, "board") for name in ("forest", "knn", "mlp")
    ]
    assert (by_name["forest"].rows_as_learnt or 0) >= 23  # leaves have 8 bits: a tie may fall
    assert same(found.rows)
    assert not same([msgspec.structs.replace(found.rows[0], rows_equal=None)])  # as of too few
    states = {path: path.stat().st_mtime_ns for path in whole.glob("*/result.json")}
    again = studied(table(), whole, "forest", "knn", "mlp")
    assert again == found
    assert states == {path: path.stat().st_mtime_ns for path in whole.glob("*/result.json")}
    copy_runs(monkeypatch, classic, whole)
    words = ({"board": "mps2-an386"}, silent, lambda _: None, 1)
    assert but_times(whole) == gathered(
        tmp_path,
        lambda folder, part: share_classic(table(), found.asked, Work(folder, *words), part),
        lambda folder: run_classic(table(), found.asked, Work(folder, *words)),
        found.asked,
        PIECES,
    )
    assert (tmp_path / "gathered" / "knn" / "result.json").is_file()


def test_digits_lose_at_most_a_point_as_c(tmp_path: Path) -> None:
    """Trees and neighbours by emlearn, of 539 pictures, against scikit-learn's own answers.

    Of features as they are, small integers, trees lose points: emlearn cuts thresholds off.
    """
    pytest.importorskip("sklearn")
    lost = digits_lost(tmp_path / "scaled", ("forest", "extra-trees", "knn"))
    assert max(lost.values()) <= LOST_MOST, lost
    assert digits_lost(tmp_path / "plain", ("forest",), scaled=False)["forest"] > 5 * LOST_MOST


def test_rows_are_equal_where_all_models_ran() -> None:
    """The figure of the bench is of every classic model: one that is refused is none that is equal.

    The task's own model is held against its outputs by its run.
    """
    row = {"model": "knn", "refused": None, "rows": 4, "rows_equal": 4}
    own = {"model": "neural (kws01)", "refused": None, "rows": 4, "rows_equal": None}
    assert share_equal([row, own]) == 1
    assert share_equal([row, row | {"rows_equal": 3}]) == 7 / 8
    assert share_equal([row, row | {"refused": "too large"}]) == 0
    assert share_equal([row, row | {"rows_equal": None}]) == 0
    assert share_equal([own]) == 0


def test_the_model_of_the_task_answers_the_rows_that_the_others_do(tmp_path: Path) -> None:
    """Those that are tested, by name and label, whichever they are; the table says so."""
    rows = rows_of_task("kws", beside=True)
    asked = ask(rows, "kws", "host", ["knn"], 24, 1, [1])
    work = Work(tmp_path, {"board": "host"}, silent, lambda _: None)
    share_classic(rows, asked, work, Part(2, 2))  # no more than this one
    of, tested = subject("kws"), split(rows, 24, 1)[1]
    samples = resolve(load_task("kws")).samples.samples
    accuracy, row = read_result(tmp_path / "neural").accuracy, kept_part(tmp_path / STORED, Row)
    assert accuracy is not None
    assert row is not None
    assert [one.input for one in accuracy.answers] == [samples[one].name for one in tested]
    here = infer(load(engine_of(of), tmp_path, 0), of.inputs[tested]).argmax(axis=1)
    assert (row.rows, row.score) == (24, np.mean(here == rows.targets[tested]))
    for form, words in ((2, "on the same tested rows"), (1, "the first of its set")):
        study = ClassicStudy(
            asked=msgspec.structs.replace(asked, format=form), tinybench="", source="kws",
            classes=[], features=490, learnt_from=276, tested=24, rows=[row],
        )  # fmt: skip
        assert words in " ".join(said(study))


def test_real_values_have_r2_and_neighbours_are_refused(tmp_path: Path) -> None:
    """A line is found by a linear model; neighbours say why they are not there."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, (120, 4))
    rows = Rows("line", values, values @ np.array([1.0, -2.0, 0.5, 0.0]) + 7, ())
    linear, neighbours = studied(rows, tmp_path, "linear", "knn", board="host").rows
    assert linear.rows_equal == linear.rows
    assert linear.score == pytest.approx(1, abs=1e-4)
    assert neighbours.refused is not None
    assert "give no values" in neighbours.refused


def test_real_values_of_any_size_are_learnt(tmp_path: Path) -> None:
    """Farads and light years: the C has six decimals, a board prints less than 2^32."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, (120, 4))
    truth = values @ np.array([1.0, -2.0, 0.5, 0.0]) + 7
    for size, unit in ((1e-9, 1e-11), (1e30, 1e28)):
        folder = tmp_path / f"{size:g}"
        found = studied(Rows("line", values, truth * size, ()), folder, "mlp", board="host")
        assert found.unit == unit
        assert found.rows[0].rows_equal == found.rows[0].rows
        assert (found.rows[0].score or 0) > 0.9
        assert f"in units of {unit:g}" in " ".join(said(found))
    assert unit_of(Rows("line", values, truth, ())) == 1


def test_features_are_even_and_fit_what_is_computed_of_them() -> None:
    """Twice an integer each; squared distances of neighbours stay below 2^30."""
    values = np.random.default_rng(0).normal(0, 1, (50, 490))
    scale = scale_of(values, "forest")
    made = scale.apply(values)
    assert (made % 2 == 0).all()
    assert made.max() == REACH == -made.min()
    assert scale.apply(values + 100).max() == REACH
    odd = np.stack([np.full(3, 7.0), np.array([-1e100, 0, 1e100])], axis=1)
    assert scale_of(odd, "forest").apply(odd).tolist() == [[0, -REACH], [0, 0], [0, REACH]]
    near = scale_of(values, "knn").apply(np.stack([values.min(axis=0), values.max(axis=0)]))
    assert ((near[0].astype(int) - near[1]) ** 2).sum() <= SQUARES_MOST
    constant = scale_of(np.ones((5, 2)), "linear").apply(np.ones((1, 2)))
    assert (constant == 0).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,y\n1,2,0\n1,red,1\n", r":3: column 2 \(b\) is 'red'"),
        ('"a\nb",y\n1,0\nred,1\n', ":4: column 1"),
        ("1,2,0\n1,,1\n", ":2: column 2 is missing"),
        ("1,2,0\n1,nan,1\n", ":2: column 2 is missing"),
        ("1,2,0\n1,1e308,1\n", "beyond 1e\\+100"),
        ("a;b;y\n1;2;0\n", "separated by semicolons"),
        ("1\t2\t0\n", "separated by tabs"),
        ("1,2,0\n1,inf,1\n", "no number"),
        ("1,2,0\n1,2\n", "2 cells, wanted 3"),
        ("1,2,0\n1,2,\n", "target is missing"),
        ("", "no rows"),
        ("a,b,y\n", "no rows in it, but names"),
        ("1\n2\n", ":1: one cell, '1': .* features beside the target, with commas"),
        ('a,b,y\n"0,5","1,5",x\n', r":2: column 1 \(a\) is '0,5': write numbers with a point"),
        ("a,b,y\n1_0,2,x\n", r":2: column 1 \(a\) is '1_0', which is no number"),
        ('a,b,y\n1,2,"x\n1,2,z\n', "cannot be read as CSV: unexpected end of data"),
        ("a,b,y,\n1,2,x,\n", ":2: the target is missing: .* by --target"),
        ("1," * 4097 + "0\n", "4,097 features; .* fewer, computed of these, by --csv"),
        ("1,0\n" * 100_001, "more than 100,000 rows"),
    ],
    ids=[
        *("text", "lines", "missing", "nan", "too large", "semicolons", "tabs", "infinite"),
        *(
            "ragged",
            "no target",
            "empty",
            "names",
            "alone",
            "decimal commas",
            "underscore",
            "quote",
        ),
        *("commas at ends", "wide", "many"),
    ],
)
def test_a_csv_that_cannot_be_learnt_from_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """By line and column, and with what to do."""
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=words):
        read_csv(path, None, regression=False)


def test_a_csv_has_its_target_in_any_column(tmp_path: Path) -> None:
    """By its name; classes are words, or numbers in their own order."""
    path = tmp_path / "rows.csv"
    path.write_text("y,a\n10,1\n9,2\n10,3\n")
    found = read_csv(path, "y", regression=False)
    assert found.classes == ("9", "10")
    assert found.targets.tolist() == [1, 0, 1]
    assert found.values.tolist() == [[1], [2], [3]]
    assert read_csv(path, "y", regression=True).targets.tolist() == [10, 9, 10]
    with pytest.raises(DatasetError, match="no column 'z'"):
        read_csv(path, "z", regression=False)
    path.write_text("\ufeffy,a\ndog,1\ncat,2\n")  # as a spreadsheet saves it
    assert read_csv(path, "y", regression=False).classes == ("cat", "dog")
    path.write_text("é,y\n1,0\n", encoding="latin-1")
    with pytest.raises(DatasetError, match="save it anew, as UTF-8"):
        read_csv(path, None, regression=False)


def test_inputs_and_model_of_ones_own_are_known_by_what_they_hold(tmp_path: Path) -> None:
    """A folder of inputs, wherever it is; the model counts where it stands beside."""
    with zipfile.ZipFile(package_folder().parent / "datasets" / "embedded" / "kws01.zip") as whole:
        whole.extractall(tmp_path)
    model = package_folder() / "embedded" / "kws01.tflite"
    inside, given = rows_of_task("kws", beside=True), rows_of_task("kws", tmp_path)
    assert digest(given) == digest(inside)
    assert given.model_sha256 == ""
    beside = rows_of_task("kws", tmp_path, model, beside=True)
    assert ask(beside, "kws", "host", ["knn"], 5, 1, [1]) == ask(
        inside, "kws", "host", ["knn"], 5, 1, [1]
    )
    changed = tmp_path / "kws01" / "tst_000000_No_3.bin"
    changed.write_bytes(bytes(490))
    assert digest(rows_of_task("kws", tmp_path)) != digest(inside)
    other = tmp_path / "other.tflite"
    other.write_bytes(model.read_bytes() + b"\0")
    found = rows_of_task("kws", model=other, beside=True)
    assert ask(found, "kws", "host", ["knn"], 5, 1, [1]).model_sha256 != beside.model_sha256


def test_rows_that_teach_nothing_are_refused() -> None:
    """One class; a class of too few; too few rows of real values."""
    values = np.zeros((20, 2))
    one = Rows("one", values, np.zeros(20, int), ("a",))
    few = Rows("few", values, np.array([0] * 18 + [1] * 2), ("a", "b"))
    short = Rows("short", values[:5], np.zeros(5), ())
    same = Rows("same", values, np.full(20, 3.5), ())
    real = Rows("real", values, np.arange(20), tuple(map(str, range(20))))
    for rows, words in (
        (one, "one class"),
        (few, "class 'b' has 2 rows; 4 of each are needed to learn and to test$"),
        (short, "5 rows"),
        (same, "all targets are 3.5"),
        (real, "study classic --regression"),
    ):
        with pytest.raises(DatasetError, match=words):
            split(rows, 5, 1)
    for seed in (1 << 32, 10**12 - 1):  # more than scikit-learn knows
        learner("forest", regression=False, seed=seed, threads=1).fit([[0], [1]], [0, 1])
    with pytest.raises(UsageError, match="valid: linear"):
        ask(table(), "", "host", ["svm"], 5, 1, [1])
    with pytest.raises(UsageError, match="scored by AUC, and models are learnt"):
        rows_of_task("ad")


def test_each_class_is_learnt_from_and_tested() -> None:
    """Each row once, the same by the same seed, classes in proportion."""
    rows = Rows("three", np.zeros((90, 1)), np.repeat([0, 1, 2], [60, 20, 10]), ("a", "b", "c"))
    train, test = split(rows, 18, 1)
    assert sorted([*train, *test]) == list(range(90))
    assert np.bincount(rows.targets[test]).tolist() == [12, 4, 2]
    assert [one.tolist() for one in split(rows, 18, 1)] == [train.tolist(), test.tolist()]
    assert split(rows, 18, 2)[1].tolist() != test.tolist()
    assert len(split(rows, 1000, 1)[1]) == 27


def test_r2_is_that_of_its_definition() -> None:
    """1 of the truth, 0 of its mean; none of values that are all the same."""
    truth = np.array([1.0, 2.0, 4.0])
    assert scored(truth, truth, regression=True) == 1
    assert scored(np.full(3, truth.mean()), truth, regression=True) == 0
    assert scored(truth, np.ones(3), regression=True) is None


def test_words_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    """In one line, status 2."""
    none = str(tmp_path / "none.csv")
    for words, told in (
        (("classic",), "--task kws, or --csv FILE"),
        (("classic", "--csv", none), "cannot be read"),
        (("classic", "--csv", none, "--model", none), "--data and --model are of --task"),
        (("compress", "--data", str(tmp_path)), "--data is of --task"),
        (("classic", "--task", "kws", "--model", none), "the model cannot be read"),
    ):
        done = tinybench("study", *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert told in done.stderr


@pytest.mark.parametrize("study", ["classic", "quantisation", "sweep --by kernels=plain,blocked"])
def test_energy_that_cannot_be_told_is_refused_first(study: str, tmp_path: Path) -> None:
    """Of a board without a model of its power: before anything is learnt, and no folder is left."""
    words = [*study.split(), "--task", "kws", "--board", "host", "--monitor", "modelled"]
    words += ["--mode", "all"] if study.startswith("sweep") else []
    done = tinybench("study", *words, "-o", str(tmp_path / "study"))
    assert done.returncode == 2
    assert "board host has no model of its power" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "study").exists()
