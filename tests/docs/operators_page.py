"""Print docs/operators.md, what the model compiler knows, from its files and from what it emits."""

import importlib
import tempfile
from pathlib import Path

import numpy as np

from tests.models import random_floats, random_int16
from tests.models import tflite_builder as build
from tests.models.random_lite import LITE, WHOLE_OR_AT_RUN_TIME
from tests.models.random_operators import RANDOM
from tests.models.streaming import running_sum, svdf
from tests.models.tflite_builder import Model, Rng
from tinybench.models.compiler import KERNELS, compile_model, operators

HEAD = """\
# Operators

What the model compiler knows, in int8 and, where the table says so, in int16 and floats. In
integers each is equal to the bit to the reference kernels of TensorFlow Lite Micro, on random
shapes and scales, on the host and on every emulated core (`tests/firmware/test_kernels.py`,
`test_random_operators.py`); what it has not is held against TensorFlow Lite
(`test_lite_operators.py`). `QUANTIZE` and `DEQUANTIZE` also stand at float ends, both at ends of
uint8, `QUANTIZE` at those of int32. Whole numbers (`INT32`) that a model makes of others are added,
subtracted, multiplied, divided, compared and gathered by; an index outside is the nearest inside.
On int16, with the zero point 0, weights are of int8 and biases
of int64 or int32, and one kernel in plain C is that of every core; what only moves values knows
int16 as well. A batch of images is a loop over the images. Everything else is refused by name, all
of it at once. This page is made from the code.

Floats (`FLOAT32`) are computed in single precision by plain C, in the reference's order: by the FPU
where a core has one, else by the compiler's soft float, with the same bits on every core. What only
adds, multiplies, divides and compares is equal to the reference to the bit; what has exponentials,
which are our own, differs by at most so many steps of single precision (measured on random models):
`ELU` and `TANH` 3, `LOGISTIC` and `SOFTMAX` 2, `EXP`, `LOG`, `SIN`, `COS` and `POW` 1; the outputs
of an LSTM, from -1 to 1 and each made of the one before, by at most 2^-20, those of `LOG_SOFTMAX`
by 2^-18. `DIV` of int8 is exact also where the reference shifts small quotients by more than 31
bits. There is no faster kernel for floats.

What is computed of constants is computed when a model is compiled: shapes and what is made of them
(`SHAPE`, `FILL`, `RANGE`, `BROADCAST_ARGS`, `REDUCE_PROD` and `ZEROS_LIKE` are known there alone),
sparse weights (`DENSIFY`), weights of int4, and constants that are kept as float16 or int8 and only
dequantised. Weights of int8 in a layer whose activations are floats (dynamic range quantisation)
are floats, too, and take four times the flash: the reference refuses such layers, TensorFlow Lite
quantises their activations as it goes, which is less exact.

A state (variables, which `CALL_ONCE` may give other values than zero) lives in memory of its own.
Every inference begins with it as it was at first, so that the same input gives the same answer,
however often it is inferred and timed; putting it back is part of the first layer. The firmware's
command `state keep` puts it back once and lets it last from one inference to the next, as in a
stream, and `state reset` ends that. Subgraphs that are never called are left out.

The kernels are those that a core of each kind calls: `plain` everywhere, `blocked` without DSP
instructions, `rv32` on RISC-V, `thumb2` on a Cortex-M3, `dsp` with those of Armv7E-M, `mve` with
those of Armv8.1-M; an empty place means the plain one. Convolutions, depthwise ones too, and fully
connected layers have a fast kernel for any window, step, dilation, multiplier, number of channels,
layout and scales: where the named one does not know a layer, `conv_2d_any_...` or
`depthwise_conv_2d_...` does (`test_random_convolutions.py`).
A depthwise layer of a single input channel is computed as a convolution. `tinybench compile`,
`model` and `profile` say which layers got a plain kernel where the core has faster ones.
`python -m tests.bench.cmsis_nn SOURCES` estimates the cycles of each kind of layer by these
kernels and by CMSIS-NN's, whose folder is SOURCES; `--zoo` those of each layer of the zoo's models
that are here, `--core` says on which core.

| operator | plain | blocked | rv32 | thumb2 | dsp | mve | int16 | floats |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


INT16_ENDS = {"QUANTIZE": "`quantize_int16`, `rescale`", "DEQUANTIZE": "`dequantize_int16`"}
STATE = ("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE")


def _planar(rng: Rng) -> Model:
    """Return a depthwise convolution between two others, which lies in planes."""
    return build.chain(
        build.convolution(rng, (6, 6, 4), 8, relu=build.RELU),
        build.convolution(rng, (6, 6, 8), 8, depthwise=True, relu=build.RELU),
        build.convolution(rng, (6, 6, 8), 4, (1, 1)),
    )


def _models(name: str) -> list[Model]:
    """Return models that have the operator in its ordinary shapes."""
    rng = np.random.default_rng(0)
    layers = {
        "CONV_2D": lambda: [build.convolution(rng, (6, 6, 4), 8)],
        "DEPTHWISE_CONV_2D": lambda: [_planar(rng)],
        "FULLY_CONNECTED": lambda: [build.fully_connected(rng, 16, 8)],
        "AVERAGE_POOL_2D": lambda: [build.average_pool(rng, (4, 4, 4), (4, 4), (4, 4))],
        "SOFTMAX": lambda: [build.softmax(rng, 8, 0.1)],
    }
    if name == "SVDF":
        return [svdf(rng)]
    if name in STATE:
        return [running_sum(initial=[1, 2, 3, 4])]
    if name in layers:
        return layers[name]()
    if name in LITE and "FLOAT32" not in operators.kind(name).types:
        return [LITE[name](rng)]
    if name not in RANDOM:
        return [WHOLE_OR_AT_RUN_TIME[name](rng)] if name in WHOLE_OR_AT_RUN_TIME else []
    ends = [RANDOM["DEQUANTIZE"](rng)] if name == "QUANTIZE" else []
    return [*(RANDOM[name](rng) for _ in range(4)), *ends]


def _row(name: str, folder: Path) -> str:
    """Return the line of an operator: its kernels, those of the first model that needs them."""
    cells = []
    models = [build.write(model) for model in _models(name)]
    for kernels in KERNELS:
        found = dict[str, None]()
        for model in models:
            manifest = compile_model(model, folder, model_id="page", kernels=kernels)
            for entry in manifest.operators:
                if entry.operator == name:
                    found |= dict.fromkeys(entry.kernel.split(" + "))
        named = [f"`{kernel}`" for kernel in found if kernel]
        cells.append(", ".join(named) or ("none needed" if models else ""))
    plain, *faster = cells
    faster = ["" if cell == plain else cell for cell in faster]
    cells = [plain, *faster, _of_int16(name, folder), _of_floats(name, folder)]
    return f"| `{name}`: {_what(name)} | {' | '.join(cells)} |\n"


def _of_int16(name: str, folder: Path) -> str:
    """Return the kernels of an operator on int16."""
    if name not in random_int16.NAMES:
        known = operators.kind(name).types
        return INT16_ENDS.get(name) or ("the same" if "INT16" in known else "")
    model = build.write(random_int16.wide(name, np.random.default_rng(0)))
    entries = compile_model(model, folder, model_id="page").operators
    return next(f"`{entry.kernel}`" for entry in entries if entry.operator == name)


def _of_floats(name: str, folder: Path) -> str:
    """Return the kernels of an operator on floats."""
    makers = {name: random_floats.MAKERS[name] for name in random_floats.NAMES}
    kind = operators.kind(name)
    if name in LITE and ("FLOAT32" in kind.types or "FLOAT32" in kind.by_type):
        makers |= LITE
    if name not in makers:
        known = operators.kind(name).types
        return "the same" if "FLOAT32" in known else ""
    rng = np.random.default_rng(0)
    model = build.write(random_floats.floats(makers[name](rng)))
    entries = compile_model(model, folder, model_id="page").operators
    found = [entry.kernel for entry in entries if entry.operator == name]
    return f"`{found[0]}`".replace(" + ", "`, `")


def _what(name: str) -> str:
    """Return what the operator's file says of it."""
    module = importlib.import_module(operators.kind_module(name))
    first = (module.__doc__ or "").partition("\n")[0]
    return first.partition(":")[2].strip().rstrip(".") or first.partition(" ")[2].strip(" .,")


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        return HEAD + "".join(_row(name, Path(folder)) for name in operators.names())


if __name__ == "__main__":
    print(page(), end="")
