"""Kernels and tensors in the tightly coupled memories of a Cortex-M7, where a board asks for it."""

from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import ROOT
from tinybench.errors import ModelError
from tinybench.runner.build.board import Board, Coupled, load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.chip.image import read_image
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.dut.client import Dut
from tinybench.transport.process import ProcessTransport

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
ITCM, DTCM = (0x0000_0000, 0x1_0000), (0x2000_0000, 0x2_0000)


def _coupled(coupled: Coupled) -> Board:
    board = load_board("nucleo-h7a3zi-q", emulate=True)
    assert board.memory is not None
    return replace(board, memory=replace(board.memory, coupled=coupled))


def test_kernels_and_tensors_lie_where_nothing_is_waited_for() -> None:
    """Copied and cleared by start-up, in the same image of flash; answers are the same, and what
    lies there is said. Cycles are counted though calls go there by way of the linker's."""
    data = bytes(range(245)) * 2
    answers = list[list[str]]()
    for coupled in (Coupled(), Coupled(kernels=ITCM, tensors=DTCM)):
        board = _coupled(coupled)
        image = build(board, load_task("kws"), MODEL)
        with closing(ProcessTransport(board.command(image.elf))) as line:
            dut = Dut(line)
            dut.handshake()
            answers.append([repr(dut.infer(data, 1, 0).results)])
        held = image.sections.coupled_code_b, image.sections.coupled_bss_b
        if coupled == Coupled():
            assert held == (0, 0)
            continue
        assert held[0] > 5_000
        assert held[1] > 8_000
        assert all(place >> 24 == 0x08 for place, _ in read_image(Path(image.elf)).segments)
        cycles = estimate(board, image, data, calibrated=False).whole
        assert 3_000_000 < cycles.instructions < 4_000_000
    assert answers[0] == answers[1]


def test_what_coupled_memory_does_not_hold_is_said_in_bytes() -> None:
    """Of tensors before anything is built, of code by the linker."""
    task = load_task("kws")
    small = _coupled(Coupled(tensors=(DTCM[0], 8192)))
    with pytest.raises(ModelError, match=r"bytes of DTCM for tensors, the board has 8192: \d+ too"):
        build(small, task, MODEL)
    with pytest.raises(ModelError, match=r"\d+ bytes too many for ITCM"):
        build(_coupled(Coupled(kernels=(ITCM[0], 4096))), task, MODEL)
