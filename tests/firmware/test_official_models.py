"""Every official model gives the bytes of the TFLM reference kernels, on every target."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests import official, soak
from tests.firmware import model_runner
from tests.firmware.model_runner import Target
from tinybench.models.compiler import compile_model

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

RAM_LIMIT_B = {"kws01": 11_000, "vww01": 53_000, "ic01": 38_000, "ic02": 89_000, "ad01": 5_000}
SAMPLE = {"kws01": 8, "vww01": 8, "ic01": 8, "ic02": 4, "ad01": 400}
"""Fewer of ic02, of which an input takes a hundred million instructions; of ad01 as many as four
whose outputs a last digit of the weights' scale changes."""
SOAK = 1000
BATCH = 100
BATCH_TIMEOUT_S = 600
"""Of the large ResNet on the slowest emulated core, several times over."""

Oracle = Callable[[str, int], tuple[bytes, np.ndarray, np.ndarray]]
"""From (model, count): the model, its inputs [count][bytes], and the outputs they must give."""


@pytest.fixture(scope="session")
def oracle(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """Return the reference's answers, each worked out once and compared with on every target."""

    @cache
    def answers(name: str, count: int) -> tuple[bytes, np.ndarray, np.ndarray]:
        tflite = official.model_path(mirror, name).read_bytes()
        manifest = compile_model(tflite, tmp_path_factory.mktemp(name), model_id=name)
        inputs = model_runner.edge_and_random_inputs(count, manifest.input_b, seed=2)
        return tflite, inputs, model_runner.reference(tflite, inputs)

    return answers


def test_official_kws_inputs_give_the_reference_outputs(
    mirror: Path, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Official inputs give the reference's bytes; the emulated main job runs all 1000 of them."""
    tflite = official.model_path(mirror, "kws01").read_bytes()
    inputs = official.keyword_inputs(mirror, 60)
    outputs, manifest = model_runner.infer(target, objects, tflite, inputs, tmp_path)
    np.testing.assert_array_equal(outputs, model_runner.reference(tflite, inputs))
    assert manifest.macs == 2_656_768


@pytest.mark.parametrize("name", official.MODELS)
def test_a_sample_gives_the_reference_outputs(
    name: str, oracle: Oracle, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """A few edge inputs give the reference's bytes, within the RAM set for the model."""
    tflite, inputs, wanted = oracle(name, SAMPLE[name])
    outputs, manifest = model_runner.infer(target, objects, tflite, inputs, tmp_path)
    np.testing.assert_array_equal(outputs, wanted)
    assert manifest.tensor_ram_b <= RAM_LIMIT_B[name]


@pytest.mark.soak
@pytest.mark.parametrize("name", official.MODELS)
def test_a_thousand_inputs_give_the_reference_outputs(
    name: str, oracle: Oracle, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """All-min, all-max, checkerboards, ramps, one-hot and random inputs: every byte is equal."""
    tflite, inputs, wanted = oracle(name, SOAK)
    outputs = [
        model_runner.infer(
            target, objects, tflite, inputs[first : first + BATCH], tmp_path, BATCH_TIMEOUT_S
        )[0]
        for first in range(0, SOAK, BATCH)
    ]
    equal = (np.concatenate(outputs) == wanted).all(axis=1)
    figure = f"bit_exact_inputs.{target.name}.{name}"
    soak.record(figure, int(equal.sum()), SOAK, unit="inputs", better="higher")
    assert equal.all(), f"of {SOAK} inputs these differ: {np.flatnonzero(~equal)}"
