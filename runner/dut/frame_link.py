"""The fast upload: frames in flight as far as the DUT can hold them, only lost ones sent again.

Ref: docs/link.md. Every frame has a CRC-32, and so has the whole input: an inference runs on what
was sent or not at all, and its answer arrives whole or not at all.
"""

import contextlib
import re
import struct
import time
import zlib
from dataclasses import dataclass, field

from tinybench.errors import DeadlineError, ProtocolError

from . import frames
from .frames import Frame
from .inference import Inference, elapsed_us, failed, parse_results
from .line import Line, Patience, Tally
from .reply import READY, Said, shown

ANSWER_B = 400
"""Bytes of an answer, for its deadline."""
ROUNDS = 16
"""Times that an upload is completed before it is given up."""
SILENCES = 2
"""Deadlines that may pass in it."""
PROBE_B = 32
"""The beginning of an input, by which the place is looked for that it had in the one before."""

_CAP = re.compile(r"frames-([0-9]{1,3})-([0-9]{1,5})-([0-9]{1,6})")
_INFER = struct.Struct("<III")
_ACK = struct.Struct("<I")
_RESULT = struct.Struct("<III")
_REFUSED = struct.Struct("<Bi")
_PATCH = struct.Struct("<I")
_PATCHED = struct.Struct("<II")
PATCH_HEAD_B = _PATCH.size


@dataclass(frozen=True)
class Offer:
    """What the firmware's `caps` say of its frames."""

    payload_b: int
    """Data bytes of a full frame."""
    window_b: int
    """Bytes on the line that the DUT holds while it is busy."""
    slide: bool = False
    """Whether it makes an input of the one before and new bytes at its end."""
    ahead: bool = False
    """Whether the next input may be sent during the inference before."""


def offer(caps: tuple[str, ...]) -> Offer | None:
    """Return what `caps` offer; None for firmware without frames, or with those of another time."""
    for word in caps:
        match = _CAP.fullmatch(word)
        if match is not None and int(match[1]) == frames.VERSION:
            found = Offer(int(match[2]), int(match[3]), "slide" in caps, "ahead" in caps)
            if 0 < found.payload_b <= found.window_b:
                return found
    return None


@dataclass
class Asked:
    """An input with a request to infer it."""

    data: bytes
    counts: tuple[int, int]
    """Iterations and warm-ups."""
    upload: int
    request: int
    blocks: list[bytes]
    """The frames that bring it; none where the DUT holds it."""
    infer: bytes
    whole: bool
    """Whether these frames bring it whatever the DUT holds."""
    acked: set[int] = field(default_factory=set)
    serials: dict[int, int] = field(default_factory=dict)
    """Of the frames that are on their way: which was sent after which."""
    asked_s: float = 0.0
    """When the request was sent."""

    @property
    def in_flight_b(self) -> int:
        """Bytes of frames that are on their way."""
        return sum(len(self.blocks[number]) for number in self.serials)

    @property
    def size_b(self) -> int:
        """Bytes of all that has to be sent."""
        return sum(map(len, self.blocks)) + len(self.infer)


class FrameLink:
    """Frames on a line, in `frames` mode; raises ProtocolError or DeadlineError on any doubt."""

    def __init__(self, line: Line, patience: Patience, offered: Offer, tally: Tally) -> None:
        self._line = line
        self._patience = patience
        self._offer = offered
        self._tally = tally
        self._held: Asked | None = None
        self._ahead: Asked | None = None
        self._upload = 0
        self._request = 0
        self._serial = 0
        self._timeout_s = 0.0
        self.asked_s = 0.0
        """When the answered request had been sent."""

    @property
    def chunk_b(self) -> int:
        """Data bytes of a full frame."""
        return self._offer.payload_b

    @property
    def looks_ahead(self) -> bool:
        """Whether an input has been sent that nobody has asked for yet."""
        return self._ahead is not None

    def doubted(self) -> None:
        """Forget what the DUT holds."""
        self._held = self._ahead = None

    def infer(
        self,
        data: bytes,
        iterations: int,
        warmup: int,
        timeout_s: float,
        then: bytes | None = None,
    ) -> Inference:
        """Run inferences on an input, which is uploaded unless the DUT holds it.

        `timeout_s` bounds the inferences. The request follows the data without a pause, so that a
        short input costs one round trip. `then`: what is inferred next, as often; where the DUT
        allows, it is sent while this one is inferred. Raises ProtocolError or DeadlineError on any
        doubt, InferenceError where the engine failed.
        """
        self._timeout_s = timeout_s
        counts = (iterations, warmup)
        if self._ahead is not None and (self._ahead.data, self._ahead.counts) != (data, counts):
            self._settle()
        sent = self._ahead is not None
        now = self._ahead or self._request_of(data, counts, self._held)
        self._held = self._ahead = None
        silences = 0
        for _ in range(ROUNDS):
            came = sent or self._send_missing(now)
            answer = self._answer(now, timeout_s, then) if came else None
            if answer is not None and answer.kind == frames.RESULT:
                self._held, self.asked_s = now, now.asked_s
                return _inference(answer, iterations, warmup)
            if self._ahead is not None:
                raise DeadlineError(
                    f"no answer to 'infer {iterations} {warmup}', and the next input is sent "
                    f"already; unfinished on the line: {shown(self._line.unread())!r}"
                )
            silences += answer is None
            if silences == SILENCES:
                break
            now, sent = self._once_more(now, refused=answer is not None), False
        raise DeadlineError(
            f"no answer to an upload and 'infer {iterations} {warmup}': {len(now.acked)} of "
            f"{len(now.blocks)} frames have arrived; unfinished on the line: "
            f"{shown(self._line.unread())!r}"
        )

    def patch(self, place: int, at: int, data: bytes) -> int:
        """Write bytes into a constant of the model, or none; return the CRC-32 of what is there.

        That of these bytes, or of none: of all from `at` on. Raises ProtocolError where the
        constant has no such bytes, DeadlineError where nothing answers.
        """
        self._settle()
        block = frames.encode(Frame(frames.PATCH, 0, place, _PATCH.pack(at) + data))
        for _ in range(SILENCES):
            self._line.send(block)
            deadline_s = time.monotonic() + self._reply_s(len(block) + ANSWER_B)
            while (frame := self._frame(deadline_s)) is not None:
                if frame.number != place:
                    continue
                if frame.kind == frames.REFUSED and frame.payload[:1] == bytes([frames.NO_PLACE]):
                    raise ProtocolError(
                        f"constant {place} of the model has no bytes {at} to {at + len(data)}"
                    )
                if frame.kind != frames.PATCHED or len(frame.payload) != _PATCHED.size:
                    continue
                there, crc = _PATCHED.unpack(frame.payload)
                if there == at and (not data or crc == zlib.crc32(data)):
                    return crc
            self._tally.resent_frames += 1
        raise DeadlineError(f"no answer to a patch of constant {place} of the model")

    def leave(self) -> None:
        """Go back to text mode. Raises DeadlineError when the DUT does not confirm."""
        with contextlib.suppress(ProtocolError):
            self._settle()
        self._line.send(LEAVE)
        deadline_s = time.monotonic() + self._reply_s(ANSWER_B)
        lines: list[Said] = []
        while not lines or lines[-1].word != READY:
            try:
                lines.append(self._line.said(deadline_s, "LEAVE", lines))
            except ProtocolError:
                continue  # late frames, up to the first line of text

    def _settle(self) -> None:
        """Wait for the answer to what was sent ahead, and is not wanted any more."""
        ahead, self._ahead, self._held = self._ahead, None, None
        if ahead is not None:
            answer = self._answer(ahead, self._timeout_s, None)
            self._held = ahead if answer and answer.kind == frames.RESULT else None

    def _request_of(self, data: bytes, counts: tuple[int, int], held: Asked | None) -> Asked:
        """Return a request on an input, with the frames that bring it to a DUT that has `held`."""
        blocks: list[bytes] = []
        slid_b = _slid_b(held.data, data, self.chunk_b) if held and self._offer.slide else 0
        if held is not None and data == held.data:
            upload = held.upload
        else:
            upload = self._upload = self._upload % 255 + 1
        if held is not None and slid_b:
            blocks = [frames.encode(Frame(frames.SLIDE, upload, held.upload, data[-slid_b:]))]
        elif held is None or data != held.data:
            size_b = self.chunk_b
            pieces = [data[start : start + size_b] for start in range(0, len(data), size_b)]
            blocks = [
                frames.encode(Frame(frames.DATA, upload, number, piece))
                for number, piece in enumerate(pieces)
            ]
        self._request = (self._request + 1) % 65536
        payload = _INFER.pack(*counts, zlib.crc32(data))
        infer = frames.encode(Frame(frames.INFER, upload, self._request, payload))
        whole = bool(blocks) and not slid_b
        return Asked(data, counts, upload, self._request, blocks, infer, whole)

    def _once_more(self, now: Asked, refused: bool) -> Asked:
        """Return what to send again of a request that was not answered, or refused."""
        self._tally.resent_frames += 1  # the request
        if refused and not now.whole:  # the DUT has not got what this one began with
            return self._request_of(now.data, now.counts, None)
        self._tally.resent_frames += len(now.serials)
        now.serials = {}
        return now

    def _send_missing(self, now: Asked) -> bool:
        """Send what the DUT lacks, and then the request; False when acknowledgements stop coming.

        Never more than the DUT's window is in flight. The line keeps the order: a frame that was
        sent before one that arrived, and has not arrived, is lost.
        """
        missing = [number for number in range(len(now.blocks)) if number not in now.acked]
        while True:
            burst: list[bytes] = []
            in_flight_b = now.in_flight_b
            while missing and in_flight_b + len(now.blocks[missing[0]]) <= self._offer.window_b:
                number = missing.pop(0)
                self._serial += 1
                now.serials[number] = self._serial
                burst.append(now.blocks[number])
                in_flight_b += len(now.blocks[number])
            last = not missing and in_flight_b + len(now.infer) <= self._offer.window_b
            if last:
                burst.append(now.infer)
            if burst:
                self._line.send(b"".join(burst))
            if last:
                now.asked_s = time.monotonic()
                return True
            deadline_s = time.monotonic() + self._reply_s(2 * in_flight_b + ANSWER_B)
            frame = self._frame(deadline_s)
            if frame is None:
                return False
            if frame.kind == frames.ACK:
                missing += self._lost(now, frame)

    def _lost(self, now: Asked, ack: Frame) -> list[int]:
        """Note what an acknowledgement confirms; return the frames that it shows to be lost."""
        if ack.upload != now.upload or len(ack.payload) != _ACK.size:
            return []
        if ack.number >= len(now.blocks):  # all of them, as most say in the end
            now.acked.update(now.serials)
            now.serials.clear()
            return []
        (bits,) = _ACK.unpack(ack.payload)
        arrived = set(range(ack.number))
        arrived |= {ack.number + 1 + k for k in range(32) if bits >> k & 1}
        new = arrived & now.serials.keys()
        now.acked |= arrived
        if not new:
            return []
        latest = max(now.serials[number] for number in new)
        lost = [
            number
            for number, serial in now.serials.items()
            if serial < latest and number not in arrived
        ]
        for number in [*new, *lost]:
            del now.serials[number]
        self._tally.resent_frames += len(lost)
        return lost

    def _look_ahead(self, now: Asked, then: Asked) -> bool:
        """Send the next input and its request while this one is inferred; False: no room yet."""
        in_flight_b = now.in_flight_b + len(now.infer)
        if in_flight_b + then.size_b > self._offer.window_b:
            return False
        for number in range(len(then.blocks)):
            self._serial += 1
            then.serials[number] = self._serial
        self._line.send(b"".join((*then.blocks, then.infer)))
        then.asked_s = time.monotonic()
        self._ahead = then
        return True

    def _answer(self, now: Asked, timeout_s: float, then: bytes | None) -> Frame | None:
        """Return the answer to the request: RESULT, or REFUSED for want of frames; None if none.

        Raises InferenceError where the engine failed, ProtocolError when it is refused for another
        reason.
        """
        deadline_s = time.monotonic() + timeout_s + self._reply_s(2 * now.in_flight_b + ANSWER_B)
        upcoming = None
        if then is not None and self._offer.ahead and len(then) <= self._offer.window_b:
            upcoming = self._request_of(then, now.counts, now)
        while True:
            if upcoming is not None and self._look_ahead(now, upcoming):
                upcoming = None
            frame = self._frame(deadline_s)
            if frame is None:
                return None
            if frame.kind == frames.ACK:
                self._lost(now, frame)
            elif (frame.upload, frame.number) != (now.upload, now.request):
                continue  # of an earlier request
            elif frame.kind == frames.RESULT:
                return frame
            elif frame.kind == frames.REFUSED:
                _insist_incomplete(frame)
                return frame

    def _frame(self, deadline_s: float) -> Frame | None:
        """Return the next whole frame; None when none comes in time. Damaged ones are dropped.

        Raises ProtocolError when the DUT talks text: it has restarted.
        """
        while True:
            block = self._line.block(deadline_s)
            if block is None:
                return None
            # A firmware that talks may have done so before its answer.
            frame = frames.decode(block) or frames.decode(block.rpartition(b"\n")[2])
            if frame is not None:
                return frame

    def _reply_s(self, bytes_b: int) -> float:
        return self._patience.reply_s + bytes_b * self._line.byte_s


LEAVE = b"name\0" + frames.encode(Frame(frames.LEAVE, 0, 0))
"""Ends frames mode, whatever was sent before it.

To a DUT in text mode it is the beginning of a command. Stock firmware reads that up to the zero; an
empty one would crash it, so a name comes first.
"""


def _slid_b(before: bytes, data: bytes, most_b: int) -> int:
    """Return by how many bytes the input before was moved down to give this one; 0 for other ones.

    At most `most_b`, and fewer than there are.
    """
    if len(before) != len(data):
        return 0
    at = 0
    while (at := before.find(data[:PROBE_B], at + 1, most_b + PROBE_B)) > 0:
        if before[at:] == data[:-at]:
            return at
    return 0


def _insist_incomplete(frame: Frame) -> None:
    """Return when an upload is refused for want of frames.

    Raises InferenceError where the engine failed on it, ProtocolError otherwise.
    """
    if len(frame.payload) != _REFUSED.size:
        raise ProtocolError(f"a REFUSED frame of {len(frame.payload)} bytes")
    reason, detail = _REFUSED.unpack(frame.payload)
    if reason == frames.INCOMPLETE:
        return
    said = {
        frames.OTHER_INPUT: "it holds another input than was sent",
        frames.BAD_COUNT: "it takes no such counts",
    }
    if (reason, detail) == (frames.ENGINE_FAILED, frames.SECOND_CORE_SILENT):
        raise ProtocolError(
            "the DUT's second core did not do its half in time: reset the board, or build for one "
            "core: --cores 1"
        )
    if reason == frames.ENGINE_FAILED:
        raise failed(detail)
    raise ProtocolError(f"the DUT refuses 'infer': {said.get(reason, f'reason {reason}')}")


def read_result_frame(frame: Frame) -> Inference | None:
    """Return what a RESULT frame says; None where it is damaged."""
    try:
        iterations, start_us, end_us = _RESULT.unpack_from(frame.payload)
        results = frame.payload[_RESULT.size :].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        return None
    return Inference(iterations, elapsed_us(start_us, end_us), results, end_us)


def _inference(frame: Frame, iterations: int, warmup: int) -> Inference:
    """Read a RESULT. Raises ProtocolError when it answers something else."""
    found = read_result_frame(frame)
    if found is None:
        raise ProtocolError(f"a RESULT frame of {len(frame.payload)} bytes that cannot be read")
    if found.iterations != iterations:
        raise ProtocolError(
            f"{found.iterations} inferences answered, where {iterations} were asked for"
        )
    try:
        parse_results(found.results)
    except ProtocolError as error:
        raise ProtocolError(f"'infer {iterations} {warmup}': {error}") from None
    return found
