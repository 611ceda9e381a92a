"""Time accuracy runs over sets as large as the official ones, on the emulated default board.

    python -m tests.bench.whole_sets [--task TASK] [--shards N] [--rounds N] [--profile]

The inputs are made up, of the official shapes and counts, for the official ones may not be passed
on; models are the official ones where they are. Each run is timed as a whole program, firmware
built before: wall time, which means something on an idle computer alone, and the processor time of
the program and of its emulators, which does so on a busy one. With `--shards` each round runs one
emulator and then so many, and the ratio of the two is printed. `--profile` runs the program under
cProfile and prints where the time of the host goes.
"""

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.bench.cycles import official_model
from tests.program import TINYBENCH
from tinybench.runner.build.task import load_task

BOARD = "mps2-an386"
TIMEOUT_S = 3600
WALL_MUST_S = {"ad": 45.0, "vww": 35.0, "kws": 6.0}
SHARED_MUST = 1.8


class Shape(NamedTuple):
    """What the official list of a task holds."""

    files: int
    file_b: int
    line: str
    """What follows the name and the count of classes in a line of it: label and windows."""


SHAPES = {
    "kws": Shape(1000, 490, "12,{label}"),
    "vww": Shape(1000, 96 * 96 * 3, "2,{label}"),
    "ad": Shape(248, 200 * 128 * 4, "2,{label},2560,512"),
}
"""Ref: eembc/energyrunner, datasets/*/y_labels.csv."""


class Timed(NamedTuple):
    """One run."""

    wall_s: float
    processor_s: float


def write_set(task: str, folder: Path) -> None:
    """Write a set as large as the official one of a task: `folder`/NAME01/*.bin, y_labels.csv."""
    shape = SHAPES[task]
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    lines = []
    for number in range(shape.files):
        if task == "ad":  # log mel energies, in dB
            data = rng.normal(-30, 12, shape.file_b // 4).astype("<f4").tobytes()
        else:
            data = rng.integers(0, 256, shape.file_b, dtype=np.uint8).tobytes()
        (folder / f"made_{number:04}.bin").write_bytes(data)
        lines.append(f"made_{number:04}.bin,{shape.line.format(label=number % 2)}\n")
    (folder / "y_labels.csv").write_text("".join(lines))


def run(task: str, data: Path, out: Path, *more: str, profile: Path | None = None) -> Timed:
    """Run accuracy mode; a set that is not the official one breaks a rule, which is no failure."""
    program = TINYBENCH
    if profile is not None:
        program = [sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "tinybench.runner"]
    model = official_model(load_task(task).model)
    named = [] if model is None else ["--model", str(model)]
    command = [*program, "-q", "--board", BOARD, "--task", task, "--mode", "accuracy", *named]
    command += ["--data", str(data), "--out", str(out), *more]
    began_s, spent = time.perf_counter(), os.times()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False
    )
    wall_s, now = time.perf_counter() - began_s, os.times()
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    children = now.children_user + now.children_system
    return Timed(wall_s, children - spent.children_user - spent.children_system)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a run; what is not as it must be is marked, and no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", action="append", choices=sorted(SHAPES))
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    said = parser.parse_args(words)
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"busy before: {busy:.1f} of this computer's processors; wall times count below 0.2")
    for task in said.task or tuple(SHAPES):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_set(task, folder / "set")
            run(task, folder / "set", folder / "built", "--limit", "1")
            for number in range(said.rounds):
                _round(task, folder, number, said.shards)
            if said.profile:
                run(task, folder / "set", folder / "told", profile=folder / "profile")
                pstats.Stats(str(folder / "profile")).sort_stats("tottime").print_stats(25)
    return 0


def _round(task: str, folder: Path, number: int, shards: int) -> None:
    alone = run(task, folder / "set", folder / f"alone-{number}")
    must = WALL_MUST_S[task]
    mark = "" if alone.wall_s <= must else "MISS"
    print(f"{task:<4} 1 emulator   {alone.wall_s:>7.2f} s (must {must:.0f} {mark}), "
          f"{alone.processor_s:>7.2f} s of processors", flush=True)  # fmt: skip
    if shards > 1:
        shared = run(task, folder / "set", folder / f"shared-{number}", "--shards", str(shards))
        ratio = alone.wall_s / shared.wall_s
        print(f"{task:<4} {shards} emulators  {shared.wall_s:>7.2f} s, "
              f"{shared.processor_s:>7.2f} s of processors: {ratio:.2f} times as fast (must "
              f"{SHARED_MUST} {'' if ratio >= SHARED_MUST else 'MISS'})", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
