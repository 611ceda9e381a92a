"""The reference model of the streaming wake word, on every target."""

from pathlib import Path

import numpy as np

from tests import streaming_data
from tests.firmware import model_runner
from tests.firmware.model_runner import Target
from tinybench.datasets.wake.features import histories

FRAMES = {"short_wav_easy10s": slice(40, 48), "marvin_617de221_0": slice(14, 26)}
"""Where the outputs change; all frames would take minutes under emulation."""


def test_golden_windows_give_the_golden_outputs(
    shared_data: Path, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Whole inferences on windows of public sounds give the bytes of the reference kernels."""
    inputs, wanted = list[np.ndarray](), list[np.ndarray]()
    for name, frames in FRAMES.items():
        features = streaming_data.golden(shared_data, f"{name}_fw_features_i8")
        inputs.append(histories(features)[frames].reshape(-1, 1200))
        wanted.append(streaming_data.golden(shared_data, f"{name}_outputs_i8")[frames])
    outputs, manifest = model_runner.infer(
        target, objects, streaming_data.model(shared_data), np.concatenate(inputs), tmp_path
    )
    np.testing.assert_array_equal(outputs, np.concatenate(wanted))
    assert manifest.macs == 826_368
