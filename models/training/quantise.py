"""Turn a trained Keras model into an int8 .tflite, check its form, and run it as the boards do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from tinybench.errors import ModelError
from tinybench.scratch import scratch

from .command import described, extra, say, tensorflow


@dataclass(frozen=True)
class Form:
    """What of a model must be as in the public reference model of its task."""

    operators: Sequence[str]
    input_shape: Sequence[int]
    output_shape: Sequence[int]
    input_scale: float | None
    """Scale and zero point of the input; None where they follow from the training data."""
    input_zero_point: int | None
    softmax: bool
    """The output is a softmax: scale 1/256, zero point -128."""


def quantise(model: Any, inputs: NDArray[np.float32]) -> bytes:
    """Return a Keras model as .tflite for one input at a time, int8 throughout.

    `inputs` (n, ...) gives the range of the input and of each activation.
    """
    tf = tensorflow()
    with scratch() as own:
        one_input = tf.TensorSpec((1, *inputs.shape[1:]))
        model.export(str(own), verbose=False, input_signature=[one_input])
        converter = tf.lite.TFLiteConverter.from_saved_model(str(own))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[np.newaxis]] for row in inputs)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        # One scale for a whole dense layer, as in the reference models.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return converter.convert()


def check_form(tflite_model: bytes, form: Form) -> None:
    """Raise ModelError unless operators, shapes and quantisation are as wanted, in int8."""
    graph: Any = tflite.Model.GetRootAs(tflite_model)
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}
    main = graph.Subgraphs(0)
    first, last = main.Tensors(main.Inputs(0)), main.Tensors(main.Outputs(0))
    output = last.Quantization()
    found_and_wanted = {
        "operators": (
            [
                names[graph.OperatorCodes(main.Operators(i).OpcodeIndex()).BuiltinCode()]
                for i in range(main.OperatorsLength())
            ],
            list(form.operators),
        ),
        "input shape": (first.ShapeAsNumpy().tolist(), list(form.input_shape)),
        "output shape": (last.ShapeAsNumpy().tolist(), list(form.output_shape)),
        "types": ([first.Type(), last.Type()], [tflite.TensorType.INT8] * 2),
    }
    if form.input_scale is not None:
        scale, zero_point = first.Quantization().Scale(0), first.Quantization().ZeroPoint(0)
        wanted = float(np.float32(form.input_scale))
        found_and_wanted["input scale"] = ([scale], [wanted])
        found_and_wanted["input zero point"] = ([zero_point], [form.input_zero_point])
    if form.softmax:
        found_and_wanted["output scale"] = ([output.Scale(0)], [1 / 256])
        found_and_wanted["output zero point"] = ([output.ZeroPoint(0)], [-128])
    for what, (found, wanted) in found_and_wanted.items():
        if found != wanted:
            raise ModelError(
                f"the trained model's {what}: {found}, wanted {wanted}: "
                "try the TensorFlow version that the model card names"
            )


def infer(tflite_model: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the outputs (n, values) for int8 inputs (n, ...), by the reference kernels of TFLM."""
    interpreter = extra("tflite_micro").runtime.Interpreter.from_bytes(tflite_model)
    outputs = []
    for row in inputs:
        interpreter.set_input(row[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).ravel().copy())
    return np.array(outputs, np.int8)


def confusion(
    tflite_model: bytes,
    inputs: NDArray[np.int8] | NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: int,
) -> NDArray[np.int64]:
    """Return the confusion matrix [label, answer]; uint8 inputs enter the model less 128."""
    steps = (inputs.astype(np.int16) - (128 if inputs.dtype == np.uint8 else 0)).astype(np.int8)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, infer(tflite_model, steps).argmax(axis=1)), 1)
    return matrix


def describe(matrix: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    """Return a line for each class of a confusion matrix: how many are right, and the mistakes."""
    lines = []
    for label, name in enumerate(classes):
        wrong = ", ".join(
            f"{classes[int(other)]} {matrix[label, other]}"
            for other in np.flatnonzero(matrix[label])
            if other != label
        )
        right, total = matrix[label, label], matrix[label].sum()
        lines.append(f"{name:9} {right:3} of {total} right; as {wrong or '-'}")
    return "\n".join(lines)


def write_model(path: Path, tflite_model: bytes, form: Form) -> None:
    """Write a model and say which it is; raises ModelError when its form is not as wanted."""
    check_form(tflite_model, form)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tflite_model)
    say(f"model: {described(path)}")


def finish(
    path: Path,
    model: Any,
    calibration: NDArray[np.float32],
    form: Form,
    inputs: NDArray[np.int8] | NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: tuple[str, ...],
    what: str,
) -> None:
    """Quantise and write a trained classifier, and say which it is and how good."""
    write_model(path, quantise(model, calibration), form)
    say_top1(path, inputs, labels, classes, what)


def say_top1(
    path: Path,
    inputs: NDArray[np.int8] | NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: tuple[str, ...],
    what: str,
) -> None:
    """Say how good a written model is on held-out inputs, class by class and as a whole."""
    matrix = confusion(path.read_bytes(), inputs, labels, len(classes))
    say(describe(matrix, classes))
    right, total = int(matrix.trace()), int(matrix.sum())
    say(
        f"{path.stem}: top-1 on held-out {what} after quantisation: {right} of {total} "
        f"= {right / total:.1%}"
    )
