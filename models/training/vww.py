"""Make the embedded set of scenes and train, quantise and check the model that sees a person.

    python -m tinybench.models.training.vww [--out DIR] [--short] [--seed N]

Needs TensorFlow and tflite-micro (`make setup-train`).
"""

import multiprocessing
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.scenes import CLASSES, PARTS, SIDE_PX, scene, scenes, write_dataset

from .command import command, say, say_set, tensorflow, tools
from .fit import held_and_used, optimizer
from .quantise import Form, finish

# Filters and stride of each depthwise separable block: MobileNetV1 with alpha 0.25.
BLOCKS = (
    (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (128, 1),
    (128, 1), (256, 2), (256, 1),
)  # fmt: skip

# The operators of the public reference model, without the RESHAPE before the dense layer: today's
# converter folds it, so that FULLY_CONNECTED reads 1x1x1x256 as 256 values.
FORM = Form(
    operators=(
        ["CONV_2D"] + ["DEPTHWISE_CONV_2D", "CONV_2D"] * len(BLOCKS)
        + ["AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
    ),
    input_shape=(1, SIDE_PX, SIDE_PX, 3),
    output_shape=(1, len(CLASSES)),
    input_scale=1 / 255,
    input_zero_point=-128,
    softmax=True,
)  # fmt: skip

TEST_COUNT = 180
TRAIN_COUNT = 16_000
EPOCHS = 12
BATCH = 50


def build() -> tuple[Any, Any]:
    """Return the MobileNetV1 of the public reference, untrained, and the same with a second output.

    It has the input 96x96x3 within 0..1 and 2 classes. The second output, 12x12, is for training
    only: to say where the person is teaches the inner layers with a tenth of the scenes.

    Ref: mlcommons/tiny, benchmark/training/visual_wake_words (vww_model.py); Howard et al.,
    "MobileNets", 2017; Chowdhery et al., "Visual Wake Words Dataset", 2019.
    """
    keras = tensorflow().keras
    layers = keras.layers
    regularizer = keras.regularizers.L2(1e-4)

    def normalised(tensor: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(tensor))

    inputs = x = layers.Input((SIDE_PX, SIDE_PX, 3))
    x = inner = normalised(
        layers.Conv2D(8, 3, strides=2, padding="same", kernel_regularizer=regularizer)(x)
    )
    for filters, strides in BLOCKS:
        x = normalised(layers.DepthwiseConv2D(3, strides=strides, padding="same")(x))
        x = normalised(layers.Conv2D(filters, 1, kernel_regularizer=regularizer)(x))
        inner = x if x.shape[1] == PARTS // 2 else inner
    where = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid")(inner)
    where = layers.Reshape((PARTS, PARTS), name="where")(where)
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x))
    outputs = layers.Dense(len(CLASSES), activation="softmax", name="person")(x)
    return keras.Model(inputs, outputs), keras.Model(inputs, [outputs, where])


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    parts: NDArray[np.float32],
    epochs: int,
    seed: int,
) -> Any:
    """Train a new model on uint8 images (n, 96, 96, 3) and return it; one in twenty validates.

    `parts` (n, 12, 12) tells where the person is, as `scene` returns it.

    Every epoch sees each image mirrored or not, as it falls.
    """
    rng = np.random.default_rng(seed)
    held, used = held_and_used(rng, len(labels))
    steps = -(-len(used) // BATCH)
    model, taught = build()
    taught.compile(
        optimizer=optimizer(epochs * steps),
        loss=["sparse_categorical_crossentropy", "binary_crossentropy"],
        loss_weights=[1.0, 4.0],
        metrics=[["accuracy"], []],
    )
    validation = images[held].astype(np.float32) / np.float32(255), (labels[held], parts[held])
    for epoch in range(epochs):
        seen = images[used].astype(np.float32) / np.float32(255)
        mirrored = rng.random(len(seen)) < 0.5
        seen[mirrored] = seen[mirrored, :, ::-1]
        where = parts[used]
        where[mirrored] = where[mirrored, :, ::-1]
        began_s = time.monotonic()
        history = taught.fit(
            seen, (labels[used], where), batch_size=BATCH, verbose=0, validation_data=validation
        ).history
        say(
            f"epoch {epoch + 1}/{epochs}: accuracy {history['person_accuracy'][0]:.3f}, "
            f"on scenes not trained on {history['val_person_accuracy'][0]:.3f} "
            f"({time.monotonic() - began_s:.0f} s)"
        )
    return model


def make(data_dir: Path, model_dir: Path, seed: int, short: bool) -> None:
    """Write vww01.zip and vww01.tflite and print how good they are."""
    say(tools(seed))

    test_images, test_labels = scenes("test", 20 if short else TEST_COUNT, seed)
    write_dataset(data_dir / "vww01.zip", test_images, test_labels)
    say_set(data_dir / "vww01.zip", len(test_labels), "scenes")
    count = 300 if short else TRAIN_COUNT
    # Fresh processes, for TensorFlow's threads do not survive a fork.
    with multiprocessing.get_context("spawn").Pool() as pool:
        drawn = pool.map(partial(scene, "train", seed=seed), range(count), chunksize=50)
    images = np.array([image for image, _, _ in drawn])
    labels = np.array([label for _, label, _ in drawn], np.uint8)
    parts = np.array([where for _, _, where in drawn], np.float32)
    say(f"training scenes: {count}")

    model = train(images, labels, parts, 1 if short else EPOCHS, seed)
    # The converter takes the input's range from what it sees: show it both ends.
    calibration = images[:300].astype(np.float32) / np.float32(255)
    calibration[0].flat[0], calibration[0].flat[1] = 0, 1
    path = model_dir / "vww01.tflite"
    finish(path, model, calibration, FORM, test_images, test_labels, CLASSES, "scenes")


main = partial(
    command,
    "tinybench.models.training.vww",
    "Make the embedded scenes and visual wake words model from nothing.",
    make,
)
"""The command line; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
