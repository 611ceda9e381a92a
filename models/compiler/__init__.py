"""The model compiler: an int8 .tflite becomes C with constant weights and one static arena."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from tinybench.errors import ModelError

from ..model_file import read_model_file
from .dsp.choose import by_winograd, faster, kept_in_ram
from .emit import emit, places, result_count
from .graph import Graph, Operator
from .interface import InputFormat, Interface, ResultKind, check_interface, ends_b
from .layout import lay_out
from .lower import lower_operator, lower_pruned
from .manifest import Manifest, OperatorEntry, entries, layers_run, state_b, weights_b
from .reader import read_graph
from .step import Step, Variant
from .strips.cut import LowerOne
from .strips.halves import in_halves

__all__ = [
    "KERNELS",
    "InputFormat",
    "Manifest",
    "OperatorEntry",
    "ResultKind",
    "compile_model",
    "keeps_state",
]

KERNELS = ("plain", "blocked", "rv32", "thumb2", "dsp", "mve")


def keeps_state(tflite: Path) -> bool:
    """Return whether a model has a state of its own, such as variables. Raises ModelError."""
    try:
        return state_b(read_graph(read_model_file(tflite))) > 0
    except ModelError as error:
        raise ModelError(f"{tflite}: {error}") from error


def compile_model(
    tflite: bytes | Path,
    out: Path,
    *,
    model_id: str,
    kernels: str = "plain",
    input_format: InputFormat | None = None,
    result: ResultKind = "output",
    decimals: int | None = None,
    prune: bool = True,
    strips: bool = True,
    instead: Callable[[Graph, list[Step]], list[Step]] | None = None,
    flash_b: int | None = None,
    kept_b: int = 0,
    stream: bool = False,
    patches: bool = False,
    cores: int = 1,
) -> Manifest:
    """Compile a .tflite into `out`/model.c and `out`/manifest.json; the same input, the same bytes.

    model.c implements firmware/core/model.h with the kernels of firmware/kernels. `kernels` is the
    variant that the board's toolchain declares: "plain" and "blocked" are portable C, the latter
    for cores without DSP instructions; "rv32" is for RV32IM, "thumb2" for the Cortex-M3; "dsp"
    needs the instructions of Armv7E-M or Armv8-M, "mve" the vector instructions of Armv8.1-M.
    `input_format`, `result` and `decimals` are those of `Interface`. `prune`: channels that are
    constants, or that nobody reads, are not computed; the outputs are the same. `strips`: operators
    are computed some rows at a time where the arena is smaller for it; likewise. `instead` returns
    other calls in place of those of our kernels, and has no strips. `flash_b`: for constants,
    beyond which no layer takes more than it must to be faster; None for any. `kept_b`: by which the
    arena may grow for weights that are read again, where flash lets a core wait.
    `stream`: the input is one frame of the history that the model takes, and a state holds the
    rest (docs/stream.md). `patches`: all channels and whole operators, as written, and where each
    constant lies: other weights of the same form may be written over it. `cores`: 2 where a second
    one computes half of what can be halved.
    Raises ModelError for a file that cannot be read or compiled, naming tensor or operator.
    """
    if not (model_id and model_id.isascii() and model_id.isalnum()):
        raise ModelError(f"model id '{model_id}': letters and digits are needed, such as kws01")
    if kernels not in KERNELS:
        raise ModelError(f"kernels '{kernels}': valid: {', '.join(KERNELS)}")
    data, where = (
        (read_model_file(tflite), f"{tflite}: ") if isinstance(tflite, Path) else (tflite, "")
    )
    try:
        (lowered,) = lower_pruned(
            read_graph(data),
            (kernels,),
            pruned=prune and not patches,
            strips=strips and instead is None and not patches,
            stream=stream,
        )
        graph, steps = lowered.graph, lowered.steps
        if instead is not None:
            steps = instead(graph, steps)
        small_b = weights_b(graph, steps)
        tuned = instead is None and not patches
        if tuned and kernels == "dsp":
            steps = faster(graph, steps, flash_b)
        halves = None
        if cores > 1 and tuned:
            steps, halves = in_halves(graph, steps, lowered.variant, _as_they_are(steps))
        if tuned and kernels == "dsp":
            steps = kept_in_ram(graph, steps, kept_b)
        memory = lay_out(graph, steps)
    except ModelError as error:
        raise ModelError(f"{where}{error}") from error
    interface = Interface(input_format, result, decimals)
    check_interface(graph, interface)
    streamed = lowered.streamed
    frames = streamed.frames if streamed else 0
    small = kernels in ("blocked", "rv32")  # those of cores with little flash
    text = emit(graph, steps, memory, model_id, interface, frames, small=small)
    text += places(steps) if patches else ""
    input_b, copies_b, result_b = ends_b(graph, interface)
    manifest = Manifest(
        model_id=model_id,
        tflite_sha256=hashlib.sha256(data).hexdigest(),
        model_c_sha256=hashlib.sha256(text.encode()).hexdigest(),
        kernels=kernels,
        input_b=input_b,
        output_count=result_count(graph, interface),
        macs=sum(lowered.macs.values()),
        computed_macs=lowered.computed_macs,
        removed=lowered.removed,
        streamed=streamed,
        weights_b=weights_b(graph, steps),
        faster_b=weights_b(graph, steps) - small_b,
        tables_b=sum(step.tables_b for step in steps),
        arena_b=memory.arena_b,
        result_b=result_b,
        tensor_ram_b=input_b
        + copies_b
        + memory.arena_b
        + result_b
        + state_b(graph)
        + (streamed.frame_b if streamed else 0),
        state_b=state_b(graph),
        operators=entries(graph, steps, memory.in_use, lowered.macs),
        strips=lowered.strips,
        layers=layers_run(steps) if lowered.strips else [],
        halves=halves,
    )
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.c").write_text(text, encoding="utf-8")
        (out / "manifest.json").write_bytes(encoded)
    except OSError as error:
        raise ModelError(f"{out}: cannot write the compiled model: {error.strerror}") from error
    return manifest


def _as_they_are(steps: list[Step]) -> LowerOne:
    """Return what lowers an operator to the kernels that its step calls: some are by Winograd."""
    fast = {step.operator.index for step in steps if step.function == "conv_3x3_dsp"}

    def lower_one(graph: Graph, op: Operator, variant: Variant) -> Step | list[Step]:
        lowered = lower_operator(graph, op, variant)
        if op.index in fast and isinstance(lowered, Step):
            return by_winograd(graph, lowered) or lowered
        return lowered

    return lower_one
