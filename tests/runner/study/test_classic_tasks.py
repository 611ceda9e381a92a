"""Tasks that classic models are learnt from: real values, wide inputs; and what no board holds."""

import io
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.models import tflite_builder as build_model
from tinybench.errors import ModelError, OtherFolderError, RunFolderError, UsageError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.runner.build.board import load_board
from tinybench.runner.build.own_task import Given, own_task
from tinybench.runner.build.truth import Truth
from tinybench.runner.report.study.classic import cells, header, said, terminal
from tinybench.runner.results.result import read_result
from tinybench.runner.study import rows
from tinybench.runner.study.classic import classic
from tinybench.runner.study.classic.classic import PIECES, any_learnt, ask, run_classic
from tinybench.runner.study.classic.engine_c import write_engine
from tinybench.runner.study.classic.learn import Timed, trained
from tinybench.runner.study.classic.room import HIDDEN, NEIGHBOURS_MOST, insist_room, least_b
from tinybench.runner.study.kept import open_study
from tinybench.runner.study.parts import gather
from tinybench.runner.study.rows import Rows, rows_of_task
from tinybench.runner.study.subject import subject
from tinybench.runner.study.work import Work
from tinybench.track import silent

COUNT, WIDE = 60, 4
tensor = build_model.Tensor


def weighed(folder: Path, outputs: int = 1) -> str:
    """Write a task of real values: inputs of 4 numbers, weighed, nearly as by its model."""
    rng = np.random.default_rng(4)
    weights = rng.integers(-90, 90, (outputs, WIDE)).astype(np.int8)
    model = build_model.Model(
        [
            tensor([1, WIDE], scales=[1.0], zero_points=[0]),
            tensor([outputs, WIDE], scales=[0.01], zero_points=[0], data=weights),
            tensor([1, outputs], scales=[3.3], zero_points=[0]),
        ],
        [build_model.Operator("FULLY_CONNECTED", [0, 1, -1], [2])],
        [0],
        [2],
    )
    inputs = rng.integers(-90, 90, (COUNT, WIDE)).astype(np.int8)
    truth = inputs @ weights.T.astype(float) * 0.01 + rng.normal(0, 5, (COUNT, outputs))
    path = folder / "weighed.tflite"
    path.write_bytes(build_model.write(model))
    given = Given(
        tuple((f"{n:02}.bin", one.tobytes()) for n, one in enumerate(inputs)),
        "made",
        Truth(metric="regression", expected=tuple(map(tuple, truth.tolist()))),
    )
    return str(own_task(path, anatomy(path, ("blocked",)), given, folder / "task"))


def test_a_task_of_real_values_is_learnt_beside_its_model(tmp_path: Path) -> None:
    """Both by R2 of the same tested rows, by one formula, that of a run."""
    task = weighed(tmp_path)
    told = rows_of_task(task, beside=True)
    assert (told.classes, told.values.shape) == ((), (COUNT, WIDE))
    asked = ask(told, "weighed", "host", ["linear"], 18, 1, [1])
    work = Work(tmp_path / "s", {"board": "host"}, silent, lambda _: None)
    linear, neural = run_classic(told, asked, work, {"task": task}).rows
    for row, run in ((linear, "linear"), (neural, "neural")):
        accuracy = read_result(tmp_path / "s" / run).accuracy
        assert accuracy is not None
        assert accuracy.expected is not None
        assert (accuracy.count, row.score) == (18, pytest.approx(accuracy.expected.r2, abs=1e-6))
        assert (row.score or 0) > 0.9
    assert linear.learnt_score == pytest.approx(linear.score, abs=1e-4)


def test_what_is_not_told_of_an_input_cannot_be_learnt(tmp_path: Path) -> None:
    """Anomalies, masks, several values; the refusal says what to do instead."""
    for task, words in (
        ("ad", "scored by AUC, .* give features .* by --csv"),
        (weighed(tmp_path, 3), "expects 3 values of an input, .* by --csv FILE --regression"),
    ):
        with pytest.raises(UsageError, match=words):
            rows_of_task(task, beside=True)
    with pytest.raises(UsageError, match="mean absolute error"):
        rows_of_task(task)  # of other studies, which tell classes


def test_inputs_of_any_format_are_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two or four bytes each, not a byte a feature."""
    made, labels = subject("kws", limit=4), (0, 1, 0, 1)
    for kind, dtype in (("int16", "<i2"), ("int32", "<i4"), ("float32", "<f4")):
        values = np.arange(-6, 6).reshape(4, 3).astype(dtype)
        other = replace(
            made,
            inputs=values.view(np.uint8),
            labels=labels,
            interface=msgspec.structs.replace(made.interface, input_format=kind),
        )
        monkeypatch.setattr(rows, "subject", lambda *_, of=other, **__: of)
        assert rows_of_task("kws").values.tolist() == values.tolist()


def test_what_no_memory_holds_is_said_before_it_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the sizes of its numbers, which are below those of the image that is built."""
    monkeypatch.setattr(classic, "trained", lambda *_, **__: pytest.fail("was learnt"))
    rng = np.random.default_rng(0)
    wide = Rows("wide", rng.normal(0, 1, (20, 4096)), np.arange(20) % 2, ("a", "b"))
    asked = ask(wide, "", "qemu-microbit", ["knn", "mlp"], 5, 1, [1])
    words = {"board": "qemu-microbit"}
    found = run_classic(wide, asked, Work(tmp_path, words, silent, lambda _: None))
    assert [row.refused is not None for row in found.rows] == [True, True]
    assert cells(found, found.rows[1])[:3] == ("mlp", "refused", "-")
    assert not any_learnt(found.rows)
    shown = Console(record=True, width=200, file=io.StringIO())
    shown.print(terminal(found))
    assert "on this computer  threads" not in shown.export_text()
    told = said(found)[1]
    assert told.startswith("mlp refused: the model does not fit qemu-microbit: it needs ")
    assert "bytes of flash" in told
    assert "bytes of RAM" in said(found)[0]
    fast = msgspec.structs.replace(
        found.rows[1], refused=None, emulated=False, latency_s=3.1357e-9, vips=318913333.0,
        times=[Timed(1, 0.1, 0.1)],
    )  # fmt: skip
    host = msgspec.structs.replace(
        found, rows=[fast], asked=msgspec.structs.replace(asked, threads=[1, 2])
    )
    assert header(host)[4] == "measured us"
    assert {"0.00314", "319,000,000"} <= set(cells(host, fast))
    assert "mlp: scikit-learn learns these with one thread alone" in said(host)
    assert any_learnt(host.rows)
    long = msgspec.structs.replace(found.rows[1], refused="many words " * 100)
    (cut, *_) = said(msgspec.structs.replace(found, rows=[long]))
    assert cut.endswith(" ...")
    wider = load_board("host")
    insist_room("knn", wider, 4, 2, NEIGHBOURS_MOST)
    with pytest.raises(ModelError, match="numbers neighbours by int16, at most 32,767"):
        insist_room("knn", wider, 4, 2, NEIGHBOURS_MOST + 1)
    with pytest.raises(ModelError, match="an image of a study at most"):
        insist_room("knn", wider, 4096, 2, 1000)


def test_what_others_wrote_into_the_folder_is_no_row_of_a_model(tmp_path: Path) -> None:
    """Figures that cannot be, of another model, or of a run that lies elsewhere."""
    rng = np.random.default_rng(0)
    made = Rows("made", rng.normal(0, 1, (20, 2)), np.arange(20) % 2, ("a", "b"))
    asked = ask(made, "", "host", ["forest"], 5, 1, [1])
    with open_study(tmp_path, asked):
        pass
    for row in (
        {"model": "forest", "score": 7e9},
        {"model": "forest", "rows": -1},
        {"model": "knn"},
        {"model": "forest", "run": "../outside"},
    ):
        (tmp_path / "forest.json").write_bytes(msgspec.json.encode(row))
        with pytest.raises(OtherFolderError, match=r"forest\.json: .* give -o a new folder"):
            run_classic(made, asked, Work(tmp_path, {"board": "host"}, silent, lambda _: None))
    other = tmp_path / "part"
    other.mkdir()
    (other / "asked.json").write_bytes((tmp_path / "asked.json").read_bytes())
    (other / "forest.json").write_bytes(msgspec.json.encode({"model": "knn"}))
    with pytest.raises(RunFolderError, match="cannot be of this study"):
        gather(tmp_path / "into", [other], asked, PIECES)


def test_the_least_is_below_what_was_built() -> None:
    """Of 490 features, 12 classes and 210 rows, on an mps2-an386: as built, in bytes."""
    built = {"linear": (32_644, 8364), "knn": (216_276, 10_088), "mlp": (76_708, 14_368)}
    for kind, (flash_b, ram_b) in built.items():
        least = least_b(kind, 490, 12, 210)
        assert flash_b - 16_000 < least[0] < flash_b
        assert ram_b - 9_000 < least[1] < ram_b
    assert least_b("mlp", 490, 2, 210)[0] == least_b("mlp", 490, 1, 210)[0]
    assert least_b("mlp", 490, 3, 210)[0] - least_b("mlp", 490, 2, 210)[0] == 2 * 4 * (HIDDEN + 1)


def test_emlearn_tells_two_classes_apart_by_one_unit(tmp_path: Path) -> None:
    """So that the least of a net is what its C has in numbers."""
    values = np.random.default_rng(0).integers(-99, 99, (40, 3), np.int16)
    rows_ = (values, np.arange(40) % 2)
    net, _, _ = trained("mlp", rows_, values, [1], regression=False, seed=1)
    write_engine("mlp", net, tmp_path, 3, 2, regression=False)
    sizes = re.findall(r"static const float \w+\[(\d+)\]", (tmp_path / "learnt.h").read_text())
    assert 4 * sum(map(int, sizes)) == least_b("mlp", 3, 2, 40)[0]
