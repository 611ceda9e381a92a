"""The DUT's answers beside those of the reference kernels."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models import random_floats
from tests.models.packaged import MODELS
from tests.models.random_moves import tokens
from tests.models.random_onnx import Drawing, quantised, reference_answers
from tests.models.streaming import running_sum
from tests.models.tflite_builder import convolution, refused, write
from tinybench.datasets.reader import Sample
from tinybench.models.compiler.anatomy import anatomy
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.own_task import Given, own_task, seeded
from tinybench.runner.build.task import Task, load_task
from tinybench.runner.measure.reference import compare, refusal_of
from tinybench.runner.results.result import Answer
from tinybench.track import silent


def test_an_answer_that_differs_is_counted_and_named() -> None:
    """One printed value that is another output: the first input that differs is told, with both."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    task = load_task("kws")
    samples = resolve(task).samples.samples[:3]
    path = MODELS / "kws01.tflite"
    zeros = {one.name: Answer(one.name, 0, ",".join(["0.0"] * 12), [1]) for one in samples}
    wrong = compare(task, path, samples, zeros, silent)
    assert (wrong.count, wrong.equal) == (3, 0)
    assert wrong.first_differing is not None
    assert wrong.first_differing.startswith(f"{samples[0].name}: output ")
    short = {one.name: Answer(one.name, 0, "0.0", [1]) for one in samples}
    found = compare(task, path, samples, short, silent)
    assert found.first_differing == f"{samples[0].name}: 1 outputs, not 12"


def test_a_model_that_we_refuse_is_compared_too(tmp_path: Path) -> None:
    """Another engine may run it: the reference needs nothing of our compiler."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    path = tmp_path / "refused.tflite"
    path.write_bytes(write(refused(490, scale=1.0, zero_point=0)))
    task = load_task("kws")
    sample = resolve(task).samples.samples[0]
    values = np.frombuffer(sample.windows()[0], np.int8)[::-1]
    answer = Answer(sample.name, 0, ",".join(f"{value}.0" for value in values), [1])
    found = compare(task, path, [sample], {sample.name: answer}, silent)
    assert (found.count, found.equal, found.why_not) == (1, 1, "")


def test_what_the_reference_has_against_a_model_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its kernels write that to standard error alone; there it is no more."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    made = convolution(np.random.default_rng(0), (3, 3, 2), 2, (1, 1))
    real = random_floats.floats(made)
    path = tmp_path / "hybrid.tflite"
    path.write_bytes(
        write(replace(real, tensors=[real.tensors[0], made.tensors[1], *real.tensors[2:]]))
    )
    found = anatomy(path, ("plain",))
    task = load_task(str(own_task(path, found, seeded(found, 1, 1))))
    why_not = compare(task, path, [], {}, silent).why_not
    assert "Hybrid models are not supported" in why_not
    assert refusal_of(path.read_bytes()) in why_not
    assert not capfd.readouterr().err
    assert refusal_of((MODELS / "kws01.tflite").read_bytes()) == ""


def test_an_input_that_the_reference_fails_on_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An id that its table has not: nothing is compared, and why is told; not on the terminal."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    path = tmp_path / "tokens.tflite"
    path.write_bytes(write(tokens(np.random.default_rng(0))))
    found = anatomy(path, ("plain",))
    given = Given((("beyond.bin", np.full(5, 7, "<i4").tobytes()),), "one")
    task = load_task(str(own_task(path, found, given)))
    answers = {"beyond.bin": Answer("beyond.bin", 0, "", [1])}
    why_not = compare(task, path, resolve(task).samples.samples, answers, silent).why_not
    assert why_not.startswith("the reference interpreter fails on beyond.bin: ")
    assert "GATHER" in why_not
    assert not capfd.readouterr().err


def test_a_state_begins_anew_with_each_input(tmp_path: Path) -> None:
    """As in the firmware: what one input left behind changes no other one's answer."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    path = tmp_path / "sum.tflite"
    path.write_bytes(write(running_sum()))
    found = anatomy(path, ("plain",))
    task = load_task(str(own_task(path, found, seeded(found, 3, 1))))
    samples = resolve(task).samples.samples
    answers = {}
    for sample in samples:  # nothing was summed up before: the input itself
        values = (np.frombuffer(sample.windows()[0], np.int8).astype(int) - 3) * 0.1
        results = ",".join(f"{value:.3f}" for value in values)
        answers[sample.name] = Answer(sample.name, 0, results, [1])
    assert compare(task, path, samples, answers, silent).equal == 3


def test_what_cannot_be_compared_says_why() -> None:
    """An error out: the reference kernels answer something else."""
    task = load_task("ad")
    found = compare(task, MODELS / "ad01.tflite", [], {}, silent)
    assert (found.count, found.computed_by) == (0, "")
    assert "answers an error" in found.why_not


def _as_onnx(
    folder: Path, drawing: Drawing
) -> tuple[Task, Path, list[Sample], dict[str, list[float]]]:
    """Return the task of a model in QDQ form, its file, its inputs, and right answers."""
    path = folder / "net.onnx"
    path.write_bytes(quantised(drawing, np.random.default_rng(0)))
    task = own_task(path, found := anatomy(path, ("plain",)), seeded(found, 5, 1), folder / "task")
    samples = list(resolve(load_task(str(task))).samples.samples)
    uploads = np.stack([np.frombuffer(one.windows()[0], np.int8) for one in samples])
    reals = reference_answers(path.read_bytes(), uploads).tolist()
    return (
        load_task(str(task)),
        path,
        samples,
        dict(zip((s.name for s in samples), reals, strict=True)),
    )


def _answers(reals: dict[str, list[float]], name: str, off: float) -> dict[str, Answer]:
    """Return answers, the first output of one of them off."""
    found = {one: list(values) for one, values in reals.items()}
    found[name][0] += off
    return {
        one: Answer(one, 0, ",".join(f"{value:.6f}" for value in values), [1])
        for one, values in found.items()
    }


def test_onnxruntime_is_the_reference_of_an_onnx_model(tmp_path: Path) -> None:
    """One step off is equal, two steps are not."""
    drawing = Drawing()
    drawing.outputs.append(drawing.op("MaxPool", drawing.input(1, 1, 6), kernel_shape=[1]))
    task, path, samples, reals = _as_onnx(tmp_path, drawing)
    graph, name = read_graph(path.read_bytes()), samples[2].name
    step = graph.tensors[graph.outputs[0]].scale
    for steps, equal in ((0, 5), (1, 5), (-1, 5), (2, 4), (-200, 4)):
        found = compare(task, path, samples, _answers(reals, name, steps * step), silent)
        assert (found.count, found.equal, found.steps, found.to_the_bit) == (5, equal, 1, False)
        assert found.within == "within one step of its scale"
        begins = "" if equal == 5 else f"{name}: output 0 is "
        assert (found.first_differing or "").startswith(begins)
    short = _answers(reals, name, 0) | {name: Answer(name, 0, "0.0", [1])}
    found = compare(task, path, samples, short, silent)
    assert found.first_differing == f"{name}: 1 outputs, not 6"


def test_where_onnxruntimes_own_answer_moves_more_is_allowed(tmp_path: Path) -> None:
    """A step that the last layer makes a dozen of: an answer may be off by so many."""
    drawing, rng = Drawing(), np.random.default_rng(0)
    made = drawing.op("MatMul", drawing.input(1, 6), drawing.constant(rng.normal(0, 1, (6, 60))))
    drawing.outputs.append(drawing.op("HardSigmoid", made, alpha=2.0))
    task, path, samples, reals = _as_onnx(tmp_path, drawing)
    name = samples[2].name
    found = compare(task, path, samples, _answers(reals, name, 0.02), silent)
    assert found.equal == 5
    assert found.steps > 5
    assert found.within == f"within {found.steps} steps of its scale"
    found = compare(task, path, samples, _answers(reals, name, 0.5), silent)
    assert found.equal == 4


def test_without_onnxruntime_it_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is not judged then."""
    drawing = Drawing()
    drawing.outputs.append(drawing.op("MaxPool", drawing.input(1, 1, 6), kernel_shape=[1]))
    task, path, samples, reals = _as_onnx(tmp_path, drawing)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = compare(task, path, samples, _answers(reals, samples[0].name, 0), silent)
    assert found.count == 0
    assert found.why_not.startswith("the reference needs onnxruntime")
