"""Convolutions of any shape give what the reference kernels give, by each core's fast kernels."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import Target
from tests.firmware.test_random_operators import groups, uploads
from tests.models import tflite_builder as build
from tests.models.random_convolutions import along_a_side, convolution

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

MODELS = 24


@pytest.mark.parametrize("depthwise", [False, True], ids=["conv", "depthwise"])
def test_any_shape_equals_the_reference(
    depthwise: bool, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Random windows, steps, dilations, multipliers, layouts and scales; none by a plain kernel."""
    rng = np.random.default_rng(3)
    plain = {"conv_2d", "depthwise_conv_2d"}
    for group in groups(convolution(rng, depthwise) for _ in range(MODELS)):
        tflite = build.write(build.beside(group))
        data = uploads(tflite, rng)
        found, manifest = model_runner.answers(target, objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
        if target.kernels != "plain":
            assert not plain & {entry.kernel for entry in manifest.operators}


def test_any_line_equals_the_reference(target: Target, objects: list[Path], tmp_path: Path) -> None:
    """Depthwise windows along one side, of any length, also where input and output share memory."""
    rng = np.random.default_rng(4)
    called = set[str]()
    for group in groups(along_a_side(rng) for _ in range(MODELS)):
        tflite = build.write(build.beside(group))
        data = uploads(tflite, rng)
        found, manifest = model_runner.answers(target, objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
        called |= {entry.kernel for entry in manifest.operators}
    if target.kernels == "dsp":
        assert {"depthwise_line_dsp", "depthwise_direct_dsp"} <= called
    elif target.kernels not in ("plain", "mve"):
        assert "depthwise_direct_blocked" in called
