"""Make the embedded machine sounds and train, quantise and check the autoencoder for them.

    python -m tinybench.models.training.ad [--out DIR] [--short] [--seed N]

Needs TensorFlow and tflite-micro (`make setup-train`).
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from tinybench.datasets.logmel import MEL_BINS, WINDOW_FRAMES, log_mel, windows
from tinybench.datasets.machines import FAULTS, MACHINES, machine_set, sound, write_dataset

from .command import command, say, say_set, tensorflow, tools
from .fit import optimizer
from .quantise import Form, infer, quantise, write_model

INPUTS = WINDOW_FRAMES * MEL_BINS
WIDTHS = (128, 128, 128, 128, 8, 128, 128, 128, 128)

FORM = Form(
    operators=["FULLY_CONNECTED"] * (len(WIDTHS) + 1),
    input_shape=(1, INPUTS),
    output_shape=(1, INPUTS),
    input_scale=None,
    input_zero_point=None,
    softmax=False,
)

TEST_COUNT = 80
TRAIN_COUNT = 1600
EPOCHS = 30


def build() -> Any:
    """Return the autoencoder of the public reference, untrained: 640 to 8 to 640 values.

    Ref: mlcommons/tiny, benchmark/training/anomaly_detection (keras_model.py); Koizumi et al.,
    DCASE 2020 challenge task 2, baseline.
    """
    keras = tensorflow().keras
    inputs = x = keras.layers.Input((INPUTS,))
    for width in WIDTHS:
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(keras.layers.Dense(width)(x)))
    return keras.Model(inputs, keras.layers.Dense(INPUTS)(x))


def train(frames: NDArray[np.float32], epochs: int) -> Any:
    """Train a new model on windows (n, 640) of machines in good order and return it."""
    keras = tensorflow().keras
    model = build()
    steps = -(-len(frames) // 512)
    model.compile(
        optimizer=optimizer(epochs * steps),
        loss="mse",
    )
    # The last layer starts at the mean spectrum; it would take epochs to find these offsets.
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, frames.mean(axis=0)])

    def report(epoch: int, logs: dict[str, float] | None = None) -> None:
        say(f"epoch {epoch + 1}/{epochs}: mean squared error {(logs or {})['loss']:.2f} dB^2")

    model.fit(
        frames,
        frames,
        batch_size=512,
        epochs=epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
    )
    return model


def score(tflite_model: bytes, frames: NDArray[np.float32]) -> float:
    """Return how anomalous a sound is: frames (n, 128) to the mean squared error in dB^2.

    It is taken between the real-valued input and the dequantised output, over all windows.
    """
    graph: Any = tflite.Model.GetRootAs(tflite_model)
    main = graph.Subgraphs(0)
    ends = (main.Tensors(main.Inputs(0)), main.Tensors(main.Outputs(0)))
    (scale, zero_point), (out_scale, out_zero_point) = (
        (end.Quantization().Scale(0), end.Quantization().ZeroPoint(0)) for end in ends
    )
    inputs = windows(frames)
    steps = np.clip(np.round(inputs / scale) + zero_point, -128, 127).astype(np.int8)
    outputs = (infer(tflite_model, steps).astype(np.float64) - out_zero_point) * out_scale
    return float(np.mean((inputs - outputs) ** 2))


def auc(scores: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Return the share of pairs of an anomaly (1) and a normal sound (0) in the right order."""
    anomalous, normal = scores[labels == 1][:, np.newaxis], scores[labels == 0]
    return float(np.mean((anomalous > normal) + 0.5 * (anomalous == normal)))


def make(data_dir: Path, model_dir: Path, seed: int, short: bool) -> None:
    """Write ad01.zip and ad01.tflite and print how good they are."""
    say(tools(seed))

    features, labels = machine_set(16 if short else TEST_COUNT, seed)
    write_dataset(data_dir / "ad01.zip", features, labels)
    say_set(data_dir / "ad01.zip", len(labels), "sounds")
    count = 80 if short else TRAIN_COUNT
    good = np.concatenate([windows(log_mel(sound("train", i, seed))) for i in range(count)])
    say(f"training windows: {len(good)}")

    model = train(good, 2 if short else EPOCHS)
    calibration = np.random.default_rng(seed).permutation(good)[:1000]
    tflite_model = quantise(model, calibration)
    write_model(model_dir / "ad01.tflite", tflite_model, FORM)

    scores = np.array([score(tflite_model, frames) for frames in features])
    normal = scores[labels == 0]
    say(f"normal: scores {normal.min():.1f} to {normal.max():.1f} dB^2")
    index = np.arange(len(labels))
    for at, fault in enumerate(FAULTS):
        chosen = (labels == 1) & (index // (2 * len(MACHINES)) % len(FAULTS) == at)
        if chosen.any():
            found = scores[chosen]
            own = auc(np.append(normal, found), np.repeat([0, 1], [len(normal), len(found)]))
            say(f"{fault}: scores {found.min():.1f} to {found.max():.1f} dB^2, AUC {own:.3f}")
    say(f"AUC on held-out sounds after quantisation: {auc(scores, labels):.3f} of {len(labels)}")


main = partial(
    command,
    "tinybench.models.training.ad",
    "Make the embedded machine sounds and anomaly detection model from nothing.",
    make,
)
"""The command line; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
