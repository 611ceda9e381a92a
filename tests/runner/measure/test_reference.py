"""The DUT's answers beside those of the reference kernels."""

from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder
from tests.models.packaged import MODELS
from tests.models.streaming import running_sum
from tinybench.runner.build.inputs import resolve
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


def test_what_cannot_be_compared_says_why() -> None:
    """An error out: the reference kernels answer something else."""
    task = load_task("ad")
    found = compare(task, MODELS / "ad01.tflite", [], {}, silent)
    assert (found.count, found.computed_by) == (0, "")
    assert "answers an error" in found.why_not


def test_each_input_finds_the_state_as_it_was_at_first(tmp_path: Path) -> None:
    """A sum that lasts is that of one input alone, however many are compared."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    task = load_task("kws")
    samples = resolve(task).samples.samples[:3]
    path = tmp_path / "sum.tflite"
    path.write_bytes(tflite_builder.write(running_sum()))
    answers = dict[str, Answer]()
    for one in samples:
        values = np.frombuffer(one.windows()[0], np.int8)[:4].astype(int)
        printed = ",".join(f"{(value - 3) * 0.1:.1f}" for value in values)
        answers[one.name] = Answer(one.name, 0, printed, [1])
    found = compare(task, path, samples, answers, silent)
    assert (found.count, found.equal, found.first_differing) == (3, 3, None)
