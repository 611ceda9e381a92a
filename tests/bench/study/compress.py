"""Whether C finds the weights of a shared array where Python does, and what 8x fewer cost."""

import ctypes
import json
import subprocess
import sys
import tempfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure
from tests.program import TINYBENCH
from tinybench import host_library
from tinybench.runner.study.compress.robe import Robe, index, robe

PAIRS = 100_000
GOLDEN = {
    0: (730, 731, 732, 733, 839, 840, 841, 842),
    1: (567, 568, 569, 570, 676, 677, 678, 679),
    2: (40, 41, 42, 43, 149, 150, 151, 152),
    3: (874, 875, 876, 877, 983, 984, 985, 986),
}
"""Places of the first eight weights of four rows, of an array of 1000 in blocks of 4."""
LOST_MOST = 0.015
TIMEOUT_S = 1800


class _Robe(ctypes.Structure):
    """Struct robe. Ref: firmware/compressed/compressed.h."""

    _fields_ = (
        ("array", ctypes.c_void_p), ("size", ctypes.c_uint32), ("block", ctypes.c_uint32),
        ("a", ctypes.c_uint32), ("b", ctypes.c_uint32), ("c", ctypes.c_uint32),
    )  # fmt: skip


def library() -> ctypes.CDLL:
    """Return the firmware's C of compressed layers, built for this computer."""
    folder = Path(str(files("tinybench.firmware"))) / "compressed"
    built = host_library.built(
        folder / "compressed.c", "studies", "compressed", "the C of compressed layers",
        "nothing is compared without a compiler", (folder / "compressed.h",),
        ("-fvisibility=default",),
    )  # fmt: skip
    return ctypes.CDLL(str(built))


def in_c(of: Robe, array: int = 0) -> _Robe:
    """Return a sharing as C has it; `array` is the address of the weights."""
    return _Robe(array, of.size, of.block, of.a, of.b, of.c)


def equal_pairs(count: int = PAIRS, seed: int = 1) -> float:
    """Return the share of pairs of row and column, in arrays of all sizes, that C finds alike."""
    rng, c = np.random.default_rng(seed), library()
    equal, arrays = 0, 100
    for _ in range(arrays):
        size = int(rng.integers(1, 1 << 20))
        of = robe(size, int(rng.integers(1, min(size, 256) + 1)))
        rows = rng.integers(0, 1 << 32, count // arrays)
        columns = rng.integers(0, 1 << 16, count // arrays)
        there = in_c(of)
        found = [
            c.robe_index(ctypes.byref(there), ctypes.c_uint32(row), ctypes.c_uint32(column))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        equal += int((index(of, rows, columns) == found).sum())
    return equal / (count // arrays * arrays)


def figures() -> list[Figure]:
    """Return the share of equal places, and what ROBE of 8x loses; that only with the extra."""
    golden = robe(1000, 4)
    places = [place for row in GOLDEN for place in index(golden, row, np.arange(8)).tolist()]
    right = places == [place for row in GOLDEN.values() for place in row]
    where = f"C and Python, {PAIRS} pairs in 100 arrays, and 32 published places"
    found = [Figure("robe.golden", equal_pairs() if right else 0.0, "1", 1.0, where, "higher")]
    if find_spec("sklearn") is None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        words = ["study", "compress", "--methods", "robe", "--rates", "8", "-q", "--json"]
        done = subprocess.run(
            [*TINYBENCH, *words, "-o", f"{folder}/s"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    lost = json.loads(done.stdout)["rows"][1]["lost"]
    where = "tinybench study compress, 539 digits, 3 trials, robe 8x against dense"
    return [*found, Figure("robe.lost_8x", lost, "1", LOST_MOST, where)]


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.4f} {one.unit}\n" for one in figures())
