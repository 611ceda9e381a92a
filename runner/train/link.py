"""The commands of learning, asked of a board. Ref: docs/train.md."""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinybench.errors import CrashError, DeadlineError, ProtocolError

from ..dut.client import Dut
from ..dut.reply import shown_lines
from .head import Floats
from .reference import Words

CAPABILITY = "train-1"
TRIES = 3
REPLY_S = 10.0
"""For a reply: an emulated board may share its computer."""
SLACK = 10
"""Times as long as inferences took before, steps on the board may take."""
READ_WORDS, WRITE_WORDS = 64, 6
"""In one command."""
STEPPED = r"([0-9]{1,10}),([0-9a-f]{8}),([0-9]{1,10})"
Before = Callable[[], None] | None
_DIVERGED = "e-[Training has diverged"
_FORGOTTEN = "e-[Command 'train begin' comes first]"


class DivergedError(Exception):
    """A weight or the loss is no number any more; never leaves this room."""


@dataclass(frozen=True)
class Stepped:
    """What a step says."""

    elapsed_us: int
    loss: float
    saturated: int


class Trainee:
    """A board whose firmware learns."""

    def __init__(self, dut: Dut, shape: tuple[int, ...]) -> None:
        """`shape`: that of the variant.

        Raises ProtocolError where the firmware cannot learn.
        """
        if not dut.can(CAPABILITY):
            raise ProtocolError(
                f"the firmware does not say {CAPABILITY} in its caps, so that it cannot learn: "
                "let it be built and flashed here, by a --board with a toolchain"
            )
        self._dut = dut
        self._shape = shape
        self._words = shape[5]
        self.retries = 0
        """Commands that were sent again on a doubt."""

    def begin(self, rate: float, momentum: float, batch: int, seed: int) -> None:
        """Begin from the weights in flash. Raises ProtocolError where the head is another one."""
        numbers = f"{struct.pack('>f', rate).hex()} {struct.pack('>f', momentum).hex()}"
        told = self._ask("begin", f"{numbers} {batch} {seed}")
        if told != ",".join(map(str, self._shape)):
            wanted = ",".join(map(str, self._shape))
            raise ProtocolError(f"the board learns a head of [{told}], wanted [{wanted}]")

    def features(self, count: int) -> Floats:
        """Return the features of the last inference."""
        return _words(self._ask("features"), count).view(np.float32)

    def add(self, data: bytes, label: int, number: int) -> int:
        """Gather the gradient of an input, the n-th of its batch; return how long that took, in us.

        The body's inference is in it.
        """
        body_us = 0

        def infer() -> None:
            nonlocal body_us
            body_us = self._dut.infer(data, 1, 0).elapsed_us

        words = f"{label} {number}"
        (elapsed_us,) = self._numbered("add", number, words, r"([0-9]{1,10})", infer)
        return body_us + int(elapsed_us)

    def sample(self, index: int) -> int:
        """Let the board infer on a sample in its flash; return its label."""
        return int(self._numbered("sample", index, str(index), r"([0-9]{1,10})")[0])

    def run(self, number: int, first: int, count: int, usual_s: float) -> Stepped:
        """Let the board do `count` steps on samples in its flash, from step `first` of its epochs.

        It has done `number` since it began; so many take `usual_s`, about. Raises DivergedError.
        """
        rest = f"{number} {first} {count}"
        pattern = rf"{count},{STEPPED}"
        return _stepped(self._numbered("run", number, rest, pattern, usual_s=usual_s))

    def step(self, number: int) -> Stepped:
        """Change the weights by a full batch. Raises DivergedError."""
        return _stepped(self._numbered("step", number, str(number), STEPPED))

    def read(self) -> Words:
        """Return all of learning, proved by its checksum."""
        with self._dut.commands():
            parts = [self._read(at) for at in range(0, self._words, READ_WORDS)]
            found = np.concatenate(parts)
            self._insist_sum(found)
        return found

    def _read(self, at: int) -> Words:
        here = min(READ_WORDS, self._words - at)
        first, _, digits = self._ask("read", f"{at} {here}").partition(",")
        if first != str(at):
            raise ProtocolError(f"words from {first[:20]} on came, asked for were those at {at}")
        return _words(digits, here)

    def write(self, words: Words) -> None:
        """Put all of learning back as it was read, and prove it by its checksum."""
        with self._dut.commands():
            for at in range(0, len(words), WRITE_WORDS):
                here = words[at : at + WRITE_WORDS]
                self._ask("write", f"{at} {here.astype('>u4').tobytes().hex()}")
            self._insist_sum(words)

    def end(self) -> None:
        """Let the board learn no more."""
        self._ask("end")

    def _insist_sum(self, words: Words) -> None:
        told = self._ask("sum")
        wanted = f"{len(words)},{_sum(words.astype('<u4').tobytes())}"
        if told != wanted:
            raise ProtocolError(f"the weights on the board are [{told}], those here [{wanted}]")

    def _numbered(
        self,
        what: str,
        number: int,
        rest: str,
        pattern: str,
        before: Before = None,
        usual_s: float = 0.0,
    ) -> tuple[str, ...]:
        told = self._ask(what, rest, before, usual_s)
        found = re.fullmatch(f"{number},{pattern}", told)
        if found is None:
            raise ProtocolError(f"unexpected reply to 'train {what} {rest}%': [{told[:80]}]")
        return found.groups()

    def _ask(self, what: str, rest: str = "", before: Before = None, usual_s: float = 0.0) -> str:
        """Return what m-train-WHAT-[...] holds. Each command may be sent again, with `before`."""
        doubt: ProtocolError | DeadlineError | None = None
        for _ in range(TRIES):
            try:
                if doubt is not None:
                    self.retries += 1
                    self._dut.handshake()
                if before is not None:
                    before()
                most_s = REPLY_S + SLACK * usual_s
                lines = self._dut.command(_summed(f"{what} {rest}"), most_s)
            except CrashError:
                raise
            except (ProtocolError, DeadlineError) as error:
                doubt = error
                continue
            start = f"m-train-{what}-["
            if len(lines) == 1 and lines[0].startswith(start) and lines[0].endswith("]"):
                told, _, told_sum = lines[0][len(start) : -1].rpartition(",")
                if told_sum == _sum(told.encode()):
                    return told
            said = shown_lines(lines)
            if lines and lines[0].startswith(_DIVERGED):
                raise DivergedError
            if _FORGOTTEN in lines:
                raise ProtocolError(
                    "the board has restarted and forgotten what it learnt. Check its power supply"
                )
            doubt = ProtocolError(f"unexpected reply to 'train {what}%': {said}")
        assert doubt is not None  # noqa: S101 - the loop has run
        raise doubt


def _stepped(told: tuple[str, ...]) -> Stepped:
    elapsed_us, loss, saturated = told
    (value,) = struct.unpack(">f", bytes.fromhex(loss))
    return Stepped(int(elapsed_us), value, int(saturated))


def _sum(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


def _summed(words: str) -> str:
    """Return a command with its checksum: no label comes as another one."""
    return f"train {words}#{_sum(words.encode())}"


def _words(digits: str, count: int) -> Words:
    if re.fullmatch(f"[0-9a-f]{{{8 * count}}}", digits) is None:
        raise ProtocolError(f"{count} words of 8 hex digits were due; seen: [{digits[:40]}]")
    return np.frombuffer(bytes.fromhex(digits), ">u4").astype(np.uint32)
