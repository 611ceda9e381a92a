"""Learning in C, compiled for this computer, beside the same in NumPy: equal to the bit."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tinybench.runner.train.head import Floats, Head
from tinybench.runner.train.reference import Learner, Words, exponential, logarithm
from tinybench.runner.train.variant import Variant, declare, header

FIRMWARE = ROOT / "firmware"
CLASSES, FEATURES = 5, 13
ARRAYS = ("weights", "biases", "gathered", "gathered_biases", "features", "outputs", "mixed")
STUB = """
#include "exponential.h"
#include "learn.h"
float given[64];
float model_result(uint32_t index) { return given[index]; }
struct learned last;
int step(void) { return learn_step(&last); }
void exponentials(float *values, uint32_t count, int log) {
    for (uint32_t i = 0; i < count; i++) {
        values[i] = log ? logarithm(values[i]) : exponential(values[i]);
    }
}
"""
VARIANTS = (
    {"init": "zero"},
    {"init": "model"},
    {"init": "model", "weights": "int16"},
    {"init": "zero", "weights": "int8"},
    {"init": "model", "part": "bias"},
    {"init": "model", "part": "bias", "weights": "int8"},
    {"init": "model", "part": "sparse", "rows": "1,3", "columns": "0-4,12"},
    {"init": "model", "part": "sparse", "columns": "2", "weights": "int8"},
)


def made_head() -> Head:
    """Return a head of random weights; nothing is before it."""
    rng = np.random.default_rng(5)
    weights = rng.normal(0, 0.3, (CLASSES, FEATURES)).astype(np.float32)
    return Head(b"", weights, rng.normal(0, 0.1, CLASSES).astype(np.float32))


def compiled(folder: Path, of: Variant) -> ctypes.CDLL:
    """Compile the firmware's learning of a variant."""
    (folder / "train_config.h").write_text(header(of))
    (folder / "stub.c").write_text(STUB)
    library = folder / "learn.so"
    sources = [FIRMWARE / "train" / "learn.c", FIRMWARE / "kernels" / "exponential.c"]
    subprocess.run(
        ["gcc", "-std=c11", "-O3", "-ffp-contract=off", "-shared", "-fPIC", f"-I{folder}",
         *(f"-I{FIRMWARE / name}" for name in ("train", "kernels", "core")),
         *map(str, sources), str(folder / "stub.c"), "-o", str(library)],
        check=True,
    )  # fmt: skip
    found = ctypes.CDLL(str(library))
    found.learn_begin.argtypes = [ctypes.c_float, ctypes.c_float, ctypes.c_uint32, ctypes.c_uint32]
    found.learn_read.restype = found.learn_words.restype = ctypes.c_uint32
    found.learn_probability.restype = ctypes.c_float
    return found


def give(library: ctypes.CDLL, features: Floats) -> None:
    """Let the model give these features."""
    (ctypes.c_float * 64).in_dll(library, "given")[:FEATURES] = features.tolist()


def words_of(library: ctypes.CDLL) -> Words:
    """Read all of learning."""
    return np.array([library.learn_read(i) for i in range(library.learn_words())], np.uint32)


def arrays_b(folder: Path) -> int:
    """Return the bytes of the arrays that learning has in RAM; a few numbers stand beside them."""
    listed = subprocess.run(
        ["nm", "-S", str(folder / "learn.so")], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    sizes = {
        row[3].partition(".")[0]: int(row[1], 16) for row in rows if row[2:3] in (["b"], ["B"])
    }
    return sum(size for name, size in sizes.items() if name in ARRAYS)


@pytest.mark.parametrize("words", VARIANTS, ids=lambda one: "-".join(one.values()))
def test_weights_after_each_step_are_those_of_numpy_to_the_bit(
    words: dict[str, str], tmp_path: Path
) -> None:
    """Momentum, batches, every variant; a checkpoint read and written back goes on the same.

    And the RAM is to the byte what was declared before anything was built.
    """
    of = declare(made_head(), **words)
    library, own = compiled(tmp_path, of), Learner(of, 0.3, 0.9, 3, 7)
    assert arrays_b(tmp_path) == of.ram_b
    features = np.zeros(FEATURES, np.float32)
    library.learn_begin(0.3, 0.9, 3, 7)
    assert library.learn_words() == of.words == len(own.words())
    rng = np.random.default_rng(1)
    for step in range(12):
        for _ in range(3):
            features = np.maximum(0, rng.normal(1, 4, FEATURES)).astype(np.float32)
            label = int(rng.integers(CLASSES))
            give(library, features)
            library.learn_add(label)
            own.add(features, label)
        assert library.step()
        own.step()
        found = words_of(library)
        assert (found == own.words()).all()
        if step == 5:
            library.learn_begin(0.3, 0.9, 3, 99)
            for i, word in enumerate(found):
                library.learn_write(i, int(word))
            own = Learner(of, 0.3, 0.9, 3, 99)
            own.load(found)
    give(library, features)
    library.learn_forward()
    shares = [library.learn_probability(i) for i in range(CLASSES)]
    assert shares == own.forward(features)[1].tolist()
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    if of.bits == 32:
        assert (np.abs(own.weights - of.weights).max() > 0) == bool(of.columns)


def test_a_rate_that_diverges_stops_learning(tmp_path: Path) -> None:
    """A weight or a loss that is no number is said at once, in floats and in ints."""
    for number, weights in enumerate(("float32", "int8")):
        folder = tmp_path / str(number)
        folder.mkdir()
        library = compiled(folder, declare(made_head(), weights=weights))
        library.learn_begin(3e38, 0.9, 1, 1)
        give(library, np.full(FEATURES, 20, np.float32))
        went = []
        for label in (0, 1, 2, 0):
            library.learn_add(label)
            went.append(library.step())
        assert not all(went)


def test_exponentials_are_those_of_the_kernels(tmp_path: Path) -> None:
    """Of the range that softmax asks for, with its ends and what is no number."""
    library = compiled(tmp_path, declare(made_head()))
    ends = [0, -0.0, -1e-30, -87.4, -103.97, -103.98, -1e30, -np.inf, np.nan]
    values = np.concatenate([-np.geomspace(1e-6, 110, 20_000), ends]).astype(np.float32)
    above = np.geomspace(1, 1e6, 3000).astype(np.float32)
    for log, given in ((0, values), (1, above)):
        there = given.copy()
        library.exponentials(ctypes.c_void_p(there.ctypes.data), len(there), log)
        here = exponential(given) if not log else np.array(list(map(logarithm, given)))
        assert np.array_equal(there.view(np.uint32), here.astype(np.float32).view(np.uint32))
