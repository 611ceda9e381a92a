"""The DUT's answers beside those of the reference kernels of TensorFlow Lite Micro, to the bit."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tinybench import extras
from tinybench.datasets.reader import Sample
from tinybench.errors import ModelError
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.track import Track

from ..build.task import Task
from ..dut.inference import parse_results
from ..results.result import Answer, Reference

ARENA_B = 64 << 20
"""Of the interpreter, on this computer: more than any microcontroller has."""
EXTRA = "reference"


def compare(
    task: Task, model: Path, samples: Sequence[Sample], answers: Mapping[str, Answer], track: Track
) -> Reference:
    """Return how many answers the reference kernels give as well.

    `answers` are those of the DUT by the name of the input; a printed value is the output that it
    is nearest to, for the firmware prints as many decimals as tell two apart. Where nothing can be
    compared, the result says why. Raises ModelError when the model cannot be read.
    """
    if task.input_format == "float32" or task.result != "output":
        return _none("only int8 inputs and outputs are compared")
    try:
        from tflite_micro import runtime
    except ImportError:
        return _none(extras.missing("the reference", "tflite-micro", EXTRA))
    try:
        interpreter: Any = runtime.Interpreter.from_bytes(
            read_bytes(model, WHOLE_MOST_B), arena_size=ARENA_B
        )
        given, got = interpreter.get_input_details(0), interpreter.get_output_details(0)
    except OSError as error:
        raise ModelError(f"{model}: cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError, IndexError) as error:
        return _none(f"the reference interpreter refuses the model: {error}")
    quantised = got["quantization_parameters"]
    if len(quantised["scales"]) != 1:
        return _none("the output is not quantised")
    scale, zero_point = float(quantised["scales"][0]), int(quantised["zero_points"][0])
    flip = 128 if task.input_format == "uint8" else 0
    equal, first = 0, None
    for sample in track(samples, "reference", len(samples)):
        data = np.frombuffer(sample.windows()[0], np.uint8) ^ np.uint8(flip)
        interpreter.set_input(data.view(np.int8).reshape(given["shape"]), 0)
        interpreter.invoke()
        wanted = interpreter.get_output(0).reshape(-1).astype(int)
        printed = np.array(parse_results(answers[sample.name].results))
        found = np.rint(printed / scale).astype(int) + zero_point
        if found.shape == wanted.shape and (found == wanted).all():
            equal += 1
        elif first is None:
            first = _differing(sample.name, found, wanted)
    return Reference(
        computed_by=f"tflite-micro {version('tflite-micro')}",
        count=len(samples),
        equal=equal,
        first_differing=first,
    )


def _differing(name: str, found: np.ndarray, wanted: np.ndarray) -> str:
    if found.shape != wanted.shape:
        return f"{name}: {found.size} outputs, not {wanted.size}"
    at = int(np.flatnonzero(found != wanted)[0])
    count = int((found != wanted).sum())
    return f"{name}: output {at} is {found[at]}, not {wanted[at]}; {count} of {found.size} differ"


def _none(why: str) -> Reference:
    return Reference(computed_by="", count=0, equal=0, why_not=why)
