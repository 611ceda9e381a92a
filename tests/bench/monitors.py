"""Measure the monitors: decoding of two wire formats, and live acquisition; part of `make bench`.

Run alone: python -m tests.bench.monitors
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure
from tests.energy.test_lpm01a import binary_stream
from tinybench.energy.drivers import joulescope
from tinybench.energy.lpm01a_stream import BinaryDecoder
from tinybench.energy.monitor import Capture, MonitorSpec
from tinybench.energy.ppk2_stream import Decoder, current_table, parse_metadata
from tinybench.energy.simulated.joulescope import SimulatedJoulescope
from tinybench.energy.simulated.load import Blinking
from tinybench.energy.simulated.ppk2 import encode, metadata
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import TraceWriter

COUNT = 2_000_000
PIECE_B = 1 << 16
REPEATS = 7
LIVE_S = 10.0


def figures() -> list[Figure]:
    """Measure everything; takes about fifteen seconds."""
    current_a = np.random.default_rng(1).uniform(1e-4, 0.04, COUNT)
    where = f"{COUNT / 1e6:.0f} M samples in pieces of {PIECE_B // 1024} KiB"
    return [
        Figure("energy.lpm01a_decode_msps", _lpm01a(current_a), "MS/s", 10, where, "higher"),
        Figure("energy.ppk2_decode_msps", _ppk2(current_a), "MS/s", 20, where, "higher"),
        _js220(),
    ]


def _lpm01a(current_a: np.ndarray) -> float:
    stream = binary_stream(current_a)

    def decode() -> None:
        decoder = BinaryDecoder(100_000)
        count = 0
        for at in range(0, len(stream), PIECE_B):
            decoder.feed(stream[at : at + PIECE_B])
            chunk = decoder.take()
            count += len(chunk.samples) if chunk else 0
        decoder.finish()
        chunk = decoder.take()
        assert count + (len(chunk.samples) if chunk else 0) == COUNT

    return COUNT / _fastest_s(decode) / 1e6


def _ppk2(current_a: np.ndarray) -> float:
    pin = np.ones(COUNT, np.uint32)
    pin[::10_000] = 0
    stream = encode(current_a, 0, pin).tobytes()
    table = current_table(parse_metadata(metadata())[0], 3.0)

    def decode() -> None:
        decoder = Decoder(table, 0)
        for at in range(0, len(stream), PIECE_B):
            decoder.feed(stream[at : at + PIECE_B])
        decoder.finish()
        assert decoder.count == COUNT

    return COUNT / _fastest_s(decode) / 1e6


def _js220() -> Figure:
    """Acquire live, and store; the simulation runs in the same process and counts too."""
    device = SimulatedJoulescope(Scene(Blinking()))
    monitor = joulescope.open(MonitorSpec(driver="joulescope"), device)
    monitor.power_on()
    with tempfile.TemporaryDirectory(prefix="tinybench-bench-") as folder:
        writer = TraceWriter(Path(folder) / "live.jls", monitor.head)
        with writer, Capture(monitor, writer.write):
            time.sleep(0.5)
            start_s, used_s = time.perf_counter(), time.process_time()
            time.sleep(LIVE_S)
            took_s, used_s = time.perf_counter() - start_s, time.process_time() - used_s
        assert writer.count > LIVE_S * monitor.head.rate_hz
        assert not writer.gaps
    monitor.close()
    where = f"{LIVE_S:.0f} s at 1 MS/s of i and v, input at 2 MS/s, to JLS; simulation included"
    return Figure("energy.js220_live_cpu_share", used_s / took_s, "1", 0.2, where)


def _fastest_s(job: Callable[[], object]) -> float:
    best_s = float("inf")
    for _ in range(REPEATS):
        start_s = time.perf_counter()
        job()
        best_s = min(best_s, time.perf_counter() - start_s)
    return best_s


if __name__ == "__main__":
    for figure in figures():
        mark = "MISS" if figure.missed else ""
        print(f"{figure.name:<30} {figure.value:>10.4g} {figure.unit:<5} {mark:<5} {figure.where}")
