"""Interference that is built into the firmware of an emulated board: asked for, and in words."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tinybench.errors import UsageError
from tinybench.expected import in_words

SHARE_MAX = 0.5
"""Of the time that interference may take."""
UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_TEXT = re.compile(r"(interrupt|flash):([0-9]{1,6}(?:\.[0-9]{1,6})?)(us|ms|s):([0-9]{1,10})")


class Interference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What takes the core away from the model, now and then."""

    kind: Literal["interrupt", "flash"]
    """"interrupt": as regularly as a timer's; "flash": at times that nothing foretells."""
    every_s: Annotated[float, Meta(ge=1e-4, le=1000)]
    """Of emulated time; of flash, on the mean."""
    instructions: Annotated[int, Meta(ge=10, le=1_000_000_000)]
    """For so many the core is away."""

    @property
    def words(self) -> str:
        """What is built in."""
        if self.kind == "interrupt":
            return f"an interrupt of {self.instructions:,} instructions every {self.every_s:g} s"
        return (
            f"flash that is busy for {self.instructions:,} instructions, at irregular times, every "
            f"{self.every_s:g} s on the mean"
        )


def interference_of(word: str, text: object) -> Interference:
    """Return the interference that a text such as "interrupt:50ms:100000" asks for.

    Raises UsageError, which names `word`.
    """
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise UsageError(
            f"{word}: {str(text)[:40]!r} is none: give interrupt or flash, how often, and for how "
            "many instructions, as interrupt:50ms:100000"
        )
    kind, number, unit, instructions = found.groups()
    asked = {
        "kind": kind,
        "every_s": float(number) * UNITS_S[unit],
        "instructions": int(instructions),
    }
    try:
        return msgspec.convert(asked, Interference)
    except msgspec.ValidationError as error:
        key, wanted = in_words(error, Interference, asked)
        raise UsageError(f"{word}: {text}: {key}: {wanted}") from None
