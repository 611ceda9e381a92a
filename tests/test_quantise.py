"""The check of a trained model's form."""

from dataclasses import replace

import pytest

from tests.packaged import MODELS
from tinybench.models.training import ad, ic
from tinybench.models.training.quantise import check_form
from tinybench.runner.errors import ModelError


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
