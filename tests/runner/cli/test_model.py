"""`tinybench model`: what a model is, where it fits, and how it does, from a .tflite alone."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.models import (
    random_arithmetic,
    random_moves,
    random_operators,
    random_tensors,
    tflite_builder,
)
from tests.models.packaged import MODELS
from tests.program import TINYBENCH, tinybench
from tinybench.errors import UsageError
from tinybench.runner import api
from tinybench.runner.build.board import names
from tinybench.runner.results.result import read_result

KWS = str(MODELS / "kws01.tflite")


def test_it_says_what_a_model_is_and_where_it_fits() -> None:
    """Ends, operators, what it takes with each kind of kernels, and every board that is built."""
    done = tinybench("model", KWS, "--to", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [end["shape"] for end in found["inputs"]] == [[1, 49, 10, 1]]
    assert found["macs"] == 2_656_768
    assert found["operators"]["CONV_2D"] == 5
    assert set(found["needs"]) == {"blocked", "rv32", "thumb2", "dsp", "mve"}
    for need in found["needs"].values():
        assert max(life["offset_b"] + life["size_b"] for life in need["lives"]) == need["arena_b"]
    boards = {one["board"]: one for one in found["boards"]}
    assert set(boards) == set(names()) - {"host", "serial"}
    assert boards.pop("qemu-microbit")["verdict"] == "too close to say"
    assert {one["verdict"] for one in boards.values()} == {"fits"}
    assert {one["label"] for one in boards.values()} == {"estimated"}


def test_a_person_reads_it_as_tables() -> None:
    """One line an operator with a bar for the arena, one line a board."""
    done = tinybench("model", KWS)
    assert done.returncode == 0, done.stderr
    assert "2,656,768 an inference" in done.stdout
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "####" in rows["1"]
    assert rows["stm32-h405"].endswith("fits")
    assert "estimated, from - to" in done.stdout


@pytest.mark.parametrize(
    ("ram_b", "flash_b", "verdict", "status"),
    [
        (0x1_0000, 0x2_0000, "fits", 0),
        (0x3000, 0x2_0000, "does not fit", 1),
        (0x1_0000, 0x8000, "does not fit", 1),
        (0x4000, 0x2_0000, "too close to say", 0),
    ],
    ids=["fits", "RAM", "flash", "close"],
)
def test_a_gate_says_whether_it_fits_and_what_is_missing(
    tmp_path: Path, ram_b: int, flash_b: int, verdict: str, status: int
) -> None:
    """A chip that one only thinks of: exit status 1 where the model is too large for it."""
    text = names()["stm32-h405"].read_text(encoding="utf-8")
    text = text.replace("ram_size_b = 0x2_0000", f"ram_size_b = {ram_b}")
    text = text.replace("flash_size_b = 0x10_0000", f"flash_size_b = {flash_b}")
    board = tmp_path / "small.toml"
    board.write_text(text.replace('name = "stm32-h405"', 'name = "small"'), encoding="utf-8")
    done = tinybench("model", KWS, "--board", str(board), "--check", "--to", "json")
    assert done.returncode == status, done.stderr
    (one,) = json.loads(done.stdout)["boards"]
    assert one["verdict"] == verdict
    strict = tinybench("model", KWS, "--board", str(board), "--check", "--strict")
    assert strict.returncode == int(verdict != "fits")
    assert ("to build it tells" in strict.stderr) == (verdict == "too close to say")
    if status:
        said = tinybench("model", KWS, "--board", str(board), "--check").stdout
        least_b, has_b = (
            (one["ram_b"][0], ram_b) if ram_b < 0x4000 else (one["flash_b"][0], flash_b)
        )
        assert f"at least {least_b - has_b:,}" in said


def test_the_arena_is_drawn(tmp_path: Path) -> None:
    """A picture, as other pictures are: a file that a viewer opens."""
    assert tinybench("model", KWS, "--to", "png", "-o", str(tmp_path / "a.png")).returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--emulate",), "--emulate needs a --board"),
        (("--inputs", "x.npy"), "--inputs needs a --board"),
        (("--check",), "--check needs a --board"),
        (("--board", "mps2-an386", "--strict"), "--strict is about what --check cannot tell"),
        (("--board", "host", "--check"), "board host declares no memory"),
        (("--board", "host", "--to", "png"), "--to png"),
        (("--board", "nowhere"), "no board 'nowhere'"),
        (("--board", "host", "--inputs", "none.npy"), "none.npy"),
    ],
)
def test_a_word_that_cannot_be_honoured_is_refused(words: tuple[str, ...], said: str) -> None:
    """By its name, with status 2, and nothing is made."""
    done = tinybench("model", KWS, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_board_that_the_defaults_name_starts_no_measurement(tmp_path: Path) -> None:
    """`tinybench.toml` is for those who run a task: asked what a model is, it is said."""
    (tmp_path / "tinybench.toml").write_text('board = "mps2-an386"\n', encoding="utf-8")
    done = tinybench("model", KWS, program=["env", "-C", str(tmp_path), *TINYBENCH])
    assert done.returncode == 0, done.stderr
    assert "stm32-h405" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_no_model_is_refused_in_words(tmp_path: Path) -> None:
    """A file that is none, or not there."""
    (tmp_path / "none.tflite").write_bytes(b"no model at all")
    for path in (tmp_path / "none.tflite", tmp_path / "gone.tflite"):
        done = tinybench("model", str(path))
        assert done.returncode == 2
        assert path.name in done.stderr
        assert "Traceback" not in done.stderr


def test_it_is_measured_and_held_against_the_reference(tmp_path: Path) -> None:
    """From the .tflite alone: windows, layers, every output to the bit; a run like any other."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    folder = tmp_path / "run"
    done = tinybench("model", KWS, "--board", "mps2-an386", "--count", "7", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert "7 of 7 outputs equal to the bit, tflite-micro" in done.stdout
    assert "DEPTHWISE_CONV_2D  1x25x5x64" in done.stdout
    assert "not an MLPerf result" in done.stdout
    result = read_result(folder)
    assert result.task == "kws01"
    assert result.accuracy is not None
    assert not result.accuracy.scored
    assert result.accuracy.top1 is None
    assert result.reference is not None
    assert (result.reference.count, result.reference.equal) == (7, 7)
    checked = tinybench("check", str(folder), "--rules")
    assert checked.returncode == 0, checked.stdout
    assert "reference-outputs" in checked.stdout


def test_the_users_inputs_are_inferred(tmp_path: Path) -> None:
    """Two of them, and seeded ones behind, for there are five windows."""
    lines = [",".join(["1.5"] * 490), ",".join(["-20"] * 490)]
    (tmp_path / "two.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path / "run"
    done = tinybench(
        *("model", KWS, "--board", "mps2-an386", "--inputs", str(tmp_path / "two.csv")),
        *("--out", str(folder), "--to", "json"),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["accuracy"]["count"] == 5
    assert [layer["operator"] for layer in document["layers"]][:2] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
    ]
    assert document["anatomy"]["macs"] == 2_656_768
    result = read_result(folder)
    assert result.accuracy is not None
    assert [answer.input for answer in result.accuracy.answers][:2] == [
        "two-0000.bin",
        "two-0001.bin",
    ]


def test_golden_outputs_are_a_gate_and_every_report_has_the_score(tmp_path: Path) -> None:
    """One that differs: status 1 and its name; the same inputs with classes have a top-1."""
    real = np.zeros((6, 12))
    np.savetxt(tmp_path / "y.csv", real, delimiter=",")
    np.save(tmp_path / "x.npy", np.zeros((6, 49, 10, 1), np.int8))
    (tmp_path / "labels.csv").write_text("0\n" * 6, encoding="utf-8")
    words = ("model", KWS, "--board", "mps2-an386", "--inputs", str(tmp_path / "x.npy"))
    golden, classed = str(tmp_path / "golden"), str(tmp_path / "classed")
    done = tinybench(*words, "--expect", str(tmp_path / "y.csv"), "--out", golden)
    assert done.returncode == 1, done.stderr
    assert "0 of 6 outputs as expected, within 0.00195" in done.stdout
    assert "expected-outputs" in done.stdout
    assert tinybench("check", golden).returncode == 1
    done = tinybench(*words, "--labels", str(tmp_path / "labels.csv"), "--out", classed)
    assert done.returncode == 0, done.stderr
    assert "top-1 " in done.stdout
    assert "recall" not in done.stdout  # one class alone
    result = read_result(Path(classed))
    assert result.accuracy is not None
    assert result.accuracy.top5 is not None
    assert tinybench("check", classed).returncode == 0
    for to, said in (("markdown", "0.0% as expected"), ("csv", "top5,recall,exact"), ("html", "6")):
        assert said in tinybench("report", golden, classed, "--to", to).stdout
    gate = tinybench("compare", classed, classed, "--fail-on", "top5<-1pt")
    assert gate.returncode == 0, gate.stderr


def test_a_task_is_made_of_a_model_and_a_folder_and_runs(tmp_path: Path) -> None:
    """Its inputs lie in files, their classes in a CSV; what is there already is left alone."""
    (tmp_path / "in").mkdir()
    for number in range(5):
        np.save(tmp_path / "in" / f"{number}.npy", np.zeros((49, 10), np.int8))
    labels = "".join(f"{number}.npy,no\n" for number in range(5))
    (tmp_path / "in" / "labels.csv").write_text("file,label\n" + labels, encoding="utf-8")
    names = ",".join(["no", "yes", *(f"c{number}" for number in range(10))])
    words = ("task", "init", KWS, str(tmp_path / "in"), "-o", str(tmp_path / "made"))
    refused = tinybench(*words)
    assert refused.returncode == 2
    assert "'no' is no class" in refused.stderr
    assert not (tmp_path / "made").exists()
    assert tinybench(*words, "--classes", names).returncode == 0
    again = tinybench(*words, "--classes", names)
    assert again.returncode == 2
    assert "nothing was written" in again.stderr
    task = str(tmp_path / "made" / "task.toml")
    done = tinybench("--task", task, "--mode", "accuracy", "--json", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["task"], found["accuracy"]["count"]) == ("kws01", 5)
    assert found["accuracy"]["recalls"][0] == found["accuracy"]["top1"]


def test_from_python_the_words_are_the_same(tmp_path: Path) -> None:
    """What a model is; how it does; and a word that is none, or cannot be, by its name."""
    boards = {one.board: one.verdict for one in api.model(KWS).boards}
    assert boards["stm32-h405"] == "fits"
    (one,) = api.model(KWS, board="stm32-h405", check=True).boards
    assert one.verdict == "fits"
    with pytest.raises(UsageError, match="inputs needs a board"):
        api.model(KWS, inputs="x.npy")
    with pytest.raises(UsageError, match=r"no 'label'.*did you mean 'labels'"):
        api.model(KWS, board="host", label="y.csv")
    with pytest.raises(UsageError, match="count: 0 is no count"):
        api.model(KWS, board="host", count=0)
    np.save(tmp_path / "y.npy", np.zeros((5, 12)))
    outcome = api.model(
        KWS, board="mps2-an386", count=5, expect=tmp_path / "y.npy", metric="regression",
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    assert outcome.result.accuracy is not None
    assert outcome.result.accuracy.expected is not None
    assert outcome.result.accuracy.expected.count == 5
    row = api.answers(outcome).iloc[0]
    assert row["expected"] == [0.0] * 12


def test_a_mask_of_thousands_of_values_is_answered_and_scored(tmp_path: Path) -> None:
    """More than a frame holds: they come as text, in one line, and are those of the reference."""
    rng = np.random.default_rng(1)
    source = random_tensors.quantised(rng, [1, 96, 96, 1])
    target = tflite_builder.replaced(source, scales=[1 / 256], zero_points=[-128])
    wide = random_tensors.model("LOGISTIC", [source], [target])
    (tmp_path / "wide.tflite").write_bytes(tflite_builder.write(wide))
    np.save(tmp_path / "masks.npy", rng.integers(0, 2, (5, 96, 96)))
    done = tinybench(
        *("model", str(tmp_path / "wide.tflite"), "--board", "mps2-an386", "--count", "5"),
        *("--expect", str(tmp_path / "masks.npy"), "--metric", "iou"),
        *("--out", str(tmp_path / "run"), "--json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["link"]["protocol"] == "stock"
    assert not found["reference"]["count"] or found["reference"]["equal"] == 5
    result = read_result(tmp_path / "run")
    assert result.accuracy is not None
    answers = [one.results.split(",") for one in result.accuracy.answers]
    masks = np.load(tmp_path / "masks.npy").reshape(5, -1) == 1
    inside = np.array(answers, np.float64) >= 0.5
    iou = (masks & inside).sum() / (masks | inside).sum()
    assert found["accuracy"]["expected"]["iou"] == pytest.approx(iou)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (random_operators.pair("MUL"), "to the bit"),
        (random_moves.split, "to the bit"),
        (random_operators.arg_max, "to the bit"),
        (random_operators.requantise, "to the bit"),
        (random_operators.float_ends, "to the last printed digit"),
        (random_moves.tokens, "to the bit"),
        (random_arithmetic.words, "to the last printed digit"),
    ],
    ids=["two inputs", "two outputs", "int32", "uint8", "floats", "tokens", "words"],
)
def test_any_ends_are_measured_and_compared(
    tmp_path: Path, made: Callable[[np.random.Generator], tflite_builder.Model], said: str
) -> None:
    """Several inputs and outputs, of each type that a model may have."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    path = tmp_path / "ends.tflite"
    path.write_bytes(tflite_builder.write(made(np.random.default_rng(3))))
    done = tinybench("model", str(path), "--board", "mps2-an386", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"20 of 20 outputs equal {said}" in done.stdout
