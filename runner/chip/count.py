"""The library that counts what Unicorn executes: built once, and called by Unicorn alone.

Ref: firmware/chips/count.c, which says what it does.
"""

import ctypes
from importlib.resources import files
from pathlib import Path

from tinybench import host_library

SLOTS, REGIONS = 65536, 8


class Region(ctypes.Structure):
    """Memory whose code is counted."""

    _fields_ = [
        ("origin", ctypes.c_uint64),
        ("size_b", ctypes.c_uint64),
        ("bytes", ctypes.c_void_p),
    ]


class Slot(ctypes.Structure):
    """Instructions of a block that was met."""

    _fields_ = [
        ("address", ctypes.c_uint64),
        ("size_b", ctypes.c_uint32),
        ("instructions", ctypes.c_uint32),
        ("counted", ctypes.c_void_p),
    ]


class Count(ctypes.Structure):
    """What the library and its caller share."""

    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("until", ctypes.c_uint64),
        ("block", ctypes.c_uint64),
        ("attention", ctypes.c_uint32),
        ("stopped", ctypes.c_uint32),
        ("riscv", ctypes.c_uint32),
        ("primask", ctypes.c_int32),
        ("stop", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("counted", ctypes.c_void_p),
        ("executed", ctypes.c_void_p),
        ("accessed", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("xpsr", ctypes.c_int64),
        ("regions", Region * REGIONS),
        ("slots", Slot * SLOTS),
    ]

    instructions: int
    until: int
    block: int
    attention: int
    stopped: int
    riscv: int
    primask: int
    stop: int | None
    read: int | None
    counted: int | None
    executed: int | None
    accessed: int | None
    write: int | None
    xpsr: int
    regions: "ctypes.Array[Region]"


def built() -> Path:
    """Return the library, which is built once and kept in the cache.

    Raises ToolMissingError where there is no compiler, BuildError with the compiler's words.
    """
    return host_library.built(
        Path(str(files("tinybench.firmware"))) / "chips" / "count.c",
        "chips",
        "count",
        "what counts instructions",
        "cannot emulate the chip: no C compiler for what counts its instructions",
    )
