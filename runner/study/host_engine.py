"""A model's compiled C as a library of this computer, whose constants are written anew at will."""

import ctypes
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import host_library
from tinybench.errors import BenchError, ModelError
from tinybench.models.compiler.emit import (
    bytes_of,
    constants_of,
    emit,
    form_of,
    layers_of,
    printed_as,
    result_count,
)
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface, check_interface, ends_b
from tinybench.models.compiler.layout import lay_out
from tinybench.models.compiler.lower import lower
from tinybench.models.compiler.step import Step
from tinybench.models.compiler.stream import frame_by_frame
from tinybench.scratch import scratch

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
KEPT = "studies"
"""Folder of the libraries, in the cache."""
SHARED = frozenset(("exponential", "float32", "powers", "rows_float32", "sigmoid_int16"))
"""Kernel files that other kernels call. Ref: firmware/Makefile."""
PRINTED_MOST = 2.0**32
"""From here on a result is printed as infinite."""
ANY = -1
"""Any layer, or any bit."""

HARNESS = """
#define STUDY __attribute__((visibility("default")))
struct study_place {{
    void *at;
    uint32_t size_b;
}};
static struct study_place study_constants[] = {{{constants}}};
static struct study_place study_inputs[] = {{{inputs}}};
static struct study_place study_outputs[] = {{{outputs}}};
static struct study_place study_arena = {{{arena}}};

STUDY int study_patch(uint32_t index, void *data, uint32_t size_b) {{
    if (index >= sizeof study_constants / sizeof study_constants[0] ||
        size_b != study_constants[index].size_b) {{
        return -1;
    }}
    memcpy(study_constants[index].at, data, size_b);
    return 0;
}}

/* A stream begins, where the model hears one. */
STUDY void study_begin(void) {{
    {begin}
}}

/* Ref: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014 (SplitMix64). */
static double study_uniform(uint64_t *state) {{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}}

/* Flip each bit, or bit `bit` of each byte, with the probability 1 - exp(log_kept). */
static void study_flip(struct study_place place, int bit, double log_kept, uint64_t *state) {{
    uint8_t *bytes = place.at;
    double end = (double)place.size_b * (bit < 0 ? 8 : 1);
    for (double at = 0; (at += floor(log(study_uniform(state)) / log_kept)) < end; at++) {{
        uint64_t i = (uint64_t)at;
        if (bit < 0) {{
            bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
        }} else {{
            bytes[i] ^= (uint8_t)(1u << bit);
        }}
    }}
}}

/* Infer `count` inputs of a model of floats, and tell the least and the largest value of what each
 * layer wrote. */
STUDY int study_ranges(uint8_t *in, uint32_t count, float *ranges) {{
    for (uint32_t i = 0; i < count; i++, in += model_input_b) {{
        memcpy(model_input, in, model_input_b);
        model_load();
        for (uint32_t l = 0; l < model_layer_count; l++) {{
            if (model_infer_layer(l) < 0) {{
                return -1;
            }}
            float *values = study_outputs[l].at;
            for (uint32_t v = 0; v < study_outputs[l].size_b / sizeof *values; v++) {{
                ranges[2 * l] = values[v] < ranges[2 * l] ? values[v] : ranges[2 * l];
                ranges[2 * l + 1] =
                    values[v] > ranges[2 * l + 1] ? values[v] : ranges[2 * l + 1];
            }}
        }}
    }}
    return 0;
}}

/* Copy what the model reads of `count` inputs as one of its own, which may be quantised. */
STUDY void study_read(uint8_t *in, uint32_t count, uint32_t which, uint8_t *out) {{
    for (uint32_t i = 0; i < count; i++, out += study_inputs[which].size_b) {{
        for (uint32_t b = 0; b < model_input_b; b++) {{
            model_input[b] = *in++ ^ model_input_flip;
        }}
        model_load();
        memcpy(out, study_inputs[which].at, study_inputs[which].size_b);
    }}
}}

/* Infer `count` inputs up to a layer, and copy what that wrote. */
STUDY int study_tap(uint8_t *in, uint32_t count, uint32_t layer, uint8_t *out) {{
    for (uint32_t i = 0; i < count; i++, out += study_outputs[layer].size_b) {{
        for (uint32_t b = 0; b < model_input_b; b++) {{
            model_input[b] = *in++ ^ model_input_flip;
        }}
        model_load();
        for (uint32_t l = 0; l <= layer; l++) {{
            if (model_infer_layer(l) < 0) {{
                return -1;
            }}
        }}
        memcpy(out, study_outputs[layer].at, study_outputs[layer].size_b);
    }}
    return 0;
}}

/* Infer `count` inputs. After a layer, `layer` or each, bits of what it wrote flip as above where
 * log_kept < 0; and cells of the arena, `stuck` pairs of masks (and, or) for all of it, are as they
 * are. */
STUDY int study_infer(uint8_t *in, uint32_t count, float *out, uint64_t seed, double log_kept,
                      int layer, int bit, uint8_t *stuck) {{
    for (uint32_t i = 0; i < count; i++) {{
        for (uint32_t b = 0; b < model_input_b; b++) {{
            model_input[b] = *in++ ^ model_input_flip;
        }}
        model_load();
        for (uint32_t l = 0; l < model_layer_count; l++) {{
            if (model_infer_layer(l) < 0) {{
                return -1;
            }}
            if (log_kept < 0 && (layer < 0 || (uint32_t)layer == l)) {{
                study_flip(study_outputs[l], bit, log_kept, &seed);
            }}
            for (uint32_t b = 0; stuck && b < study_arena.size_b; b++) {{
                uint8_t *cell = (uint8_t *)study_arena.at + b;
                *cell = (uint8_t)((*cell & stuck[2 * b]) | stuck[2 * b + 1]);
            }}
        }}
        model_finish();
        for (uint32_t r = 0; r < model_result_count; r++) {{
            *out++ = model_result(r);
        }}
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Built:
    """A library, and what its constants must look like to be written anew."""

    library: Path
    kernels: str
    form: bytes
    """Of the steps without their constants' values: other weights of the same form fit in."""
    input_b: int
    result_count: int
    arena_b: int
    layers: tuple[str, ...]
    """The operator of each."""
    stream: bool = False
    """Whether inputs are the frames of a stream, from its beginning."""


@dataclass(frozen=True)
class _Lowered:
    """A model as calls of kernels."""

    graph: Graph
    steps: list[Step]
    frames: int
    """Of zeros, that a stream begins with; 0 where a state begins as its tensor says."""
    origins: dict[int, int]
    """Operators of the given model that its own came from, where it is another one."""


def _lowered(graph: Graph, kernels: str, *, stream: bool) -> _Lowered:
    """Return the calls of a model; of a `stream`, as a run builds it, of one frame at a time."""
    frames, origins = 0, dict[int, int]()
    if stream and not any(tensor.initial is not None for tensor in graph.tensors):
        one = frame_by_frame(graph)
        graph, frames, origins = one.graph, one.streamed.frames, one.origins
    _, steps = lower(graph, kernels)
    return _Lowered(graph, steps, frames, origins)


def build(
    graph: Graph,
    interface: Interface,
    model_id: str,
    kernels: str = "blocked",
    *,
    stream: bool = False,
) -> Built:
    """Build a model for this computer, or take it from the cache.

    All channels are computed and no operator in strips, so that other weights are other constants
    alone. `stream`: it takes a frame at a time, and keeps its state from each to the next. Raises
    ModelError, ToolMissingError, BuildError.
    """
    check_interface(graph, interface)
    lowered = _lowered(graph, kernels, stream=stream)
    graph, steps = lowered.graph, lowered.steps
    memory = lay_out(graph, steps)
    layers = layers_of(steps)
    outputs = [
        f"{{(void *)({memory.places[step.output]}), {graph.tensors[step.output].size_b}}}"
        for *_, (_, _, step) in layers
    ]
    inputs = [
        f"{{(void *)({memory.places[index]}), {graph.tensors[index].size_b}}}"
        for index in graph.inputs
    ]
    names = [name for name, _ in constants_of(steps)]
    arena = "arena, sizeof arena" if memory.arena_b else "0, 0"
    text = emit(graph, steps, memory, model_id, interface, lowered.frames) + HARNESS.format(
        begin="model_keep_state(true);" if stream else "",
        constants=", ".join(f"{{{name}, sizeof {name}}}" for name in names) or "{0, 0}",
        inputs=", ".join(inputs),
        outputs=", ".join(outputs),
        arena=arena,
    )
    with scratch() as folder:
        source = folder / "study.c"
        source.write_text("#include <math.h>\n#include <string.h>\n" + text, encoding="utf-8")
        library = host_library.built(
            source,
            KEPT,
            model_id,
            "the model for this computer",
            "a study infers by C compiled for this computer",
            _beside(text),
            # Constants are variables, as where a board keeps weights in RAM (firmware/Makefile);
            # sums of disturbed weights go around as those of a core do.
            ("-Dconst=", "-fwrapv"),
        )
    input_b, _, _ = ends_b(graph, interface)
    operators = [step.operator for *_, (_, _, step) in layers]
    return Built(
        library,
        kernels,
        form_of(steps),
        input_b,
        result_count(graph, interface),
        memory.arena_b,
        tuple(f"{lowered.origins.get(op.index, op.index)} {op.name}" for op in operators),
        stream,
    )


def _beside(text: str) -> list[Path]:
    """Return the kernels that a model's C names and those that they share, and all headers."""
    root = Path(str(files("tinybench.firmware")))
    kernels = sorted((root / "kernels").glob("*.c"))
    apart = ("_dsp", "_mve", "_rv32")
    portable = [path for path in kernels if not path.stem.endswith(apart)]
    called = [path for path in portable if path.stem in SHARED or path.stem in text]
    headers = [root / "core" / "model.h", *sorted((root / "kernels").glob("*.h"))]
    return [*called, *headers]


@dataclass(frozen=True)
class Loaded:
    """A library in memory: a copy of its own, for one thread."""

    built: Built
    library: Any


def load(built: Built, folder: Path, number: int) -> Loaded:
    """Load a copy of a library, put into `folder` as so manieth. Raises BenchError."""
    copy = folder / f"{number}-{built.kernels}.so"
    try:
        shutil.copyfile(built.library, copy)
        library = ctypes.CDLL(str(copy))
    except OSError as error:
        raise BenchError(
            f"cannot load {built.library.name}, built for this computer: {error}; is the folder "
            f"of temporary files mounted noexec? Name another one by TMPDIR"
        ) from error
    library.study_patch.argtypes = (ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
    library.study_infer.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_double),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_void_p),
    )
    library.study_tap.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p),
    )
    library.study_read.argtypes = library.study_tap.argtypes
    library.study_read.restype = None
    library.study_begin.restype = None
    library.study_ranges.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
    return Loaded(built, library)


def patch(loaded: Loaded, graph: Graph) -> bool:
    """Write the constants of a graph with other weights; False where these need other kernels.

    Raises ModelError where an accumulator might leave 32 bits.
    """
    steps = _lowered(graph, loaded.built.kernels, stream=loaded.built.stream).steps
    if form_of(steps) != loaded.built.form:
        return False
    for index, (name, constant) in enumerate(constants_of(steps)):
        data = bytes_of(constant)
        if loaded.library.study_patch(index, data, len(data)) != 0:
            raise ModelError(f"constant {name} has {len(data)} bytes, which do not fit the library")
    return True


def ranges(loaded: Loaded, graph: Graph, inputs: Bytes) -> dict[int, tuple[float, float]]:
    """Return the least and the largest value of each activation of a model of floats, by number.

    Of inputs [inputs][bytes]; what is only moved has the range of what it was. Raises BenchError.
    """
    _, steps = lower(graph, loaded.built.kernels)
    written = [step.output for *_, (_, _, step) in layers_of(steps)]
    out = np.tile(np.array([np.inf, -np.inf], np.float32), (len(written), 1))
    data = np.ascontiguousarray(inputs)
    if loaded.library.study_ranges(data.ctypes.data, len(inputs), out.ctypes.data) != 0:
        raise BenchError("the model's C on this computer says that an inference failed")
    found = {
        index: (float(low), float(high)) for index, (low, high) in zip(written, out, strict=True)
    }
    values = data.view(np.float32)
    found[graph.inputs[0]] = float(values.min()), float(values.max())
    for op in graph.operators:
        if op.outputs[0] not in found and op.inputs[0] in found:
            found[op.outputs[0]] = found[op.inputs[0]]
    return found


def written(loaded: Loaded, graph: Graph, inputs: Bytes, index: int) -> npt.NDArray[np.int8]:
    """Return an int8 tensor [inputs][elements] as the layer that writes it leaves it.

    What is only moved is what it was; the model's input is what it reads of what it is given: with
    a bit turned over, or quantised. Raises BenchError.
    """
    makers = {op.outputs[0]: op for op in graph.operators}
    _, steps = lower(graph, loaded.built.kernels)
    layers = [step.output for *_, (_, _, step) in layers_of(steps)]
    while index not in layers and index in makers:
        index = makers[index].inputs[0]
    data = np.ascontiguousarray(inputs)
    out = np.zeros((len(inputs), graph.tensors[index].size_b), np.int8)
    if index not in layers:
        which = graph.inputs.index(index)
        loaded.library.study_read(data.ctypes.data, len(data), which, out.ctypes.data)
        return out
    at = layers.index(index)
    if loaded.library.study_tap(data.ctypes.data, len(data), at, out.ctypes.data) != 0:
        raise BenchError("the model's C on this computer says that an inference failed")
    return out


def printed(graph: Graph, interface: Interface, outputs: Floats) -> Values:
    """Return results [inputs][values] as a board prints them: rounded, or cut off.

    Ref: firmware/core/text.c.
    """
    decimals, rounded = printed_as(graph, interface)
    values = outputs.astype(np.float64)  # exact with so many digits, and so is the product
    sizes = np.where(np.abs(values) < PRINTED_MOST, np.abs(values), np.inf)
    sizes = np.where(np.isnan(values), np.nan, sizes)
    steps = np.floor(sizes * 10.0**decimals + (0.5 if rounded else 0.0))
    return np.copysign(steps / 10.0**decimals, values)


def infer(
    loaded: Loaded,
    inputs: Bytes,
    *,
    seed: int = 0,
    rate: float = 0.0,
    layer: int = ANY,
    bit: int = ANY,
    stuck: Bytes | None = None,
) -> Floats:
    """Return the results [inputs][values] of inputs [inputs][bytes], as a board has them.

    `rate`: by which bits of each layer's output flip, of one `layer` and one `bit` of each byte or
    of any. `stuck`: masks [bytes of the arena][and, or]. Raises BenchError where the engine fails.
    """
    out = np.zeros((len(inputs), loaded.built.result_count), np.float32)
    data = np.ascontiguousarray(inputs)
    loaded.library.study_begin()
    log_kept = 0.0 if rate <= 0 else float(np.log1p(-min(rate, 1 - 1e-12)))
    status = loaded.library.study_infer(
        data.ctypes.data,
        len(inputs),
        out.ctypes.data,
        seed & (1 << 64) - 1,
        log_kept,
        layer,
        bit,
        None if stuck is None else np.ascontiguousarray(stuck).ctypes.data,
    )
    if status != 0:
        raise BenchError("the model's C on this computer says that an inference failed")
    return out
