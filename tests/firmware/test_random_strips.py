"""Operators in strips give what the reference kernels give, by each core's kernels."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import Target
from tests.firmware.test_random_operators import uploads
from tests.models import tflite_builder as build
from tests.models import wide
from tinybench.models.compiler import strips

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

MODELS = 8


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips wherever they save a byte, whatever their calls cost."""
    for name, value in (("GAIN", 1 << 20), ("LEAST_B", 1), ("CALL_B", 0)):
        monkeypatch.setattr(strips, name, value)


@pytest.mark.usefixtures("eager")
def test_runs_of_any_shape_equal_the_reference(
    target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Random windows, steps, borders and layouts, cut at any row; most of them are cut."""
    rng = np.random.default_rng(11)
    cut = 0
    for _ in range(MODELS):
        tflite = build.write(wide.random_run(rng))
        data = uploads(tflite, rng)[:3]
        found, manifest = model_runner.answers(target, objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
        cut += bool(manifest.strips)
    assert cut > MODELS // 2


def test_a_first_stage_in_strips_equals_the_reference(
    target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """As a user gets it: in half the arena, to the bit the same."""
    rng = np.random.default_rng(5)
    tflite = build.write(wide.first_stage(rng))
    data = uploads(tflite, rng)[:4]
    found, manifest = model_runner.answers(target, objects, tflite, data, tmp_path)
    np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
    (one,) = manifest.strips
    assert manifest.arena_b < one.arena_b
