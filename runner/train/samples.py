"""What is trained on and what is held out, in which order, and how samples lie in flash."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from tinybench.datasets.reader import Sample
from tinybench.errors import UsageError

from .drift import Drift

MASK = 0xFFFFFFFF
SAMPLES_MOST_B = 2 << 20
"""In flash: they are text in a header."""
SAMPLES_MOST = 0xFFFF
"""In flash: their order is kept in 16 bits each."""
ORDER_B = 2


@dataclass(frozen=True)
class Piece:
    """A sample as it is trained on: an input, or one window of it."""

    of: Sample
    at: int
    """Of its first byte."""
    label: int
    drift: Drift

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.of.name}+{self.at}"

    def data(self) -> bytes:
        """Return what is uploaded. Raises DatasetError."""
        return self.drift.of(self.of.read()[self.at : self.at + self.of.window_b], self.name)


def pieces(samples: Sequence[Sample], drift: Drift, squared: bool) -> list[Piece]:
    """Return what is trained on: of a squared error every window, else the first of each input."""
    found = list[Piece]()
    for one in samples:
        last = one.size_b - one.window_b if squared else 0
        label = 0 if squared else one.label
        found += [Piece(one, at, label, drift) for at in range(0, last + 1, one.stride_b or 1)]
    return found


def split(
    samples: Sequence[Sample], share: float, squared: bool
) -> tuple[list[Sample], list[Sample]]:
    """Return what is trained on and what is held out: of each class its share, spread evenly.

    By a squared error only what is normal (0) is trained on, and all that is not is held out.
    """
    trained, held_out, seen = list[Sample](), list[Sample](), dict[int, int]()
    for one in samples:
        before = seen.get(one.label, 0)
        seen[one.label] = before + 1
        out = int((before + 1) * share + 1e-9) > int(before * share + 1e-9)
        (held_out if out or (squared and one.label) else trained).append(one)
    return trained, held_out


@functools.lru_cache(maxsize=1)  # each step of an epoch asks
def order(seed: int, epoch: int, count: int) -> list[int]:
    """Return in which order the samples of an epoch come. Ref: firmware/train/samples.c."""
    state = (seed * 2654435761 + epoch * 40503) & MASK or 1
    found = list(range(count))
    for left in range(count, 1, -1):
        state ^= state << 13 & MASK
        state ^= state >> 17
        state ^= state << 5 & MASK
        chosen = state * left >> 32
        found[left - 1], found[chosen] = found[chosen], found[left - 1]
    return found


def insist_few(trained: Sequence[Piece]) -> Sequence[Piece]:
    """Return samples that are to lie in flash. Raises UsageError where these are too many."""
    size_b = sum(one.of.window_b for one in trained)
    if size_b > SAMPLES_MOST_B or len(trained) > SAMPLES_MOST:
        raise UsageError(
            f"--samples flash: {len(trained)} samples of {size_b:,} B; at most {SAMPLES_MOST} of "
            f"{SAMPLES_MOST_B:,} B are kept in an image: take fewer by --limit or --only, or "
            "--samples link"
        )
    return trained


def samples_header(trained: Sequence[Piece]) -> str:
    """Return what train_config.h says of the samples in flash; none of them: there are none."""
    lines = [f"#define TRAIN_SAMPLES {len(trained)}u"]
    if trained:
        each = ",\n".join("{" + ",".join(map(str, one.data())) + "}" for one in trained)
        labels = ", ".join(str(one.label) for one in trained)
        lines += [
            "#ifdef TRAIN_SET",
            f"static const uint16_t train_labels[{len(trained)}] = {{{labels}}};",
            f"static const uint8_t train_samples[{len(trained)}][{trained[0].of.window_b}] = {{",
            each,
            "};",
            "#endif",
        ]
    return "\n".join(lines) + "\n"
