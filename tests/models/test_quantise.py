"""What becomes of a trained model: its form checked, written, and its score said."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import MODELS, read_set
from tinybench.errors import ModelError
from tinybench.models.training import ad, ic
from tinybench.models.training.quantise import check_form, say_top1, write_model


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"operators": ["SOFTMAX"]}, "operators"),
        ({"input_shape": (1, 32, 32, 1)}, "input shape"),
        ({"output_shape": (1, 12)}, "output shape"),
        ({"input_scale": 1 / 255}, "input scale"),
        ({"input_zero_point": 0}, "input zero point"),
    ],
)
def test_another_form_is_refused(changed: dict[str, object], message: str) -> None:
    """The message tells what differs, what was found and what was wanted."""
    model = (MODELS / "ic01.tflite").read_bytes()
    with pytest.raises(ModelError, match=f"the trained model's {message}: .* wanted "):
        check_form(model, replace(ic.FORM, **changed))  # pyright: ignore[reportArgumentType]


def test_output_of_another_scale_is_refused() -> None:
    """A model without softmax is not taken for one with it."""
    model = (MODELS / "ad01.tflite").read_bytes()
    with pytest.raises(ModelError, match="output scale"):
        check_form(model, replace(ad.FORM, softmax=True))


def test_a_model_is_written_and_said_with_its_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, size, SHA-256, then class by class and as a whole; a wrong form writes nothing."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    model = (MODELS / "ic01.tflite").read_bytes()
    path = tmp_path / "new" / "ic01.tflite"
    with pytest.raises(ModelError, match="operators"):
        write_model(path, model, replace(ic.FORM, operators=["SOFTMAX"]))
    assert not path.exists()
    write_model(path, model, ic.FORM)
    assert path.read_bytes() == model
    lines, inputs = read_set("ic01")
    pictures = np.frombuffer(b"".join(inputs[:20]), np.uint8).reshape(20, 32, 32, 3)
    labels = np.array([int(line[2]) for line in lines[:20]], np.uint8)
    say_top1(path, pictures, labels, ic.CLASSES, "pictures")
    first, *classes, last = capsys.readouterr().out.splitlines()
    assert first.endswith(f"({len(model)} bytes, SHA-256 {hashlib.sha256(model).hexdigest()})")
    assert [line.split()[0] for line in classes] == list(ic.CLASSES)
    right = sum(int(line.split()[1]) for line in classes)
    assert last.startswith(f"ic01: top-1 on held-out pictures after quantisation: {right} of 20")
    assert right >= 16
