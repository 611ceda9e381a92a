"""A client in a process of its own: inputs uploaded and inferred over a serial port, and timed.

Run as `python -m tests.link.client KIND PORT BAUD INPUT_B COUNT` with KIND bare, stock,
stock_verified or fast. Prints one JSON document: ms an input, each, and the processor time used
for them as a share of the wall time.
"""

import contextlib
import json
import os
import random
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tests.link import bare_client
from tinybench.runner.dut.client import Dut
from tinybench.transport.recorder import Recorder
from tinybench.transport.serial_port import SerialTransport

URGENT = -19
Infer = Callable[[bytes], None]
"""Uploads an input and waits for the answer to one inference on it."""


def main(words: Sequence[str]) -> None:
    """Measure and print."""
    with contextlib.suppress(PermissionError):  # what else this computer does is not the link's
        os.setpriority(os.PRIO_PROCESS, 0, URGENT)
    kind, path, baud, input_b, count = words[0], words[1], *map(int, words[2:])
    chance = random.Random(1)  # noqa: S311 - test data
    inputs = [chance.randbytes(input_b) for _ in range(count + 1)]
    connect = _bare if kind == "bare" else _runner
    with connect(kind, path, baud) as infer:
        infer(inputs[0])
        cpu_s, start_s = time.process_time(), time.perf_counter()
        input_ms = []
        for data in inputs[1:]:
            before_s = time.perf_counter()
            infer(data)
            input_ms.append((time.perf_counter() - before_s) * 1e3)
        share = (time.process_time() - cpu_s) / (time.perf_counter() - start_s)
    print(json.dumps({"input_ms": input_ms, "cpu_share": share}))


@contextmanager
def _bare(kind: str, path: str, baud: int) -> Iterator[Infer]:
    with bare_client.open_port(path, baud) as port:

        def infer(data: bytes) -> None:
            bare_client.load(port, data)
            bare_client.ask(port, b"infer 1 0")

        time.sleep(0.2)
        termios.tcflush(port, termios.TCIFLUSH)  # the banner
        yield infer


@contextmanager
def _runner(kind: str, path: str, baud: int) -> Iterator[Infer]:
    """Connect the runner's own client, with its transcript, as a run does."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SerialTransport(path, baud)) as line,
        closing(Recorder(line, Path(folder) / "transcript.jsonl")) as recorded,
    ):
        dut = Dut(recorded, verify=kind != "stock", fast=kind == "fast")
        dut.handshake()
        if (dut.protocol == "frames") != (kind == "fast"):
            raise SystemExit(f"the DUT speaks {dut.protocol}")
        yield lambda data: _insist(dut.infer(data, 1, 0).iterations == 1)


def _insist(right: bool) -> None:
    if not right:
        raise SystemExit("a wrong answer")


if __name__ == "__main__":
    main(sys.argv[1:])
