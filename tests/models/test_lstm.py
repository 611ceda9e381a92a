"""Layers of long short-term memory: what is refused, and the table of their functions."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tests.models import tflite_builder as build
from tests.models.random_lstm import lstm
from tests.models.tflite_builder import Model
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model


def changed(name: str, **changes: object) -> Model:
    """Return a layer with another tensor of that name: an input of the operator, or "target"."""
    model = lstm(np.random.default_rng(0), 12)
    (operator,) = model.operators
    index = {"target": operator.outputs[0]}.get(name) or operator.inputs[int(name)]
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], **changes)  # pyright: ignore[reportArgumentType]
    return replace(model, tensors=tensors)


def with_options(**changes: float) -> Model:
    """Return a layer with other options."""
    model = lstm(np.random.default_rng(0), 12)
    (operator,) = model.operators
    options = {**operator.options, **changes}
    return replace(model, operators=[replace(operator, options=options)])


def with_peephole() -> Model:
    """Return a layer whose gates also see the cell."""
    model = lstm(np.random.default_rng(0), 12)
    (operator,) = model.operators
    inputs = [*operator.inputs[:9], operator.inputs[12], *operator.inputs[10:]]
    return replace(model, operators=[replace(operator, inputs=inputs)])


REFUSED: dict[str, tuple[Callable[[], Model], str]] = {
    "a peephole": (with_peephole, "has a peephole, a projection or a normalisation"),
    "another function": (
        lambda: with_options(FusedActivationFunction=build.RELU),
        "activation 1; TANH is supported",
    ),
    "no state": (lambda: changed("18", variable=False), "which nothing has written"),
    "a cell of another type": (
        lambda: changed("19", type="INT8"),
        "has no state of INT16",
    ),
    "a cell in odd steps": (
        lambda: changed("19", scales=[0.0003]),
        "its cell has the scale 0.0003 and the zero point 0; a power of two from 2\\^-24 to 2\\^2",
    ),
    "a cell off zero": (
        lambda: changed("19", zero_points=[1]),
        "its cell has the scale .* and the zero point 1",
    ),
    "a cell of another size": (lambda: changed("19", shape=[7, 7]), r"states of \d+ and 49 values"),
    "weights off zero": (lambda: changed("2", zero_points=[3]), "have the zero point 3"),
    "weights of another type": (lambda: changed("2", type="UINT8"), "are UINT8; INT8 is supported"),
    "scales that do not fit": (
        lambda: changed("5", scales=[1e6]),
        "to one, more than 32 bits hold",
    ),
    "an output of another shape": (
        lambda: changed("target", shape=[1, 2, 3]),
        "these do not fit",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_layer_cannot_be_is_named(case: str, tmp_path: Path) -> None:
    """Variants that the reference does not know, and what would not be exact."""
    make, words = REFUSED[case]
    with pytest.raises(ModelError, match=f"operator 0 UNIDIRECTIONAL_SEQUENCE_LSTM.*{words}"):
        compile_model(build.write(make()), tmp_path, model_id="x01")


def test_damaged_layers_are_refused_in_words(tmp_path: Path) -> None:
    """Bytes changed at random lead to a model or to a ModelError, and to nothing else."""
    rng = np.random.default_rng(0)
    whole = build.write(lstm(rng, 12))
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(8, len(data), 3):
            data[at] = int(rng.integers(256))
        try:
            compile_model(bytes(data), tmp_path, model_id="x01")
        except ModelError:
            refused += 1
    assert 0 < refused < 150


def test_the_table_is_that_of_its_formula() -> None:
    """The sigmoid, less half of what a line between two values is off in their middle."""
    text = (ROOT / "firmware" / "kernels" / "sigmoid_int16.c").read_text(encoding="utf-8")
    body = re.search(r"table\[256\] = \{(.*?)\}", text, re.DOTALL)
    assert body is not None
    found = [int(word) for word in body[1].split(",") if word.strip()]
    step, wanted = 1 / 24, list[int]()
    for i in range(255):
        p = 1 / (1 + math.exp(-i * step))
        wanted.append(round(65536 * (p - p * (1 - p) * (1 - 2 * p) * step**2 / 16)))
    assert found == [*wanted, 65535]


def test_a_layer_names_its_work(tmp_path: Path) -> None:
    """Multiplications of all gates, steps and batches, and both states."""
    source, *rest = lstm(np.random.default_rng(0), 12).tensors
    units = rest[-1].shape[2]
    manifest = compile_model(build.write(lstm(np.random.default_rng(0), 12)), tmp_path,
                             model_id="x01")  # fmt: skip
    first, second, in_c = source.shape
    assert manifest.macs == first * second * 4 * units * (in_c + units)
    cells = next(t for t in rest if t.type == "INT16")
    assert manifest.state_b == 3 * np.prod(cells.shape)
