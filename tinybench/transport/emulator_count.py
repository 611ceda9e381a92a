"""The count of instructions that QEMU keeps itself, asked for beside the line of its board.

It is a second witness of emulated time: the board's timer is a device of the emulator, made of
registers and a prescaler; this is the counter that all devices follow. With `-icount` the answer is
the count at the last look that the board took at its clock, or later.
Ref: QEMU, qapi/replay.json, query-replay (since 5.2); accel/tcg/icount-common.c.
"""

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator

from ..scratch import scratch

NAME = "emulator"
"""What a transcript calls it."""
WAIT_S = 0.005
"""For an answer. QEMU gives none while its board waits for the host in a semihosting call; it then
comes with the next command."""
SELDOM_S = 1.0
"""Between two counts among single inferences, which may be thousands."""
ANSWER_MAX_B = 1 << 16


class EmulatorCount:
    """Notes the count, for one emulator at a time, in the transcript of its board."""

    def __init__(self, listener: socket.socket, path: str, instruction_ns: int) -> None:
        self._listener = listener
        self._path = path
        self._instruction_ns = instruction_ns
        self._qmp: socket.socket | None = None
        self._heard = b""
        self._asked = 0
        self._answered = 0
        self._next_s = 0.0

    @property
    def words(self) -> list[str]:
        """Further arguments for QEMU."""
        return ["-qmp", f"unix:{self._path}"]

    def ask(self, inferences: int, note: Callable[[str, bytes], None]) -> None:
        """Ask for the count after so many inferences; `note` takes what was asked and answered.

        An emulator that does not answer is none to be counted on, and no fault.
        """
        now_s = time.monotonic()
        try:
            self._hear(0.0, note)
            if inferences == 1 and now_s < self._next_s:
                return
            self._next_s = now_s + SELDOM_S
            qmp = self._qmp or self._accept()
            if qmp is None:
                return
            self._asked += 1
            note(NAME, b"asked %d" % self._asked)
            qmp.sendall(b'{"execute": "query-replay", "id": %d}\n' % self._asked)
            self._hear(WAIT_S, note)
        except OSError:
            self.close()

    def hear(self, note: Callable[[str, bytes], None]) -> None:
        """Take the answer that is still to come, if it comes soon."""
        with contextlib.suppress(OSError):
            self._hear(WAIT_S, note)

    def close(self) -> None:
        """Hang up."""
        if self._qmp is not None:
            self._qmp.close()
        self._qmp, self._heard, self._answered = None, b"", self._asked

    def _accept(self) -> socket.socket | None:
        if not select.select([self._listener], [], [], 0)[0]:
            return None
        self._qmp, _ = self._listener.accept()
        self._qmp.settimeout(WAIT_S)
        self._qmp.sendall(b'{"execute": "qmp_capabilities"}\n')
        return self._qmp

    def _hear(self, wait_s: float, note: Callable[[str, bytes], None]) -> None:
        deadline_s = time.monotonic() + wait_s
        while self._qmp is not None and self._answered < self._asked:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([self._qmp], [], [], left_s)[0]:
                return
            data = self._qmp.recv(4096)
            if not data or len(self._heard) > ANSWER_MAX_B:
                self.close()  # it was started anew, and calls again
                return
            *lines, self._heard = (self._heard + data).split(b"\n")
            for number, count in _counts(lines):
                self._answered = number
                said = b"%d instructions of %d ns for %d"
                note(NAME, said % (count, self._instruction_ns, number))


def _counts(lines: list[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the number of each question that was answered, and the count."""
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
            said = json.loads(line)
            yield int(said["id"]), int(said["return"]["icount"])


@contextlib.contextmanager
def emulator_count(instruction_ns: int) -> Iterator[EmulatorCount]:
    """Listen for an emulator that is started with further words; hangs up on the way out."""
    with scratch() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(folder / "count")
        listener.bind(path)
        listener.listen()
        count = EmulatorCount(listener, path, instruction_ns)
        try:
            yield count
        finally:
            count.close()
