"""Models of int16: what may be uploaded to one, what it answers, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder as build
from tests.models.random_int16 import wide
from tests.models.tflite_builder import Model
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model


def changed(name: str, index: int, **changes: object) -> Model:
    """Return a model of an operator with another tensor."""
    model = wide(name, np.random.default_rng(0))
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], **changes)  # pyright: ignore[reportArgumentType]
    return replace(model, tensors=tensors)


REFUSED: dict[str, tuple[Callable[[], Model], str]] = {
    "a zero point": (
        lambda: changed("CONV_2D", 0, zero_points=[5]),
        "is INT16 with the zero point 5; 0 is supported",
    ),
    "a zero point of an operand": (
        lambda: changed("MUL", 0, zero_points=[-3]),
        "is INT16 with the zero point -3; 0 is supported",
    ),
    "scales that do not fit": (
        lambda: changed("CONV_2D", 1, scales=[1e3]),
        "more than 32 bits hold; its scales do not fit each other",
    ),
    "biases of another type": (
        lambda: changed("DEPTHWISE_CONV_2D", 2, type="INT32"),
        "are INT32; INT64 is supported",
    ),
    "a sigmoid in other steps": (
        lambda: changed("LOGISTIC", 1, scales=[0.01]),
        r"its output has the scale 0.01; 2\^-15 is supported",
    ),
    "a softmax in other steps": (
        lambda: changed("SOFTMAX", 1, scales=[0.01]),
        r"its output has the scale 0.01; 2\^-15 is supported",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_not_be_exact_is_refused(case: str, tmp_path: Path) -> None:
    """By name of what stands in the way."""
    make, words = REFUSED[case]
    with pytest.raises(ModelError, match=words):
        compile_model(build.write(make()), tmp_path, model_id="x01")


def test_only_int8_lies_in_planes(tmp_path: Path) -> None:
    """A layer of floats with weights of int8 is one of floats where a core keeps planes, too."""
    model = wide("CONV_2D", np.random.default_rng(0))
    tensors = [replace(t, type="FLOAT32") if t.type == "INT16" else t for t in model.tensors]
    floats = build.write(replace(model, tensors=tensors))
    manifest = compile_model(floats, tmp_path, model_id="x01", kernels="dsp")
    assert [entry.kernel for entry in manifest.operators] == ["conv_2d_float32"]


def test_an_upload_is_of_int16(tmp_path: Path) -> None:
    """Two bytes an element, with its own decimals in the answers; no other format will do."""
    model = wide("LEAKY_RELU", np.random.default_rng(0))
    manifest = compile_model(build.write(model), tmp_path, model_id="x01")
    assert manifest.input_b == 2 * manifest.output_count
    compile_model(build.write(model), tmp_path, model_id="x01", input_format="int16")
    text = (tmp_path / "model.c").read_text()
    assert "static int16_t output_0[" in text
    assert "const uint32_t model_result_decimals = 0;" not in text
    with pytest.raises(ModelError, match=r"is INT16 .* as int8; use .* int16 or float32$"):
        compile_model(build.write(model), tmp_path, model_id="x01", input_format="int8")
