"""The kinds of faults: what can happen to a message from some byte on, and lies about contents."""

import random
import re
import struct
from collections.abc import Callable

from tests.faults.port import FOR_GOOD, Damage, FaultyPort, Lie
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame

BANNER = b"m-timestamp-mode-performance\r\nm-lap-us-1\r\nm-init-done\r\nm-ready\r\n"
ENDS = b"%\n\0"
MICROS_WRAP = 1 << 32
WRAPS_AT_US = 400_000
"""Of the session: in the middle of it."""

# --- What can happen at any byte, in any phase, over any protocol. ---


def _drop_one(_port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return rest[1:]


def _drop_some(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return rest[port.chance.randint(2, 40) :]


def _flip_a_bit(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return bytes([rest[0] ^ 1 << port.chance.randrange(8)]) + rest[1:]


def _change_one(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return port.chance.randbytes(1) + rest[1:]


def _change_alike(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    """A digit becomes another digit, a letter another letter: what no parser can see."""
    for alike in (b"0123456789", b"abcdef", b"ghijklmnopqrstuvwxyz", b"[]-. ,%"):
        if rest[0] in alike:
            return bytes([port.chance.choice(alike)]) + rest[1:]
    return bytes([rest[0] ^ 1]) + rest[1:]


def _double_one(_port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return rest[:1] + rest


def _double_some(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return rest[: port.chance.randint(2, 40)] + rest


def _double_all(_port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return rest + rest


def _insert_one(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return port.chance.randbytes(1) + rest


def _insert_noise(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return port.chance.randbytes(port.chance.randint(2, 200)) + rest


def _insert_an_end(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    return bytes([port.chance.choice(ENDS)]) + rest


def _zeros(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    """A break on the line reads as zeros."""
    count = min(len(rest), port.chance.randint(1, 30))
    return bytes(count) + rest[count:]


def _high_bits(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    """An idle line sampled at a wrong rate reads as 0xFF and its like, as in published logs."""
    count = min(len(rest), port.chance.randint(1, 30))
    return bytes(port.chance.choices(b"\xff\x80\xf8", k=count)) + rest[count:]


def _swap(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    size = port.chance.randint(1, 30)
    return rest[size : 2 * size] + rest[:size] + rest[2 * size :]


def _cut(_port: FaultyPort, _way: str, rest: bytes) -> bytes:
    """The rest of a line is lost, but for its end."""
    return rest[_end(rest) :]


def _lose_the_end(_port: FaultyPort, _way: str, rest: bytes) -> bytes:
    at = _end(rest)
    return rest[:at] + rest[at + 1 :]


def _lose_the_rest(_port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    return b""


def _end(rest: bytes) -> int:
    """Return where the line, the command or the frame ends."""
    found = [at for at in (rest.find(end) for end in (b"\n", b"%", b"\0")) if at >= 0]
    return min(found, default=len(rest))


def _hesitate(port: FaultyPort, way: str, rest: bytes) -> bytes:
    port.hold(way, 0.3 * port.slow_s)
    return rest


def _be_late(port: FaultyPort, way: str, rest: bytes) -> bytes:
    """A reply that comes when it is no longer waited for."""
    port.hold(way, port.slow_s * port.chance.uniform(1.1, 3))
    return rest


def _be_silent(port: FaultyPort, way: str, _rest: bytes) -> bytes:
    port.silence(way, 1.5 * port.slow_s)
    return b""


def _be_deaf_and_dumb(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    for way in ("to_dut", "to_host"):
        port.silence(way, 2 * port.slow_s)
    return b""


def _die(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    for way in ("to_dut", "to_host"):
        port.silence(way, FOR_GOOD)
    return b""


def _banner(port: FaultyPort, way: str, rest: bytes) -> bytes:
    if way == "to_host":
        return BANNER + rest
    port.insert(BANNER)
    return rest


def _half_a_banner(port: FaultyPort, way: str, rest: bytes) -> bytes:
    half = BANNER[port.chance.randrange(len(BANNER)) :]
    if way == "to_host":
        return half + rest
    port.insert(half)
    return rest


def _old_message(port: FaultyPort, way: str, rest: bytes) -> bytes:
    return port.chance.choice(port.passed[way]) + rest


def _late_old_reply(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    if port.passed["to_host"]:
        port.insert(port.chance.choice(port.passed["to_host"]), port.chance.uniform(0, 0.01))
    return rest


def _echo(port: FaultyPort, way: str, rest: bytes) -> bytes:
    """A device that echoes what it is sent."""
    if way == "to_dut":
        port.insert(rest)
    return rest


def _reset(port: FaultyPort, way: str, rest: bytes) -> bytes:
    port.reset()
    return b"" if way == "to_host" else rest


def _reset_in_silence(port: FaultyPort, way: str, rest: bytes) -> bytes:
    """A reset whose banner nobody hears."""
    port.reset()
    port.silence("to_host", 0.5 * port.slow_s)
    return b"" if way == "to_host" else rest


def _other_model(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    port.reset("other_model")
    return b""


def _other_image(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    port.reset("other_image")
    return b""


def _vanish(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    port.vanish(for_good=False)
    return b""


def _vanish_and_reset(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    """As a board with USB of its own does."""
    port.reset()
    port.vanish(for_good=False)
    return b""


def _vanish_for_good(port: FaultyPort, _way: str, _rest: bytes) -> bytes:
    port.vanish(for_good=True)
    return b""


def _flood(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    port.flood(port.chance.randbytes(50).replace(b"\n", b"n"), 2 * port.slow_s)
    return rest


def _flood_for_good(port: FaultyPort, _way: str, rest: bytes) -> bytes:
    port.flood(port.chance.choice((b"y\n", b"\0", b"\xff")) * 50, FOR_GOOD)
    return rest


ANYWHERE: dict[str, Damage] = {
    "drop a byte": _drop_one,
    "drop some": _drop_some,
    "flip a bit": _flip_a_bit,
    "change a byte": _change_one,
    "change to its like": _change_alike,
    "double a byte": _double_one,
    "double some": _double_some,
    "double all": _double_all,
    "insert a byte": _insert_one,
    "insert noise": _insert_noise,
    "insert an end": _insert_an_end,
    "zeros": _zeros,
    "high bits": _high_bits,
    "swap chunks": _swap,
    "cut a line": _cut,
    "lose the end": _lose_the_end,
    "lose the rest": _lose_the_rest,
    "hesitate": _hesitate,
    "be late": _be_late,
    "be silent": _be_silent,
    "be deaf and dumb": _be_deaf_and_dumb,
    "die": _die,
    "banner": _banner,
    "half a banner": _half_a_banner,
    "old message": _old_message,
    "late old reply": _late_old_reply,
    "echo": _echo,
    "reset": _reset,
    "reset in silence": _reset_in_silence,
    "other model": _other_model,
    "other image": _other_image,
    "port vanishes": _vanish,
    "port vanishes, reset": _vanish_and_reset,
    "port vanishes for good": _vanish_for_good,
    "flood": _flood,
    "flood for good": _flood_for_good,
}

# --- Lies: changes that only make sense in some message. ---

Change = Callable[[random.Random, bytes], bytes]
"""Returns a message changed, or as it is when the lie is not about it."""


def once(change: Change, way: str) -> Lie:
    """Return a lie told to the first message, that way, that can be changed so."""
    told: list[bytes] = []

    def lie(port: FaultyPort, at_way: str, message: bytes) -> bytes:
        if told or at_way != way:
            return message
        changed = change(port.chance, message)
        if changed != message:
            told.append(message)
            port.struck += 1
        return changed

    return lie


def always(change: Change, way: str) -> Lie:
    """Return a lie told to every message, that way, that can be changed so."""

    def lie(port: FaultyPort, at_way: str, message: bytes) -> bytes:
        changed = change(port.chance, message) if at_way == way else message
        port.struck += changed != message
        return changed

    return lie


def _replace(pattern: bytes, by: bytes) -> Change:
    return lambda _chance, message: re.sub(pattern, by, message, count=1)


def _other_digit(pattern: bytes, digits: bytes = b"0123456789") -> Change:
    """Return a change of one digit in group 1 of one of the matches."""

    def change(chance: random.Random, message: bytes) -> bytes:
        matches = list(re.finditer(pattern, message))
        if not matches:
            return message
        at = chance.randrange(*chance.choice(matches).span(1))
        other = chance.choice(digits.replace(message[at : at + 1], b""))
        return message[:at] + bytes([other]) + message[at + 1 :]

    return change


def _clock_ahead(_chance: random.Random, message: bytes) -> bytes:
    """A clock that wraps in the middle of the session: no lie, but looks like one."""
    return re.sub(
        rb"m-lap-us-([0-9]+)",
        lambda match: b"m-lap-us-%d" % ((int(match[1]) - WRAPS_AT_US) % MICROS_WRAP),
        message,
    )


def _clock_back(chance: random.Random, message: bytes) -> bytes:
    """The second time stamp is earlier than the first."""
    back_us = chance.randint(1, 9_000)
    return re.sub(
        rb"m-lap-us-([0-9]+)\r\nm-lap-us-[0-9]+\r\n",
        lambda match: (
            b"%b\r\nm-lap-us-%d\r\n"
            % (match[0].partition(b"\r")[0], (int(match[1]) - back_us) % MICROS_WRAP)
        ),
        message,
    )


def _swap_lines(_chance: random.Random, message: bytes) -> bytes:
    lines = message.splitlines(keepends=True)
    return b"".join([*lines[1::-1], *lines[2:]])


TALK = (
    b"[00:00:01.234,000] <inf> nn: start\r\n",
    b"\x1b[0;32mI (342) nn: done\x1b[0m\r\n",
    b"\r\n42\r\n",
    b"\xff\x80\r\n",
    b"uart:~$ ",
    b"Type error",
)


def _talk(chance: random.Random, message: bytes) -> bytes:
    """What firmware prints beside the protocol, after any line: no fault at all."""
    first, *lines = message.split(b"\n")
    return b"\n".join([first, *(chance.choice((b"", *TALK)) + line for line in lines)])


def _talk_and(share: float) -> Lie:
    talk, damage = always(_talk, "to_host"), noise(share)
    return lambda port, way, message: damage(port, way, talk(port, way, message))


STAMP = rb"m-lap-us-([0-9]+)"
NUMBERS = rb"m-results-\[[0-9.,]*?([0-9])[0-9.,]*\]"

TEXT_LIES: dict[str, Callable[[], Lie]] = {
    "infer 70 cut to 7": lambda: once(_replace(rb"infer 70 ", b"infer 7 "), "to_dut"),
    "warm-up lost": lambda: once(_replace(rb"(infer \d+) \d+%", rb"\1%"), "to_dut"),
    "hex digit": lambda: once(_other_digit(rb"db ([0-9a-f]+)%", b"0123456789abcdef"), "to_dut"),
    "hex digits": lambda: always(_other_digit(rb"db ([0-9a-f]+)%", b"0123456789abcdef"), "to_dut"),
    "size of the load": lambda: once(_other_digit(rb"db load ([0-9]+)"), "to_dut"),
    "size that is expected": lambda: once(_other_digit(rb"Expecting ([0-9]+)"), "to_host"),
    "load done early": lambda: once(_replace(rb"^m-ready", b"m-load-done\r\nm-ready"), "to_host"),
    "load done lost": lambda: once(_replace(rb"m-load-done\r\n", b""), "to_host"),
    "ready lost": lambda: once(_replace(rb"^m-ready\r\n", b""), "to_host"),
    "ready doubled": lambda: once(_replace(rb"^m-ready\r\n", b"m-ready\r\n" * 2), "to_host"),
    "ready early": lambda: once(_replace(rb"^m-(w|r)", rb"m-ready\r\nm-\1"), "to_host"),
    "line lost": lambda: once(_replace(rb"m-infer-done\r\n", b""), "to_host"),
    "line doubled": lambda: once(_replace(rb"(m-lap-us-\d+\r\n)", rb"\1\1"), "to_host"),
    "lines swapped": lambda: once(_swap_lines, "to_host"),
    "an error among the lines": lambda: once(
        _replace(rb"m-infer-done", b"e-[Unknown command: inf]\r\nm-infer-done"), "to_host"
    ),
    "results cut": lambda: once(_replace(rb",[0-9.]+\]", b"]"), "to_host"),
    "results cut open": lambda: once(_replace(rb",[0-9.]+\]\r\n", b"\r\n"), "to_host"),
    "result NaN": lambda: once(_replace(rb"results-\[[0-9.]+", b"results-[nan"), "to_host"),
    "always NaN": lambda: always(_replace(rb"results-\[[0-9.]+", b"results-[nan"), "to_host"),
    "result's digit": lambda: once(_other_digit(NUMBERS), "to_host"),
    "talk": lambda: always(_talk, "to_host"),
    "talk and noise 1e-05": lambda: _talk_and(1e-5),
    "talk and noise 0.0001": lambda: _talk_and(1e-4),
    "talk and noise 0.001": lambda: _talk_and(1e-3),
    "a stamp's end early": lambda: once(_replace(rb"(us-\d+)(\d\d\d)", rb"\1\n\2"), "to_host"),
    "clock wraps": lambda: always(_clock_ahead, "to_host"),
    "clock goes back": lambda: once(_clock_back, "to_host"),
    "clock always goes back": lambda: always(_clock_back, "to_host"),
    "stamp's digit": lambda: once(_other_digit(STAMP), "to_host"),
    "stamps' digits": lambda: always(_other_digit(STAMP), "to_host"),
    "buffer's digit": lambda: once(
        _other_digit(rb"m-buffer-[0-9a-f-]*?([0-9a-f])[0-9a-f-]*\r", b"0123456789abcdef"), "to_host"
    ),
}
"""Lies about the stock protocol: name, and what makes one, ready to be told."""


def _in_frame(kind: int, change: Callable[[random.Random, Frame], Frame]) -> Change:
    """Return a change of a whole frame, its CRC-32 right: no damage, but a device that errs."""

    def changed(chance: random.Random, message: bytes) -> bytes:
        frame = frames.decode(message[:-1]) if message.endswith(b"\0") else None
        if frame is None or frame.kind != kind:
            return message
        return frames.encode(change(chance, frame))

    return changed


_RESULT = struct.Struct("<III")
_ACK = struct.Struct("<I")


def _result(
    change: Callable[[random.Random, int, int, int, bytes], tuple[int, int, int, bytes]],
) -> Change:
    """Return a change of a RESULT's iterations, time stamps and text."""

    def changed(chance: random.Random, frame: Frame) -> Frame:
        count, start_us, end_us = _RESULT.unpack_from(frame.payload)
        text = frame.payload[_RESULT.size :]
        count, start_us, end_us, text = change(chance, count, start_us, end_us, text)
        stamps = (start_us % MICROS_WRAP, end_us % MICROS_WRAP)
        return frame._replace(payload=_RESULT.pack(count, *stamps) + text)

    return _in_frame(frames.RESULT, changed)


_result_nan = _result(lambda _, n, start, end, text: (n, start, end, b"nan" + text[5:]))
_result_back = _result(
    lambda chance, n, start, _, text: (n, start, start - chance.randint(1, 9_000), text)
)
_result_wraps = _result(
    lambda _, n, start, end, text: (n, start - WRAPS_AT_US, end - WRAPS_AT_US, text)
)
_result_of_fewer = _result(lambda _, n, start, end, text: (n // 10, start, end, text))
_ack_of_more = _in_frame(
    frames.ACK, lambda chance, frame: frame._replace(number=frame.number + chance.randint(1, 3))
)
_ack_of_less = _in_frame(frames.ACK, lambda _, frame: frame._replace(number=0, payload=bytes(4)))
_ack_of_gaps = _in_frame(
    frames.ACK, lambda chance, frame: frame._replace(payload=chance.randbytes(4))
)
_other_request = _in_frame(
    frames.RESULT, lambda _, frame: frame._replace(number=(frame.number - 1) % 65536)
)


def _slow_then_lost() -> Lie:
    """The first answer is late, the third lost: the wait for it must not follow the first."""
    answers = 0

    def lie(port: FaultyPort, way: str, message: bytes) -> bytes:
        nonlocal answers
        frame = frames.decode(message[:-1])
        if way != "to_host" or frame is None or frame.kind != frames.RESULT:
            return message
        answers += 1
        if answers == 1:
            port.hold(way, 1.7 * port.slow_s)  # and still in time
        port.struck += answers == 3
        return b"" if answers == 3 else message

    return lie


FRAME_LIES: dict[str, Callable[[], Lie]] = {
    "result NaN": lambda: once(_result_nan, "to_host"),
    "always NaN": lambda: always(_result_nan, "to_host"),
    "clock wraps": lambda: always(_result_wraps, "to_host"),
    "clock goes back": lambda: once(_result_back, "to_host"),
    "clock always goes back": lambda: always(_result_back, "to_host"),
    "result of fewer": lambda: once(_result_of_fewer, "to_host"),
    "result of another request": lambda: once(_other_request, "to_host"),
    "slow, then lost": _slow_then_lost,
    "ack of more": lambda: always(_ack_of_more, "to_host"),
    "ack of less": lambda: once(_ack_of_less, "to_host"),
    "ack never of any": lambda: always(_ack_of_less, "to_host"),
    "ack of gaps": lambda: always(_ack_of_gaps, "to_host"),
}
"""Lies in frames whose check sum is right."""


def noise(share: float) -> Lie:
    """Return what changes this share of all bytes, both ways, to others."""

    def lie(port: FaultyPort, _way: str, message: bytes) -> bytes:
        hits = [at for at in range(len(message)) if port.chance.random() < share]
        if not hits:
            return message
        port.struck += len(hits)
        out = bytearray(message)
        for at in hits:
            out[at] ^= port.chance.randint(1, 255)
        return bytes(out)

    return lie


NOISE = {f"noise {share:g}": share for share in (1e-5, 1e-4, 1e-3)}
