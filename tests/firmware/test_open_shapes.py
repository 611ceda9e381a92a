"""Shapes that a converter left open are worked out of those of the inputs."""

from pathlib import Path

import numpy as np

from tests.firmware import model_runner
from tests.firmware.model_runner import HOST
from tests.models import tflite_builder as build
from tests.models.random_tensors import ints, scalar
from tests.models.tflite_builder import Model, Operator, Tensor, replaced
from tinybench.models.compiler.reader import read_graph


def dilated(opened: bool) -> Model:
    """Return pixels that become images of a batch and come back, then lie twice along a row.

    Its shapes are as the converter writes them where it knows (or not) the size of a batch.
    """
    quantised = {"scales": [0.1], "zero_points": [3]}
    pads = Tensor([1, 2], "INT32", data=np.array([[1, 1]], np.int32))
    one = Tensor([1, 4, 2], **quantised)
    spread = Tensor([1 if opened else 2, 3, 2], signature=[-1, 3, 2], **quantised)
    back = Tensor([1, 4, 2], signature=[-1, 4, 2], **quantised)
    wider = Tensor([1, 1, 4, 2], signature=[-1, 1, 4, 2], **quantised)
    both = Tensor([1, 1 if opened else 8, 2], signature=[-1, -1, 2], **quantised)
    count = Tensor([], "INT32")
    wanted = Tensor([3], "INT32")
    tensors = [
        *(one, ints(2), pads, spread, back, Tensor([3], "INT32"), count, wanted),
        *(ints(0), ints(1), ints(1), scalar(8), scalar(2), wider, both),
        replaced(both, shape=[1, 1 if opened else 8, 2]),
        ints(1, 1, 2, 1),
    ]
    twice = Tensor([1, 1, 1 if opened else 8, 2], signature=[-1, 1, -1, 2], **quantised)
    tensors.append(twice)
    operators = [
        Operator("SPACE_TO_BATCH_ND", [0, 1, 2], [3]),
        Operator("BATCH_TO_SPACE_ND", [3, 1, 2], [4]),
        Operator("SHAPE", [4], [5]),
        Operator("STRIDED_SLICE", [5, 8, 9, 10], [6], {"ShrinkAxisMask": 1}),
        Operator("PACK", [6, 11, 12], [7], {"ValuesCount": 3}),
        Operator("EXPAND_DIMS", [4, 9], [13]),
        Operator("TILE", [13, 16], [17]),
        Operator("RESHAPE", [17, 7], [14]),
        Operator("MAXIMUM", [14, 14], [15]),
    ]
    return Model(tensors, operators, [0], [15])


def test_open_shapes_are_those_of_the_inputs(host_objects: list[Path], tmp_path: Path) -> None:
    """A model whose batch was unknown is compiled as one whose batch was known, and gives the
    same."""
    opened, known = (build.write(dilated(opened)) for opened in (True, False))
    graphs = read_graph(opened), read_graph(known)
    shapes = [[graph.tensors[i].shape for i in (3, 4, 13, 14, 15, 17)] for graph in graphs]
    assert shapes[0] == shapes[1]
    data = np.arange(16, dtype=np.uint8).reshape(2, 8)
    found, wanted = (
        model_runner.answers(HOST, host_objects, model, data, tmp_path)[0]
        for model in (opened, known)
    )
    np.testing.assert_array_equal(found, wanted)
    rows = (data.view(np.int8).astype(np.float32) - 3) * np.float32(0.1)
    np.testing.assert_array_equal(found, np.tile(rows, 2))


def test_a_shape_that_contradicts_what_was_not_open_stays_the_files() -> None:
    """Only what was left open is worked out."""
    model = dilated(opened=True)
    tensors = list(model.tensors)
    tensors[4] = replaced(tensors[4], shape=[1, 5, 2], signature=[-1, 5, 2])
    assert read_graph(build.write(replaced(model, tensors=tensors))).tensors[4].shape == (1, 5, 2)
