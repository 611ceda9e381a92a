"""The firmware of a run, as a result has it: the image, its sections, the engine in it."""

from collections.abc import Mapping

import msgspec


class EngineUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The inference engine of a firmware, where it is not ours. With a .tflite named as its model,
    that it runs this model is its maker's word."""

    name: str
    sha256: str
    """Over its sources."""
    flags: str = ""
    """What they were compiled with; empty where a result is older than this field."""
    version: str = ""
    """Of its source tree, where a recipe built it here, with the model in it; empty for an engine
    of one's own."""
    arena_b: int | None = None
    """Bytes of its arena, where a recipe built it: as few as it takes."""
    layers: int | None = None
    """Layers that compute something, of a model that is compiled to calls of a library; None: the
    engine reads the model by itself, and computes all of it."""
    own_layers: dict[str, int] = {}
    """Of these, by operator, what our plain kernels compute, for the library has no function."""


def told_layers(layers: int | None, own: Mapping[str, int]) -> str:
    """Return which of an engine's layers our plain kernels compute; as in `EngineUsed`.

    Empty where they compute none, or nobody knows.
    """
    if not layers or not own:
        return ""
    listed = ", ".join(f"{operator} ({count})" for operator, count in own.items())
    return f"{sum(own.values())} of {layers} layers are done by our plain kernels: {listed}"


class Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an image is made of, in bytes."""

    text_b: int
    rodata_b: int
    """Constants: weights, tables, vectors."""
    data_b: int
    """Variables with a value to begin with, which is in flash as well."""
    bss_b: int
    """Variables that begin as zeros, the arena among them."""
    stack_b: int | None
    """With its guard; None where it is the system's."""
    arena_b: int | None
    """Of `bss_b`: tensors and buffers, by the symbol `arena`; None where there is none."""
    coupled_code_b: int = 0
    """Of `text_b`: kernels and model, which start-up copies to tightly coupled memory."""
    coupled_bss_b: int = 0
    """Of `bss_b`: what is there."""


class SecondCoreUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a second core took part in, and what that took; no output differs for it."""

    layers: int
    """Of which each core computed half."""
    macs: int
    """Multiplications of these."""
    arena_more_b: int
    """Bytes by which the arena is larger for it."""
    stack_b: int
    """Of its own."""


class Firmware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The image that ran."""

    elf_sha256: str
    sources_sha256: str
    compiler: str
    flash_b: int
    """Code and constants, weights included."""
    code_flash_b: int | None
    """Code and tables without weights; None with an engine of its own."""
    ram_b: int
    engine: EngineUsed | None = None
    sections: Sections | None = None
    """None of an older version."""
    second_core: SecondCoreUsed | None = None
    """None: one core computed all."""
