"""Constants that are kept smaller than they are used, and shapes that a model computes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import HOST
from tests.firmware.test_random_operators import uploads
from tests.models import random_floats
from tests.models import tflite_builder as build
from tests.models.random_tensors import ints, quantised, scalar
from tests.models.tflite_builder import Model, Operator, Tensor, replaced
from tinybench.errors import ModelError
from tinybench.models.compiler.operators.moves.strided_slice import FIELDS, spans
from tinybench.models.compiler.reader import read_graph

LAYERS = {
    "convolution": lambda rng: build.convolution(rng, (5, 4, 3), 6, per_channel=True),
    "depthwise": lambda rng: build.convolution(rng, (5, 4, 3), 6, depthwise=True),
    "fully connected": lambda rng: build.fully_connected(rng, 12, 5, batch=2),
}


def check_equal(tflite: bytes, reference: bytes, objects: list[Path], folder: Path) -> None:
    """Run a model here, and by the reference one that means the same."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    data = uploads(tflite, np.random.default_rng(4))
    found, _ = model_runner.answers(HOST, objects, tflite, data, folder)
    np.testing.assert_array_equal(found, model_runner.reference_answers(reference, data))


@pytest.mark.parametrize("layer", LAYERS)
def test_weights_of_int8_beside_floats_are_floats(
    layer: str, host_objects: list[Path], tmp_path: Path
) -> None:
    """A hybrid layer gives what the same layer with its weights as floats gives."""
    made = LAYERS[layer](np.random.default_rng(0))
    weights = made.tensors[1]
    assert weights.data is not None
    along = [-1 if i == weights.axis else 1 for i in range(len(weights.shape))]
    real = weights.data * np.array(weights.scales, np.float32).reshape(along)
    floats = random_floats.floats(made)
    tensors = [floats.tensors[0], None, *floats.tensors[2:]]
    hybrid, plain = (
        replaced(floats, tensors=[tensors[0], tensor, *tensors[2:]])
        for tensor in (weights, Tensor(weights.shape, "FLOAT32", data=real.astype(np.float32)))
    )
    check_equal(build.write(hybrid), build.write(plain), host_objects, tmp_path)


def test_weights_of_int4_are_unpacked(host_objects: list[Path], tmp_path: Path) -> None:
    """Two to a byte, an odd number of them, they are those of int8 with the same values."""
    made = build.fully_connected(np.random.default_rng(0), 9, 5)
    values = np.random.default_rng(1).integers(-8, 8, 45)
    low, high = values[::2] & 15, np.append(values[1::2], 0) & 15
    packed, plain = (
        replaced(made, tensors=[made.tensors[0], weights, *made.tensors[2:]])
        for weights in (
            replaced(made.tensors[1], type="INT4", data=(low | high << 4).astype(np.uint8)),
            replaced(made.tensors[1], data=values.astype(np.int8).reshape(5, 9)),
        )
    )
    check_equal(build.write(packed), build.write(plain), host_objects, tmp_path)


def sparse(rows: list[list[int]], values: np.ndarray, columns: int) -> Model:
    """Return a fully connected layer of floats whose weights are sparse float16."""
    shape = [len(rows), columns]
    tensors = [
        Tensor([1, columns], "FLOAT32"),
        Tensor(shape, "FLOAT16", data=values, rows=rows),
        Tensor(shape, "FLOAT16"),
        Tensor(shape, "FLOAT32"),
        Tensor([1, len(rows)], "FLOAT32"),
    ]
    operators = [
        Operator("DENSIFY", [1], [2]),
        Operator("DEQUANTIZE", [2], [3]),
        Operator("FULLY_CONNECTED", [0, 3, -1], [4], {"FusedActivationFunction": build.NONE}),
    ]
    return Model(tensors, operators, [0], [4])


def test_sparse_weights_are_unpacked(host_objects: list[Path], tmp_path: Path) -> None:
    """DENSIFY gives the matrix with its zeros; then it is turned to floats."""
    rows = [[0, 3], [], [1, 2, 4], [4]]
    values = np.array([1.5, -2, 0.25, 3, -0.5, 8], np.float16)
    whole = np.zeros((4, 5), np.float32)
    for at, value in zip(
        [(i, j) for i, row in enumerate(rows) for j in row], values.tolist(), strict=True
    ):
        whole[at] = value
    made = sparse(rows, values, 5)
    dense = replaced(made, operators=[made.operators[2]])
    tensors = [*dense.tensors[:3], replaced(dense.tensors[3], data=whole), dense.tensors[4]]
    check_equal(
        build.write(made), build.write(replaced(dense, tensors=tensors)), host_objects, tmp_path
    )


@pytest.mark.parametrize(
    "rows",
    [[[0, 5], [], [1, 2, 4], [4]], [[0, -1], [], [1, 2, 4], [4]], [[0, 3], [], [1, 2, 4], []]],
    ids=["beyond", "below", "too few"],
)
def test_sparse_weights_that_do_not_fit_are_refused(rows: list[list[int]]) -> None:
    """An index outside of the matrix, and as many indices as there are no values."""
    data = build.write(sparse(rows, np.ones(6, np.float16), 5))
    with pytest.raises(ModelError, match=r"a sparse tensor's index is outside|values holds 6"):
        read_graph(data)


def test_a_shape_that_is_computed_is_a_constant(host_objects: list[Path], tmp_path: Path) -> None:
    """SHAPE, STRIDED_SLICE, MUL and PACK of it give the shape of a border and of a fill."""
    rng = np.random.default_rng(0)
    source = quantised(rng, [1, 3, 4])
    target = replaced(source, shape=[1, 3, 8])
    tensors = [
        source,
        Tensor([3], "INT32"),
        *(ints(2), ints(3), ints(1)),
        Tensor([], "INT32"),
        scalar(2),
        Tensor([], "INT32"),
        *(scalar(1), scalar(3)),
        Tensor([3], "INT32"),
        target,
    ]
    masks = {"ShrinkAxisMask": 1}
    none = {"FusedActivationFunction": build.NONE}
    operators = [
        Operator("SHAPE", [0], [1], {"OutType": 2}),
        Operator("STRIDED_SLICE", [1, 2, 3, 4], [5], masks),
        Operator("MUL", [5, 6], [7], none),
        Operator("PACK", [8, 9, 7], [10], {"ValuesCount": 3, "Axis": 0}),
        Operator("BROADCAST_TO", [12, 10], [13]),
        Operator("ADD", [13, 11], [14], none),
    ]
    narrow = replaced(source, shape=[1, 3, 1])
    tensors = [*tensors, narrow, target, target]
    model = Model(tensors, operators, [0, 11, 12], [14])
    # The input whose shape is taken is no part of what is computed.
    tflite = build.write(replaced(model, inputs=[11, 12]))
    graph = read_graph(tflite)
    assert [op.name for op in graph.operators] == ["BROADCAST_TO", "ADD"]
    shape = Tensor([3], "INT32", data=np.array([1, 3, 8], np.int32))
    known = replaced(
        model,
        tensors=[*tensors[:10], shape, *tensors[11:]],
        operators=operators[4:],
        inputs=[11, 12],
    )
    check_equal(tflite, build.write(known), host_objects, tmp_path)


@pytest.mark.parametrize(
    ("said", "masks"),
    [
        ((slice(None), slice(3, 0, -2)), {"BeginMask": 1, "EndMask": 1}),
        ((Ellipsis, slice(1, 2)), {"EllipsisMask": 1}),
        ((1, Ellipsis, slice(0, 2)), {"EllipsisMask": 2, "ShrinkAxisMask": 1}),
        (
            (None, slice(0, 1), Ellipsis, 2),
            {"NewAxisMask": 1, "EllipsisMask": 4, "ShrinkAxisMask": 8},
        ),
        ((slice(0, 1), None), {"NewAxisMask": 2}),
        ((slice(0, 2), Ellipsis), {"EllipsisMask": 2}),
    ],
)
def test_a_slice_is_that_of_numpy(said: tuple[Any, ...], masks: dict[str, int]) -> None:
    """Masks, an ellipsis and new axes take the same places and give the same shape."""
    shape = (2, 4, 3, 5)
    begins, ends, steps = [], [], []
    for part in said:
        if isinstance(part, slice):
            begins.append(part.start or 0)
            ends.append(part.stop or 0)
            steps.append(part.step or 1)
        else:
            first = part if isinstance(part, int) else 0
            begins.append(first)
            ends.append(first + 1)
            steps.append(1)
    places, after = spans(shape, begins, ends, steps, dict.fromkeys(FIELDS, 0) | masks)
    whole = np.arange(120).reshape(shape)
    wanted = whole[said]
    assert tuple(after) == wanted.shape
    found = whole[np.ix_(*(list(place) for place in places))]
    np.testing.assert_array_equal(found.reshape(-1), wanted.reshape(-1))
