"""The interface board: the real C core behind a simulated board, seen through the wrapper."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard
from tinybench.energy.simulated.port import PseudoPort
from tinybench.errors import BenchError, DeadlineError, ProtocolError, TransportError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.interface_board import InterfaceBoard, _parts
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport

INPUT = bytes(range(1, 206)) + bytes(285)


@contextlib.contextmanager
def board(
    core: Path, faults: frozenset[str] = frozenset(), byte_s: float = 0.0
) -> Iterator[tuple[InterfaceBoard, SimulatedInterfaceBoard]]:
    """Run the core behind a board on a port, and wrap the port."""
    dut = ProcessTransport([str(core)])
    simulated = SimulatedInterfaceBoard(dut, faults=faults, byte_s=byte_s)
    with contextlib.closing(dut), PseudoPort(simulated) as port:
        line = InterfaceBoard(SerialTransport(port.path, 115200))
        with contextlib.closing(line):
            yield line, simulated


def test_the_dut_answers_as_without_the_board(core: Path) -> None:
    """Identity and results are those of the core on a line of its own."""
    bare = Dut(ProcessTransport([str(core)]), fast=False)
    with board(core) as (line, simulated):
        dut = Dut(line, fast=False)
        assert dut.handshake() == bare.handshake()
        assert dut.infer(INPUT, 3, 1).results == bare.infer(INPUT, 3, 1).results
        assert dut.tally.retries == 0
        assert simulated.passed > len(INPUT) // 26


def test_a_slow_dut_is_waited_for(core: Path) -> None:
    """9600 baud behind 115200: the reply takes as long as its bytes."""
    with board(core, byte_s=10 / 9600) as (line, _):
        assert line.byte_s > 10 / 9600
        dut = Dut(line, fast=False)
        assert dut.handshake().model_id == "fake01"


def test_uploads_are_split_into_what_fits() -> None:
    """26 data bytes behind `dut `, in at most 64 characters."""
    parts = _parts(b"db " + b"0f" * 60)
    assert [len(part) for part, _ in parts] == [3 + 52, 3 + 52, 3 + 16]
    assert [last for _, last in parts] == [False, False, True]
    assert b"".join(part[3:] for part, _ in parts) == b"0f" * 60
    assert _parts(b"infer 1 1") == [(b"infer 1 1", True)]


def test_the_boards_own_commands(core: Path) -> None:
    """A legacy IO manager is set to falling edges; what it does not know is refused."""
    with board(core) as (line, _):
        assert line.prepare() == "m-name-ib-[simulated]"
        assert line.command("version") == ["m-version-[1.0.0]"]
        with pytest.raises(ProtocolError, match="Unknown command: dance"):
            line.command("dance")
        with pytest.raises(TransportError, match="115200"):
            line.set_baud(115200)


def test_a_command_that_its_queue_would_cut_is_refused(core: Path) -> None:
    """The board would drop the end silently."""
    with board(core) as (line, _), pytest.raises(ProtocolError, match="passes 59"):
        line.write(b"x" * 60 + b"%")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("no passthrough", ProtocolError),
        ("other confirmation", ProtocolError),
        ("silence", DeadlineError),
    ],
)
def test_a_board_that_does_not_pass_on_is_refused(
    core: Path, fault: str, error: type[BenchError]
) -> None:
    """Nothing but the confirmation of what was sent will do."""
    with board(core, frozenset({fault})) as (line, _), pytest.raises(error):
        line.write(b"profile%")


@pytest.mark.parametrize("fault", ["digit lost", "banner"])
def test_a_fault_on_the_way_is_put_right(core: Path, fault: str) -> None:
    """The client doubts, and does it again."""
    with board(core, frozenset({fault})) as (line, _):
        dut = Dut(line, fast=False)
        dut.handshake()
        bare = Dut(ProcessTransport([str(core)]), fast=False)
        bare.handshake()
        assert dut.infer(INPUT, 2, 1).results == bare.infer(INPUT, 2, 1).results
