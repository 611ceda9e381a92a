"""Learning in C, compiled for this computer, beside the same in NumPy: equal to the bit."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import ROOT
from tinybench.runner.train.head import Floats, Head
from tinybench.runner.train.reference import Learner, Words, exponential, logarithm
from tinybench.runner.train.samples import order, samples_header
from tinybench.runner.train.variant import Variant, declare, header

FIRMWARE = ROOT / "firmware"
CLASSES, FEATURES = 5, 13
ARRAYS = (
    *("weights", "biases", "gathered", "gathered_biases", "features", "outputs", "mixed"),
    *("body", "hidden"),
)
STUB = """
#include "exponential.h"
#include "learn.h"
#include "model.h"
float given[64];
uint8_t model_input[4 * 64];
float model_result(uint32_t index) { return given[index]; }
struct learned last;
int step(void) { return learn_step(&last); }
void exponentials(float *values, uint32_t count, int log) {
    for (uint32_t i = 0; i < count; i++) {
        values[i] = log ? logarithm(values[i]) : exponential(values[i]);
    }
}
"""
VARIANTS: tuple[dict[str, Any], ...] = (
    {"init": "zero"},
    {"init": "model"},
    {"init": "model", "weights": "int16"},
    {"init": "zero", "weights": "int8"},
    {"init": "model", "part": "bias"},
    {"init": "model", "part": "bias", "weights": "int8"},
    {"init": "model", "part": "sparse", "rows": "1,3", "columns": "0-4,12"},
    {"init": "model", "part": "sparse", "columns": "2", "weights": "int8"},
    {"squared": True, "init": "model"},
    {"squared": True, "init": "model", "weights": "int16"},
    {"squared": True, "init": "model", "part": "bias", "weights": "int8"},
    {"hidden": 3},
    {"hidden": 7, "squared": True},
)


def made_head(squared: bool = False) -> Head:
    """Return a head of random weights; nothing is before it."""
    rng = np.random.default_rng(5)
    weights = rng.normal(0, 0.3, (CLASSES, FEATURES)).astype(np.float32)
    return Head(b"", weights, rng.normal(0, 0.1, CLASSES).astype(np.float32), squared)


def compiled_of(folder: Path, sources: list[Path]) -> ctypes.CDLL:
    """Compile sources of the firmware as a library of this computer."""
    library = folder / "learn.so"
    subprocess.run(
        ["gcc", "-std=c11", "-O3", "-ffp-contract=off", "-shared", "-fPIC", f"-I{folder}",
         *(f"-I{FIRMWARE / name}" for name in ("train", "kernels", "core")),
         *map(str, sources), "-o", str(library)],
        check=True,
    )  # fmt: skip
    return ctypes.CDLL(str(library))


def compiled(folder: Path, of: Variant) -> ctypes.CDLL:
    """Compile the firmware's learning of a variant."""
    (folder / "train_config.h").write_text(header(of, samples_header([])))
    (folder / "stub.c").write_text(STUB)
    sources = [
        *(FIRMWARE / "train" / name for name in ("learn.c", "hidden.c")),
        FIRMWARE / "kernels" / "exponential.c",
    ]
    found = compiled_of(folder, [*sources, folder / "stub.c"])
    found.learn_begin.argtypes = [ctypes.c_float, ctypes.c_float, ctypes.c_uint32, ctypes.c_uint32]
    found.learn_read.restype = found.learn_words.restype = ctypes.c_uint32
    found.learn_output.restype = ctypes.c_float
    return found


def give(library: ctypes.CDLL, features: Floats) -> None:
    """Let the model give these features, of an input whose values are their halves."""
    (ctypes.c_float * 64).in_dll(library, "given")[:FEATURES] = features.tolist()
    (ctypes.c_float * 64).in_dll(library, "model_input")[:FEATURES] = (features / 2).tolist()


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


@pytest.mark.parametrize("words", VARIANTS, ids=lambda one: "-".join(map(str, one.values())))
def test_weights_after_each_step_are_those_of_numpy_to_the_bit(
    words: dict[str, Any], tmp_path: Path
) -> None:
    """Momentum, batches, each variant and loss; a checkpoint read and written back goes on so.

    And the RAM is to the byte what was declared before anything was built.
    """
    squared = words.get("squared", False)
    of = declare(made_head(squared), **{n: words[n] for n in words if n != "squared"})
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
            own.add(features, label, (features[:CLASSES] / 2).tobytes())
        assert library.step()
        loss = ctypes.c_float.in_dll(library, "last").value
        assert own.step() == loss
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
    outputs = [library.learn_output(i) for i in range(CLASSES)]
    logits, shares = own.forward(features if own.hidden is None else own.hidden.forward(features))
    assert outputs == (logits if of.squared else shares).tolist()
    assert of.squared or sum(outputs) == pytest.approx(1, abs=1e-6)
    if of.bits == 32:
        assert (np.abs(own.weights - of.weights).max() > 0) == bool(of.columns)


def test_samples_in_flash_come_in_the_order_of_those_that_are_streamed(tmp_path: Path) -> None:
    """Each epoch and seed has its own, and each sample is in it once."""
    count = 37
    rows = ", ".join(["{0}"] * count)
    (tmp_path / "train_config.h").write_text(
        f"#define TRAIN_SAMPLES {count}u\n"
        f"static const uint16_t train_labels[{count}] = {{0}};\n"
        f"static const uint8_t train_samples[{count}][1] = {{{rows}}};\n"
    )
    (tmp_path / "stub.c").write_text(
        '#include "infer.h"\n#include "model.h"\n#include "upload.h"\n'
        "const uint32_t model_input_b = 1;\nint infer_untimed(uint32_t n) { return (int)n; }\n"
        "void model_finish(void) {}\nvoid upload_forget(void) {}\n"
        "void upload_write(uint32_t at, const uint8_t *bytes, uint32_t count) {\n"
        "    (void)at, (void)bytes, (void)count;\n}\n"
    )
    library = compiled_of(tmp_path, [FIRMWARE / "train" / "samples.c", tmp_path / "stub.c"])
    found = {
        (seed, epoch): [library.samples_at(seed, epoch, place) for place in range(count)]
        for seed in (1, 7, 2**31 - 1)
        for epoch in (0, 1, 99_999)
    }
    assert found == {(seed, epoch): order(seed, epoch, count) for seed, epoch in found}
    assert all(sorted(one) == list(range(count)) for one in found.values())
    assert len(set(map(tuple, found.values()))) == len(found)


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
