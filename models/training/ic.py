"""Make the embedded set of pictures; train, quantise and check the models ic01 and ic02 for it.

    python -m tinybench.models.training.ic [--out DIR] [--short] [--seed N]

Needs TensorFlow and tflite-micro (`make setup-train`).
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.pictures import CLASSES, SIDE_PX, pictures, write_dataset

from .command import command, say, say_set, tensorflow, tools
from .fit import held_and_used, optimizer
from .quantise import Form, finish

# Filters of the first of the three stages; each further stage doubles them.
FILTERS = {"ic01": 16, "ic02": 40}

# The operators of the public reference models, without the RESHAPE before the dense layer: today's
# converter folds it, so that FULLY_CONNECTED reads 1x1x1xN as N values.
FORM = Form(
    operators=(
        ["CONV_2D"] + ["CONV_2D", "CONV_2D", "ADD"]
        + ["CONV_2D", "CONV_2D", "CONV_2D", "ADD"] * 2
        + ["AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
    ),
    input_shape=(1, SIDE_PX, SIDE_PX, 3),
    output_shape=(1, len(CLASSES)),
    input_scale=1.0,
    input_zero_point=-128,
    softmax=True,
)  # fmt: skip

TEST_COUNT = 200
TRAIN_COUNT = 24_000
EPOCHS = {"ic01": 8, "ic02": 8}
BATCH = 64


def build(filters: int) -> Any:
    """Return the ResNet-8 of the public reference, untrained: 32x32x3 within 0..255 to 10 classes.

    Ref: mlcommons/tiny, benchmark/training/image_classification (keras_model.py); He et al., "Deep
    Residual Learning for Image Recognition", 2015. With 40 filters it is the public large model.
    """
    keras = tensorflow().keras
    layers = keras.layers

    def convolved(tensor: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
        return layers.Conv2D(
            filters,
            kernel,
            strides=strides,
            padding="same",
            kernel_initializer="he_normal",
            kernel_regularizer=keras.regularizers.L2(1e-4),
        )(tensor)

    def normalised(tensor: Any) -> Any:
        return layers.BatchNormalization(momentum=0.95)(tensor)

    inputs = x = layers.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.ReLU()(normalised(convolved(x, filters)))
    for stage in range(3):
        width, strides = filters << stage, 2 if stage else 1
        y = layers.ReLU()(normalised(convolved(x, width, strides=strides)))
        y = normalised(convolved(y, width))
        if stage:
            x = convolved(x, width, kernel=1, strides=strides)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x))
    outputs = layers.Dense(len(CLASSES), activation="softmax", kernel_initializer="he_normal")(x)
    return keras.Model(inputs, outputs)


def train(
    model: Any, images: NDArray[np.uint8], labels: NDArray[np.uint8], epochs: int, seed: int
) -> None:
    """Train a model on uint8 images (n, 32, 32, 3); one in twenty validates.

    Every epoch sees each image mirrored or not, as it falls.
    """
    rng = np.random.default_rng(seed)
    held, used = held_and_used(rng, len(labels))
    steps = -(-len(used) // BATCH)
    model.compile(
        optimizer=optimizer(epochs * steps),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    validation = images[held].astype(np.float32), labels[held]
    for epoch in range(epochs):
        seen = images[used].astype(np.float32)
        mirrored = rng.random(len(seen)) < 0.5
        seen[mirrored] = seen[mirrored, :, ::-1]
        began_s = time.monotonic()
        history = model.fit(
            seen, labels[used], batch_size=BATCH, verbose=0, validation_data=validation
        ).history
        say(
            f"epoch {epoch + 1}/{epochs}: accuracy {history['accuracy'][0]:.3f}, "
            f"on pictures not trained on {history['val_accuracy'][0]:.3f} "
            f"({time.monotonic() - began_s:.0f} s)"
        )


def make(data_dir: Path, model_dir: Path, seed: int, short: bool) -> None:
    """Write ic01.zip, ic01.tflite and ic02.tflite and print how good they are."""
    say(tools(seed))

    test_images, test_labels = pictures("test", 50 if short else TEST_COUNT, seed)
    write_dataset(data_dir / "ic01.zip", test_images, test_labels)
    say_set(data_dir / "ic01.zip", len(test_labels), "pictures")
    images, labels = pictures("train", 500 if short else TRAIN_COUNT, seed)
    say(f"training pictures: {len(labels)}")

    # The converter takes the input's range from what it sees: show it both ends.
    calibration = images[:300].astype(np.float32)
    calibration[0].flat[0], calibration[0].flat[1] = 0, 255
    for name, filters in FILTERS.items():
        tensorflow().keras.utils.set_random_seed(seed)
        model = build(filters)
        train(model, images, labels, 1 if short else EPOCHS[name], seed)
        path = model_dir / f"{name}.tflite"
        finish(path, model, calibration, FORM, test_images, test_labels, CLASSES, "pictures")


main = partial(
    command,
    "tinybench.models.training.ic",
    "Make the embedded pictures and both image classification models from nothing.",
    make,
)
"""The command line; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
