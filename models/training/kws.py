"""Make the embedded keyword set and train, quantise and check the model for it.

    python -m tinybench.models.training.kws [--out DIR] [--short] [--seed N]

Needs TensorFlow, tflite-micro and espeak-ng (`make setup-train`).
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.keywords import (
    CLASSES,
    class_features,
    espeak_version,
    keyword_set,
    write_dataset,
)
from tinybench.datasets.mfcc import COEFFICIENTS, FRAMES, INPUT_SCALE, INPUT_ZERO_POINT, dequantise

from .command import command, say, say_set, tensorflow, tools
from .fit import held_and_used, optimizer
from .quantise import Form, finish

TEST_PER_CLASS = 25
TRAIN_PER_CLASS = 2500
EPOCHS = 20
FILTERS = 64

# The builtin operators of the public reference model, in its order, without the RESHAPE before the
# dense layer: today's converter folds it, so that FULLY_CONNECTED reads 1x1x1x64 as 64 values.
FORM = Form(
    operators=(
        ["CONV_2D"] + ["DEPTHWISE_CONV_2D", "CONV_2D"] * 4
        + ["AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
    ),
    input_shape=(1, FRAMES, COEFFICIENTS, 1),
    output_shape=(1, len(CLASSES)),
    input_scale=INPUT_SCALE,
    input_zero_point=INPUT_ZERO_POINT,
    softmax=True,
)  # fmt: skip


def build() -> Any:
    """Return the DS-CNN of the public reference as an untrained Keras model, 49x10x1 to 12 classes.

    Ref: mlcommons/tiny, benchmark/training/keyword_spotting (keras_model.py); Zhang et al.,
    "Hello Edge: Keyword Spotting on Microcontrollers", 2017.
    """
    layers = tensorflow().keras.layers
    regularizer = tensorflow().keras.regularizers.L2(1e-4)

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
    return tensorflow().keras.Model(inputs, outputs)


def train(features: NDArray[np.int8], labels: NDArray[np.uint8], epochs: int, seed: int) -> Any:
    """Train a new model on int8 features (n, 490) and return it; one input in twenty validates."""
    keras = tensorflow().keras
    held, used = held_and_used(np.random.default_rng(seed), len(labels))
    inputs = _as_inputs(features)
    steps = -(-len(used) // 100)
    model = build()
    model.compile(
        optimizer=optimizer(epochs * steps),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def report(epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        say(
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


def calibration_inputs(features: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return inputs to quantise the model by, its input as the official inputs are.

    `features` (n, 490) give the ranges of the activations. The range of the input follows from
    the official quantisation instead, so that inputs fit the official model and this one alike.
    """
    inputs = _as_inputs(features)
    # The converter takes the input's range from what it sees: show it both ends of the official.
    ends = np.array([[-128], [127]], np.int8)
    low, high = dequantise(ends).ravel()
    inputs[0].flat[0], inputs[1].flat[0] = low, high
    return inputs


def make(data_dir: Path, model_dir: Path, seed: int, short: bool) -> None:
    """Write kws01.zip and kws01.tflite and print how good they are."""
    train_per_class, test_per_class, epochs = (
        (40, 5, 2) if short else (TRAIN_PER_CLASS, TEST_PER_CLASS, EPOCHS)
    )
    say(f"{espeak_version()}, {tools(seed)}")
    test_features, test_labels = keyword_set("test", test_per_class, seed)
    write_dataset(data_dir / "kws01.zip", test_features, test_labels)
    say_set(data_dir / "kws01.zip", len(test_labels), "inputs")

    parts = []
    for label, name in enumerate(CLASSES):
        parts.append(class_features("train", label, train_per_class, seed))
        say(f"training clips: {train_per_class} of class {name} ({label + 1}/{len(CLASSES)})")
    features = np.concatenate(parts)
    labels = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), train_per_class)

    model = train(features, labels, epochs, seed)
    calibration = np.random.default_rng(seed).permutation(features)[:500]
    path = model_dir / "kws01.tflite"
    inputs = test_features.reshape(-1, *FORM.input_shape[1:])
    finish(
        path, model, calibration_inputs(calibration), FORM, inputs, test_labels, CLASSES, "voices"
    )


def _as_inputs(features: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return int8 features (n, 490) as the model's real-valued input (n, 49, 10, 1)."""
    return dequantise(features).reshape(-1, FRAMES, COEFFICIENTS, 1)


main = partial(
    command,
    "tinybench.models.training.kws",
    "Make the embedded keyword set and model from nothing.",
    make,
)
"""The command line; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
