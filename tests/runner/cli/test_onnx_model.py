"""`tinybench model my.onnx`: read, built, run and held against onnxruntime, as with a .tflite."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.models.random_onnx import Drawing, quantised
from tests.program import tinybench
from tinybench.runner.results.result import read_result


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a small network with three classes, and of the floats that it was."""
    rng, drawing = np.random.default_rng(0), Drawing()
    weights = drawing.constant(rng.normal(0, 0.3, (4, 3, 3, 3)))
    made = drawing.op("Conv", drawing.input(1, 3, 8, 6), weights, pads=[1, 1, 1, 1])
    made = drawing.op("Flatten", drawing.op("GlobalAveragePool", drawing.op("Relu", made)))
    drawing.outputs.append(drawing.op("Gemm", made, drawing.constant(rng.normal(0, 1, (4, 3)))))
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    path.write_bytes(quantised(drawing, rng))
    onnx.save(drawing.write(), path.with_name("floats.onnx"))
    return path


def test_it_is_measured_and_held_against_onnxruntime(model: Path, tmp_path: Path) -> None:
    """Real inputs in the file's own layout, classes, layers; the hash is that of the file."""
    rng = np.random.default_rng(1)
    np.save(tmp_path / "x.npy", rng.normal(0, 1, (6, 3, 8, 6)).astype(np.float32))
    (tmp_path / "y.csv").write_text("0\n1\n2\n0\n1\n2\n", encoding="utf-8")
    folder = tmp_path / "run"
    done = tinybench(
        *("model", str(model), "--board", "mps2-an386", "--inputs", str(tmp_path / "x.npy")),
        *("--labels", str(tmp_path / "y.csv"), "--out", str(folder)),
    )
    assert done.returncode == 0, done.stderr
    assert "6 of 6 outputs within one step of its scale, onnxruntime" in done.stdout
    assert "TRANSPOSE" in done.stdout
    result = read_result(folder)
    assert result.model.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert result.accuracy is not None
    assert result.accuracy.top1 is not None
    checked = tinybench("check", str(folder), "--rules")
    assert checked.returncode == 0, checked.stdout
    assert "as onnxruntime gives it, within one step" in " ".join(checked.stdout.split())


def test_a_task_is_made_of_it(model: Path, tmp_path: Path) -> None:
    """The folder holds the .onnx, and a run takes it."""
    inputs = tmp_path / "clips"
    inputs.mkdir()
    for number in range(5):
        np.save(inputs / f"{number}.npy", np.full((3, 8, 6), number - 2, np.float32))
    (inputs / "labels.csv").write_text("".join(f"{n}.npy,{n % 3}\n" for n in range(5)))
    made = tmp_path / "mine"
    done = tinybench("task", "init", str(model), str(inputs), "-o", str(made))
    assert done.returncode == 0, done.stderr
    assert (made / "net.onnx").read_bytes() == model.read_bytes()
    words = ("--task", str(made / "task.toml"), "--board", "host", "--mode", "accuracy")
    ran = tinybench(*words, "--out", str(tmp_path / "run"))
    assert "top-1" in ran.stdout, ran.stderr


def test_it_is_said_what_it_is_and_floats_are_refused(model: Path) -> None:
    """Its ends as it declares them; of a float model, what quantises it, with status 2."""
    done = tinybench("model", str(model), "--to", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(end["name"], end["type"], end["shape"]) for end in found["inputs"]] == [
        ("x0", "INT8", [1, 3, 8, 6])
    ]
    assert found["macs"] == 3 * 9 * 4 * 48 + 12
    refused = tinybench("model", str(model.with_name("floats.onnx")))
    assert refused.returncode == 2
    assert "quantize_static" in refused.stderr
    assert "Traceback" not in refused.stderr
