"""The device under test: found, asked, and found again after any doubt.

Ref: mlcommons/tiny, benchmark/api; docs/link.md. Whatever reply does not fit its command never
becomes part of a result: the upload and the inference are done again, a few times at most.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from tinybench.errors import (
    BenchError,
    CrashError,
    DeadlineError,
    InferenceError,
    OtherDutError,
    ProtocolError,
    TransportError,
)
from tinybench.transport.transport import Transport

from . import frame_link
from .frame_link import FrameLink
from .handshake import CRASHED_TRIES, DOUBTS, Identity, identify, other_baud, reply_s, synchronise
from .inference import Inference
from .line import Line, Patience, Talk, Tally
from .reply import shown_lines
from .text_link import TextLink

ENTRIES = 3
"""Attempts to go over to frames, before the DUT is taken for one that has none."""
LOST_MAX = 2
"""Searches for a DUT in a row, after which it is taken for dead."""
INFERENCE_SLACK = 5
"""Times the expected time that an inference may take, at the first attempt; doubled at each."""
UNKNOWN_COUNT = 5
"""Inferences of unknown length that are waited for in full: a window is made to last 10 s."""
PAUSE_EVERY = 64
"""Inputs that are sent ahead in a row: whoever counts beside the DUT looks when it is at rest."""
CLOCK_RATIO = 100
"""No clock of a DUT goes so many times as fast as the host's; an emulated one may go faster."""
BAUDS = (2_000_000, 1_000_000, 921_600, 460_800, 230_400)
"""What `--baud auto` tries, fastest first."""


class Dut:
    """A DUT behind a transport; `handshake` first, then `infer`."""

    def __init__(
        self,
        transport: Transport,
        *,
        verify: bool = True,
        fast: bool = True,
        marks: bool = False,
        probe: bool = False,
        patience: Patience | None = None,
        answered: Callable[[int], None] | None = None,
    ) -> None:
        """`verify`: prove each upload over the stock protocol; `fast`: use frames if offered;
        `marks`: the DUT marks time on its timing pin, as in energy mode; `probe`: try longer
        commands over the stock protocol than every port is sure to take; `answered` is called after
        each answer with the inferences that it stands for."""
        self._answered = answered
        self.tally = Tally()
        self.talk = Talk()
        self._patience = patience or Patience()
        self._line = Line(transport, self.tally, self.talk)
        self._verify = verify
        self._fast = fast
        self._text = TextLink(self._line, self._patience, verify, marks=marks, probe=probe)
        self._frames: FrameLink | None = None
        self._identity: Identity | None = None
        self._inference_s: float | None = None
        self._bauds: tuple[int, int] | None = None
        self._without_pause = 0

    @property
    def protocol(self) -> str:
        """The protocol in use: "frames" or "stock"."""
        return "stock" if self._frames is None else "frames"

    @property
    def frames(self) -> FrameLink | None:
        """The fast link, where it is in use."""
        return self._frames

    @property
    def profile(self) -> str:
        """Version of the protocol that the DUT states; empty where it states none."""
        return "" if self._identity is None else self._identity.profile

    @property
    def verified(self) -> bool:
        """Whether each upload and each result is proved to be what was sent."""
        return self._verify or self._frames is not None

    @property
    def chunk_b(self) -> int:
        """Data bytes of an upload's command or frame."""
        return (self._frames or self._text).chunk_b

    def baud(self, own_baud: int) -> int:
        """Return the rate in use; `own_baud` is the one the DUT booted with."""
        return own_baud if self._bauds is None else self._bauds[1]

    def handshake(self) -> Identity:
        """Find the DUT on the line, whatever is on it: a boot banner, half a line, old replies.

        Raises DeadlineError when nothing answers `name`, ProtocolError when what answers does not
        speak the protocol, TransportError when the port vanishes and does not come back.
        """
        try:
            return self._meet()
        except TransportError:  # a board with USB of its own vanishes when it starts
            self._line.reopen(self._patience.return_s)
            return self._meet()
        except (DeadlineError, ProtocolError) as error:
            if (baud := other_baud(self._line, self._patience)) is None:
                raise
            raise type(error)(
                f"{error}. At {baud} baud something answers 'name%': give --baud {baud}"
            ) from error

    def _meet(self) -> Identity:
        self._identity = identify(self._line, self._patience)
        self._enter_frames()
        return self._identity

    def infer(
        self, data: bytes, iterations: int, warmup: int, then: bytes | None = None
    ) -> Inference:
        """Run `iterations` timed inferences after `warmup` untimed ones on an input.

        The input is uploaded unless the DUT holds it. `then`: the input that will be asked for
        next, as often; a DUT which is not disturbed by that gets it meanwhile. On any doubt the DUT
        is found again and all is done anew. Raises BenchError when that does not help,
        OtherDutError when what answers then is not the DUT of before, InferenceError at once where
        the upload was proved: that the engine failed is then no doubt, but its answer.
        """
        doubt: BenchError | None = None
        crash: CrashError | None = None
        words = ""
        lost = 0
        for attempt in range(self._patience.tries):
            try:
                if doubt is not None:
                    self.tally.retries += 1
                    lost += 1
                    self._find_again(doubt)
                    lost = 0
                self._line.forget()
                slack = INFERENCE_SLACK * 2**attempt
                inference = self._infer(data, iterations, warmup, slack, self._next(then, attempt))
            except (*DOUBTS, InferenceError) as error:
                if isinstance(error, InferenceError) and self.verified:
                    raise
                doubt = error
                if not lost:
                    words = self._line.last_words()
                again = crash is not None and (lost > 0 or isinstance(error, CrashError))
                crash = error if isinstance(error, CrashError) and not lost else crash
                self._text.doubted()
                if self._frames is not None:
                    self._frames.doubted()
                if lost == LOST_MAX or again:
                    break
            else:
                if self._answered is not None and not (self._frames and self._frames.looks_ahead):
                    self._answered(iterations + warmup)
                return inference
        assert doubt is not None  # noqa: S101 - the loop has run
        last = crash if crash is not None and lost else doubt
        said = f"; what it said before: {words}" if isinstance(last, DeadlineError) else ""
        silent = ", and it does not answer any more" if last is not doubt else ""
        tried = f"given up after {self.tally.retries} retries; the last: "
        raise type(last)(f"{tried if self.tally.retries else ''}{last}{silent}{said}")

    def command(self, text: str, timeout_s: float, *, beside: bool = False) -> list[str]:
        """Send one text command and return the lines of its reply, without `m-ready`.

        `beside`: those beside the protocol, too. Raises DeadlineError or ProtocolError on a doubt.
        """
        with self.commands():
            said = self._line.reply(text, timeout_s)
        return [one.word or one.beside for one in said if one.word or beside]

    @contextlib.contextmanager
    def commands(self) -> Iterator[None]:
        """Stay in text mode within; frames are left once, and entered again. Raises as above."""
        if self._frames is None:
            yield
            return
        self._frames.leave()
        self._frames, self._fast = None, False
        self._text.doubted()  # frames have uploaded since
        try:
            yield
        finally:
            self._fast = True
            self._enter_frames()

    def keep_state(self, kept: bool) -> None:
        """Put the model's state back, and from now on for each inference, or (`kept`) not again.

        While it is kept, no inference is repeated as a check. Raises DeadlineError or
        ProtocolError, also for a model without a state.
        """
        word, said = ("keep", "kept") if kept else ("reset", "reset")
        lines = self.command(f"state {word}", self._reply_s())
        if lines != [f"m-state-[{said}]"]:
            raise ProtocolError(
                f"unexpected reply to 'state {word}%': {shown_lines(lines)}; wanted "
                f"m-state-[{said}], of a model that keeps a state"
            )
        self._text.once = kept

    def mark(self) -> None:
        """Let the DUT mark a moment on its timing pin, as the energy build does at `timestamp`.

        Raises DeadlineError or ProtocolError on any doubt: another edge would be one too many.
        """
        lines = self.command("timestamp", self._reply_s())
        if lines:
            raise ProtocolError(
                f"unexpected reply to 'timestamp%': {shown_lines(lines)}. Energy mode needs the "
                "energy build, which marks time on its pin and prints none"
            )

    def round_trips_s(self, count: int) -> list[float]:
        """Return how long `name` takes, so many times; raises DeadlineError or ProtocolError."""
        if self._frames is not None:
            self._frames.leave()
            self._frames.doubted()
        times_s = []
        for _ in range(count):
            start_s = time.monotonic()
            self._line.command("name", self._reply_s())
            times_s.append(time.monotonic() - start_s)
        self._enter_frames()
        return times_s

    def leave(self) -> None:
        """Leave the DUT as stock programs expect it: in text mode, at its own baud rate."""
        if self._frames is not None:
            self._frames.leave()
            self._frames = None
        if self._bauds is not None:
            own_baud, _ = self._bauds
            self._set_baud(own_baud)
            self._bauds = None

    def can(self, capability: str) -> bool:
        """Return whether the firmware said at the handshake that it has something beyond stock."""
        return self._identity is not None and capability in self._identity.caps

    def raise_baud(self, own_baud: int) -> int:
        """Go to the fastest rate at which the DUT answers; return it.

        `own_baud` is the rate it booted with, and stays where the firmware offers no other.
        """
        if not self.can("baud"):
            return own_baud
        if self._frames is not None:
            self._frames.leave()
            self._frames = None
        for baud in BAUDS:
            if baud <= own_baud:
                break
            with contextlib.suppress(*DOUBTS):
                if self._set_baud(baud) and identify(self._line, self._patience) == self._identity:
                    self._bauds = (own_baud, baud)
                    break
            self._line.set_baud(own_baud)
            identify(self._line, self._patience)
        self._enter_frames()
        return self.baud(own_baud)

    def _set_baud(self, baud: int) -> bool:
        """Ask the DUT for another rate and follow it; False when it has not got that one."""
        if self._line.command(f"baud {baud}", self._reply_s()) != [f"m-baud-[{baud}]"]:
            return False
        self._line.set_baud(baud)
        return True

    def _next(self, then: bytes | None, attempt: int) -> bytes | None:
        """Return what may be sent ahead: nothing in doubt, and nothing at every so many inputs."""
        if attempt > 0 or self._inference_s is None or self._without_pause >= PAUSE_EVERY:
            then = None
        self._without_pause = 0 if then is None else self._without_pause + 1
        return then

    def _infer(
        self, data: bytes, iterations: int, warmup: int, slack: float, then: bytes | None
    ) -> Inference:
        """Upload and infer once; wait `slack` times as long as the inferences should take."""
        count = iterations + warmup
        bound_s = self._patience.inference_s * min(count, UNKNOWN_COUNT)
        if self._inference_s is not None:
            bound_s = slack * self._inference_s * count
        start_s = time.monotonic()
        if self._frames is None:
            inference = self._text.infer(data, iterations, warmup, bound_s)
        else:
            inference = self._frames.infer(data, iterations, warmup, bound_s, then)
            start_s = min(start_s, self._frames.asked_s)
        took_s = time.monotonic() - start_s
        elapsed_s = inference.elapsed_us / 1e6
        if elapsed_s > 1 + CLOCK_RATIO * took_s:
            raise ProtocolError(
                f"{iterations} inferences took {elapsed_s:.0f} s by the DUT's clock, "
                f"{took_s:.1f} s by this computer's: did its clock go back?"
            )
        # The least of all: others have waited for a lost frame or for a busy computer as well.
        self._inference_s = min(took_s / count, self._inference_s or took_s)
        return inference

    def _find_again(self, doubt: BenchError) -> None:
        """Bring the line and the DUT back to a known state; it must be the DUT of before.

        Raises one of DOUBTS when it is silent, OtherDutError when it is another one.
        """
        closed = isinstance(doubt, TransportError)
        self._frames = None
        self._lower_baud()
        try:
            if closed:
                self._line.reopen(self._patience.return_s)
            self._insist_same(doubt)
        except DOUBTS:
            if closed:
                raise
            self._line.reopen(self._patience.return_s)
            self._insist_same(doubt)
        self._enter_frames()

    def _lower_baud(self) -> None:
        """Go back to the DUT's own rate: what was in doubt may have come from the raised one."""
        if self._bauds is None:
            return
        own_baud, raised_baud = self._bauds
        self._bauds = None
        with contextlib.suppress(*DOUBTS):  # it may have restarted, and be at its own rate already
            self._line.set_baud(raised_baud)
            synchronise(self._line, self._patience, self._patience.name_tries)
            self._set_baud(own_baud)
        with contextlib.suppress(*DOUBTS):  # a port that has vanished takes it when it is back
            self._line.set_baud(own_baud)

    def _insist_same(self, doubt: BenchError) -> None:
        """Find out who answers after a fault. Raises OtherDutError when it is another DUT."""
        tries = min(CRASHED_TRIES, self._patience.name_tries)
        known = tries if isinstance(doubt, CrashError) else None
        found = identify(self._line, self._patience, known)
        if found != self._identity:
            raise OtherDutError(
                f"after a fault ({doubt}) another DUT answers: {found}, before it was "
                f"{self._identity}. Its firmware has changed, or another board is on the port"
            )

    def _enter_frames(self) -> None:
        """Go over to frames where the firmware offers them and answers; else stay with text."""
        assert self._identity is not None  # noqa: S101 - after the handshake
        offered = frame_link.offer(self._identity.caps) if self._fast else None
        self._frames = None
        if offered is None:
            return
        for _ in range(ENTRIES):
            try:
                if self._line.command("frames", self._reply_s()) == ["m-frames-[1]"]:
                    self._frames = FrameLink(self._line, self._patience, offered, self.tally)
            except (ProtocolError, DeadlineError) as doubt:
                self._insist_same(doubt)
            else:
                return

    def _reply_s(self) -> float:
        return reply_s(self._line, self._patience)
