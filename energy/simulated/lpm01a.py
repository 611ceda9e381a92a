"""A simulated X-NUCLEO-LPM01A: its commands, its two streams, and its faults."""

import math
import time

import numpy as np

from .load import Floats
from .scene import Scene, Supply

FAULTS = (
    "residue",  # old bytes and a prompt wait on the line
    "still streaming",  # an acquisition that nobody stopped
    "htc refused once",
    "htc refused",
    "late ack",
    "no ack",
    "calibration lines",  # service lines among answers and samples
    "old firmware",
    "wrong voltage",
    "nul",
    "lost bytes",
    "corrupt bytes",
    "lost lines",  # whole samples, without a trace
    "nan lines",
    "stamp lost",
    "stamp corrupt",
    "overflow",
    "overcurrent",
    "power down",
    "event lost",
    "event extra",
    "rate error",
    "silence",
    "unplugged",
)
FAULT_AT = 7300
PROMPT = b"\r\nPowerShield > "
BLOCK = 1000
SPEAK = 2000
"""Samples at a time where the host sets the pace."""


class SimulatedLpm01a:
    """The instrument; put it behind a `PseudoPort`."""

    def __init__(self, scene: Scene, *, voltage_v: float = 3.3) -> None:
        self._scene = scene
        self._fault_at = FAULT_AT if scene.fault_at is None else scene.fault_at
        self._heard = b""
        self._settings = {
            "freq": "100",
            "format": "ascii_dec",
            "output": "current",
            "eventsrc": "",
            "volt": f"{round(voltage_v * 1000)}m",
        }
        self._pending: list[tuple[float, bytes]] = []
        self._refused = 0
        self._controlled = False
        self.supply = Supply(scene)
        self._streaming = "still streaming" in scene.faults
        self._started_s = time.monotonic()
        self._index = 0
        self._event = 0
        if "residue" in scene.faults:
            self._pending.append((0.0, b"6409-07\r\nPowerShield > ack fre" + PROMPT))

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host; return the answers."""
        *commands, self._heard = (self._heard + data).split(b"\n")
        return b"".join(self._answer(command.decode("latin-1").strip()) for command in commands)

    def speak(self, now_s: float, room_b: int) -> bytes:
        """Return what is due at `now_s`."""
        out = b"".join(data for due_s, data in self._pending if due_s <= now_s)
        self._pending = [(due_s, data) for due_s, data in self._pending if due_s > now_s]
        if not self._streaming:
            return out
        rate_hz = self._rate_hz()
        if self._scene.real_time:
            count = int((now_s - self._started_s) * rate_hz) - self._index
        else:
            count = SPEAK if room_b > SPEAK * 20 else 0
        known_s = self._scene.load.known_s()
        if math.isfinite(known_s):
            count = min(count, int(known_s * rate_hz) - self._index)
        while count > 0 and self._streaming:
            some = min(count, BLOCK - self._index % BLOCK)
            out += self._block(some, rate_hz)
            count -= some
        return out

    def overflow(self) -> bytes:
        """Stop: the host did not read in time."""
        self._streaming = False
        return self._ending(b"error: transmit buffer overflow")

    # Answers to commands.

    def _answer(self, command: str) -> bytes:
        word, _, rest = command.partition(" ")
        if not word or ("no ack" in self._scene.faults and word == "format"):
            return b""
        if word == "htc" and ("htc refused" in self._scene.faults or self._refuse_once()):
            return PROMPT + b"error htc\r\nError detail: unknown command\r\n\r\n"
        if word == "stop":
            if not self._streaming:
                return PROMPT + b"error stop\r\n\r\n"
            self._streaming = False
            return self._ending(b"")
        answer = self._ack(word, rest)
        if "late ack" in self._scene.faults and word in ("freq", "volt"):
            self._pending.append((time.monotonic() + 1.0, answer))
            return b""
        return answer

    def _refuse_once(self) -> bool:
        self._refused += 1
        return "htc refused once" in self._scene.faults and self._refused == 1

    def _ack(self, word: str, rest: str) -> bytes:
        data = ""
        noise = b""
        if word == "version":
            data = ": 1.0.3" if "old firmware" in self._scene.faults else ": 1.0.6"
            return PROMPT + b"ack version" + data.encode() + b"\r\n\r\n"
        if word == "volt" and rest == "get":
            volts = float(self._settings["volt"].rstrip("m")) / 1000
            data = " " + _decimal(volts - (0.8 if "wrong voltage" in self._scene.faults else 0.0))
        elif word == "status":
            data = " ok"
        elif word == "pwr" and rest:
            self.supply.switch(rest.split()[0] == "on")
        elif word == "start":
            self._streaming = True
            self._started_s = time.monotonic()
            self._scene.load.begin()
            self._index = self._event = 0
        elif rest:
            self._settings[word] = rest
        if word == "volt" and "calibration lines" in self._scene.faults:
            noise = b"\r\ncalibration: 1234-05 done\r\nself calibration 0%\r\n"
        text = " ".join(part for part in (word, rest) if part)
        return noise + PROMPT + b"ack " + text.encode() + data.encode() + b"\r\n\r\n"

    # The streams.

    def _rate_hz(self) -> float:
        text = self._settings["freq"]
        return float(text[:-1]) * 1000 if text.endswith("k") else float(text)

    def _block(self, count: int, rate_hz: float) -> bytes:
        """Return the next samples, with what goes before and between them."""
        true_hz = self._scene.true_hz(rate_hz)
        start_s = self._index / true_hz
        current_a = self.supply.current_a(self._scene.load, start_s, 1 / true_hz, count)
        energy = self._settings["output"] == "energy"
        volts = float(self._settings["volt"].rstrip("m")) / 1000
        values = current_a * volts / true_hz if energy else current_a
        marks = (
            self._scene.load.falling_s(start_s, start_s + count / true_hz) if self.supply.on else []
        )
        # It tells of one event a sample at most.
        events = sorted({int((mark - start_s) * true_hz) for mark in marks})
        at = self._fault_at - self._index
        here = 0 <= at < count
        if self._settings["format"] == "ascii_dec":
            out = self._ascii(values, events, at if here else None)
        else:
            out = self._binary(values, at if here else None)
        self._index += count
        if here:
            out += self._stopping_fault()
        return out

    def _stopping_fault(self) -> bytes:
        ascii_dec = self._settings["format"] == "ascii_dec"
        for fault, text, record in (
            ("overflow", b"error: transmit buffer overflow", b"\xf0\xf1buffer overflow\xff\xff"),
            ("overcurrent", b"error: overcurrent", b"\xf0\xf5\x00\x00\x00\x00\xff\xff"),
            ("power down", b"error: target power down", b"\xf0\xf6\xff\xff"),
        ):
            if fault in self._scene.faults:
                self._streaming = False
                return self._ending(text) if ascii_dec else record + b"\xf0\xf4\xff\xff"
        if "silence" in self._scene.faults:
            self._streaming = False
        if "unplugged" in self._scene.faults:
            raise OSError("unplugged")
        return b""

    def _ascii(self, values: Floats, events: list[int], at: int | None) -> bytes:
        lines = [_decimal(value).encode() + b"\r\n" for value in values]
        for index in events:
            if not ("event lost" in self._scene.faults and self._event == 2):
                lines[index] += b"event %02d ris\r\n" % self._event
            self._event = (self._event + 1) % 100
        if at is not None:
            self._break_lines(lines, at)
        return self._stamp_ascii() + b"".join(lines)

    def _break_lines(self, lines: list[bytes], at: int) -> None:
        """Put the faults of the stream into the lines at `at` and after."""
        faults = self._scene.faults
        near = lines[at : at + 5]
        if "nul" in faults:
            near = [b"\0\0" + line[:3] + b"\0" + line[3:] for line in near]
        if "lost bytes" in faults:
            near = [near[0][:3] + b"".join(near[1:])[2:]]
        if "corrupt bytes" in faults:
            near = [b"".join(near).replace(b"0", b"\xf8", 1)]
        if "nan lines" in faults:
            near = [b"nan\r\n", b"----+--\r\n", *near[2:]]
        if "lost lines" in faults:
            near = []
        if "calibration lines" in faults:
            near = [b"\r\ncalibration: 1234-05 done\r\n", *near]
        if "event extra" in faults:
            near = [*near, b"event %02d ris\r\n" % self._event]
            self._event = (self._event + 1) % 100
        lines[at : at + 5] = near

    def _stamp_ascii(self) -> bytes:
        if self._index % BLOCK or not self._index:
            return b""
        ms = self._stamp_ms()
        if ms is None:
            return b""
        return b"TimeStamp:%s%03ds %03dms, buff %02d%%\r\n" % (b" ", ms // 1000, ms % 1000, 2)

    def _stamp_ms(self) -> int | None:
        ms = round(self._index / self._rate_hz() * 1000)
        if self._index // BLOCK == self._fault_at // BLOCK:
            if "stamp lost" in self._scene.faults:
                return None
            if "stamp corrupt" in self._scene.faults:
                return ms + 7000
        return ms

    def _binary(self, values: Floats, at: int | None) -> bytes:
        data = hexa(values)
        if at is not None:
            cut = 2 * at
            if "lost bytes" in self._scene.faults:
                data = data[:cut] + data[cut + 1 :]
            if "corrupt bytes" in self._scene.faults:
                data = data[:cut] + b"\xf8" + data[cut + 1 :]
            if "lost lines" in self._scene.faults:
                data = data[:cut] + data[cut + 10 :]
        if self._index % BLOCK == 0:
            ms = self._stamp_ms()
            if ms is not None:
                data = b"\xf0\xf3" + ms.to_bytes(4, "big") + b"\x02\xff\xff" + data
        return data

    def _ending(self, error: bytes) -> bytes:
        if self._settings["format"] != "ascii_dec":
            return (b"\xf0\xf1" + error + b"\xff\xff" if error else b"") + b"\xf0\xf4\xff\xff"
        lines = [error, b"end", b"summary beg", b"0000-09", b"9999-05", b"summary end"]
        return b"\r\n".join(lines[not error :]) + b"\r\n" + PROMPT + b"Acquisition completed\r\n"


def hexa(values: Floats) -> bytes:
    """Return samples in the binary format: 12 bits of mantissa, 4 of a negative power of 16."""
    positive = np.maximum(values, 16.0**-14)
    power = np.clip(np.floor(np.log(4095.49 / positive) / np.log(16.0)), 0, 14).astype(int)
    mantissa = np.rint(np.maximum(values, 0.0) * 16.0**power).astype(int)
    return ((power << 12) | mantissa).astype(">u2").tobytes()


def _decimal(value: float) -> str:
    """Return a sample in the ASCII format: four digits times a power of ten."""
    if value <= 0:
        return "0000-09"
    power = int(np.floor(np.log10(value))) - 3
    digits = round(value / 10.0**power)
    if digits == 10000:
        digits, power = 1000, power + 1
    return f"{digits:04d}{power:+03d}"
