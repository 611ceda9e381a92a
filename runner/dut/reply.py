"""How a DUT's lines are read: tolerant beside the protocol, strict inside it.

Firmware prints more than the protocol has: logs with times and colours, prompts, echoes of what it
was sent, also glued before a line of the protocol. All that is read through. The lines of the
protocol itself must be the expected ones, in their order and none too many, to the last character:
a damaged one is never taken for a line beside the protocol, because it is then missing.
Ref: mlcommons/tiny, benchmark/api and benchmark/runner.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinybench.errors import ProtocolError

from .inference import Inference, elapsed_us, failed, parse_results

READY = "m-ready"
PROFILE = "ULPMark for tinyML Firmware V0.0.1"
"""What `profile` says of the protocol that this reads, in every public firmware until now."""
SHOWN = 8
"""Lines that a message repeats."""

_COLOUR = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WORD = re.compile(
    r"(?:m-(?:warmup-start-|warmup-done|infer-start-|infer-done|lap-us-|results-\[|ready\Z"
    r"|load-done|buffer-|init-done|timestamp-mode-|name-dut-\[|profile-\[|model-\["
    r"|\[Expecting |caps-\[|frames-\[|baud-\[|layer-)|(?<![A-Za-z0-9])e-\[).*"
)
_FIRST = re.compile(r"(?:m-|e-\[).*")
"""What begins a line so is of the protocol, whatever it is: never read through."""
_SIZE = re.compile(r"Input db has ([0-9]{1,9}) elemented, expected ([0-9]{1,9})")
_OF_STREAM = re.compile(
    r"Listening for [ -~]{1,40}|Streaming stopped\."
    r"|(?:Already|Not) listening\. Ignoring (?:start|stop) request|They come by themselves\."
)
"""What firmware of a stream answers in words. Ref: mlcommons/tiny, sww_ref."""
_FAILED = re.compile(r"e-\[Inference failed with (-[0-9]{1,10})\]")
_LAP = re.compile(r"m-lap-us-([0-9]{1,19})")
_BEGUN = re.compile(rb"m(-[^\n]*)?\Z")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a DUT."""

    word: str | None
    """The line of the protocol, from its `m-` or `e-` on; None where there is none in it."""
    beside: str = ""
    """What else is in it: the whole line, or what is glued before the word."""
    bare: bool = False
    """Whether it ended by LF alone."""
    text: bool = True
    """Whether all of it is text."""


def read_line(raw: bytes) -> Said:
    """Read one line, its LF already cut off."""
    line = raw.rstrip(b"\r")
    bare = len(line) == len(raw)
    plain = (_COLOUR.sub(b"", line) if b"\x1b" in line else line).strip(b" \t\r")
    text, is_text = _decoded(plain)
    match = _FIRST.match(text) or _WORD.search(text) or _OF_STREAM.fullmatch(text)
    if match is None and (sizes := _SIZE.search(text)) and sizes[1] != sizes[2]:
        match = sizes  # some firmware says so of every input; of another size it does not run
    if match is None:
        return Said(None, text, bare, is_text)
    return Said(match[0].rstrip(), text[: match.start()].strip(), bare, is_text)


def read_lines(data: bytes) -> list[Said]:
    """Read whole lines."""
    return [read_line(raw) for raw in data.split(b"\n")[:-1]]


def is_asked_for(pending: bytes) -> bool:
    """Return whether what came before a command may stand before the reply to it.

    Lines beside the protocol may, a prompt too; a line of the protocol, or its beginning, would
    shift this reply and all that follow.
    """
    *lines, begun = pending.split(b"\n")
    return (
        _BEGUN.search(begun) is None
        and read_line(begun).word is None
        and all(read_line(line).word is None for line in lines)
    )


def is_echo(said: Said, command: str) -> bool:
    """Return whether a line has in it, beside the protocol, the command that was sent."""
    return command in said.beside


def read_window(
    said: Sequence[Said], iterations: int, warmup: int, *, marks: bool = False
) -> tuple[Inference, tuple[int, int]]:
    """Read the reply to `infer`, without its `m-ready`; return it, and its two time stamps.

    `marks`: the DUT marks time on its timing pin, and prints none. Empty results are no answer to
    this input, but the time counts. Raises InferenceError where the engine failed, ProtocolError
    unless each line of the protocol is the expected one and the results are finite numbers.
    """
    command = f"infer {iterations} {warmup}"
    words = [one for one in said if one.word is not None]
    stamps = [] if marks else ["m-lap-us-", "m-lap-us-"]
    begin = [f"m-warmup-start-{warmup}", "m-warmup-done", f"m-infer-start-{iterations}"]
    wanted = [*begin, *stamps, "m-infer-done", "m-results-["]
    *before, last = [one.word or "" for one in words] or [""]
    if (status := _FAILED.fullmatch(last)) and before in (begin[:1], begin):
        raise failed(int(status[1]))
    if len(words) != len(wanted) or not all(
        (one.word or "").startswith(want) if want.endswith(("us-", "[")) else one.word == want
        for one, want in zip(words, wanted, strict=True)
    ):
        raise ProtocolError(
            f"unexpected reply to '{command}%': {shown_lines(said)}{_other_build(words, wanted)}"
        )
    start_us = end_us = 0
    if not marks:
        _insist_uncut(said, command)
        start_us, end_us = read_lap(words[3].word, command), read_lap(words[4].word, command)
    try:
        results = read_results(words[-1].word or "")
        return Inference(iterations, elapsed_us(start_us, end_us), results), (start_us, end_us)
    except ProtocolError as error:
        raise ProtocolError(f"'{command}%': {error}") from None


def read_lap(word: str | None, command: str) -> int:
    """Return the microseconds of a time stamp, of 32 bits or of 64. Raises ProtocolError."""
    match = _LAP.fullmatch(word or "")
    if match is None:
        raise ProtocolError(f"'{command}%': no time stamp in {word!r}: it has the form m-lap-us-N")
    return int(match[1])


def read_results(word: str) -> str:
    """Return the numbers of `m-results-[...]`, separated by commas, after a look at each.

    A comma after the last one is dropped; empty where the DUT had no results. Raises ProtocolError.
    """
    if not (word.startswith("m-results-[") and word.endswith("]")):
        raise ProtocolError(f"expected m-results-[...], seen {word!r}")
    text = plain_results(word.removeprefix("m-results-[").removesuffix("]"))
    if text:
        parse_results(text)
    return text


def plain_results(text: str) -> str:
    """Return what stands between the brackets without the comma that some firmware ends with."""
    return text if text == "," else text.removesuffix(",")


def shown_lines(said: Iterable[Said | str], pending: bytes = b"") -> str:
    """Return the last few lines, quoted, for a message."""
    lines = [one if isinstance(one, str) else f"{one.beside}{one.word or ''}" for one in said]
    quoted = [repr(line[:200]) for line in lines if line][-SHOWN:]
    if pending:
        quoted.append("unfinished " + shown(pending))
    return ", ".join(quoted) if quoted else "nothing"


def shown(data: bytes) -> str:
    """Return the end of some bytes as text that is safe to print."""
    return data[-80:].decode("ascii", errors="backslashreplace")


def _decoded(line: bytes) -> tuple[str, bool]:
    """Return a line as text, and whether it is text: no control characters, UTF-8."""
    is_text = _CONTROL.search(line) is None
    try:
        return line.decode("utf-8"), is_text
    except UnicodeDecodeError:
        return line.decode("utf-8", errors="backslashreplace"), False


def _insist_uncut(said: Sequence[Said], command: str) -> None:
    """Raise ProtocolError where a time stamp may go on after the end of its line.

    An LF that noise has put into one leaves a shorter number, and its last digits beside the
    protocol: so both stamps end alike, and no bare digits follow.
    """
    at = [i for i, one in enumerate(said) if (one.word or "").startswith("m-lap-us-")]
    cut = said[at[0]].bare != said[at[1]].bare
    for i in at:
        after = said[i + 1]
        digits = after.beside.isascii() and after.beside.isdigit()
        cut = cut or (digits and (said[i].bare or after.word is not None))
    if cut:
        raise ProtocolError(
            f"'{command}%': a time stamp may be cut in {shown_lines(said)}: no digits may stand "
            "by themselves behind one"
        )


def _other_build(words: Sequence[Said], wanted: Sequence[str]) -> str:
    """Return what to say where the time stamps are all that is wrong; else nothing."""
    plain = [one.word or "" for one in words if not (one.word or "").startswith("m-lap-us-")]
    rest = [want for want in wanted if want != "m-lap-us-"]
    same = len(plain) == len(rest) and all(map(str.startswith, plain, rest))
    stamps = len(words) - len(plain)
    marks = len(rest) == len(wanted)
    if same and not marks and stamps == 0:
        return (
            ". No time stamps: is this the energy build, which marks time on its pin? Performance "
            "and accuracy need the build for them"
        )
    if same and marks and stamps == 2:
        return ". Time stamps in energy mode: it needs the energy build, which prints none"
    return ""
