"""The streaming wake word: what a frame costs on the boards, and how long 20 minutes take.

python -m tests.bench.stream prints these figures alone.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests import ROOT, streaming_data
from tests.bench.figures import Figure
from tests.firmware.sounds import hostile
from tests.program import TINYBENCH
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.measure.listening import hear
from tinybench.runner.results.result import read_result
from tinybench.runner.streaming.score import THRESHOLD

BOARDS = ("mps2-an386", "mps3-an547", "nucleo-l4r5")
CLOCKED = "nucleo-l4r5"
DUTY_MUST = {"frame_by_frame": 0.10, "whole": 0.35}
TWENTY_MINUTES = 1200 * 16_000
TWENTY_MINUTES_MUST_S = 360
RUN_TIMEOUT_S = 1800
EMBEDDED_MUST = 4
"""Words missed, and false alarms, of the package's own model on its own recording."""


def figures() -> list[Figure]:
    """Return all figures; none without the reference model."""
    mirror = os.environ.get("TINYBENCH_MIRROR")
    data = Path(mirror).parent if mirror else ROOT.parent / "shared" / "data"
    try:
        model = streaming_data.model_path(data)
    except FileNotFoundError:
        return []
    return [*_frames(model), *_twenty_minutes(model), *_task()]


def _frames(model: Path) -> Iterator[Figure]:
    sound = hostile()["tone in a whisper"]
    for name in BOARDS:
        board = load_board(name, emulate=name == CLOCKED)
        for way, must in DUTY_MUST.items():
            found = hear(board, model, sound, threshold=THRESHOLD, whole=way == "whole")
            if found.cycles is None or found.duty is None:
                continue
            where = "estimated, features and model"
            yield Figure(f"sww.frame_cycles.{name}.{way}", found.cycles.usual, "1", None, where)
            if name == CLOCKED:
                yield Figure(f"sww.duty_at_clock.{name}.{way}", found.duty, "1", must, where)
            if way != "whole":
                ram_b, code_b = found.tensor_ram_b, found.code_flash_b or 0
                yield Figure(f"sww.tensor_ram_b.{name}", ram_b, "B", None, "all tensors")
                yield Figure(f"sww.code_flash_b.{name}", code_b, "B", None, "without weights")
    board = load_board(CLOCKED, emulate=True)
    image = build(board, stream_task(model), model)
    frame = sound[:512].astype("<i2").tobytes()
    cycles = estimate(board, image, frame, layers=True).layers[0].usual
    yield Figure(f"sww.features_cycles.{CLOCKED}", cycles, "1", None, "estimated, of a frame")


def _twenty_minutes(model: Path) -> Iterator[Figure]:
    sound = np.resize(hostile()["fading noise"], TWENTY_MINUTES)
    start_s = time.monotonic()
    hear(load_board("mps2-an386"), model, sound, threshold=THRESHOLD)
    took_s = time.monotonic() - start_s
    yield Figure("sww.twenty_minutes_s", took_s, "s", TWENTY_MINUTES_MUST_S, "listen, mps2-an386")


def _task() -> Iterator[Figure]:
    """Time the task as a user runs it: the package's 20 minutes, and all that is made of them."""
    with tempfile.TemporaryDirectory() as scratch:
        start_s = time.monotonic()
        command = [*TINYBENCH, "--task", "sww", "-o", f"{scratch}/run"]
        subprocess.run(command, capture_output=True, timeout=RUN_TIMEOUT_S, check=True)
        took_s = time.monotonic() - start_s
        found = read_result(Path(scratch) / "run").stream
    assert found is not None
    where = "--task sww, mps2-an386"
    yield Figure("sww.task_s", took_s, "s", TWENTY_MINUTES_MUST_S, where)
    for name, count in (("missed", found.first.missed), ("false_alarms", found.first.false)):
        yield Figure(f"sww.{name}", count, "1", EMBEDDED_MUST, where)


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.name:<41} {figure.value:>12,.6g} {figure.unit}")
