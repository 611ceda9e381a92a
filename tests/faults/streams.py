"""Whole sessions of a monitor as bytes, damaged at random, decoded and judged."""

import random
from functools import cache

import numpy as np

from tests.energy.test_ppk2 import TABLE
from tests.faults.monitors import LOAD, VOLTAGE_V, Outcome, judge
from tinybench.energy.lpm01a_stream import AsciiDecoder
from tinybench.energy.ppk2_stream import Decoder
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.ppk2 import SimulatedPpk2
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import Chunk, Infer, TraceHead, memory_trace

PIECE_B = 1 << 16
TOLERANCE = 3e-3
"""A word of a PPK2 has no checksum: one sample may be up to 1 A wrong, 0.2 % of a window of 1 s,
0.02 % of one that the run rules allow."""
KINDS = ("lose one", "lose some", "change one", "change some", "flip", "repeat", "insert", "digit")
HEADS = {
    "lpm01a": TraceHead(rate_hz=5000.0, unit="A", voltage_v=VOLTAGE_V, range_max=0.05),
    "ppk2": TraceHead(rate_hz=1e5, unit="A", voltage_v=VOLTAGE_V, range_max=1.0),
}


def run_damaged(monitor: str, seed: int) -> Outcome:
    """Damage a session in one to three places, decode it, and judge the windows."""
    stream = _damaged(_stream(monitor), random.Random(seed))  # noqa: S311 - reproducible
    chunks, failure = (_lpm01a if monitor == "lpm01a" else _ppk2)(stream)
    if failure or not chunks:
        return Outcome("refused", failure)
    return judge(
        memory_trace(
            HEADS[monitor],
            np.concatenate([chunk.samples for chunk in chunks]),
            edges=[edge for chunk in chunks for edge in chunk.edges],
            gaps=[gap for chunk in chunks for gap in chunk.gaps],
            infers=[Infer(1, dut_s=stop_s - start_s) for start_s, stop_s in LOAD.windows_s],
        ),
        LOAD,
        TOLERANCE,
    )


def _lpm01a(stream: bytes) -> tuple[list[Chunk], str]:
    decoder = AsciiDecoder(HEADS["lpm01a"].rate_hz)
    taken = []
    for at in range(0, len(stream), PIECE_B):
        decoder.feed(stream[at : at + PIECE_B])
        taken.append(decoder.take())
    decoder.finish()
    taken.append(decoder.take())
    return [chunk for chunk in taken if chunk is not None], decoder.failure


def _ppk2(stream: bytes) -> tuple[list[Chunk], str]:
    decoder = Decoder(TABLE, 0)
    chunks = []
    for at in range(0, len(stream), PIECE_B):
        chunks += decoder.feed(stream[at : at + PIECE_B])
    return chunks + decoder.finish(), ""


@cache
def _stream(monitor: str) -> bytes:
    """Return what the instrument sends in 4.5 s."""
    if monitor == "lpm01a":
        device, commands = (
            SimulatedLpm01a(Scene(LOAD, real_time=False)),
            b"freq 5k\npwr on\nstart\n",
        )
    else:
        device, commands = SimulatedPpk2(Scene(LOAD, real_time=False)), b"\x0c\x01\x06"
    stream = device.hear(commands)
    per_sample_b = 9 if monitor == "lpm01a" else 4
    while len(stream) < 4.5 * HEADS[monitor].rate_hz * per_sample_b:
        stream += device.speak(0.0, 1 << 20)
    return stream + (device.hear(b"stop\n") if monitor == "lpm01a" else b"")


def _damaged(stream: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(stream)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, some = rng.randrange(len(damaged)), rng.choice((rng.randrange(2, 60), 512, 4096))
        kind = rng.choice(KINDS)
        if kind == "lose one":
            del damaged[at]
        elif kind == "lose some":
            del damaged[at : at + some]
        elif kind == "change one":
            damaged[at] = rng.randrange(256)
        elif kind == "change some":
            damaged[at : at + some] = rng.randbytes(some)
        elif kind == "flip":
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == "repeat":
            damaged[at:at] = damaged[at : at + some]
        elif kind == "insert":
            damaged[at:at] = rng.randbytes(some)
        else:
            damaged[at] = ord(rng.choice("0123456789+-"))
    return bytes(damaged)
