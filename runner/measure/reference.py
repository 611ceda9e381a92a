"""The DUT's answers beside those of the reference kernels of TensorFlow Lite Micro, to the bit.

Those of an ONNX model stand beside onnxruntime's (onnx_reference.py).
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.datasets.reader import Sample
from tinybench.models.compiler.reader import read_graph, read_outline
from tinybench.models.model_file import is_onnx, read_model_file
from tinybench.printable import one_line
from tinybench.track import Track

from ..build.task import Task
from ..dut.inference import answered
from ..results.result import Answer, Reference, not_compared
from . import onnx_reference

ARENA_B = 64 << 20
"""Of the interpreter, on this computer: more than any microcontroller has."""
WHOLE_MOST = 1 << 24
"""Largest whole number to which float32, in which firmware answers, has all that are smaller."""
SAID_MOST_B = 400
"""Read of what the interpreter writes where it refuses a model."""
EXTRA = "reference"
Values = npt.NDArray[np.float64]
T = TypeVar("T")


def compare(
    task: Task,
    model: Path,
    samples: Sequence[Sample],
    answers: Mapping[str, Answer],
    track: Track,
    *,
    stream: bool = False,
) -> Reference:
    """Return how many answers the reference kernels give as well.

    `answers` are those of the DUT by the name of the input. A quantised output that is printed
    stands for the step that it is nearest to, for the firmware prints as many decimals as tell two
    apart; a float is held to its last printed digit, an int32 to the float32 that firmware answers
    in. `stream`: a state is kept from each input to
    the next, else it is put back for each. Where nothing can be compared, the result says
    why. Raises ModelError when the model cannot be read.
    """
    if task.result != "output":
        return not_compared("outputs alone are compared, and this task answers an error")
    data = read_model_file(model)
    if is_onnx(data):
        return onnx_reference.compare(task, data, read_graph(data), samples, answers, track)
    return _beside_micro(task, data, samples, answers, track, stream=stream)


def _beside_micro(
    task: Task,
    data: bytes,
    samples: Sequence[Sample],
    answers: Mapping[str, Answer],
    track: Track,
    *,
    stream: bool,
) -> Reference:
    """Return how many answers the interpreter of TensorFlow Lite Micro gives as well."""
    try:
        from tflite_micro import runtime
    except ImportError:
        return not_compared(extras.missing("the reference", "tflite-micro", EXTRA))
    outline = read_outline(data)
    interpreter, why_not = _interpreter(runtime, data)
    if interpreter is None:
        return not_compared(f"the reference interpreter refuses the model: {why_not}")
    sources = [interpreter.get_input_details(number) for number in range(len(outline.inputs))]
    targets = [interpreter.get_output_details(number) for number in range(len(outline.outputs))]
    if not _takes(task, sources):
        return not_compared(f"the reference takes no inputs of {task.input_format}")
    anew = not stream and outline.keeps_state
    equal, first, most = 0, None, 0.0
    for sample in track(samples, "reference", len(samples)):
        if anew:  # a state is as it was at first, as on the DUT; reset() runs no initialiser
            interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_B)
        wanted, why_not = _infer(interpreter, task, sources, targets, sample.windows()[0])
        if wanted is None:
            return not_compared(f"the reference interpreter fails on {sample.name}: {why_not}")
        most = max(most, float(abs(wanted).max(initial=0)))
        differs = _differing(answers[sample.name].results, targets, wanted)
        equal += not differs
        first = first or (differs and f"{sample.name}: {differs}")
    return Reference(
        computed_by=f"tflite-micro {version('tflite-micro')}",
        count=len(samples),
        equal=equal,
        to_the_bit=most <= WHOLE_MOST
        and all(np.dtype(target["dtype"]).kind != "f" for target in targets),
        first_differing=first or None,
    )


def refusal_of(data: bytes) -> str:
    """Return why the reference interpreter takes no such model; "" where it does, or is none."""
    try:
        from tflite_micro import runtime
    except ImportError:
        return ""
    return _interpreter(runtime, data)[1]


def _interpreter(runtime: Any, data: bytes) -> tuple[Any, str]:
    """Return the interpreter of a model and "", or None and why there is none."""
    return _heard(lambda: runtime.Interpreter.from_bytes(data, arena_size=ARENA_B))


def _heard(call: Callable[[], T]) -> tuple[T | None, str]:
    """Return what the interpreter gives and "", or None and why it gives nothing.

    What a kernel has against a model or an input it writes to standard error alone, from C.
    """
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            return call(), ""
        except (RuntimeError, ValueError) as error:
            said.seek(0)
            lines = said.read(SAID_MOST_B).decode("utf-8", "replace").splitlines()
            return None, one_line("; ".join([str(error) or "it failed", *filter(None, lines)]))
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _takes(task: Task, sources: Sequence[dict[str, Any]]) -> bool:
    """Return whether an upload is what the reference takes, as it is or turned from uint8."""
    sent = np.dtype(task.input_format)
    types = {np.dtype(source["dtype"]) for source in sources}
    return types == {sent} or (types == {np.dtype("int8")} and sent == np.uint8)


def _infer(
    interpreter: Any,
    task: Task,
    sources: Sequence[dict[str, Any]],
    targets: Sequence[dict[str, Any]],
    data: bytes,
) -> tuple[Values | None, str]:
    """Return all outputs, one after the other, in their own steps, and ""; or None and why not."""
    at = 0
    for number, source in enumerate(sources):
        dtype = np.dtype(source["dtype"])
        size_b = int(np.prod(source["shape"])) * dtype.itemsize
        part = np.frombuffer(data[at : at + size_b], np.uint8)
        if dtype == np.int8 and task.input_format == "uint8":
            part = part ^ np.uint8(0x80)
        interpreter.set_input(part.view(dtype).reshape(source["shape"]), number)
        at += size_b
    if why_not := _heard(interpreter.invoke)[1]:
        return None, why_not
    found = [interpreter.get_output(number).reshape(-1) for number in range(len(targets))]
    return np.concatenate([one.astype(np.float64) for one in found]), ""


def _differing(printed: str, targets: Sequence[dict[str, Any]], wanted: Values) -> str:
    """Return where printed outputs differ from those of the reference; "" where nowhere."""
    found = np.array(answered(printed))
    if found.shape != wanted.shape:
        return f"{found.size} outputs, not {wanted.size}"
    off = np.zeros(wanted.shape, bool)
    at = 0
    for target in targets:
        part = slice(at, at := at + int(np.prod(target["shape"])))
        scales = target["quantization_parameters"]["scales"]
        if np.dtype(target["dtype"]).kind == "f":
            off[part] = abs(found[part] - wanted[part]) > _digit(printed) + 1e-6 * abs(wanted[part])
            continue
        if len(scales):
            zero_point = int(target["quantization_parameters"]["zero_points"][0])
            found[part] = np.rint(found[part] / float(scales[0])) + zero_point
        off[part] = found[part] != wanted[part].astype(np.float32)
    if not off.any():
        return ""
    first = int(np.flatnonzero(off)[0])
    both = f"{found[first]:g}, not {wanted[first]:g}"
    return f"output {first} is {both}; {off.sum()} of {off.size} differ"


def _digit(printed: str) -> float:
    """Return what the last printed digit of a value stands for."""
    return 10.0 ** -len(printed.split(",")[0].partition(".")[2])
