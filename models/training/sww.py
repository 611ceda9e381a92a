"""Make the embedded wake word recordings and train, quantise and check the model for them.

    python -m tinybench.models.training.sww [--out DIR] [--short] [--seed N]

Needs TensorFlow, tflite-micro and espeak-ng (`make setup-train`).
"""

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.keywords import espeak_version
from tinybench.datasets.wake import features
from tinybench.datasets.wake.build_list import BuildList
from tinybench.datasets.wake.embedded import make_archive, read_recording, reader
from tinybench.datasets.wake.features import HISTORY_FRAMES, HOP_SAMPLES, MEL_BINS, SAMPLE_RATE_HZ
from tinybench.datasets.wake.recording import Recording, build
from tinybench.datasets.wake.speech import (
    NEAR_WORDS,
    WAKE_WORD,
    Section,
    backgrounds,
    sentences,
    word_clips,
    words,
)
from tinybench.runner.streaming.curve import det_curve, detections
from tinybench.runner.streaming.score import latencies_s
from tinybench.runner.streaming.verdict import judge_frames

from .command import command, described, say, tensorflow, tools
from .fit import optimizer
from .quantise import Form, infer, quantise, write_model

WORD, SILENCE, OTHER = range(3)
CLASSES = ("Marvin", "Silence", "Other")

# The builtin operators of the public reference model, in its order, without the RESHAPE before the
# dense layer, which today's converter folds.
FORM = Form(
    operators=["DEPTHWISE_CONV_2D", "CONV_2D"] * 4 + ["FULLY_CONNECTED", "SOFTMAX"],
    input_shape=(1, HISTORY_FRAMES, 1, MEL_BINS),
    output_shape=(1, len(CLASSES)),
    input_scale=features.INPUT_SCALE,
    input_zero_point=features.INPUT_ZERO_POINT,
    softmax=True,
)

STREAMS = 18
STREAM_S = 600.0
WAKE_CLIPS, NEAR_CLIPS, SENTENCES = 2400, 540, 1800
"""Each is said once, and heard again in two other voices (`varied`)."""
EPOCHS = 40
STRETCH, BATCH = 96, 32
"""Histories that are trained on at once, and how many times as many in a step."""
WEIGHTS = np.zeros((256, len(CLASSES)), np.float32)
"""Of a frame, by its class: a history of the word is seldom; of 255 nothing is learnt."""
WEIGHTS[WORD, WORD], WEIGHTS[SILENCE, SILENCE], WEIGHTS[OTHER, OTHER] = 4, 1, 1
_PAIRS = ((3, 128), (5, 128), (10, 128), (15, 32))
"""Rows of a depthwise convolution, and filters of the pointwise one after it."""


def build_model(frames: int = HISTORY_FRAMES) -> Any:
    """Return the network of the public reference, untrained: 30 x 1 x 40 to 3 classes.

    Of more frames it gives the classes of each history in them, frame by frame: nothing is padded,
    so that all of them share what they have in common, and training takes minutes.
    Ref: mlcommons/tiny, benchmark/training/streaming_wakeword (keras_model.py).
    """
    keras = tensorflow().keras
    layers, l2 = keras.layers, keras.regularizers.L2(1e-5)
    inputs = x = layers.Input((frames, 1, MEL_BINS))
    for rows, filters in _PAIRS:
        x = layers.DepthwiseConv2D((rows, 1), use_bias=False, depthwise_regularizer=l2)(x)
        x = layers.BatchNormalization(momentum=0.95)(x)
        x = layers.Conv2D(filters, 1, use_bias=False, kernel_regularizer=l2)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
    x = layers.Dropout(0.3)(x)
    if frames == HISTORY_FRAMES:
        x = layers.Dense(len(CLASSES), activation="softmax")(layers.Flatten()(x))
    else:
        x = layers.Conv2D(len(CLASSES), 1, activation="softmax")(x)
    return keras.Model(inputs, x)


def varied(said: list[NDArray[np.int16]], seed: int, times: int = 2) -> Iterator[NDArray[np.int16]]:
    """Yield speech as it is, and as larger or smaller, duller or sharper throats would say it."""
    rng = np.random.default_rng([seed, len(said)])
    yield from said
    for clip in said * times:
        at = np.arange(0, len(clip) - 1, rng.uniform(0.86, 1.16))
        sound = np.interp(at, np.arange(len(clip)), clip)
        tilted = np.append(sound[:1], sound[1:] + rng.uniform(-0.6, 0.6) * sound[:-1])
        yield np.round(tilted * (29_000 / np.abs(tilted).max())).astype(np.int16)


def streams(
    count: int, length_s: float, clips: dict[str, NDArray[np.int16]], seed: int
) -> Iterator[tuple[Recording, NDArray[np.uint8]]]:
    """Yield recordings of training speech, each with the class of every frame; 255: none.

    `clips` are words ("{word}/..."), near words ("{near}/...") and talk ("{talk}/...").
    """
    rng = np.random.default_rng([seed, 3])
    talk = {name: len(clip) for name, clip in clips.items() if name.startswith("{talk}")}
    spoken = [name for name in clips if name.startswith("{word}")]
    near = [name for name in clips if name.startswith("{near}")]
    for _ in range(count):
        places = []
        sections = []
        for begin_s in np.arange(0, length_s, 20.0):
            sections.append(_section(float(begin_s), bool(rng.random() < 0.3), rng))
            if sections[-1].talk <= 0.25:
                which = rng.random(8) < 0.75
                places += [str(rng.choice(spoken if one else near)) for one in which]
        wanted = BuildList(
            backgrounds=backgrounds(sections, talk, rng),
            words=words(places, 1.0, length_s - 3, 1.4, rng),
            length_s=length_s,
        )
        heard = build(wanted, reader(clips), "training")
        gain = 10 ** rng.uniform(-1.2, 0)
        quieter = Recording((heard.samples * gain).astype(np.int16), heard.windows_s)
        yield quieter, _classes(quieter, [one.path in spoken for one in wanted.words], sections)


def _section(begin_s: float, loud: bool, rng: np.random.Generator) -> Section:
    """Draw the backgrounds of 20 s: loud talk, or anything that a word is heard above."""

    def level(share: float, most: float) -> float:
        return float(10 ** rng.uniform(-2, np.log10(most))) if rng.random() < share else 0.0

    return Section(
        begin_s,
        begin_s + 20,
        talk=float(rng.uniform(0.3, 0.8)) if loud else level(0.5, 0.25),
        music=level(0.4, 0.25),
        pink=level(0.7, 0.2),
        hum=level(0.2, 0.2),
        white=level(0.2, 0.1),
    )


def _classes(heard: Recording, is_word: list[bool], sections: list[Section]) -> NDArray[np.uint8]:
    """Return the class of each frame's history.

    It is the word's from its end on, as long as all of it is seen; none when part of it is, or
    when it was over loud talk.
    """
    count = len(heard.samples) // HOP_SAMPLES
    ends_s = (np.arange(count) + 1) * (HOP_SAMPLES / SAMPLE_RATE_HZ)
    begins_s = ends_s - (HISTORY_FRAMES + 1) * (HOP_SAMPLES / SAMPLE_RATE_HZ)
    classes = np.full(count, SILENCE, np.uint8)
    loud = np.zeros(count, bool)
    for section in sections:
        inside = (ends_s > section.begin_s) & (begins_s < section.end_s)
        if section.talk:
            classes[inside] = OTHER
        loud |= inside & (section.talk > 0.25)
    for (start_s, end_s), is_one in zip(heard.windows_s, is_word, strict=True):
        touched = (ends_s > start_s) & (begins_s < end_s)
        if not is_one:
            classes[touched & (classes != WORD)] = OTHER
            continue
        half_s = start_s + 0.4 * (end_s - start_s)
        seen = (ends_s > half_s) & (begins_s < start_s + 0.5 * (end_s - start_s))
        classes[touched] = OTHER
        classes[seen] = 255
        whole = (ends_s >= end_s - 0.02) & (begins_s <= start_s + 0.02)
        whole &= ends_s <= max(end_s + 0.35, start_s + 0.6)
        classes[whole & ~loud] = WORD
    return classes


def train(
    frames: list[NDArray[np.int8]], classes: list[NDArray[np.uint8]], epochs: int, seed: int
) -> Any:
    """Train a new model on streams of frames (n, 40) with their classes (n,) and return it.

    An epoch sees every history once, in stretches that begin somewhere else each time.
    """
    rng = np.random.default_rng([seed, 4])
    model = build_model(HISTORY_FRAMES - 1 + STRETCH)
    steps = sum(len(one) // STRETCH for one in frames) // BATCH
    model.compile(optimizer=optimizer(epochs * max(1, steps)), loss=_loss)
    for epoch in range(epochs):
        began_s = time.monotonic()
        inputs, labels = _stretches(frames, classes, rng)
        loss = model.fit(inputs, labels, batch_size=BATCH, verbose=0).history["loss"][0]
        say(f"epoch {epoch + 1}/{epochs}: loss {loss:.4f} ({time.monotonic() - began_s:.0f} s)")
    one = build_model()
    *weights, kernel, bias = model.get_weights()
    one.set_weights([*weights, kernel[0, 0], bias])
    return one


def _stretches(
    frames: list[NDArray[np.int8]], classes: list[NDArray[np.uint8]], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return stretches of all streams, shuffled: inputs, and for each frame the weight of each
    class, of which one at most is not 0."""
    inputs, labels = [], []
    for stream, wanted in zip(frames, classes, strict=True):
        first = HISTORY_FRAMES - 1 + int(rng.integers(STRETCH))
        for at in range(first, len(stream) - STRETCH, STRETCH):
            seen = _heard_otherwise(stream[at - HISTORY_FRAMES + 1 : at + STRETCH], rng)
            label = wanted[at : at + STRETCH].copy()
            if rng.random() < 0.1:  # as at the start of a stream: what was before is all 0
                seen[: HISTORY_FRAMES - 1] = 0
                label[: HISTORY_FRAMES - 1][label[: HISTORY_FRAMES - 1] == WORD] = 255
            inputs.append(seen)
            labels.append(WEIGHTS[label])
    order = rng.permutation(len(inputs))
    return as_inputs(np.array(inputs)[order]), np.array(labels)[order][:, :, np.newaxis]


def _heard_otherwise(frames: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    """Return frames of a larger or smaller throat, up to a band, and louder or less, up to 4 dB."""
    bands = np.clip(np.arange(MEL_BINS) + rng.integers(-1, 2), 0, MEL_BINS - 1)
    moved = frames[:, bands].astype(np.int16)
    louder = np.clip(moved + rng.integers(-16, 17), -128, 127)
    return np.where(moved > -128, louder, -128).astype(np.int8)


def _loss(weights: Any, outputs: Any) -> Any:
    """Return the cross entropy, weighted by frame."""
    tf = tensorflow()
    return -tf.reduce_mean(tf.reduce_sum(weights * tf.math.log(outputs + 1e-7), axis=-1))


def as_inputs(histories: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return int8 histories (n, 30, 40) as the model's real-valued input (n, 30, 1, 40)."""
    steps = histories.astype(np.float32) - features.INPUT_ZERO_POINT
    return (steps * np.float32(features.INPUT_SCALE))[:, :, np.newaxis]


def heard(tflite_model: bytes, recording: Recording) -> NDArray[np.int8]:
    """Return the outputs for each frame of a recording, (frames, 3), by the kernels of TFLM."""
    frames = features.quantise(features.log_mel(recording.samples))
    return infer(tflite_model, features.histories(frames)[:, :, np.newaxis])


def make(data_dir: Path, model_dir: Path, seed: int, short: bool) -> None:
    """Write sww01.zip and sww01.tflite and print how good they are."""
    say(f"{espeak_version()}, {tools(seed)}")
    archive = data_dir / "sww01.zip"
    make_archive(archive, seed)
    say(f"recordings: {described(archive)}")

    many = 40 if short else 1
    clips = {
        f"{{{root}}}/{at}": clip
        for root, said in (
            ("word", word_clips("train", [WAKE_WORD] * (WAKE_CLIPS // many), seed)),
            ("near", word_clips("train", NEAR_WORDS * max(1, NEAR_CLIPS // many // 18), seed + 1)),
            ("talk", sentences("train", SENTENCES // many, seed, 0.1)),
        )
        for at, clip in enumerate(varied(said, seed))
    }
    say(f"training speech: {len(clips)} clips, {sum(map(len, clips.values())) / 16_000:.0f} s")
    frames, classes = [], []
    for recording, wanted in streams(
        1 if short else STREAMS, 120.0 if short else STREAM_S, clips, seed
    ):
        frames.append(features.quantise(features.log_mel(recording.samples)))
        classes.append(wanted)
    counts = [sum(int((one == label).sum()) for one in classes) for label in range(len(CLASSES))]
    say(f"training frames: {dict(zip(CLASSES, counts, strict=True))}")

    model = train(frames, classes, 1 if short else EPOCHS, seed)
    rng = np.random.default_rng([seed, 5])
    seen, wanted = features.histories(frames[0]), classes[0]
    calibration = as_inputs(
        seen[
            np.concatenate(
                [rng.choice(np.flatnonzero(wanted == label), 200) for label in range(len(CLASSES))]
            )
        ]
    )
    # The converter takes the input's range from what it sees: show it both ends of the official.
    calibration[0].flat[0], calibration[1].flat[0] = 0, 255 * features.INPUT_SCALE
    tflite_model = quantise(model, calibration)
    write_model(model_dir / "sww01.tflite", tflite_model, FORM)
    for which in ("short",) if short else ("short", "long"):
        say_score(tflite_model, read_recording(which, archive), which)


def say_score(tflite_model: bytes, recording: Recording, which: str) -> None:
    """Say what a model makes of a recording, by the rules' reading."""
    outputs = heard(tflite_model, recording)
    frames, windows_s = detections(outputs), recording.windows_s
    found = judge_frames(frames, windows_s, length_s=recording.length_s).rules
    late_s = latencies_s(found, windows_s)
    say(
        f"{which}: {found} of {len(windows_s)} words in {recording.length_s:g} s, F1 {found.f1:.3f}"
        f", {len(frames) - 1} frames above the threshold; first pulse "
        f"{', '.join(f'{at:.2f}' for at in np.quantile(late_s or [0], (0, 0.5, 0.9, 1)))} s after "
        "the end of the word (least, median, 9 of 10, most)"
    )
    say(f"  missed at {', '.join(f'{windows_s[at][0]:g}' for at in found.missed) or '-'} s, false "
        f"at {', '.join(f'{at / 1000:g}' for at in found.false_ms) or '-'} s")  # fmt: skip
    kept = [one for one in det_curve(outputs, windows_s) if max(one.missed, one.false) <= 4]
    if kept:
        say(f"  at most 4 of each with thresholds {kept[0].threshold} to {kept[-1].threshold}")


main = partial(
    command,
    "tinybench.models.training.sww",
    "Make the embedded wake word recordings and model from nothing.",
    make,
)
"""The command line; returns the exit status."""


if __name__ == "__main__":
    sys.exit(main())
