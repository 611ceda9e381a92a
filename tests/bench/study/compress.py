"""Whether C finds weights and rows of tables where Python does, and what 8x fewer cost."""

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


def looked_up(of: Robe, row: int, width: int) -> list[int]:
    """Return where the firmware's look-up of a row of a table finds its values.

    An int8 tells no place of a large array: each byte of it is looked up in an array of its own.
    """
    c, out, found = library(), np.zeros(width, np.uint8), np.zeros(width, np.int64)
    for shift in range(0, 24, 8):
        places = (np.arange(of.size) >> shift).astype(np.uint8)
        there = in_c(of, places.ctypes.data)
        c.robe_row(
            ctypes.byref(there), ctypes.c_uint32(row), width, ctypes.c_void_p(out.ctypes.data)
        )
        found |= out.astype(np.int64) << shift
    return found.tolist()


def equal_rows(count: int = PAIRS, seed: int = 2) -> float:
    """Return the share of pairs of row and place in it that C looks up where Python does."""
    rng = np.random.default_rng(seed)
    equal, pairs = 0, 0
    while pairs < count:
        size, width = int(rng.integers(1, 1 << 18)), int(rng.integers(1, 257))
        of = robe(size, int(rng.integers(1, min(size, 64) + 1)))
        for row in rng.integers(0, 1 << 22, 8).tolist():
            there = looked_up(of, row, width)
            equal += int((index(of, row, np.arange(width)) == there).sum())
            pairs += width
    return equal / pairs


def is_golden() -> bool:
    """Return whether Python, and C that looks rows up, find the published places."""
    of = robe(1000, 4)
    return all(
        index(of, row, np.arange(8)).tolist() == looked_up(of, row, 8) == list(places)
        for row, places in GOLDEN.items()
    )


def figures() -> list[Figure]:
    """Return the share of equal places, and what ROBE of 8x loses; of digits with the extra."""
    where = f"C and Python, {PAIRS} pairs in 100 arrays, as many of tables, 32 published places"
    equal = min(equal_pairs(), equal_rows()) if is_golden() else 0.0
    found = [Figure("robe.golden", equal, "1", 1.0, where, "higher")]
    where = "tinybench study compress --tables, 3000 events, 3 trials, robe 8x against dense"
    found.append(Figure("robe.table_lost_8x", _lost("--tables"), "1", LOST_MOST, where))
    if find_spec("sklearn") is None:
        return found
    where = "tinybench study compress, 539 digits, 3 trials, robe 8x against dense"
    return [*found, Figure("robe.lost_8x", _lost(), "1", LOST_MOST, where)]


def _lost(*more: str) -> float:
    """Return what ROBE of 8x loses of the dense net's top-1."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["study", "compress", "--methods", "robe", "--rates", "8", "-q", "--json", *more]
        done = subprocess.run(
            [*TINYBENCH, *words, "-o", f"{folder}/s"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    lost: float = json.loads(done.stdout)["rows"][1]["lost"]
    return lost


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.4f} {one.unit}\n" for one in figures())
