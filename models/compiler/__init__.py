"""The model compiler: an int8 .tflite becomes C with constant weights and one static arena."""

import hashlib
import itertools
from pathlib import Path

import msgspec

from tinybench.errors import ModelError
from tinybench.files import WHOLE_MOST_B, read_bytes

from .emit import emit, result_count
from .graph import Graph
from .interface import InputFormat, Interface, ResultKind, check_interface, uploads
from .layout import lay_out
from .lower import lower
from .manifest import Manifest, OperatorEntry
from .reader import read_graph
from .step import Step

__all__ = ["KERNELS", "InputFormat", "Manifest", "OperatorEntry", "ResultKind", "compile_model"]

KERNELS = ("plain", "blocked", "dsp", "mve")


def compile_model(
    tflite: bytes | Path,
    out: Path,
    *,
    model_id: str,
    kernels: str = "plain",
    input_format: InputFormat | None = None,
    result: ResultKind = "output",
    decimals: int | None = None,
) -> Manifest:
    """Compile a .tflite into `out`/model.c and `out`/manifest.json; the same input, the same bytes.

    model.c implements firmware/core/model.h with the kernels of firmware/kernels. `kernels` is the
    variant that the board's toolchain declares: "plain" and "blocked" are portable C, the latter
    for cores without DSP instructions; "dsp" needs those of Armv7E-M or Armv8-M, "mve" the vector
    instructions of Armv8.1-M.
    `input_format`, `result` and `decimals` are those of `Interface`.
    Raises ModelError for a file that cannot be read or compiled, naming tensor or operator.
    """
    if not (model_id and model_id.isascii() and model_id.isalnum()):
        raise ModelError(f"model id '{model_id}': letters and digits are needed, such as kws01")
    if kernels not in KERNELS:
        raise ModelError(f"kernels '{kernels}': valid: {', '.join(KERNELS)}")
    data, where = (_read(tflite), f"{tflite}: ") if isinstance(tflite, Path) else (tflite, "")
    try:
        graph = read_graph(data)
        steps = lower(graph, kernels)
        memory = lay_out(graph, steps)
    except ModelError as error:
        raise ModelError(f"{where}{error}") from error
    interface = Interface(input_format, result, decimals)
    check_interface(graph, interface)
    text = emit(graph, steps, memory, model_id, interface)
    sources = uploads(graph, interface)
    input_b = sum(upload.size_b for upload in sources)
    copies_b = sum(upload.tensor.size_b for upload in sources if not upload.in_place)
    result_b = sum(graph.tensors[i].size_b for i in graph.outputs)
    manifest = Manifest(
        model_id=model_id,
        tflite_sha256=hashlib.sha256(data).hexdigest(),
        model_c_sha256=hashlib.sha256(text.encode()).hexdigest(),
        kernels=kernels,
        input_b=input_b,
        output_count=result_count(graph, interface),
        macs=sum(step.macs for step in steps),
        weights_b=_weights_b(graph, steps),
        tables_b=sum(step.tables_b for step in steps),
        arena_b=memory.arena_b,
        result_b=result_b,
        tensor_ram_b=input_b + copies_b + memory.arena_b + result_b,
        operators=_entries(graph, steps, memory.in_use),
    )
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.c").write_text(text, encoding="utf-8")
        (out / "manifest.json").write_bytes(encoded)
    except OSError as error:
        raise ModelError(f"{out}: cannot write the compiled model: {error.strerror}") from error
    return manifest


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def _weights_b(graph: Graph, steps: list[Step]) -> int:
    """Return the bytes of constants that some steps read, each tensor counted once."""
    operands = {i for step in steps for i in step.inputs if graph.tensors[i].data is not None}
    own = sum(step.weights_b for step in steps)
    return own + sum(graph.tensors[i].size_b for i in operands)


def _entries(graph: Graph, steps: list[Step], in_use: list[int]) -> list[OperatorEntry]:
    """Return a line for each operator, whatever number of kernels it calls."""
    entries, tensors = list[OperatorEntry](), graph.tensors
    numbered = enumerate(steps)
    for _, group in itertools.groupby(numbered, lambda pair: pair[1].operator.index):
        numbers, calls = zip(*group, strict=True)
        operator = calls[0].operator
        read = dict.fromkeys(i for call in calls for i in call.inputs)
        entries.append(
            OperatorEntry(
                index=operator.index,
                operator=operator.name,
                input_shapes=[list(tensors[i].shape) for i in read],
                output_shape=list(tensors[calls[0].output].shape),
                kernel=" + ".join(dict.fromkeys(call.function for call in calls)),
                macs=sum(call.macs for call in calls),
                weights_b=_weights_b(graph, list(calls)),
                arena_b=max(in_use[i] for i in numbers),
            )
        )
    return entries
