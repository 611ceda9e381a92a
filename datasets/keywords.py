"""The embedded keyword set: speech by espeak-ng, with noise, as official kws01 features.

Twelve classes in the official order. The same seed and the same versions of espeak-ng and numpy
give the same bytes. Training and test speech never share a voice: each has its own variants.
"""

import csv
import io
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError, DeadlineError, ToolMissingError

from .archive import write_archive
from .mfcc import INPUT_B, SAMPLE_RATE_HZ, SAMPLES, mfcc, quantise

CLASSES = (
    "Down", "Go", "Left", "No", "Off", "On", "Right", "Stop", "Up", "Yes", "Silence", "Unknown",
)  # fmt: skip
SILENCE, UNKNOWN = CLASSES.index("Silence"), CLASSES.index("Unknown")

# Words of class Unknown. Some sound like a keyword on purpose, none is a homophone of one.
OTHER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "bed", "bird", "cat", "dog", "tree", "house", "happy", "wow", "visual", "follow",
    "learn", "forward", "backward", "apple", "water", "music", "window", "people", "garden",
    "summer", "town", "dawn", "gold", "goat", "lift", "life", "note", "snow", "often", "office",
    "honest", "under", "light", "rice", "step", "shop", "top", "cup", "pup", "yet", "chess",
    "less",
)  # fmt: skip

ACCENTS = (
    "en-gb", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029",
    "en-us-nyc",
)  # fmt: skip

# A voice is an accent and a variant, such as "en-us+m3". Of variants that sound nearly alike
# (steph, steph2) at most one is used.
VARIANTS: dict[str, tuple[str, ...]] = {
    "train": (
        "adam", "Alex", "Alicia", "Andy", "Annie", "antonio", "aunty", "belinda", "boris",
        "croak", "Denis", "Diogo", "ed", "f1", "f3", "f5", "Gene", "grandma", "Henrique",
        "iven", "Jacky", "john", "klatt", "klatt3", "Lee", "m1", "m3", "m5", "m7", "Marco",
        "max", "Michael", "michel", "miguel", "norbert", "pablo", "pedro", "quincy", "rob",
        "sandro", "steph", "travis", "victor",
    ),
    "test": (
        "Andrea", "benjamin", "david", "edward", "f2", "f4", "grandpa", "gustave", "Hugo",
        "linda", "m2", "m4", "m6", "m8", "marcelo", "Mario", "Mike", "Nguyen", "paul", "robert",
        "shelby", "zac",
    ),
}  # fmt: skip

Split = Literal["train", "test"]

# Ratio of speech to noise power in dB; each clip draws one.
SNR_DB = (8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 40.0)
NOISES = ("white", "pink", "hum", "babble")

_ESPEAK_DEADLINE_S = 20.0
_BABBLE_TALKERS = 6
_BABBLE_POOL = 48


@dataclass(frozen=True)
class Utterance:
    """What espeak-ng is asked to say, and how."""

    text: str
    voice: str
    speed_wpm: int
    pitch: int
    """espeak-ng's own scale, 0 to 99."""


def espeak_version() -> str:
    """Return the version line of espeak-ng; raises ToolMissingError where it is not installed."""
    return _espeak("--version").decode(errors="replace").split("  ")[0].strip()


def speak(utterance: Utterance) -> NDArray[np.float64]:
    """Return synthesised speech at 16 kHz within -1..1, without the silence around it.

    Raises ToolMissingError (espeak-ng is not installed), DeadlineError, or DatasetError (it said
    nothing).
    """
    wav = _espeak(
        "-v", utterance.voice,
        "-s", str(utterance.speed_wpm),
        "-p", str(utterance.pitch),
        "--stdout", "--", utterance.text,
    )  # fmt: skip
    # The length fields of a streamed WAV are not to be trusted; the 44-byte header is.
    if wav[:4] != b"RIFF" or len(wav) < 46:
        raise DatasetError(
            f"espeak-ng gave no audio for {utterance.text!r} in the voice {utterance.voice}: "
            f"does `espeak-ng -v {utterance.voice} {utterance.text}` speak?"
        )
    rate_hz = int.from_bytes(wav[24:28], "little")
    samples = np.frombuffer(wav[44 : len(wav) - len(wav) % 2], "<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    if not loud.size:
        raise DatasetError(f"espeak-ng was silent for {utterance.text!r} ({utterance.voice})")
    return _resample(samples[loud[0] : loud[-1] + 1], rate_hz)


def class_features(split: Split, label: int, count: int, seed: int) -> NDArray[np.int8]:
    """Return `count` inputs of one class as int8 features of shape (count, 490).

    They are quantised with the official input scale and zero point (mfcc.INPUT_SCALE), so that they
    fit the official model as well as the embedded one. Raises as `speak` does.
    """
    rng = np.random.default_rng([seed, sorted(VARIANTS).index(split), label])
    features = [quantise(mfcc(clip)).ravel() for clip in _clips(split, label, count, rng)]
    return np.array(features, np.int8).reshape(count, INPUT_B)


def keyword_set(
    split: Split, per_class: int, seed: int
) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    """Return a balanced set: features (12 * per_class, 490) and labels, shuffled by the seed.

    The first five inputs are of five classes, for performance mode runs on them.
    """
    features = np.concatenate(
        [class_features(split, label, per_class, seed) for label in range(len(CLASSES))]
    )
    labels = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), per_class)
    rng = np.random.default_rng([seed, len(labels)])
    order = rng.permutation(len(labels))
    while len(set(labels[order[:5]])) < 5:
        order = rng.permutation(len(labels))
    return features[order], labels[order]


def write_dataset(path: Path, features: NDArray[np.int8], labels: NDArray[np.uint8]) -> None:
    """Write a set as a zip file with the layout of an EEMBC dataset folder.

    It holds kws01/y_labels.csv and a 490-byte file for each input; its bytes depend on
    nothing else.
    """
    names = [f"tst_{index:06d}_{CLASSES[label]}_{label}.bin" for index, label in enumerate(labels)]
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(
        (name, len(CLASSES), label) for name, label in zip(names, labels, strict=True)
    )
    inputs = {name: row.tobytes() for name, row in zip(names, features, strict=True)}
    write_archive(path, "kws01", table.getvalue(), inputs)


def _clips(
    split: Split, label: int, count: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int16]]:
    """Yield `count` one-second clips of a class."""
    check_variants()
    words = (
        () if label == SILENCE else OTHER_WORDS if label == UNKNOWN else (CLASSES[label].lower(),)
    )
    spoken = [_draw(split, words, rng) for _ in range(count if words else 0)]
    chatter = [_draw(split, OTHER_WORDS, rng) for _ in range(_BABBLE_POOL if words else 0)]
    with ThreadPoolExecutor() as pool:  # threads that wait for espeak-ng
        talkers = list(pool.map(speak, chatter))
        if not words:
            for _ in range(count):
                yield _to_int16(_background(rng), rng)
        for speech in pool.map(speak, spoken):
            yield _to_int16(_mix(_place(speech, rng), talkers, rng), rng)


def _draw(split: Split, words: tuple[str, ...], rng: np.random.Generator) -> Utterance:
    """Draw a word, a voice of the split, a speed and a pitch."""
    return Utterance(
        text=str(rng.choice(words)),
        voice=f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS[split])}",
        speed_wpm=int(rng.integers(110, 211)),
        pitch=int(rng.integers(20, 81)),
    )


def _place(speech: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Put speech somewhere into one second; what is longer loses both ends evenly."""
    surplus = max(0, len(speech) - SAMPLES)
    speech = speech[surplus // 2 : surplus // 2 + SAMPLES]
    clip = np.zeros(SAMPLES)
    start = int(rng.integers(0, SAMPLES - len(speech) + 1))
    clip[start : start + len(speech)] = speech
    return clip


def _mix(
    speech: NDArray[np.float64], talkers: list[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add one kind of noise to a clip of speech at one of the ratios SNR_DB."""
    noise = _noise(str(rng.choice(NOISES)), talkers, rng)
    spoken_w = np.mean(speech[speech != 0] ** 2)
    noise_w = np.mean(noise**2)
    return speech + noise * np.sqrt(spoken_w / noise_w / 10 ** (rng.choice(SNR_DB) / 10))


def _background(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a clip without speech: two of the noises in any proportion."""
    first, second = rng.choice(NOISES[:3], size=2)
    share = rng.uniform()
    return share * _noise(str(first), [], rng) + (1 - share) * _noise(str(second), [], rng)


def _noise(
    kind: str, talkers: list[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return one second of noise with a power near 1."""
    white = rng.standard_normal(SAMPLES)
    if kind == "white":
        return white
    if kind == "pink":
        spectrum = np.fft.rfft(white)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))  # flat below 20 Hz
        pink = np.fft.irfft(spectrum, SAMPLES)
        return pink / pink.std()
    if kind == "hum":
        t = np.arange(SAMPLES) / SAMPLE_RATE_HZ
        mains_hz = rng.choice((50.0, 60.0)) * rng.uniform(0.99, 1.01)
        hum = 0.05 * white
        for harmonic in range(1, 13):
            level = rng.uniform() / harmonic
            hum += level * np.sin(2 * np.pi * (harmonic * mains_hz * t + rng.uniform()))
        return hum / hum.std()
    babble = 1e-4 * white
    for index in rng.choice(len(talkers), size=_BABBLE_TALKERS, replace=False):
        babble += np.roll(_place(talkers[index], rng), int(rng.integers(SAMPLES)))
    return babble / babble.std()


def _to_int16(clip: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int16]:
    """Scale a clip to a random peak between 5 and 95 % of full scale."""
    peak = rng.uniform(0.05, 0.95) * 32767
    return np.round(clip * (peak / np.abs(clip).max())).astype(np.int16)


def _resample(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Return samples at 16 kHz, by cutting or extending the spectrum of the whole."""
    divisor = int(np.gcd(rate_hz, SAMPLE_RATE_HZ))
    block = rate_hz // divisor
    # Room at the end, so that the circular transform does not fold a word's end into its start.
    blocks = -(-(len(samples) + rate_hz // 100) // block)
    padded = np.zeros(blocks * block)
    padded[: len(samples)] = samples
    length = blocks * (SAMPLE_RATE_HZ // divisor)
    resampled = np.fft.irfft(np.fft.rfft(padded)[: length // 2 + 1], length)
    return resampled[: len(samples) * SAMPLE_RATE_HZ // rate_hz] * (length / len(padded))


def check_variants() -> None:
    """Raise ToolMissingError if espeak-ng lacks a variant: it would speak in its default voice."""
    listing = _espeak("--voices=variant").decode(errors="replace")
    known = {word.removeprefix("!v/") for word in listing.split() if word.startswith("!v/")}
    missing = sorted({name for names in VARIANTS.values() for name in names} - known)
    if missing:
        raise ToolMissingError(
            f"this espeak-ng lacks the voice variants {', '.join(missing)}: "
            "the keyword set needs espeak-ng 1.51, as Debian 12 has it"
        )


def _espeak(*arguments: str) -> bytes:
    """Run espeak-ng and return what it wrote to stdout."""
    try:
        run = subprocess.run(  # noqa: S603  # a list of arguments, no shell
            ["espeak-ng", *arguments],  # noqa: S607  # found on PATH as any tool is
            capture_output=True,
            check=False,
            timeout=_ESPEAK_DEADLINE_S,
        )
    except FileNotFoundError:
        raise ToolMissingError(
            "the keyword set needs the speech synthesiser espeak-ng, which is not installed: "
            "try `apt-get install espeak-ng`"
        ) from None
    except subprocess.TimeoutExpired:
        raise DeadlineError(
            f"`espeak-ng {' '.join(arguments)}` did not end within {_ESPEAK_DEADLINE_S:.0f} s: "
            "try it by hand"
        ) from None
    if run.returncode != 0:
        words = run.stderr.decode(errors="replace").strip()
        raise DatasetError(f"`espeak-ng {' '.join(arguments)}` failed: {words}")
    return run.stdout
