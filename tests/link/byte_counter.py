"""A device for tests of the paced line: times the bytes that come, then sends as many.

Run as `python -m tests.link.byte_counter COUNT BAUD` with a terminal as standard input. Says "\\n",
and after COUNT bytes how many seconds passed and how many bytes came between the first read and the
last. After one more byte it sends COUNT bytes.
"""

import contextlib
import os
import select
import sys
import termios
import time
import tty

TIMEOUT_S = 60


def main() -> None:
    """Do it."""
    count, baud = int(sys.argv[1]), int(sys.argv[2])
    tty.setraw(0, termios.TCSANOW)
    settings = termios.tcgetattr(0)
    settings[4] = settings[5] = getattr(termios, f"B{baud}")
    termios.tcsetattr(0, termios.TCSANOW, settings)
    os.write(1, b"\n")
    took_s, timed_b = time_bytes(0, count)
    os.write(1, b"%.6f %d\n" % (took_s, timed_b))
    os.read(0, 1)
    send(1, bytes(count))
    with contextlib.suppress(OSError):  # the line ends with the host
        os.read(0, 1)


def time_bytes(port: int, count: int) -> tuple[float, int]:
    """Read `count` bytes; return the time from the first read to the last, and the bytes in it.

    Raises TimeoutError when they stop coming.
    """
    first_b = len(os.read(port, 4096))
    start_s = end_s = time.perf_counter()
    got_b = first_b
    while got_b < count:
        if not select.select([port], [], [], TIMEOUT_S)[0]:
            raise TimeoutError(f"{got_b} of {count} bytes have come")
        got_b += len(os.read(port, 4096))
        end_s = time.perf_counter()
    return end_s - start_s, got_b - first_b


def send(port: int, data: bytes) -> None:
    """Write all of `data`."""
    left = memoryview(data)
    while left:
        left = left[os.write(port, left[:512]) :]


if __name__ == "__main__":
    main()
