"""Kernels in the 16-bit instructions of Armv6-M give the bytes of the reference kernels."""

from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tests.firmware import model_runner
from tests.firmware.model_runner import CORTEX_M0PLUS
from tests.firmware.test_kernels import CASES
from tests.models import tflite_builder as build

pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")

KERNELS = {
    *("add_blocked", "average_pool_2d", "conv_2d_any_blocked", "conv_2d_blocked"),
    *("depthwise_3x3_blocked", "depthwise_conv_2d_blocked", "depthwise_direct_blocked"),
    "fully_connected_blocked",
    *("exponential", "softmax"),
}
LAYERS = ["convolutions in the memory of their inputs", "separable", "add", "conv dilated"]
INPUTS = 20


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the compiled kernels."""
    tool = model_runner.missing_tool(CORTEX_M0PLUS)
    if tool is not None:
        pytest.skip(f"{tool} is not installed")
    return model_runner.build_kernels(
        CORTEX_M0PLUS, tmp_path_factory.mktemp("kernels"), only=KERNELS
    )


@pytest.mark.parametrize("case", [*LAYERS, "kws"])
def test_outputs_equal_the_reference_kernels_to_the_byte(
    case: str, objects: list[Path], tmp_path: Path
) -> None:
    """Layers of each kernel, and the keyword model whole, on a core that has no others."""
    if case == "kws":
        tflite = (ROOT / "models" / "embedded" / "kws01.tflite").read_bytes()
        inputs = model_runner.edge_and_random_inputs(8, 490, 1)
    else:
        model = CASES[case](np.random.default_rng(0))
        tflite = build.write(model)
        size = int(np.prod(model.tensors[model.inputs[0]].shape))
        inputs = model_runner.edge_and_random_inputs(INPUTS, size, 0)
    outputs, _ = model_runner.infer(CORTEX_M0PLUS, objects, tflite, inputs, tmp_path)
    np.testing.assert_array_equal(outputs, model_runner.reference(tflite, inputs))


@pytest.mark.parametrize("out_c", [1, 2, 3, 8, 16])
def test_any_number_of_channels_gives_the_bytes_of_the_reference(
    out_c: int, objects: list[Path], tmp_path: Path
) -> None:
    """Of a window, of a pixel and of a dense layer, the last channels by loops of their own."""
    rng = np.random.default_rng(out_c)
    relu = build.RELU if out_c % 2 else build.NONE
    models = [
        build.convolution(rng, (5, 3, 3), out_c, (3, 2), (2, 1), relu=relu),
        build.convolution(rng, (3, 3, 7), out_c, (1, 1), relu=relu),
        build.fully_connected(rng, 13, out_c),
    ]
    tflite = build.write(build.beside(models))
    sizes = [int(np.prod(model.tensors[model.inputs[0]].shape)) for model in models]
    uploads = model_runner.edge_and_random_inputs(INPUTS, sum(sizes), out_c)
    found, _ = model_runner.answers(CORTEX_M0PLUS, objects, tflite, uploads, tmp_path)
    np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, uploads))
