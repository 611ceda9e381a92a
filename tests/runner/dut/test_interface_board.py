"""The interface board: the real C core behind a simulated board, seen through the wrapper."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinybench.energy.simulated.interface_board import (
    BANNER,
    SimulatedInterfaceBoard,
    SimulatedIoManager,
)
from tinybench.energy.simulated.port import PseudoPort
from tinybench.errors import BenchError, DeadlineError, ProtocolError, TransportError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.interface_board import InterfaceBoard, _parts
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport

FAST = 115_200
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


class Waiting:
    """A DUT that has said something before anybody asked, or says nothing at all."""

    byte_s = 0.0

    def __init__(self, dut: ProcessTransport, said: bytes = b"", *, dead: bool = False) -> None:
        self._dut = dut
        self._said = said
        self._dead = dead

    def read(self, timeout_s: float) -> bytes:
        said, self._said = self._said, b""
        return said or (b"" if self._dead else self._dut.read(timeout_s))

    def write(self, data: bytes) -> None:
        if not self._dead:
            self._dut.write(data)

    def set_baud(self, baud: int) -> None:
        self._dut.set_baud(baud)

    def reopen(self, timeout_s: float) -> None:
        self._dut.reopen(timeout_s)

    def close(self) -> None:
        self._dut.close()


@contextlib.contextmanager
def waiting(
    core: Path, said: bytes, kind: type[SimulatedInterfaceBoard | SimulatedIoManager]
) -> Iterator[InterfaceBoard]:
    """Wrap a board of a kind whose DUT has said something already."""
    dut = ProcessTransport([str(core)])
    simulated = (
        SimulatedInterfaceBoard(Waiting(dut, said), baud=FAST, dut_baud=FAST)
        if kind is SimulatedInterfaceBoard
        else SimulatedIoManager(Waiting(dut, said))
    )
    with contextlib.closing(dut), PseudoPort(simulated) as port:
        line = InterfaceBoard(SerialTransport(port.path, 115200), dut_baud=FAST)
        with contextlib.closing(line):
            yield line


@pytest.mark.parametrize("kind", [SimulatedInterfaceBoard, SimulatedIoManager])
@pytest.mark.parametrize(
    "said",
    [b"", BANNER, 2 * BANNER, b"m-ready\r\n" * 11, b"x" * 300 + BANNER, b"\xff\r\n" + BANNER],
)
def test_replies_are_brought_into_step_whatever_waits_in_the_queue(
    core: Path, said: bytes, kind: type[SimulatedInterfaceBoard | SimulatedIoManager]
) -> None:
    """A boot banner that waits there would be the reply to the first command, and so on."""
    with waiting(core, said, kind) as line:
        line.prepare()
        dut = Dut(line, fast=False)
        assert dut.handshake().model_id == "fake01"
        bare = Dut(ProcessTransport([str(core)]), fast=False)
        bare.handshake()
        assert dut.infer(INPUT, 2, 1).results == bare.infer(INPUT, 2, 1).results
        assert dut.tally.retries == 0


def test_the_simulated_board_is_as_unkind_as_the_real_one(core: Path) -> None:
    """A banner that nobody drains is the reply to `name`, whose own comes one command later."""
    with waiting(core, BANNER, SimulatedInterfaceBoard) as line:
        line.write(b"name%")
        assert b"m-init-done" in _reply(line)
        line._late = False  # as a client that does not look would be
        line.write(b"profile%")
        assert b"m-model-[" not in _reply(line)


def _reply(line: InterfaceBoard) -> bytes:
    """Return what comes up to `m-ready`."""
    said = b""
    while not said.endswith(b"m-ready\r\n"):
        said += line.read(5.0)
    return said


@pytest.mark.parametrize(("baud", "resets"), [(9600, 0), (115200, 1)])
def test_the_rate_to_the_dut_is_set_only_where_it_differs(
    core: Path, baud: int, resets: int
) -> None:
    """`setbaud` writes the board's flash and resets it."""
    dut = ProcessTransport([str(core)])
    simulated = SimulatedInterfaceBoard(dut, baud=baud)
    with contextlib.closing(dut), PseudoPort(simulated) as port:
        line = InterfaceBoard(SerialTransport(port.path, 115200))
        with contextlib.closing(line):
            for _ in range(2):
                assert line.prepare() == "tinyML Enhanced Interface Board"
            assert (simulated.resets, simulated.baud) == (resets, 9600)
            assert Dut(line, fast=False).handshake().model_id == "fake01"


def test_a_silent_dut_is_named_and_so_is_the_way_out(core: Path) -> None:
    """The board waits for it, and answers nothing more until it is reset."""
    dut = ProcessTransport([str(core)])
    with contextlib.closing(dut), PseudoPort(SimulatedInterfaceBoard(Waiting(dut, dead=True))) as p:
        line = InterfaceBoard(SerialTransport(p.path, 115200), boot_s=0.5)
        with contextlib.closing(line):
            with pytest.raises(DeadlineError, match=r"does not answer 'name'.*reset button"):
                line.prepare()
            with pytest.raises(DeadlineError, match=r"waits for a reply.*reset button"):
                line.prepare()


def test_a_legacy_io_manager_tells_of_edges_by_itself(core: Path) -> None:
    """They are counted, and disturb neither a command nor a reply."""
    falls: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.002):
            falls.append(len(falls) * 0.01)

    dut = ProcessTransport([str(core)])
    simulated = SimulatedIoManager(dut, falls=lambda: list(falls))
    clock = threading.Thread(target=tick)
    with contextlib.closing(dut), PseudoPort(simulated) as port:
        line = InterfaceBoard(SerialTransport(port.path, 115200))
        with contextlib.closing(line):
            clock.start()
            try:
                assert line.prepare() == "m-name-ioman-[simulated]"
                assert line.command("version") == ["m-version-[1.0.3]"]
                assert Dut(line, fast=False).handshake().model_id == "fake01"
                assert line.command("tm 0")[0] == "m-timestmp-mode-FALLING"
            finally:
                stop.set()
                clock.join()
            assert line.laps > 0
            assert line.command("timestamp")[-1].startswith("m-lap-us-")


def test_the_boards_own_commands(core: Path) -> None:
    """The enhanced board answers `m-ready` to what it does not know; a refusal is an error."""
    with board(core) as (line, _):
        assert line.prepare() == "tinyML Enhanced Interface Board"
        assert line.command("version") == []
        with pytest.raises(TransportError, match="115200"):
            line.set_baud(115200)
    with (
        waiting(core, b"", SimulatedIoManager) as line,
        pytest.raises(ProtocolError, match="Unknown command: dance"),
    ):
        line.command("dance")


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
