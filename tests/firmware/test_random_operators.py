"""Random models of each operator give what the TFLM reference kernels give, to the bit."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import HOST, TARGETS, Target
from tests.models import planted, random_batches, random_floats, random_int16, random_onnx
from tests.models import tflite_builder as build
from tests.models.random_arithmetic import REAL, whole_numbers
from tests.models.random_lite import LITE
from tests.models.random_moves import batch_to_space
from tests.models.random_operators import RANDOM
from tests.models.random_tensors import model as one_operator
from tests.models.tflite_builder import Model, Rng
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model, operators
from tinybench.models.compiler.fixed_point import quantised_multiplier, requantise
from tinybench.models.compiler.interface import MAX_ENDS
from tinybench.models.compiler.reader import read_graph

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

MODELS, SOAK = 8, 64
"""Models of each operator on the host; more, drawn by another seed, among the long tests."""
UPLOADS = 24
IN_OTHER_TESTS = {
    *("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX"),
    *("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "SVDF", "VAR_HANDLE"),
}
"""In test_kernels.py and test_state.py."""
BYTES = 256
PLANTED, PLANTED_EACH = 20, 4
"""Models with planted channels, on the host and on each core."""


def groups(models: Iterable[Model]) -> Iterator[list[Model]]:
    """Yield models that together have no more inputs and outputs than one model may have."""
    group: list[Model] = []
    for model in models:
        wanted = [*group, model]
        if max(sum(len(m.inputs) for m in wanted), sum(len(m.outputs) for m in wanted)) > MAX_ENDS:
            yield group
            wanted = [model]
        group = wanted
    yield group


def uploads(tflite: bytes, rng: Rng) -> np.ndarray:
    """Return random uploads [uploads][bytes]; inputs of 256 values are each byte once."""
    graph = read_graph(tflite)
    parts = []
    for source in (graph.tensors[i] for i in graph.inputs):
        if source.type == "FLOAT32":
            floats = rng.normal(0, 15, (UPLOADS, source.elements)).astype("<f4")
            parts.append(floats.view(np.uint8))
        elif source.size_b == BYTES:
            parts.append(np.tile(np.arange(BYTES, dtype=np.uint8), (UPLOADS, 1)))
        else:
            parts.append(rng.integers(0, BYTES, (UPLOADS, source.size_b)).astype(np.uint8))
    return np.concatenate(parts, axis=1)


def check(
    models: Iterable[Model], target: Target, objects: list[Path], folder: Path, rng: Rng
) -> None:
    """Run models, several side by side in one, here and by the reference."""
    for group in groups(models):
        tflite = build.write(build.beside(group))
        data = uploads(tflite, rng)
        found, _ = model_runner.answers(target, objects, tflite, data, folder)
        wanted = model_runner.reference_answers(tflite, data, alone=True)
        np.testing.assert_array_equal(found, wanted)
        assert len(np.unique(wanted)) > 2, "the outputs show nothing"


@pytest.mark.parametrize(
    ("models", "seed"), [(MODELS, 0), pytest.param(SOAK, 8, marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("name", RANDOM)
def test_random_shapes_and_scales_equal_the_reference(
    name: str, models: int, seed: int, host_objects: list[Path], tmp_path: Path
) -> None:
    """Several models of an operator, on random inputs."""
    rng = np.random.default_rng(seed)
    check((RANDOM[name](rng) for _ in range(models)), HOST, host_objects, tmp_path, rng)


@pytest.mark.parametrize("floats", [False, True], ids=["int8", "floats"])
def test_a_batch_equals_the_reference(
    floats: bool, host_objects: list[Path], tmp_path: Path
) -> None:
    """Several images at once, two random models of each operator that works image by image."""
    rng = np.random.default_rng(6)
    models = [random_batches.batch_of(name, rng) for name in random_batches.NAMES * 2]
    if floats:
        reals = (random_floats.floats(model) for model in models)
        check_floats("SOFTMAX", reals, HOST, host_objects, tmp_path, rng)
    else:
        check(models, HOST, host_objects, tmp_path, rng)


def wide_models(rng: Rng, count: int) -> Iterator[Model]:
    """Yield so many models on int16 of each operator that knows it."""
    for _ in range(count):
        yield random_int16.ends(rng)
        yield random_int16.shares(rng)
        yield random_int16.border(rng)
        yield whole_numbers(rng)
        for name in random_int16.NAMES:
            yield random_int16.wide(name, rng)


def test_operators_on_int16_equal_the_reference(host_objects: list[Path], tmp_path: Path) -> None:
    """Four models of each, with weights of int8, and the ends of a model."""
    rng = np.random.default_rng(3)
    check(wide_models(rng, 4), HOST, host_objects, tmp_path, rng)


def test_quotients_of_scales_are_not_rounded(host_objects: list[Path], tmp_path: Path) -> None:
    """Where single precision would turn a half, the reference has the result of double."""
    rng = np.random.default_rng(1)
    models, inputs = list[Model](), list[int]()
    while len(models) < 2 * 6:
        value, half = int(rng.integers(3, 256)), float(rng.integers(0, 120)) + 0.5
        after = float(np.float32(rng.uniform(0.01, 0.1)))
        before = float(np.float32(after * half / value))
        precise, single = before / after, float(np.float32(before) / np.float32(after))
        if requantise(value, *quantised_multiplier(precise)) == requantise(
            value, *quantised_multiplier(single)
        ):
            continue
        zero_point = max(-128, 127 - value)
        ends = [
            build.Tensor([1], scales=[before], zero_points=[zero_point]),
            build.Tensor([1], scales=[after], zero_points=[-128]),
        ]
        models += [one_operator("RELU", ends[:1], ends[1:])]
        models += [one_operator("LEAKY_RELU", ends[:1], ends[1:], Alpha=0.1)]
        inputs += [value + zero_point] * 2
    tflite = build.write(build.beside(models))
    data = np.array([inputs]).astype(np.int8).view(np.uint8)
    found, _ = model_runner.answers(HOST, host_objects, tflite, data, tmp_path)
    np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))


def steps_between(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return how many numbers of single precision lie between, both zeros being one."""
    keys = []
    for values in (found, wanted):
        bits = np.ascontiguousarray(values).view(np.int32).astype(np.int64)
        keys.append(np.where(bits < 0, -(bits & 0x7FFFFFFF), bits))
    return np.abs(keys[0] - keys[1])


def check_floats(name: str, models: Iterable[Model], target: Target, objects: list[Path],
                 folder: Path, rng: Rng) -> None:  # fmt: skip
    """As `check`, for models of floats: within so many steps of the reference."""
    for group in groups(models):
        tflite = build.write(build.beside(group))
        data = uploads(tflite, rng)
        found, _ = model_runner.answers(target, objects, tflite, data, folder)
        wanted = model_runner.reference_answers(tflite, data, alone=True)
        if name in random_floats.AWAY:
            assert np.abs(found - wanted).max() <= random_floats.AWAY[name]
        else:
            assert steps_between(found, wanted).max() <= random_floats.STEPS.get(name, 0)
        assert len(np.unique(wanted)) > 2, "the outputs show nothing"


@pytest.mark.parametrize("name", random_floats.NAMES)
def test_floats_are_as_near_to_the_reference_as_is_said(
    name: str, host_objects: list[Path], tmp_path: Path
) -> None:
    """Eight models of an operator on floats: to the bit, or within the steps of STEPS."""
    rng = np.random.default_rng(2)
    models = (random_floats.floats(random_floats.MAKERS[name](rng)) for _ in range(8))
    check_floats(name, models, HOST, host_objects, tmp_path, rng)


def test_a_border_before_batches_stands_for_zero(host_objects: list[Path], tmp_path: Path) -> None:
    """Cropped again, the images are as before; what was around them is the zero point."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        batches, blocks, borders, images = batch_to_space(rng).tensors
        forth = build.Operator("SPACE_TO_BATCH_ND", [0, 1, 2], [3])
        model = Model([images, blocks, borders, batches], [forth], [0], [3])
        tflite = build.write(model)
        data = uploads(tflite, rng)
        found, _ = model_runner.answers(HOST, host_objects, tflite, data, tmp_path)
        assert borders.data is not None
        assert blocks.data is not None
        pads = [(0, 0), *map(tuple, borders.data.tolist()), (0, 0)]
        for one, values in zip(data.view(np.int8), found, strict=True):
            real = (one.astype(np.float32) - np.float32(images.zero_points[0])) * np.float32(
                images.scales[0]
            )
            whole = np.pad(real.reshape(images.shape), pads)
            parts = [
                whole[:, y :: blocks.data[0], x :: blocks.data[1]]
                for y in range(blocks.data[0])
                for x in range(blocks.data[1])
            ]
            np.testing.assert_array_equal(values, np.concatenate(parts).reshape(-1))


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_a_border_of_floats_may_be_no_number(
    value: float, host_objects: list[Path], tmp_path: Path
) -> None:
    """Such as the least there is before a maximum; with int8 ends it is refused."""
    borders = build.Tensor([2, 2], "INT32", data=np.array([[1, 0], [0, 2]], "<i4"))
    surrounds = build.Tensor([1], "FLOAT32", data=np.array([value], "<f4"))
    ends = [build.Tensor([2, 3], "FLOAT32"), build.Tensor([3, 5], "FLOAT32")]
    padding = build.Operator("PADV2", [0, 1, 2], [3])
    tflite = build.write(Model([ends[0], borders, surrounds, ends[1]], [padding], [0], [3]))
    data = uploads(tflite, np.random.default_rng(4))
    found, _ = model_runner.answers(HOST, host_objects, tflite, data, tmp_path)
    np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
    steps = [build.Tensor(end.shape, scales=[0.1], zero_points=[0]) for end in ends]
    mixed = build.write(Model([steps[0], borders, surrounds, steps[1]], [padding], [0], [3]))
    with pytest.raises(ModelError):
        compile_model(mixed, tmp_path, model_id="x01")


def test_each_core_has_all_operators(target: Target, objects: list[Path], tmp_path: Path) -> None:
    """Every core's compiler takes every kernel, and one random model of each operator is equal; so
    are some with channels that are left out."""
    rng = np.random.default_rng(1)
    models = [make(rng) for make in RANDOM.values()]
    models += [planted.planted(rng) for _ in range(PLANTED_EACH)]
    check(models, target, objects, tmp_path, rng)
    check(wide_models(rng, 1), target, objects, tmp_path, rng)


def test_onnx_is_within_one_step_of_onnxruntime(
    target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """Random models in QDQ form, one or two of each kind: what each core makes of them."""
    rng = np.random.default_rng(TARGETS.index(target))
    for number, names in enumerate(random_onnx.GROUPS):
        drawing = random_onnx.beside(names, rng)
        model = random_onnx.quantised(drawing, rng, unsigned=number == 1, per_channel=number < 2)
        data = uploads(model, rng)
        found, _ = model_runner.answers(target, objects, model, data, tmp_path)
        wanted, steps = random_onnx.reference_answers(model, data), random_onnx.steps_of(model)
        assert abs(np.rint(found / steps) - wanted / steps).max() < 1.01
        assert len(np.unique(wanted)) > 200


def test_channels_left_out_change_no_output(host_objects: list[Path], tmp_path: Path) -> None:
    """Constants and channels that nobody reads, at random and in each chosen case."""
    rng = np.random.default_rng(7)
    models = [make(rng) for make in planted.CHOSEN.values()]
    models += [planted.planted(rng) for _ in range(PLANTED)]
    check(models, HOST, host_objects, tmp_path, rng)


def test_each_operator_is_tested() -> None:
    """An operator has a random model here, or its cases elsewhere."""
    assert sorted({*RANDOM, *REAL, *LITE, *IN_OTHER_TESTS}) == operators.names()
