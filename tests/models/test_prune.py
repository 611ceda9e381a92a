"""What the compiler leaves out because it changes no output; that it does not is proved where the
kernels run, in tests/firmware/test_random_operators.py."""

from dataclasses import replace as replaced
from pathlib import Path

import numpy as np
import pytest

from tests import official
from tests.models import planted
from tests.models import tflite_builder as build
from tests.models.tflite_builder import Model
from tinybench.errors import ModelError
from tinybench.models.compiler import KERNELS, Manifest, compile_model

LEFT_OUT: dict[str, list[tuple[int, int, int]]] = {
    "chain": [(0, 2, 0), (1, 2, 0)],
    "two_readers": [],
    "two_readers_of_zero": [(0, 1, 0)],
    "sums": [(0, 1, 0), (1, 1, 0)],
    "joined": [(0, 1, 0), (1, 2, 0)],
    "all_dead": [(0, 0, 5), (1, 4, 0)],
    "dead_output": [],
    "unread": [(0, 0, 2), (1, 0, 2)],
    "flattened": [(0, 2, 0)],
    "multiplied": [(0, 2, 0), (1, 4, 0)],
    "clamped": [(0, 2, 0)],
    "pooled": [],
}
"""(operator, constants, unread) of each layer; the cases are described where they are made."""


def compiled(model: Model, folder: Path, kernels: str = "plain", prune: bool = True) -> Manifest:
    """Return what is said of a model."""
    tflite = build.write(model)
    return compile_model(tflite, folder, model_id="x01", kernels=kernels, prune=prune)


@pytest.mark.parametrize("name", planted.CHOSEN)
def test_channels_are_left_out_where_no_output_needs_them(name: str, tmp_path: Path) -> None:
    """Of each layer as many as can be proved; one that another reader needs stays for both."""
    manifest = compiled(planted.CHOSEN[name](np.random.default_rng(3)), tmp_path)
    found = [(one.index, one.constant, one.unread) for one in manifest.removed]
    assert found == LEFT_OUT[name]


@pytest.mark.parametrize("kernels", KERNELS)
def test_what_is_left_out_is_neither_stored_nor_computed(kernels: str, tmp_path: Path) -> None:
    """Weights, arena and products shrink; the model's own products and its layers stay named."""
    model = planted.unread(np.random.default_rng(3))
    given = compiled(model, tmp_path, kernels, prune=False)
    less = compiled(model, tmp_path, kernels)
    assert (given.removed, given.computed_macs) == ([], given.macs)
    assert less.macs == given.macs
    assert less.computed_macs == 25 * (4 * 4 + 9 * 4 + 4 * 4)
    assert [one.macs for one in less.operators] == [one.macs for one in given.operators]
    assert [one.operator for one in less.operators] == [one.operator for one in given.operators]
    assert less.macs == compiled(model, tmp_path, "plain", prune=False).macs
    assert less.operators[0].output_shape == [1, 5, 5, 4]
    assert less.weights_b < given.weights_b
    assert less.arena_b < given.arena_b


def test_a_model_that_needs_all_it_has_is_compiled_as_given(tmp_path: Path) -> None:
    """The same C comes of it either way."""
    model = build.convolution(np.random.default_rng(0), (5, 5, 4), 4)
    texts = {compiled(model, tmp_path, prune=prune).model_c_sha256 for prune in (True, False)}
    assert len(texts) == 1


def test_sums_that_may_leave_32_bits_are_refused_whatever_could_be_left_out(tmp_path: Path) -> None:
    """A layer is judged by all its weights: here by those of constant channels, too."""
    model = planted.flattened(np.random.default_rng(3))
    tensors, (flat, filters, biases) = list(model.tensors), model.operators[3].inputs
    weights, given = tensors[filters].data, tensors[biases].data
    assert weights is not None
    assert given is not None
    zero = tensors[flat].zero_points[0]
    read = np.abs(weights[0].astype(int)).reshape(-1, 6)[:, [1, 2, 4, 5]].sum()
    numbers = given.copy()
    numbers[0] = (1 << 31) - 1 - max(127 - zero, zero + 128) * read
    tensors[biases] = replaced(tensors[biases], data=numbers)
    with pytest.raises(ModelError, match=r"channel 0 can reach .* more than 32 bits hold"):
        compiled(replaced(model, tensors=tensors), tmp_path)


@pytest.mark.parametrize(
    ("name", "macs", "computed", "constant"),
    [
        ("vww01", 7_489_664, 3_727_313, 971),
        ("ic02", 76_473_920, 72_388_544, 25),
        ("kws01", 2_656_768, 2_656_768, 0),
    ],
)
def test_dead_channels_of_official_models(
    name: str, macs: int, computed: int, constant: int, mirror: Path, tmp_path: Path
) -> None:
    """All 971 of vww01, 25 of the 31 of ic02: six others are added to channels that are none."""
    manifest = compile_model(official.model_path(mirror, name), tmp_path, model_id=name)
    found = sum(one.constant for one in manifest.removed if one.operator == "CONV_2D")
    assert (manifest.macs, manifest.computed_macs, found) == (macs, computed, constant)
