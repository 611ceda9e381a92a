"""The embedded machine sounds for anomaly detection: synthesised toy machines, some with a fault.

Each sound depends on the seed, the split and its index alone. Four machines, which a model has
heard in good order only, run on motor, gears, bearing and belt; a fault adds knocks, rub,
misalignment, wobble or rattle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .archive import write_archive
from .logmel import MEL_BINS, SAMPLE_RATE_HZ, log_mel

DURATION_S = 2.0
WINDOW_B, STRIDE_B = 5 * MEL_BINS * 4, MEL_BINS * 4

Split = Literal["train", "test"]
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Machine:
    """What makes one machine sound unlike another in good order."""

    speed_hz: float
    """Revolutions of the motor each second."""
    teeth: int
    harmonics: tuple[float, ...]
    """Level of each harmonic of the speed."""
    resonances_hz: tuple[float, ...]
    """The casing rings at these."""
    belt: float
    """Level of the rush of the belt."""


MACHINES = (
    Machine(31.0, 17, (1.0, 0.5, 0.3, 0.2, 0.1), (640, 2100, 4300), 0.30),
    Machine(38.0, 13, (0.8, 0.6, 0.2, 0.3, 0.2), (820, 1700, 5200), 0.45),
    Machine(44.0, 21, (1.0, 0.3, 0.4, 0.1, 0.1), (480, 2600, 3900), 0.25),
    Machine(52.0, 11, (0.6, 0.7, 0.3, 0.2, 0.3), (950, 2300, 6100), 0.40),
)
STRANGER = Machine(61.0, 9, (0.5, 0.2, 0.6, 0.4, 0.3), (420, 1300, 2900), 0.15)
"""A machine that no model has heard, to which one may adapt."""
FAULTS = ("knocks", "rub", "misalignment", "wobble", "rattle")

_SPLITS: tuple[Split, ...] = ("train", "test")


def sound(
    split: Split,
    index: int,
    seed: int,
    fault: str | None = None,
    machines: Sequence[Machine] = MACHINES,
) -> Sound:
    """Return two seconds of machine index % 4 at 16 kHz, within -1..1; `fault` is of FAULTS."""
    rng = np.random.default_rng([seed, _SPLITS.index(split), index])
    machine = machines[index % len(machines)]
    speed_hz = machine.speed_hz * rng.uniform(0.96, 1.04)
    severity = rng.uniform(0.25, 1) if fault else 0.0
    angle = _angle(speed_hz, 0.03 * severity if fault == "wobble" else 0.0, rng)

    motor = _motor(machine, angle, rng)
    gears = _gears(machine, angle, rng)
    if fault == "misalignment":
        for order in (0.5, 1.5, 2.0, 2.5, 4.0):
            motor += 0.3 * severity * np.sin(order * angle + rng.uniform(0, 6))
        gears *= 1 + severity
    rush = machine.belt * rng.uniform(0.8, 1.25) * _noise(300, 5000, rng)
    blows = 0.15 * _noise(50, 7900, rng)
    if fault == "knocks":  # the balls pass a pit in the bearing's race
        blows += 2.5 * severity * _impulses(angle, 3.57, rng)
    if fault == "rattle":  # something loose, whenever it likes
        blows += 6 * severity * (rng.random(len(angle)) < 14 / SAMPLE_RATE_HZ)
    if fault == "rub":  # once in a revolution
        touch = np.maximum(0, np.sin(angle)) ** 4
        rush += 2 * severity * touch * _noise(1500, 7500, rng)
    whole = 0.25 * motor + 0.12 * gears + 0.12 * rush + 0.2 * _ring(blows, machine, rng)
    room = 0.03 * rng.uniform(0.5, 1.5) * _noise(30, 7000, rng)
    return np.clip(0.35 * rng.uniform(0.8, 1.25) * (whole + room), -1, 1)


def machine_set(
    count: int, seed: int, machines: Sequence[Machine] = MACHINES
) -> tuple[list[NDArray[np.float32]], NDArray[np.uint8]]:
    """Return the features, (frames, 128) each, and labels of the test set; half are anomalies (1).

    The features are rounded to 1/64 dB, a 25th of a step of the model's input, to pack well.
    """
    labels = np.array([index // len(machines) % 2 for index in range(count)], np.uint8)
    features = []
    for index, label in enumerate(labels):
        fault = FAULTS[index // (2 * len(machines)) % len(FAULTS)] if label else None
        frames = log_mel(sound("test", index, seed, fault, machines))
        features.append((np.round(frames * 64) / 64).astype(np.float32))
    return features, labels


def write_dataset(
    path: Path,
    features: list[NDArray[np.float32]],
    labels: NDArray[np.uint8],
    first: int = 1,
    machines: int = len(MACHINES),
) -> None:
    """Write sounds as the zip of an EEMBC dataset folder ad01: float32 LE frames of 128.

    `first`: number of the first of so many machines. A line of the label file is
    `normal_id_01_00000000.bin,2,0,2560,512`.
    """
    names = [
        f"{'anomaly' if label else 'normal'}_id_{index % machines + first:02d}_{index:08d}.bin"
        for index, label in enumerate(labels)
    ]
    lines = [
        f"{name},2,{label},{WINDOW_B},{STRIDE_B}\n"
        for name, label in zip(names, labels, strict=True)
    ]
    inputs = {
        name: frames.astype("<f4").tobytes() for name, frames in zip(names, features, strict=True)
    }
    write_archive(path, "ad01", "".join(lines), inputs)


def _angle(speed_hz: float, wobble: float, rng: np.random.Generator) -> Sound:
    """Return the angle of the shaft in rad for each sample, with the drift of any motor."""
    t_s = np.arange(round(DURATION_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    drift = 0.004 * np.sin(2 * np.pi * (rng.uniform(0.3, 0.8) * t_s + rng.uniform()))
    swing = wobble * np.sin(2 * np.pi * (rng.uniform(3, 7) * t_s + rng.uniform()))
    turns = np.cumsum(speed_hz * (1 + drift + swing)) / SAMPLE_RATE_HZ
    return 2 * np.pi * (turns + rng.uniform())


def _motor(machine: Machine, angle: Sound, rng: np.random.Generator) -> Sound:
    """Return the hum of the motor."""
    hum = np.zeros_like(angle)
    for order, level in enumerate(machine.harmonics, 1):
        hum += level * rng.uniform(0.8, 1.2) * np.sin(order * angle + rng.uniform(0, 6))
    return hum


def _gears(machine: Machine, angle: Sound, rng: np.random.Generator) -> Sound:
    """Return the whine of the teeth, which swells with each turn of the shaft."""
    swell = 1 + 0.3 * np.sin(angle / 2.7 + rng.uniform(0, 6))
    whine = np.zeros_like(angle)
    for order in (1, 2, 3):
        whine += rng.uniform(0.8, 1.2) / order * np.sin(order * machine.teeth * angle)
    return swell * whine


def _impulses(angle: Sound, per_turn: float, rng: np.random.Generator) -> Sound:
    """Return an impulse at each part of a turn, of uneven heights."""
    passed = np.floor(angle * per_turn / (2 * np.pi))
    struck = np.diff(passed, prepend=passed[0]) > 0
    return struck * rng.uniform(0.5, 1.5, len(angle))


def _noise(low_hz: float, high_hz: float, rng: np.random.Generator) -> Sound:
    """Return noise of power 1 between two frequencies, for the length of a sound."""
    count = round(DURATION_S * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    line_hz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
    spectrum *= 1 / (1 + (low_hz / np.maximum(line_hz, 1)) ** 4 + (line_hz / high_hz) ** 4)
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def _ring(blows: Sound, machine: Machine, rng: np.random.Generator) -> Sound:
    """Return how the casing rings under blows: each resonance decays in some milliseconds."""
    t_s = np.arange(len(blows)) / SAMPLE_RATE_HZ
    response = np.zeros_like(blows)
    for resonance_hz in machine.resonances_hz:
        at_hz = resonance_hz * rng.uniform(0.99, 1.01)
        response += np.exp(-t_s / 0.004) * np.sin(2 * np.pi * at_hz * t_s)
    size = 2 * len(blows)
    return np.fft.irfft(np.fft.rfft(blows, size) * np.fft.rfft(response, size), size)[: len(blows)]
