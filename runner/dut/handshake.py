"""The handshake: who answers on a line, found whatever is on it, and asked until it is sure."""

import contextlib
import time
from dataclasses import dataclass

from tinybench.errors import BenchError, DeadlineError, ProtocolError, TransportError

from .frame_link import LEAVE
from .last_words import is_fatal
from .line import Line, Patience
from .reply import READY
from .text_link import REPLY_B

ASKS = 10
"""Times the DUT is asked who it is until two answers in a row are equal."""
CRASHED_TRIES = 2
"""Times that `name` is asked of a DUT that has said that it died, as often again when the port was
opened anew: it restarts by itself at once, or never."""
BAUD_TRIES = 3
"""Times that it is asked at a rate which may be its own."""
USUAL_BAUDS = (9600, 115_200, 921_600)
"""At which a DUT is looked for that does not answer at the rate that was asked for."""
DOUBTS = (ProtocolError, DeadlineError, TransportError)
"""Errors after which the same is tried again."""


@dataclass(frozen=True)
class Identity:
    """What the DUT says it is."""

    vendor: str
    model_id: str
    caps: tuple[str, ...]
    """What the firmware can do beyond the stock protocol; empty for stock firmware."""
    profile: str = ""
    """Version of the protocol, as `profile` has it; empty where it has none."""


def identify(line: Line, patience: Patience, tries: int | None = None) -> Identity:
    """Ask who answers until two whole answers in a row are equal.

    Only whole ones: a DUT that is exchanged between two questions must not pass for either.
    """
    synchronise(line, patience, patience.name_tries if tries is None else tries)
    before: Identity | None = None
    doubt: BenchError | None = None
    for _ in range(ASKS):
        try:
            found = _asked(line, patience)
        except (ProtocolError, DeadlineError) as error:
            doubt, before = error, None
            _drain(line, patience)
            continue
        if found == before:
            return found
        before = found
    raise doubt or ProtocolError(
        f"the DUT answers 'name%', 'profile%' and 'caps%' differently each time: {before}"
    )


def _asked(line: Line, patience: Patience) -> Identity:
    """Ask once who answers. Raises ProtocolError or DeadlineError on any doubt."""
    name = _bracketed(line, patience, "name", "m-name-dut-[")[0]
    if name is None:
        raise ProtocolError("the reply to 'name%' has no line m-name-dut-[...]")
    model_id, profile = _bracketed(line, patience, "profile", "m-model-[", "m-profile-[")
    if model_id is None:
        raise ProtocolError("the reply to 'profile%' has no line m-model-[...]")
    (caps,) = _bracketed(line, patience, "caps", "m-caps-[")
    return Identity(name, model_id, tuple((caps or "").split()), profile or "")


def _bracketed(line: Line, patience: Patience, text: str, *starts: str) -> list[str | None]:
    """Send a command; return what the line `start`...] of its reply holds, of each start."""
    lines = [one for one in line.command(text, reply_s(line, patience)) if one.endswith("]")]
    return [next((one[len(s) : -1] for one in lines if one.startswith(s)), None) for s in starts]


def synchronise(line: Line, patience: Patience, tries: int) -> None:
    """Drain the line, and send `name` until it is answered; lines of a banner may come first.

    Never an empty command, which crashes stock firmware.
    """
    for attempt in range(tries):
        if attempt % 2:  # it may still be in the frames mode of an earlier run
            line.send(LEAVE)
        _drain(line, patience)
        if attempt >= CRASHED_TRIES and is_fatal(line.last_words()):
            tries = attempt
            break
        line.send(b"name%")
        try:
            _await_name(line, patience)
        except DeadlineError:
            continue
        _drain(line, patience)
        return
    words = line.last_words()
    advice = "Check the power, the port, the baud rate"
    if "name%" in words:
        advice = (
            "It sends back what it is sent and answers nothing: are TX and RX joined, or is a "
            "terminal or a shell at this port, and not the firmware of the benchmark?"
        )
    elif is_fatal(words):
        advice = "The firmware has crashed: reset the board, and look at what it says there"
    raise DeadlineError(
        f"the DUT did not answer 'name%' {tries} times, {patience.name_s:.0f} s each; "
        f"seen: {words}. {advice}"
    )


def _await_name(line: Line, patience: Patience) -> None:
    deadline_s = time.monotonic() + patience.name_s
    named = False
    while True:
        try:
            word = line.said(deadline_s, "'name%'").word or ""
        except ProtocolError:  # noise before the answer is no answer
            continue
        named = named or word.startswith("m-name-dut-[")
        if word == READY and named:
            return


def other_baud(line: Line, patience: Patience) -> int | None:
    """Return a usual rate at which `name` is answered, where the line's own is another."""
    own_baud = round(10 / line.byte_s) if line.byte_s else 0
    found = None
    for baud in USUAL_BAUDS if own_baud else ():
        if baud == own_baud:
            continue
        try:
            line.set_baud(baud)
            # What it took for a command at the other rate ends with the first one.
            synchronise(line, patience, BAUD_TRIES)
        except DOUBTS:
            continue
        found = baud
        break
    with contextlib.suppress(*DOUBTS):
        if own_baud:
            line.set_baud(own_baud)
    return found


def _drain(line: Line, patience: Patience) -> bytes:
    # A DUT may be in the middle of printing an input: 5 characters a byte.
    limit_s = patience.noise_s + 150_000 * line.byte_s
    return line.drain(patience.quiet_s, limit_s)


def reply_s(line: Line, patience: Patience) -> float:
    """Return how long a short reply is waited for."""
    return patience.reply_s + 2 * REPLY_B * line.byte_s
