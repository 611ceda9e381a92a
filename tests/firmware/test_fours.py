"""Kernels of four in a word: beside the assembly in C, and what else no board of ours calls."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import (
    CORTEX_M3_BLOCKED,
    HOST,
    HOST_RV32,
    HOST_THUMB2,
    RISCV_ZBB,
    Target,
)
from tests.firmware.test_kernels import CASES
from tests.models import tflite_builder as build
from tests.models.tflite_builder import Model
from tinybench.models.compiler import compile_model

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

INPUTS = 20
KERNELS = {
    "rv32": {"conv_2d_rv32", "fully_connected_rv32"},
    "thumb2": {"conv_2d_thumb2", "fully_connected_blocked"},
    "blocked": {"conv_2d_blocked", "conv_2d_any_blocked", "fully_connected_blocked"},
}
LAYERS = [
    "conv 3x3 same, odd channels",
    "conv stride 2x1",
    "conv kernel larger than image",
    "pointwise",
    "pointwise, odd",
    "dead channels",
    "one pixel",
    "depthwise same",
    "depthwise stride 2",
    "fully connected, odd",
    "fully connected of the least weights",
]


def heavy(taps: int, weight: int, out_c: int = 3) -> Model:
    """Return a convolution of two pixels, all of whose weights are one."""
    model = build.convolution(np.random.default_rng(1), (1, 2, taps), out_c, (1, 1))
    _, weights, *_ = model.tensors
    assert weights.data is not None
    weights.data[:] = weight
    return model


@pytest.mark.parametrize(
    "target",
    [HOST_RV32, HOST_THUMB2, RISCV_ZBB, CORTEX_M3_BLOCKED],
    ids=lambda target: target.name,
)
def test_layers_give_the_bytes_of_the_reference(
    target: Target, shared: Path, tmp_path: Path, host_objects: list[Path]
) -> None:
    """Layers side by side in one image, by C with sanitizers, by max and min of Zbb, in an M3."""
    tool = model_runner.missing_tool(target)
    if tool is not None:
        pytest.skip(f"{tool} is not installed")
    objects = host_objects
    kernels = KERNELS[target.kernels]
    if target.compiler != HOST.compiler:
        called = kernels | {
            *("depthwise_3x3_blocked", "depthwise_valid_blocked", "depthwise_direct_blocked")
        }
        objects = model_runner.build_kernels(target, tmp_path, only=called)
    models = [CASES[case](np.random.default_rng(0)) for case in LAYERS]
    # The greatest sums of 24 bits, at the ends of what is multiplied.
    models += [heavy(259, 127), heavy(259, -127)]
    models += [heavy(40, -128)]  # two products of which are 2^15
    tflite = build.write(build.beside(models))
    inputs = [
        model_runner.edge_and_random_inputs(INPUTS, int(np.prod(of.tensors[of.inputs[0]].shape)), 0)
        for of in models
    ]
    uploads = np.concatenate(inputs, axis=1)
    found, manifest = model_runner.answers(target, objects, tflite, uploads, tmp_path)
    np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, uploads))
    assert kernels <= {o.kernel for o in manifest.operators}


@pytest.mark.parametrize("kernels", ["rv32", "thumb2"])
@pytest.mark.parametrize("taps", [259, 260])
def test_sums_beyond_24_bits_are_left_to_the_other_kernel(
    taps: int, kernels: str, tmp_path: Path
) -> None:
    """255 * 127 * 259 is the greatest that three words tell apart from others."""
    tflite = build.write(heavy(taps, 127))
    manifest = compile_model(tflite, tmp_path, model_id="x01", kernels=kernels)
    kernel = f"conv_2d_{kernels}" if taps == 259 else "conv_2d_blocked"
    assert [o.kernel for o in manifest.operators] == [kernel]
