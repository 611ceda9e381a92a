"""A device under test behind a serial line as fast as its wire (paced_line.c)."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("paced_line.c")
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]


def build(folder: Path) -> Path:
    """Compile the line; returns the program. It runs on Linux."""
    program = folder / "paced_line"
    command = ["gcc", "-std=c11", "-O2", *WARNINGS, str(SOURCE), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return program


@contextmanager
def paced_line(
    program: Path, device: Sequence[str], *, latency_ms: int = 0, noise_b: int = 0
) -> Iterator[str]:
    """Start `device` behind the line; yields the path of the host's port, at first 115200 baud.

    Each end's rate is what its terminal is set to. `latency_ms` is that of the host's USB adapter.
    One byte in `noise_b` is changed, each way; the same ones each time.
    """
    with subprocess.Popen(
        [str(program), str(latency_ms), str(noise_b), *device], stdout=subprocess.PIPE, text=True
    ) as line:
        try:
            assert line.stdout is not None
            yield line.stdout.readline().strip()
        finally:
            line.kill()
