"""What is estimated before a build is held against what is built."""

import msgspec
import pytest

from tests.models.packaged import MODELS
from tinybench.errors import ModelError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.fit import fit
from tinybench.runner.build.task import load_task


@pytest.mark.parametrize("task", ["kws", "vww"])
@pytest.mark.parametrize("name", ["mps2-an386", "stm32-h405", "mps3-an547", "qemu-riscv32"])
def test_an_image_lies_between_the_estimates(name: str, task: str) -> None:
    """Flash and RAM of the image that the linker made, on each kind of port."""
    board, path = load_board(name, emulate=name == "stm32-h405"), MODELS / f"{task}01.tflite"
    assert board.memory is not None
    assert board.toolchain is not None
    image = build(board, load_task(task), path)
    found = fit(anatomy(path, (board.toolchain.kernels,)), board, board.memory)
    assert found.flash_b[0] <= image.flash_b <= found.flash_b[1]
    assert found.ram_b[0] <= image.ram_b <= found.ram_b[1]


def test_weights_are_in_ram_where_a_board_says_so_and_has_room() -> None:
    """Start-up copies them there, the estimate counts them, and too many are refused."""
    given = load_board("mps2-an386")
    assert given.memory is not None
    memory = msgspec.structs.replace(given.memory, weights="ram")
    board, path = msgspec.structs.replace(given, memory=memory), MODELS / "kws01.tflite"
    image = build(board, load_task("kws"), path)
    assert image.manifest is not None
    assert image.sections is not None
    assert image.sections.data_b >= image.manifest.weights_b
    found = fit(anatomy(path, ("dsp",)), board, memory)
    assert found.ram_b[0] <= image.ram_b <= found.ram_b[1]
    assert found.flash_b[0] <= image.flash_b <= found.flash_b[1]
    small = msgspec.structs.replace(memory, ram_size_b=image.manifest.weights_b)
    board = msgspec.structs.replace(board, memory=small)
    with pytest.raises(ModelError, match="bytes of RAM for tensors and weights, the board has"):
        build(board, load_task("kws"), path)
