"""The DUT's answers beside those of the reference kernels."""

from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import MODELS
from tests.models.streaming import running_sum
from tests.models.tflite_builder import Model, Operator, Tensor, write
from tinybench.models.compiler.anatomy import anatomy
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.own_task import own_task, seeded
from tinybench.runner.build.task import load_task
from tinybench.runner.measure.reference import compare
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
    ends = Tensor((1, 490), scales=(1.0,), zero_points=(0,))
    path = tmp_path / "refused.tflite"
    path.write_bytes(write(Model([ends, ends], [Operator("ABS", [0], [1])], [0], [1])))
    task = load_task("kws")
    sample = resolve(task).samples.samples[0]
    values = np.abs(np.frombuffer(sample.windows()[0], np.int8).astype(int)).clip(max=127)
    answer = Answer(sample.name, 0, ",".join(f"{value}.0" for value in values), [1])
    found = compare(task, path, [sample], {sample.name: answer}, silent)
    assert (found.count, found.equal, found.why_not) == (1, 1, "")


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
