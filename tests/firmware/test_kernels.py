"""Every kernel gives the bytes of the TFLM reference kernels, on the host and emulated."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import HOST, Target
from tests.models import tflite_builder as build
from tests.models.random_convolutions import least_weights
from tests.models.tflite_builder import NONE, RELU, RELU6, SAME, VALID, Model, Rng
from tinybench.models.compiler.interface import MAX_ENDS

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

INPUTS = 60
SEEDS = 2


def dead_channels(rng: Rng) -> Model:
    """Return a convolution in which some channels have no weights but a huge bias."""
    model = build.convolution(rng, (5, 5, 8), 8, (1, 1), relu=RELU)
    source, weights, biases, target = model.tensors
    assert weights.data is not None
    assert biases.data is not None
    weights.data[2:5] = 0
    biases.data[2:5] = (1 << 30, -(1 << 30), 3)
    scales = [1e-9 if 2 <= c < 5 else scale for c, scale in enumerate(weights.scales)]
    return replace(model, tensors=[source, replace(weights, scales=scales), biases, target])


def great_biases(rng: Rng, model: Model) -> Model:
    """Return a layer whose biases are all that matters, too large for the short output stage."""
    source, weights, biases, target = model.tensors
    assert biases.data is not None
    data = rng.integers(-(2**31), 2**31, biases.data.shape).astype(np.int32) // 9 * 8
    coarse = replace(target, scales=[2.0**24 * source.scales[0] * max(weights.scales)])
    return replace(model, tensors=[source, weights, replace(biases, data=data), coarse])


def greatest_weights(model: Model) -> Model:
    """Return a layer whose weights are the greatest there are, so that its sums are, too."""
    source, weights, *rest = model.tensors
    assert weights.data is not None
    data = np.where(weights.data < 0, -127, 127).astype(np.int8)
    return replace(model, tensors=[source, replace(weights, data=data), *rest])


def steep(model: Model) -> Model:
    """Return a layer whose outputs rise with its sums as steeply as they may."""
    *rest, target = model.tensors
    return replace(model, tensors=[*rest, replace(target, scales=[target.scales[0] / 48])])


def zero_point(model: Model, value: int) -> Model:
    """Return a layer with another zero point of its input."""
    source, *rest = model.tensors
    return replace(model, tensors=[replace(source, zero_points=[value]), *rest])


CASES: dict[str, Callable[[Rng], Model]] = {
    "conv 3x3 same": lambda r: build.convolution(r, (7, 5, 4), 6),
    "conv 3x3 same, odd channels": lambda r: build.convolution(r, (6, 5, 3), 5, relu=RELU),
    "conv 3x3 valid": lambda r: build.convolution(r, (7, 6, 8), 4, padding=VALID),
    "conv 3x3 one channel": lambda r: build.convolution(r, (4, 5, 5), 1, relu=RELU),
    "conv 3x3 three channels": lambda r: build.convolution(r, (6, 6, 16), 3, relu=RELU6),
    "conv stride 2x1": lambda r: build.convolution(r, (9, 8, 4), 8, stride=(2, 1), relu=RELU6),
    "conv stride 1x3": lambda r: build.convolution(r, (5, 11, 2), 3, stride=(1, 3)),
    "conv kernel larger than image": lambda r: build.convolution(r, (3, 2, 4), 4, (7, 5)),
    "conv 10x4 one channel": lambda r: build.convolution(
        r, (49, 10, 1), 16, (10, 4), (2, 2), relu=RELU
    ),
    "conv even kernel": lambda r: build.convolution(r, (8, 8, 4), 4, (2, 4), relu=RELU),
    "conv per tensor": lambda r: build.convolution(r, (4, 4, 5), 7, per_channel=False),
    "conv without bias": lambda r: build.convolution(r, (4, 4, 4), 4, bias=False),
    "conv in tiles": lambda r: build.chain(
        build.convolution(r, (9, 7, 12), 12, relu=NONE),
        build.convolution(r, (9, 7, 12), 12, relu=NONE),
        build.convolution(r, (9, 7, 12), 12, relu=RELU6),
        build.convolution(r, (9, 7, 12), 9, padding=VALID),
        build.convolution(r, (7, 5, 9), 6, relu=NONE),
    ),
    "conv in tiles, the least zero point": lambda r: zero_point(
        build.convolution(r, (2, 9, 13), 8), -128
    ),
    "conv in tiles, the greatest zero point": lambda r: zero_point(
        build.convolution(r, (6, 2, 8), 5), 127
    ),
    "conv dilated": lambda r: build.convolution(r, (9, 8, 3), 4, dilation=(2, 3)),
    "conv dilated, valid": lambda r: build.convolution(
        r, (9, 8, 4), 4, (3, 2), padding=VALID, dilation=(3, 2), relu=RELU
    ),
    "depthwise dilated": lambda r: build.convolution(
        r, (8, 9, 4), 4, depthwise=True, dilation=(2, 2)
    ),
    "pointwise": lambda r: build.convolution(r, (5, 5, 64), 16, (1, 1), relu=RELU),
    "pointwise, odd": lambda r: build.convolution(r, (3, 3, 7), 9, (1, 1)),
    "pointwise stride 2": lambda r: build.convolution(r, (6, 6, 8), 8, (1, 1), (2, 2)),
    "dead channels": dead_channels,
    "one pixel": lambda r: build.convolution(r, (1, 1, 20), 30, (1, 1)),
    "depthwise same": lambda r: build.convolution(r, (6, 5, 8), 8, depthwise=True, relu=RELU),
    "depthwise valid": lambda r: build.convolution(r, (6, 7, 3), 3, padding=VALID, depthwise=True),
    "depthwise stride 2": lambda r: build.convolution(
        r, (7, 8, 4), 4, stride=(2, 2), depthwise=True
    ),
    "depthwise 8 channels, odd width": lambda r: build.convolution(r, (5, 7, 8), 8, depthwise=True),
    "depthwise 2 channels": lambda r: build.convolution(
        r, (4, 13, 2), 2, stride=(2, 1), depthwise=True, relu=RELU
    ),
    "depthwise 1 channel": lambda r: build.convolution(r, (6, 21, 1), 1, depthwise=True),
    "depthwise 20 channels": lambda r: build.convolution(
        r, (5, 6, 20), 20, depthwise=True, padding=VALID
    ),
    "depthwise multiplier": lambda r: build.convolution(r, (5, 5, 2), 6, depthwise=True),
    "depthwise 1x10": lambda r: build.convolution(
        r, (1, 20, 4), 4, (1, 10), padding=VALID, depthwise=True
    ),
    "depthwise per tensor": lambda r: build.convolution(
        r, (4, 4, 4), 4, depthwise=True, per_channel=False
    ),
    "average pool": lambda r: build.average_pool(r, (6, 4, 5), (6, 4), (6, 4)),
    "average pool same": lambda r: build.average_pool(r, (5, 5, 3), (3, 3), (2, 2), SAME),
    "average pool relu": lambda r: build.average_pool(r, (4, 4, 3), (2, 2), (2, 2), relu=RELU),
    "average pool of odd channels": lambda r: build.average_pool(
        r, (7, 9, 21), (3, 4), (2, 3), SAME
    ),
    "average pool of one pixel": lambda r: build.average_pool(r, (3, 4, 9), (1, 1), (2, 1)),
    "average pool of 4096 pixels": lambda r: build.average_pool(r, (64, 64, 2), (64, 64), (64, 64)),
    "average pool of 3969 pixels": lambda r: build.average_pool(r, (63, 63, 2), (63, 63), (63, 63)),
    "fully connected": lambda r: build.fully_connected(r, 64, 12),
    "fully connected, odd": lambda r: build.fully_connected(r, 37, 5, RELU),
    "fully connected per channel": lambda r: build.fully_connected(r, 16, 9, per_channel=True),
    "fully connected of 3 inputs": lambda r: build.fully_connected(r, 3, 15),
    "fully connected wide": lambda r: build.fully_connected(r, 640, 8, RELU),
    "fully connected of the least weights": lambda r: least_weights(
        build.fully_connected(r, 37, 9)
    ),
    "fully connected of great weights": lambda r: greatest_weights(
        build.fully_connected(r, 700, 5)
    ),
    "fully connected of great biases": lambda r: great_biases(r, build.fully_connected(r, 43, 13)),
    "fully connected of great biases and weights": lambda r: great_biases(
        r, greatest_weights(build.fully_connected(r, 703, 11))
    ),
    "fully connected of one output": lambda r: build.fully_connected(r, 43, 1),
    "fully connected of four outputs more than eight": lambda r: build.fully_connected(r, 18, 12),
    "fully connected of three outputs more than six": lambda r: build.fully_connected(
        r, 33, 9, RELU, per_channel=True
    ),
    "fully connected of great weights, odd": lambda r: greatest_weights(
        build.fully_connected(r, 703, 11)
    ),
    "fully connected of a batch": lambda r: build.fully_connected(r, 21, 6, batch=5),
    "softmax 12": lambda r: build.softmax(r, 12, 0.1446),
    "softmax 2": lambda r: build.softmax(r, 2, 0.0146),
    "softmax steep": lambda r: build.softmax(r, 10, 1.7),
    "softmax beta": lambda r: build.softmax(r, 300, 0.05, 0.5),
    "add": lambda r: build.add(r, 37),
    "add relu": lambda r: build.add(r, 64, RELU),
    "add of equal scales": lambda r: build.add(r, 203, ratio=1.0),
    "add of nearly equal scales": lambda r: build.add(r, 201, ratio=0.9999),
    "add of a small scale": lambda r: build.add(r, 200, ratio=0.03),
    "add of a great scale": lambda r: build.add(r, 200, ratio=11.0),
    "add into a coarse scale": lambda r: build.add(r, 199, RELU, out_ratio=1.9),
    "separable": lambda r: build.chain(
        build.convolution(r, (9, 7, 3), 8, stride=(2, 2), relu=RELU),
        build.convolution(r, (5, 4, 8), 8, depthwise=True, relu=RELU),
        build.convolution(r, (5, 4, 8), 13, (1, 1), relu=RELU),
        build.convolution(r, (5, 4, 13), 13, stride=(2, 2), depthwise=True),
        build.convolution(r, (3, 2, 13), 6, (1, 1), relu=RELU6),
        build.convolution(r, (3, 2, 6), 6, stride=(1, 1), depthwise=True, padding=SAME, relu=RELU),
        build.convolution(r, (3, 2, 6), 10, (1, 1), relu=RELU),
        build.average_pool(r, (3, 2, 10), (3, 2), (3, 2)),
        build.reshape(r, (1, 1, 1, 10), (1, 10)),
        build.fully_connected(r, 10, 4),
        build.softmax(r, 4, 0.1, beta=300.0),
    ),
    "convolutions in the memory of their inputs": lambda r: build.chain(
        build.convolution(r, (9, 7, 3), 8, relu=RELU),
        build.convolution(r, (9, 7, 8), 8, relu=RELU),
        build.convolution(r, (9, 7, 8), 11, (5, 2), relu=NONE),
        build.convolution(r, (9, 7, 11), 16, (1, 1), relu=NONE),
        build.convolution(r, (9, 7, 16), 5, stride=(2, 1), relu=NONE),
        build.convolution(r, (5, 7, 5), 9, (2, 3), padding=VALID),
        build.convolution(r, (4, 5, 9), 9, (3, 3), (1, 2)),
        build.average_pool(r, (4, 3, 9), (2, 2), (1, 1), SAME),
        build.convolution(r, (4, 3, 9), 6, (1, 1)),
    ),
    "depthwise in the memory of their inputs": lambda r: build.chain(
        build.convolution(r, (13, 9, 2), 16, (1, 1)),
        build.convolution(r, (13, 9, 16), 16, depthwise=True, relu=NONE),
        build.convolution(r, (13, 9, 16), 16, stride=(2, 1), depthwise=True, relu=NONE),
        build.convolution(r, (7, 9, 16), 16, (4, 3), depthwise=True, relu=NONE),
        build.convolution(r, (7, 9, 16), 16, padding=VALID, depthwise=True, relu=NONE),
        build.convolution(r, (5, 7, 16), 32, (2, 2), depthwise=True),
    ),
    "depthwise in planes of all widths": lambda r: build.chain(
        build.convolution(r, (8, 14, 2), 6, relu=RELU),
        build.convolution(r, (8, 14, 6), 6, stride=(1, 2), depthwise=True, relu=RELU),
        build.convolution(r, (8, 7, 6), 6, depthwise=True, relu=RELU),
        build.convolution(r, (8, 7, 6), 6, stride=(2, 2), depthwise=True, relu=RELU),
        build.convolution(r, (4, 4, 6), 6, stride=(2, 2), depthwise=True, relu=RELU),
        build.convolution(r, (2, 2, 6), 6, stride=(1, 2), depthwise=True, relu=RELU),
        build.convolution(r, (2, 1, 6), 6, depthwise=True, relu=RELU),
        build.convolution(r, (2, 1, 6), 4, (1, 1)),
    ),
    "depthwise in planes, two by two": lambda r: build.chain(
        build.convolution(r, (27, 18, 2), 6, (1, 1), relu=RELU),
        build.convolution(r, (27, 18, 6), 6, depthwise=True, relu=RELU),
        build.convolution(r, (27, 18, 6), 6, stride=(2, 2), depthwise=True, relu=RELU),
        build.convolution(r, (14, 9, 6), 6, padding=VALID, depthwise=True, relu=RELU),
        build.convolution(r, (12, 7, 6), 6, depthwise=True, relu=RELU),
        build.convolution(r, (12, 7, 6), 6, stride=(2, 2), depthwise=True, relu=RELU),
        build.convolution(r, (6, 4, 6), 6, (3, 3), (2, 2), VALID, RELU, depthwise=True),
        build.convolution(r, (2, 1, 6), 4, (1, 1)),
    ),
    "depthwise in planes, an odd number of columns": lambda r: build.chain(
        build.convolution(r, (18, 7, 2), 5, (1, 1), relu=RELU),
        build.convolution(r, (18, 7, 5), 5, depthwise=True, relu=RELU),
        build.convolution(r, (18, 7, 5), 5, padding=VALID, depthwise=True, relu=RELU),
        build.convolution(r, (16, 5, 5), 5, (2, 1), depthwise=True, padding=VALID, relu=RELU),
        build.convolution(r, (15, 5, 5), 5, depthwise=True, relu=RELU),
        build.convolution(r, (15, 5, 5), 5, padding=VALID, depthwise=True, relu=RELU),
        build.convolution(r, (13, 3, 5), 5, depthwise=True, relu=RELU),
        build.convolution(r, (13, 3, 5), 4, (1, 1)),
    ),
    "depthwise in planes, by great multipliers": lambda r: build.chain(
        build.convolution(r, (9, 31, 2), 4, (1, 1), relu=RELU),
        steep(build.convolution(r, (9, 31, 4), 4, depthwise=True, relu=RELU)),
        steep(build.convolution(r, (9, 31, 4), 4, stride=(2, 2), depthwise=True, relu=RELU)),
        steep(build.convolution(r, (5, 16, 4), 4, padding=VALID, depthwise=True, relu=RELU)),
        build.convolution(r, (3, 14, 4), 4, (1, 1)),
    ),
    "depthwise in planes, stride 1x2 and 3x1": lambda r: build.chain(
        build.convolution(r, (11, 10, 2), 5, relu=NONE),
        build.convolution(r, (11, 10, 5), 5, stride=(1, 2), depthwise=True, relu=NONE),
        build.convolution(r, (11, 5, 5), 5, stride=(3, 1), depthwise=True, relu=RELU),
        build.convolution(r, (4, 5, 5), 5, depthwise=True, padding=VALID, relu=RELU6),
        build.convolution(r, (2, 3, 5), 4, (1, 1)),
    ),
}
GROUPS = [[*CASES][at : at + MAX_ENDS // SEEDS] for at in range(0, len(CASES), MAX_ENDS // SEEDS)]


@pytest.mark.parametrize("case", CASES)
def test_outputs_equal_the_reference_kernels_to_the_byte(
    case: str, host_objects: list[Path], tmp_path: Path
) -> None:
    """A model of random layers gives the reference's bytes on edge and random inputs."""
    for seed in range(SEEDS):
        tflite = build.write(CASES[case](np.random.default_rng(seed)))
        size = _input_size(CASES[case](np.random.default_rng(seed)))
        inputs = model_runner.edge_and_random_inputs(INPUTS, size, seed)
        outputs, _ = model_runner.infer(HOST, host_objects, tflite, inputs, tmp_path)
        wanted = model_runner.reference(tflite, inputs)
        np.testing.assert_array_equal(outputs, wanted)
        assert len(np.unique(wanted)) > 4, "the outputs are saturated and show nothing"


@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: cases[0])
def test_each_core_gives_the_same(
    cases: list[str], target: Target, objects: list[Path], tmp_path: Path
) -> None:
    """The same models, several side by side in one image, by the kernels of every core."""
    each = [(case, seed) for case in cases for seed in range(SEEDS)]
    models = [CASES[case](np.random.default_rng(seed)) for case, seed in each]
    inputs = [
        model_runner.edge_and_random_inputs(INPUTS, _input_size(model), seed)
        for (_, seed), model in zip(each, models, strict=True)
    ]
    uploads = np.concatenate(inputs, axis=1)
    tflite = build.write(build.beside(models))
    found, _ = model_runner.answers(target, objects, tflite, uploads, tmp_path)
    at = 0
    for named, model, part in zip(each, models, inputs, strict=True):
        wanted = model_runner.reference_answers(build.write(model), part, alone=True)
        end = at + wanted.shape[1]
        np.testing.assert_array_equal(found[:, at:end], wanted, err_msg=str(named))
        at = end
    assert at == found.shape[1]


def _input_size(model: Model) -> int:
    return int(np.prod(model.tensors[model.inputs[0]].shape))


def test_a_kernel_needs_no_other_file_but_those_always_compiled(host_objects: list[Path]) -> None:
    """The Makefile compiles the files that a model calls, and those of `kernels_shared`: nothing
    else may be what a kernel calls."""
    text = (model_runner.KERNELS.parent / "Makefile").read_text(encoding="utf-8")
    shared = text.partition("kernels_shared :=")[2].partition("called :=")[0]
    names = {path.stem for path in model_runner.KERNELS.glob("*.c")}
    defined, needed = dict[str, str](), dict[str, set[str]]()
    for path in host_objects:
        if path.stem in names:
            told = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
            words = [line.split()[-2:] for line in told.splitlines()]
            defined |= {name: path.stem for kind, name in words if kind == "T"}
            needed[path.stem] = {name for kind, name in words if kind == "U"}
    called = {(file, defined[name]) for file, ns in needed.items() for name in ns & {*defined}}
    assert {pair for pair in called if f"{pair[1]}.c" not in shared.split("(")[1]} == set()
