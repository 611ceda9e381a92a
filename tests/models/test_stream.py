"""Models that are compiled to be evaluated frame by frame, and those that cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder as build
from tests.models.random_tensors import quantised
from tests.models.streaming import running_sum
from tests.models.tflite_builder import RELU, SAME, VALID, Model, Operator
from tests.program import tinybench
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.stream import Streamed

RNG = np.random.default_rng(5)


def _layers(padding: int = VALID, stride: int = 1) -> Model:
    """Return two windows over 12 frames of four values, 3 and 4 columns wide."""
    first = build.convolution(RNG, (12, 1, 4), 5, (3, 1), (stride, 1), VALID, RELU)
    shape = first.tensors[3].shape
    second = build.convolution(RNG, (shape[1], 1, 5), 5, (4, 1), (1, 1), padding, depthwise=True)
    return build.chain(first, second)


def _streamed(model: Model, folder: Path) -> tuple[Streamed, int]:
    manifest = compile_model(build.write(model), folder, model_id="x01", stream=True)
    assert manifest.streamed is not None
    assert manifest.state_b == manifest.streamed.state_b
    return manifest.streamed, manifest.computed_macs or 0


def test_each_layer_computes_one_column(tmp_path: Path) -> None:
    """And keeps as many of its input as its window takes; of the output, all that a model gives."""
    streamed, macs = _streamed(_layers(), tmp_path)
    assert [(op.index, op.kept_frames, op.whole) for op in streamed.operators] == [
        (0, 3, ""),
        (1, 4, ""),
    ]
    assert macs == 3 * 4 * 5 + 4 * 5
    assert streamed.state_b == 3 * 4 + 4 * 5 + 7 * 5
    assert (streamed.frames, streamed.frame_b) == (12, 4)


def test_behind_a_stride_columns_are_as_far_apart(tmp_path: Path) -> None:
    """A column for each frame, of which the next window takes every second."""
    streamed, _ = _streamed(_layers(stride=2), tmp_path)
    kept = [op.kept_frames for op in streamed.operators]
    # 5 columns of 12 frames: the last window ends a frame before the newest.
    assert kept == [4, 7]


def test_a_border_is_named_and_computed_on_the_history(tmp_path: Path) -> None:
    """What pads time is whole from there on, and says why."""
    streamed, macs = _streamed(_layers(padding=SAME), tmp_path)
    assert streamed.operators[1].whole.startswith("pads time: a border moves with the history")
    assert streamed.operators[1].kept_frames == 10
    assert macs == 3 * 4 * 5 + 10 * 4 * 5


def _two_inputs() -> Model:
    ends = [quantised(RNG, [1, 4, 3]) for _ in range(3)]
    return Model(ends, [Operator("MUL", [0, 1], [2])], [0, 1], [2])


REFUSED: dict[str, tuple[Callable[[], Model], str]] = {
    "a border at first": (
        lambda: build.convolution(RNG, (9, 1, 4), 5, (3, 1), padding=SAME),
        "operator 0 CONV_2D pads time",
    ),
    "no time": (lambda: build.fully_connected(RNG, 12, 3, batch=2), "a history of 2 to 4096"),
    "along time": (lambda: build.fully_connected(RNG, 12, 3), "FULLY_CONNECTED works along time"),
    "two inputs": (_two_inputs, "2 inputs; a stream has one"),
    "a state": (running_sum, "keeps a state of its own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_streamed_is_refused_by_name(case: str, tmp_path: Path) -> None:
    """The operator, or what the model lacks."""
    make, said = REFUSED[case]
    with pytest.raises(ModelError, match=said):
        compile_model(build.write(make()), tmp_path, model_id="x01", stream=True)


def test_the_program_says_what_it_did(tmp_path: Path) -> None:
    """`compile` and `model` say how many frames are kept, and what is whole, and why."""
    path = str(tmp_path / "stream.tflite")
    Path(path).write_bytes(build.write(_layers(padding=SAME)))
    for words in (("compile", path, "-o", str(tmp_path / "c")), ("model", path)):
        said = " ".join(tinybench(*words, "--stream").stdout.split())
        assert "the input is one of 12 frames" in said
        assert "1 DEPTHWISE_CONV_2D is computed on its whole history: it pads time" in said
    assert "needs --check" in tinybench("model", path, "--stream", "--board", "host").stderr
