"""The serial lines of an emulated chip: standard input and output of this process."""

import os
import select
import sys
from collections import deque
from collections.abc import Callable

from .declaration import Line
from .registers import Registers

READ_B = 65536
POLLS = 64
"""So often a port looks for a byte in vain, and does nothing else, until the host is waited for."""
HELD_BACK_B = 4096


class LineEndedError(Exception):
    """The line ended, and nothing is left to do."""


class Console:
    """What the host sent and the chip has not taken, and what the chip sent."""

    def __init__(self) -> None:
        self.received: deque[int] = deque()
        self.sent = bytearray()
        self.ended = False
        """The host closed its end."""

    def take(self, wait: bool) -> None:
        """Take what the host sent; with `wait`, after there is something or the line ended."""
        self.flush()
        if self.ended or not (wait or select.select([sys.stdin], [], [], 0)[0]):
            return
        data = os.read(sys.stdin.fileno(), READ_B)
        self.ended = not data
        self.received.extend(data)

    def wait(self) -> None:
        """Wait until there is a byte. Raises LineEndedError when none will come."""
        if not self.received:
            if not self.ended:
                self.take(wait=True)
            if self.ended and not self.received:
                raise LineEndedError

    def send(self, byte: int) -> None:
        """Send a byte, sooner or later."""
        self.sent.append(byte & 0xFF)
        if len(self.sent) >= HELD_BACK_B:
            self.flush()

    def flush(self) -> None:
        """Send what was held back."""
        while self.sent:
            done = os.write(sys.stdout.fileno(), self.sent)
            del self.sent[:done]


def wire(registers: Registers, console: Console, changed: Callable[[], None]) -> None:
    """Connect each line of a chip. `changed` is called when an interrupt may have come or gone."""
    for name, line in registers.lines.items():
        _wire(registers, console, name, line, changed)


def _wire(
    registers: Registers, console: Console, name: str, line: Line, changed: Callable[[], None]
) -> None:
    status, receive, send = (
        registers.place(f"{name}.{what}") for what in (line.status, line.receive, line.send)
    )

    def held() -> bool:
        return bool(console.received) and registers.are(
            (f"{name}.{line.on[0]}", line.on[1], line.on[1])
        )

    looks = 0

    def read_status() -> int:
        nonlocal looks
        looks += 1
        if looks > POLLS and not held():
            console.wait()
            looks = 0
            changed()
        return line.held if held() else line.idle

    packet: list[int] = []

    def send_off() -> None:
        for byte in packet:
            console.send(byte)
        packet.clear()

    def send_byte(byte: int) -> None:
        nonlocal looks
        looks = 0
        packet.append(byte)
        if len(packet) >= line.packet_b:
            send_off()

    def close_packet(value: int) -> None:
        if line.packet is not None and value & line.packet[1]:
            send_off()

    def read_byte() -> int:
        nonlocal looks
        looks = 0
        byte = console.received.popleft() if held() else 0
        changed()
        return byte

    registers.on_read[status] = read_status
    registers.on_read[receive] = read_byte
    registers.on_write[send] = send_byte
    if line.packet is not None:
        registers.on_write[registers.place(f"{name}.{line.packet[0]}")] = close_packet
    for control in {line.on[0], line.interrupt_on[0]}:
        registers.on_write[registers.place(f"{name}.{control}")] = lambda _: changed()


def asked(registers: Registers, console: Console) -> list[int]:
    """Return the interrupts that the lines ask for."""
    if not console.received:
        return []
    return [
        line.interrupts[name]
        for name, line in registers.lines.items()
        if all(
            registers.are((f"{name}.{register}", mask, mask))
            for register, mask in (line.on, line.interrupt_on)
        )
    ]
