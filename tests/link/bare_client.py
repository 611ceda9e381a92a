"""The yardstick: the least that speaks the stock protocol, stop and wait, nothing checked."""

import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK_B = 31


@contextmanager
def open_port(path: str, baud: int) -> Iterator[int]:
    """Open a serial port raw at `baud`; yields its file descriptor."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(port, termios.TCSANOW)
        settings = termios.tcgetattr(port)
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(port, termios.TCSANOW, settings)
        yield port
    finally:
        os.close(port)


def ask(port: int, command: bytes) -> bytes:
    """Send a command and return its reply; waits for ever."""
    os.write(port, command + b"%")
    reply = b""
    while not reply.endswith(b"m-ready\r\n"):
        reply += os.read(port, 4096)
    return reply


def load(port: int, data: bytes) -> None:
    """Upload one input."""
    ask(port, b"db load %d" % len(data))
    for start in range(0, len(data), CHUNK_B):
        ask(port, b"db " + data[start : start + CHUNK_B].hex().encode())
