"""Whatever bytes come from the DUT, the client finds the truth in them or raises a clear error."""

import os
import random
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import pytest

from tests.soak import record
from tinybench.errors import TinybenchError, TransportError
from tinybench.runner.dut import frames
from tinybench.runner.dut.frame_link import FrameLink, Offer
from tinybench.runner.dut.frames import Frame
from tinybench.runner.dut.inference import Inference, answered
from tinybench.runner.dut.line import Line, Patience, Tally
from tinybench.runner.dut.text_link import TIME_TOLERANCE, TextLink

INPUT = bytes(range(100))
RESULTS = "0.125,0.875"
TIME_US = 250_000
TRUTH = Inference(3, TIME_US, RESULTS)
READY = b"m-ready\r\n"
SOAK_S = 170
INPUTS_MUST = 3_000_000
SAMPLE = 10_000


@dataclass
class Script:
    """A transport that answers each write with the next reply, whatever was asked."""

    replies: list[bytes]
    byte_s = 0.0

    def __post_init__(self) -> None:
        """Begin with nothing to be read."""
        self._next = 0
        self._unread = b""

    def write(self, data: bytes) -> None:  # noqa: ARG002 - whatever is asked
        """Let the next reply be read."""
        if self._next < len(self.replies):
            self._unread += self.replies[self._next]
            self._next += 1

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 - it never waits
        """Return the rest of the reply. Raises TransportError after it."""
        if not self._unread:
            raise TransportError("the script has ended")
        data, self._unread = self._unread, b""
        return data

    def set_baud(self, baud: int) -> None:
        """A script has no rate."""

    def reopen(self, timeout_s: float) -> None:  # noqa: ARG002 - it never waits
        """A script is read once."""
        raise TransportError("the script has ended")

    def close(self) -> None:
        """Nothing to close."""


# --- What a DUT says, to be damaged. ---

WINDOW = (
    b"m-warmup-start-1\r\nm-warmup-done\r\nm-infer-start-3\r\nm-lap-us-4294900000\r\n"
    b"m-lap-us-182704\r\nm-infer-done\r\nm-results-[0.125,0.875]\r\nm-ready\r\n"
)
LOAD = [
    b"m-[Expecting 100 bytes]\r\nm-ready\r\n",
    READY,
    READY,
    b"m-load-done\r\nm-ready\r\n",
]
PRINT = b"".join(
    b"m-buffer-%b\r\n" % INPUT[at : at + 8].hex("-").encode() for at in range(0, 100, 8)
)
TIMED = [
    b"m-lap-us-4294890000\r\nm-ready\r\n",
    WINDOW,
    b"m-lap-us-190000\r\nm-ready\r\n",
    b"m-results-[0.125,0.875]\r\nm-ready\r\n",
]
SESSION = [*LOAD, PRINT + b"\r\n" + READY, *TIMED, *TIMED]
"""The verified protocol: an upload in three chunks, and the first window timed twice."""
RESULT = frames.encode(
    Frame(frames.RESULT, 1, 1, struct.pack("<III", 3, 4_294_900_000, 182_704) + RESULTS.encode())
)
ANSWERS = (
    frames.encode(Frame(frames.ACK, 1, 1, bytes(4)))
    + frames.encode(Frame(frames.ACK, 1, 2, bytes(4)))
    + RESULT
)
NOISE = [b"\0", b"\r\n", b"%", b"-", b",", b"]", b"nan", b"m-ready\r\n", b"e-[", b"\xff\x80", b"9"]


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Return `data` after one to four random damages."""
    for _ in range(1 + int(chance.random() ** 3 * 4)):
        at = int(chance.random() * (len(data) + 1))
        how = int(chance.random() * 8)
        end = at + 1 + int(chance.random() ** 3 * 60)
        if how == 0:
            data = data[:at] + data[end:]
        elif how == 1:
            data = data[:end] + data[at:]
        elif how == 2:
            data = data[:at] + NOISE[int(chance.random() * len(NOISE))] + data[at:]
        elif how == 3:
            data = data[:at] + chance.randbytes(1 + end % 9) + data[at:]
        elif how == 4 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << end % 8]) + data[at + 1 :]
        elif how == 5 and at < len(data):
            data = data[:at] + b"0123456789abcdef"[end % 16 :][:1] + data[at + 1 :]
        elif how == 6:
            data = data[:at]
        else:
            data = data[:at] + data[end : end + 20] + data[at:end] + data[end + 20 :]
    return data


def _window(chance: random.Random) -> None:
    """A reply to `infer` is refused, or gives finite numbers for as many inferences as asked."""
    line = Line(Script([damaged(chance, WINDOW)]), Tally())
    found, _ = TextLink(line, Patience(), verify=False).window(3, 1, 5.0)
    assert found.iterations == 3
    assert 0 <= found.elapsed_us < 1 << 63
    assert all(abs(value) < float("inf") for value in answered(found.results))


def _verified(chance: random.Random) -> None:
    """One damaged reply of a verified session is seen, whichever it is; or it is harmless."""
    replies = list(SESSION)
    at = int(chance.random() * len(replies))
    replies[at] = damaged(chance, replies[at])
    link = TextLink(Line(Script(replies), Tally()), Patience(), verify=True, probe=True)
    found = link.infer(INPUT, 3, 1, 5.0)
    assert (found.iterations, found.results) == (3, RESULTS)
    assert abs(found.elapsed_us - TIME_US) <= TIME_TOLERANCE * TIME_US


def _frame(chance: random.Random) -> None:
    """A damaged frame is no frame."""
    found = frames.decode(damaged(chance, RESULT)[:-1])
    assert found in (None, frames.decode(RESULT[:-1]))


def _frames(chance: random.Random) -> None:
    """Damaged answers in frames give the whole truth or none of it."""
    line = Line(Script([damaged(chance, ANSWERS)]), Tally())
    link = FrameLink(line, Patience(), Offer(50, 4096), Tally())
    assert link.infer(INPUT, 3, 1, 5.0) == TRUTH


TARGETS: list[tuple[Callable[[random.Random], None], int]] = [
    (_window, 4),
    (_verified, 1),
    (_frame, 10),
    (_frames, 1),
]
"""What is fuzzed, and how often in a round: each about as long as the others."""


def fuzz(seed: int, inputs: int, seconds: float) -> tuple[int, list[str]]:
    """Try so many inputs, or for so long; return how many, and what was found."""
    chance = random.Random(seed)  # noqa: S311 - no secrets
    until_s = time.monotonic() + seconds
    done, findings = 0, []
    while done < inputs and time.monotonic() < until_s:
        for target, times in TARGETS * 20:
            for _ in range(times):
                try:
                    target(chance)
                except TinybenchError:
                    pass
                except Exception as error:  # whatever it is, it is a finding
                    findings.append(f"{target.__name__}, seed {seed}, input {done}: {error!r}")
                done += 1
    return done, findings


@pytest.mark.parametrize("target", [target for target, _ in TARGETS])
def test_without_damage_the_script_gives_the_truth(
    target: Callable[[random.Random], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is fuzzed is a session that goes well."""
    monkeypatch.setattr("tests.faults.test_fuzz_client.damaged", lambda _, data: data)
    target(random.Random(0))  # noqa: S311 - no secrets


def test_damaged_replies_give_the_truth_or_an_error() -> None:
    """Some ten thousand of them."""
    assert fuzz(1, SAMPLE, SOAK_S)[1] == []


@pytest.mark.soak
def test_millions_of_damaged_replies_give_the_truth_or_an_error() -> None:
    """As many as three minutes give, on every core."""
    count = os.cpu_count() or 1
    with ProcessPoolExecutor(count) as pool:
        found = list(pool.map(fuzz, range(count), [sys.maxsize] * count, [SOAK_S] * count))
    record("fuzz.host_inputs", sum(done for done, _ in found), INPUTS_MUST, better="higher")
    findings = [words for _, some in found for words in some]
    record("fuzz.host_findings", len(findings), 0, better="lower")
    assert findings == []
