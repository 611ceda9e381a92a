"""Make the embedded keyword set and train, quantise and check the model for it.

    python -m tinybench.models.training.kws [--out DIR] [--short] [--seed N]

Needs TensorFlow, tflite-micro (`pip install 'tinybench-mcu[train]'`) and espeak-ng.
"""

import argparse
import hashlib
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from ...datasets.keywords import (
    CLASSES,
    class_features,
    espeak_version,
    keyword_set,
    write_dataset,
)
from ...datasets.mfcc import COEFFICIENTS, FRAMES, INPUT_SCALE, INPUT_ZERO_POINT, dequantise
from ...runner.errors import ModelError, TinybenchError, ToolMissingError

SEED = 1
TEST_PER_CLASS = 25
FILTERS = 64

# The builtin operators of the public reference model, in its order, without the RESHAPE before the
# dense layer: today's converter folds it, so that FULLY_CONNECTED reads 1x1x1x64 as 64 values.
OPERATORS = (
    ["CONV_2D"] + ["DEPTHWISE_CONV_2D", "CONV_2D"] * 4
    + ["AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
)  # fmt: skip


def build() -> Any:
    """Return the DS-CNN of the public reference as an untrained Keras model, 49x10x1 to 12 classes.

    Ref: mlcommons/tiny, benchmark/training/keyword_spotting (keras_model.py); Zhang et al.,
    "Hello Edge: Keyword Spotting on Microcontrollers", 2017.
    """
    layers = _tensorflow().keras.layers
    regularizer = _tensorflow().keras.regularizers.L2(1e-4)

    def normalised(tensor: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(tensor))

    inputs = x = layers.Input((FRAMES, COEFFICIENTS, 1))
    x = layers.Conv2D(
        FILTERS, (10, 4), strides=2, padding="same", kernel_regularizer=regularizer
    )(x)  # fmt: skip
    x = layers.Dropout(0.2)(normalised(x))
    for _ in range(4):
        x = normalised(
            layers.DepthwiseConv2D(3, padding="same", depthwise_regularizer=regularizer)(x)
        )
        x = normalised(layers.Conv2D(FILTERS, 1, kernel_regularizer=regularizer)(x))
    x = layers.Dropout(0.4)(x)
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    outputs = layers.Dense(len(CLASSES), activation="softmax")(layers.Flatten()(x))
    return _tensorflow().keras.Model(inputs, outputs)


def train(features: NDArray[np.int8], labels: NDArray[np.uint8], epochs: int, seed: int) -> Any:
    """Train a new model on int8 features (n, 490) and return it; one input in twenty validates."""
    keras = _tensorflow().keras
    order = np.random.default_rng(seed).permutation(len(labels))
    held, used = np.split(order, [len(order) // 20])
    inputs = _as_inputs(features)
    steps = -(-len(used) // 100)
    model = build()
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps, alpha=0.01)
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def report(epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        _say(
            f"epoch {epoch + 1}/{epochs}: accuracy {logs['accuracy']:.3f}, "
            f"on inputs not trained on (same voices) {logs['val_accuracy']:.3f}"
        )

    model.fit(
        inputs[used],
        labels[used],
        batch_size=100,
        epochs=epochs,
        verbose=0,
        validation_data=(inputs[held], labels[held]),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
    )
    return model


def quantise_model(model: Any, calibration: NDArray[np.int8]) -> bytes:
    """Return the model as .tflite: int8 throughout, input quantised as the official inputs are.

    `calibration` (n, 490) gives the ranges of the activations. The range of the input follows from
    the official quantisation instead, so that inputs fit the official model and this one alike.
    """
    tf = _tensorflow()
    inputs = _as_inputs(calibration)
    # The converter takes the input's range from what it sees: show it both ends of the official.
    ends = np.array([[-128], [127]], np.int8)
    low, high = dequantise(ends).ravel()
    inputs[0].flat[0], inputs[1].flat[0] = low, high

    with tempfile.TemporaryDirectory() as scratch:
        one_input = tf.TensorSpec((1, FRAMES, COEFFICIENTS, 1))
        model.export(scratch, verbose=False, input_signature=[one_input])
        return _convert(scratch, inputs)


def _convert(saved_model: str, inputs: NDArray[np.float32]) -> bytes:
    """Return a saved model as int8 .tflite, its ranges taken from `inputs`."""
    tf = _tensorflow()
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in inputs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # One scale for the whole dense layer, as in the reference model.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter.convert()


def check_form(tflite_model: bytes) -> None:
    """Raise ModelError unless operators, shapes and quantisation are the reference model's."""
    graph: Any = tflite.Model.GetRootAs(tflite_model)
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}
    main = graph.Subgraphs(0)
    operators = [
        names[graph.OperatorCodes(main.Operators(i).OpcodeIndex()).BuiltinCode()]
        for i in range(main.OperatorsLength())
    ]
    first, last = main.Tensors(main.Inputs(0)), main.Tensors(main.Outputs(0))
    found = {
        "operators": operators,
        "input shape": first.ShapeAsNumpy().tolist(),
        "output shape": last.ShapeAsNumpy().tolist(),
        "input type": first.Type(),
        "output type": last.Type(),
        "input scale": first.Quantization().Scale(0),
        "input zero point": first.Quantization().ZeroPoint(0),
        "output scale": last.Quantization().Scale(0),
        "output zero point": last.Quantization().ZeroPoint(0),
    }
    wanted = {
        "operators": OPERATORS,
        "input shape": [1, FRAMES, COEFFICIENTS, 1],
        "output shape": [1, len(CLASSES)],
        "input type": tflite.TensorType.INT8,
        "output type": tflite.TensorType.INT8,
        "input scale": INPUT_SCALE,
        "input zero point": INPUT_ZERO_POINT,
        "output scale": 1 / 256,
        "output zero point": -128,
    }
    for what, value in wanted.items():
        if found[what] != value:
            raise ModelError(
                f"the trained model's {what}: {found[what]}, wanted {value}: "
                "try the TensorFlow version that the model card names"
            )


def confusion(
    tflite_model: bytes, features: NDArray[np.int8], labels: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the confusion matrix [label, answer] by the reference kernels of TFLM."""
    runtime = _extra("tflite_micro").runtime
    interpreter = runtime.Interpreter.from_bytes(tflite_model)
    matrix = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    for row, label in zip(features, labels, strict=True):
        interpreter.set_input(row.reshape(1, FRAMES, COEFFICIENTS, 1), 0)
        interpreter.invoke()
        matrix[label, int(interpreter.get_output(0).argmax())] += 1
    return matrix


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tinybench.models.training.kws",
        description="Make the embedded keyword set and model from nothing.",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for both files (default: the package's own)"
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="smoke run of about half a minute; keeps its files only with --out",
    )
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    options = parser.parse_args(arguments)
    try:
        if options.short:
            with tempfile.TemporaryDirectory() as scratch:
                out = options.out or Path(scratch)
                _make(out, out, options.seed, train_per_class=40, test_per_class=5, epochs=2)
        else:
            package = Path(__file__).resolve().parents[2]
            data, models = package / "datasets" / "embedded", package / "models" / "embedded"
            _make(
                options.out or data,
                options.out or models,
                options.seed,
                train_per_class=2500,
                test_per_class=TEST_PER_CLASS,
                epochs=20,
            )
    except TinybenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def _make(
    data_dir: Path,
    model_dir: Path,
    seed: int,
    *,
    train_per_class: int,
    test_per_class: int,
    epochs: int,
) -> None:
    """Write kws01.zip and kws01.tflite and print how good they are."""
    tf = _tensorflow()
    started_s = time.monotonic()
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    _say(f"{espeak_version()}, numpy {np.__version__}, TensorFlow {tf.__version__}, seed {seed}")

    test_features, test_labels = keyword_set("test", test_per_class, seed)
    write_dataset(data_dir / "kws01.zip", test_features, test_labels)
    _say(f"test set: {len(test_labels)} inputs, {_described(data_dir / 'kws01.zip')}")

    parts = []
    for label, name in enumerate(CLASSES):
        parts.append(class_features("train", label, train_per_class, seed))
        _say(f"training clips: {train_per_class} of class {name} ({label + 1}/{len(CLASSES)})")
    features = np.concatenate(parts)
    labels = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), train_per_class)

    model = train(features, labels, epochs, seed)
    calibration = np.random.default_rng(seed).permutation(features)[:500]
    tflite_model = quantise_model(model, calibration)
    check_form(tflite_model)
    model_dir.mkdir(parents=True, exist_ok=True)
    (model_dir / "kws01.tflite").write_bytes(tflite_model)
    _say(f"model: {_described(model_dir / 'kws01.tflite')}")

    matrix = confusion(tflite_model, test_features, test_labels)
    for label, name in enumerate(CLASSES):
        wrong = ", ".join(
            f"{CLASSES[other]} {matrix[label, other]}"
            for other in np.flatnonzero(matrix[label])
            if other != label
        )
        _say(f"{name:8} {matrix[label, label]:3} of {matrix[label].sum()} right; as {wrong or '-'}")
    right, total = int(matrix.trace()), int(matrix.sum())
    _say(
        f"top-1 on held-out voices after quantisation: {right} of {total} = {right / total:.1%}, "
        f"made in {time.monotonic() - started_s:.0f} s"
    )


def _as_inputs(features: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return int8 features (n, 490) as the model's real-valued input (n, 49, 10, 1)."""
    return dequantise(features).reshape(-1, FRAMES, COEFFICIENTS, 1)


def _described(path: Path) -> str:
    """Return size and hash of a file."""
    data = path.read_bytes()
    return f"{path} ({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})"


def _say(line: str) -> None:
    print(line, flush=True)


def _tensorflow() -> ModuleType:
    """Import TensorFlow late: it takes seconds and is an extra."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN chooses its order of summation by processor: without it more machines agree.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    return _extra("tensorflow")


def _extra(name: str) -> ModuleType:
    """Import a module of the training extra, or raise ToolMissingError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ToolMissingError(
            f"training needs the Python module {name}, which is not installed here: "
            "try `pip install 'tinybench-mcu[train]'`"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
