"""The library that counts what Unicorn executes: built once, and called by Unicorn alone.

Ref: firmware/chips/count.c, which says what it does.
"""

import ctypes
import hashlib
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ToolMissingError
from tinybench.program import ask
from tinybench.scratch import scratch

COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden")
BUILD_TIMEOUT_S = 60.0
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
    regions: "ctypes.Array[Region]"


def built() -> Path:
    """Return the library, which is built once and kept in the cache.

    Raises ToolMissingError where there is no compiler, BuildError with the compiler's words.
    """
    source = Path(str(files("tinybench.firmware"))) / "chips" / "count.c"
    program = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if program is None:
        raise ToolMissingError(
            "cannot emulate the chip: no C compiler for what counts its instructions; install it "
            "with: sudo apt-get install gcc libc6-dev"
        )
    try:
        made_of = "\0".join((program, *FLAGS)).encode() + source.read_bytes()
        folder = cache_folder() / "chips"
        library = folder / f"count-{hashlib.sha256(made_of).hexdigest()[:16]}.so"
        if library.is_file():
            return library
        folder.mkdir(parents=True, exist_ok=True)
        with scratch(folder, ".build-") as own:
            made = own / library.name
            done = ask([program, *FLAGS, str(source), "-o", str(made)], BUILD_TIMEOUT_S)
            if done.status != 0:
                raise BuildError(
                    f"what counts instructions does not build; {program} says:\n"
                    f"{(done.err or done.out).strip()[-2000:]}"
                )
            made.replace(library)  # at once: another run may build it as well
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"cannot build what counts instructions: {error}") from error
    return library
