"""What a DUT answered, as its transcript has it: read piece by piece, however long it is."""

import re
from collections.abc import Iterator
from pathlib import Path

from tinybench.transport.transcript import entries

from ..dut import frames
from ..dut.frame_link import read_result_frame
from ..dut.inference import elapsed_us

Inferred = tuple[int, int, str]
"""Iterations, microseconds and results of an `infer`."""

_START = b"m-infer-start-"
_TEXT = re.compile(rb"m-infer-start-([0-9]{1,10})\r?\n(.*?)m-results-\[([^\]]*)\]", re.DOTALL)
_LAP = re.compile(rb"m-lap-us-([0-9]{1,10})")
_PENDING_MAX_B = 1 << 20
"""Of an answer, or a frame, that has begun."""


def inferred(path: Path) -> Iterator[Inferred]:
    """Yield what a DUT answered, as text or in frames. Raises RunFolderError."""
    text, block = b"", b""
    for _, to, data in entries(path):
        if to != "host":
            continue
        text += data
        while match := _TEXT.search(text):
            laps = [int(lap) for lap in _LAP.findall(match[2])]
            us = elapsed_us(laps[0], laps[1]) if len(laps) == 2 else 0
            yield int(match[1]), us, match[3].decode("ascii", "replace")
            text = text[match.end() :]
        text = _begun(text)
        *blocks, block = (block + data).split(b"\0")
        block = block[-_PENDING_MAX_B:]
        yield from _framed(blocks)
    yield from _framed([block])


def _begun(text: bytes) -> bytes:
    """Return what may be the beginning of an answer, at the end of what was heard."""
    at = text.find(_START)
    if at < 0:
        return text[-len(_START) :]
    return text[at:] if len(text) - at <= _PENDING_MAX_B else text[-len(_START) :]


def _framed(blocks: list[bytes]) -> Iterator[Inferred]:
    for block in blocks:
        # A block that begins with text is what came before the first frame.
        frame = frames.decode(block) or frames.decode(block.rpartition(b"\r\n")[2])
        if frame is not None and frame.kind == frames.RESULT:
            inference = read_result_frame(frame)
            if inference is not None:
                yield inference.iterations, inference.elapsed_us, inference.results
