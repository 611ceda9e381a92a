"""A model evaluated frame by frame gives what it gives of the whole history, to the bit."""

from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tests.firmware import model_runner
from tests.firmware.model_runner import HOST, Target
from tests.models import tflite_builder
from tests.models.random_streams import stream_model
from tinybench.errors import ModelError
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.stream import frame_by_frame

FRAMES = 24
"""Of a random stream, more than any history has."""
STREAMS = 80
"""Of each random model; `make soak` has more models."""


def _kept(target: Target, objects: list[Path], folder: Path, frames: int) -> list[Path]:
    options = ("-DKEEP_STATE", f"-DSTREAM_FRAMES={frames}")
    return model_runner.other_driver(target, objects, folder, *options)


def test_public_sounds_give_the_golden_outputs(
    shared_data: Path, target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Streams through the reference model, the second begun anew: 46,040 products a frame."""
    name = "marvin_617de221_0"
    features = streaming_data.golden(shared_data, f"{name}_fw_features_i8")
    wanted = streaming_data.golden(shared_data, f"{name}_outputs_i8")
    kept = _kept(target, objects, tmp_path, len(features))
    outputs, manifest = model_runner.infer(
        target, kept, streaming_data.model(shared_data), np.tile(features, (2, 1)), tmp_path,
        stream=True,
    )  # fmt: skip
    np.testing.assert_array_equal(outputs, np.tile(wanted, (2, 1)))
    assert (manifest.macs, manifest.computed_macs) == (826_368, 46_040)
    assert manifest.state_b == 3 * 40 + (5 + 10 + 15) * 128


def test_a_long_sound_gives_the_golden_outputs(
    shared_data: Path, host_objects: list[Path], tmp_path: Path
) -> None:
    """Ten seconds, each frame; an input alone is a stream's first frame."""
    features = streaming_data.golden(shared_data, "short_wav_easy10s_fw_features_i8")
    wanted = streaming_data.golden(shared_data, "short_wav_easy10s_outputs_i8")
    tflite = streaming_data.model(shared_data)
    kept = _kept(HOST, host_objects, tmp_path, len(features))
    outputs, _ = model_runner.infer(HOST, kept, tflite, features, tmp_path, stream=True)
    np.testing.assert_array_equal(outputs, wanted)
    first, _ = model_runner.infer(
        HOST, host_objects, tflite, features[[0, 0]], tmp_path, stream=True
    )
    np.testing.assert_array_equal(first, wanted[[0, 0]])


def _compare(rng: np.random.Generator, streams: int, kept: list[Path], folder: Path) -> str:
    """Hold random streams through a random model against the reference; return what was whole."""
    while True:
        tflite = tflite_builder.write(stream_model(rng))
        graph = read_graph(tflite)
        try:
            frame_by_frame(graph)
        except ModelError:  # such as a border at first
            continue
        break
    _, history, *rest = graph.tensors[graph.inputs[0]].shape
    column = int(np.prod(rest))
    sound = rng.integers(-128, 128, (streams, FRAMES, column)).astype(np.int8)
    before = np.zeros((streams, history - 1, column), np.int8)
    seen = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([before, sound], axis=1), history, axis=1
    )
    windows = seen.transpose(0, 1, 3, 2).reshape(streams * FRAMES, -1)
    wanted = model_runner.reference(tflite, windows)
    found, manifest = model_runner.infer(
        HOST, kept, tflite, sound.reshape(-1, column), folder, stream=True
    )
    np.testing.assert_array_equal(found, wanted)
    assert manifest.streamed is not None
    return " ".join(op.whole for op in manifest.streamed.operators)


@pytest.mark.parametrize("models", [4, pytest.param(100, marks=pytest.mark.soak)])
def test_random_streams_through_random_models(
    models: int, host_objects: list[Path], tmp_path: Path
) -> None:
    """Windows, strides, dilations, crops, sums, joins, borders: whole = frame by frame."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    rng = np.random.default_rng(1)
    kept = _kept(HOST, host_objects, tmp_path, FRAMES)
    wholes = {_compare(rng, STREAMS, kept, tmp_path) for _ in range(models)}
    assert len(wholes) > 1  # some columns all along, some with what needs the whole history
