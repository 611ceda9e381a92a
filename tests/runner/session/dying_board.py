"""A real device behind a wire that is cut for good once so many bytes have gone to it.

    dying_board.py BYTES MARK DEVICE

MARK is made when the wire is cut; while it is there, the device does not start again.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path


def main() -> int:
    """Pass bytes on, both ways."""
    left, mark = int(sys.argv[1]), Path(sys.argv[2])
    if mark.exists():
        return 1
    device = subprocess.Popen(
        sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert device.stdin is not None
    assert device.stdout is not None

    def back() -> None:
        assert device.stdout is not None
        while data := os.read(device.stdout.fileno(), 4096):
            os.write(1, data)

    threading.Thread(target=back, daemon=True).start()
    while left > 0 and (data := os.read(0, min(4096, left))):
        device.stdin.write(data)
        left -= len(data)
    if left <= 0:
        mark.touch()
    device.kill()
    return 1 if left <= 0 else 0


if __name__ == "__main__":
    sys.exit(main())
