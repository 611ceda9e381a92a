"""A board on a serial port that can be flashed: it runs the program that lies in its flash."""

import contextlib
import os
import pty
import select
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.02
FLASH = "flash"
RESET = "reset"
SILENT = "silent"


@contextmanager
def desk_board(folder: Path) -> Iterator[str]:
    """Yield the port of a board whose flash is the file FLASH in `folder`, at first none.

    It starts anew when that file is another one, or the file RESET is touched. While the file
    SILENT is there it hangs, until it is reset.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(master, folder, stop), daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join(60)
        os.close(slave)
        os.close(master)


def _run(port: int, folder: Path, stop: threading.Event) -> None:
    child: subprocess.Popen[bytes] | None = None
    started: object = None
    while not stop.is_set():
        state = (_changed(folder / FLASH), _changed(folder / RESET))
        if state != started:
            _end(child)
            if started is not None:
                (folder / SILENT).unlink(missing_ok=True)
            started = state
            child = _start(folder / FLASH)
        output = child.stdout.fileno() if child and child.stdout else -1
        ready = select.select([port, output] if output >= 0 else [port], [], [], POLL_S)[0]
        if port in ready:
            data = os.read(port, 4096)
            if child and child.stdin and not (folder / SILENT).exists():
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(data)
                    child.stdin.flush()
        if output in ready:
            if said := os.read(output, 4096):
                os.write(port, said)
            else:  # it has ended
                _end(child)
                child = None
    _end(child)


def _changed(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _start(flash: Path) -> subprocess.Popen[bytes] | None:
    if not flash.exists():
        return None
    return subprocess.Popen([str(flash)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _end(child: subprocess.Popen[bytes] | None) -> None:
    if child is not None:
        child.kill()
        child.communicate()


def writer(folder: Path) -> list[str]:
    """Return the program that writes such a board, as the start of an argument list.

    "write FILE" writes and says "Verified", "reset" resets. It adds a line to FLASHED each time.
    """
    program = folder / "writer"
    program.write_text(
        '#!/bin/sh\nset -e\ncd "$(dirname "$0")"\necho "$@" >>flashed\n'
        f'if [ "$1" = write ]; then cp "$2" new; chmod +x new; mv new {FLASH}; echo Verified; fi\n'
        f"echo >{RESET}\n"
    )
    program.chmod(0o755)
    return [str(program)]
