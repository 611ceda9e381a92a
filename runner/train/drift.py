"""Drift of a sensor as it is declared: a gain, an offset and noise on each value of an input."""

import hashlib
from dataclasses import dataclass

import numpy as np

from tinybench.errors import UsageError

PARTS = ("gain", "offset", "noise")
MOST = 1e6


@dataclass(frozen=True)
class Drift:
    """value -> gain x value + offset + noise, in the input's own units; ints are rounded."""

    gain: float = 1.0
    offset: float = 0.0
    noise: float = 0.0
    """Standard deviation; the same for the same input each time."""
    form: str = "int8"
    """Of the values. Ref: Task.input_format."""

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return (self.gain, self.offset, self.noise) == (1, 0, 0)

    def of(self, data: bytes, name: str) -> bytes:
        """Return an input as the drifted sensor gives it; `name` decides the noise."""
        if self.is_none:
            return data
        kind = np.dtype(self.form).newbyteorder("<")
        values = np.frombuffer(data, kind).astype(np.float64) * self.gain + self.offset
        if self.noise:
            seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
            values = values + np.random.default_rng(seed).normal(0, self.noise, len(values))
        if kind.kind != "f":
            range_ = np.iinfo(kind)
            values = np.clip(np.rint(values), range_.min, range_.max)
        return values.astype(kind).tobytes()


def drift_of(text: str, form: str) -> Drift:
    """Return what `gain=0.8,offset=3,noise=2` says. Raises UsageError."""
    found = dict[str, float]()
    for part in text.split(",") if text else ():
        name, _, value = part.strip().partition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if name not in PARTS or not abs(number) <= MOST or (name == "noise" and number < 0):
            raise UsageError(
                f"--drift '{part[:40]}': a number of {', '.join(PARTS)} is needed, such as "
                "gain=0.8,offset=3,noise=2"
            )
        found[name] = number
    return Drift(**found, form=form)
