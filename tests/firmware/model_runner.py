"""Build a compiled model for the host or for an emulated core, and run it on many inputs."""

import os
import shutil
import subprocess
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests import ROOT, kept
from tinybench.models.compiler import Manifest, compile_model
from tinybench.models.compiler.reader import read_graph

KERNELS = ROOT / "firmware" / "kernels"
HERE = Path(__file__).parent
INCLUDES = [f"-I{ROOT / 'firmware' / name}" for name in ("core", "semihosting", "kernels")]
INCLUDES.append(f"-I{HERE}")
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
BUILD_TIMEOUT_S = 120
ARENA_B = 1 << 21
"""Of the reference; by default it has ten times the bytes of the model, too few for small ones."""


@dataclass(frozen=True)
class Target:
    """Something that runs a compiled model."""

    name: str
    kernels: str
    compiler: tuple[str, ...]
    streams: str
    link: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ("qemu-system-arm", "-M", "mps2-an386")


HOST = Target(
    "host",
    "plain",
    ("gcc", "-O2", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "stdio_streams.c",
    ("-fuse-ld=gold",) if shutil.which("ld.gold") else (),  # takes a quarter of the processor
)
HOST_BLOCKED = replace(HOST, name="host-blocked", kernels="blocked")
"""Other kernels are called, of the same objects."""
_OPTIMISED = ("-mthumb", "-O3", "-ffunction-sections", "-fdata-sections", "-Wstack-usage=1024")
CORTEX_M4 = Target(
    "cortex-m4",
    "dsp",
    (
        *("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        *_OPTIMISED,
    ),
    "semihosting_streams.c",
    ("-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", f"-T{HERE / 'semihosting.ld'}"),
)
CORTEX_M3 = replace(
    CORTEX_M4,
    name="cortex-m3",
    kernels="thumb2",
    compiler=("arm-none-eabi-gcc", "-mcpu=cortex-m3", *_OPTIMISED),
    emulator=("qemu-system-arm", "-M", "mps2-an385"),
)
CORTEX_M3_BLOCKED = replace(CORTEX_M3, name="cortex-m3-blocked", kernels="blocked")
"""None of TARGETS: exports have these kernels, and layers that others are not exact for."""
CORTEX_M0PLUS = replace(
    CORTEX_M4,
    name="cortex-m0plus",
    kernels="blocked",
    compiler=("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", *_OPTIMISED),
    link=(*CORTEX_M4.link[:-1], f"-T{HERE / 'semihosting_microbit.ld'}"),
    emulator=("qemu-system-arm", "-M", "microbit"),
)
"""None of TARGETS: its 16 KB of RAM hold few models."""
CORTEX_M55 = Target(
    "cortex-m55",
    "mve",
    ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mfloat-abi=hard", *_OPTIMISED),
    "semihosting_streams.c",
    (*CORTEX_M4.link[:-1], f"-T{HERE / 'semihosting_m55.ld'}"),
    ("qemu-system-arm", "-M", "mps3-an547"),
)
RISCV = Target(
    "riscv32",
    "rv32",
    (
        *("riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"),
        *_OPTIMISED[1:],
    ),
    "semihosting_streams.c",
    ("-nostartfiles", "-Wl,--gc-sections", f"-T{HERE / 'semihosting_riscv.ld'}"),
    ("qemu-system-riscv32", "-M", "virt", "-cpu", "sifive-e31", "-bios", "none"),
)
RISCV_ZBB = replace(
    RISCV,
    name="riscv32-zbb",
    compiler=(RISCV.compiler[0], "-march=rv32imac_zba_zbb", *RISCV.compiler[2:]),
    link=("-march=rv32imac", *RISCV.link),  # of which there are libraries
    emulator=(*RISCV.emulator[:4], "rv32,zba=true,zbb=true", *RISCV.emulator[5:]),
)
"""None of TARGETS: the same kernels, a few of their instructions others."""
HOST_RV32 = replace(HOST, name="host-rv32", kernels="rv32")
HOST_THUMB2 = replace(HOST, name="host-thumb2", kernels="thumb2")
"""None of TARGETS: what stands in C beside the assembly."""
TARGETS = (HOST, HOST_BLOCKED, CORTEX_M3, CORTEX_M4, CORTEX_M55, RISCV)
EMULATION = (
    *("-nographic", "-monitor", "none", "-serial", "none"),
    *("-semihosting-config", "enable=on,target=native", "-kernel"),
)


def missing_tool(target: Target) -> str | None:
    """Return a program that a target needs and that is not installed."""
    needed = (
        target.compiler[0],
        *(() if target.compiler is HOST.compiler else target.emulator[:1]),
    )
    return next((tool for tool in needed if shutil.which(tool) is None), None)


def build_kernels(
    target: Target, folder: Path, *options: str, only: Collection[str] = ()
) -> list[Path]:
    """Compile all that does not depend on a model, `only` some kernels.

    Returns the objects of the program, and an archive of which the linker reads what is called.
    """
    others = {"dsp", "mve"} - {target.kernels}
    sources = [
        path
        for path in KERNELS.glob("*.c")
        if path.stem.rpartition("_")[2] not in others and (not only or path.stem in only)
    ]
    sources = [HERE / "run_model.c", HERE / target.streams, *sorted(sources)]
    objects = [folder / f"{source.stem}.o" for source in sources]
    command = (*target.compiler, *WARNINGS, *INCLUDES, *options, "-c")

    def compiled(source: Path, out: Path) -> None:
        def make(into: Path) -> None:
            _run(*command, source, "-o", into / "made")

        shutil.copyfile(kept.made([*command, source.name], [source.read_bytes()], make), out)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compiled, sources, objects))
    kernels = folder / "kernels.a"
    kernels.unlink(missing_ok=True)
    _run(f"{target.compiler[0].removesuffix('gcc')}ar", "-rcsD", kernels, *objects[2:])
    return [*objects[:2], kernels]


def other_driver(target: Target, objects: list[Path], folder: Path, *options: str) -> list[Path]:
    """Return compiled kernels with the program that runs them compiled with other options."""
    driver = folder / "run_model.o"
    source = HERE / "run_model.c"
    _run(*target.compiler, *WARNINGS, *INCLUDES, *options, "-c", source, "-o", driver)
    return [driver if path.name == driver.name else path for path in objects]


def answers(
    target: Target,
    objects: list[Path],
    tflite: bytes,
    uploads: np.ndarray,
    folder: Path,
    timeout_s: float = 120,
    *,
    stream: bool = False,
) -> tuple[np.ndarray, Manifest]:
    """Return the answers [uploads][values] of a model as float32, for uploads [uploads][bytes].

    `stream`: an upload is a frame of the history that the model takes.
    """
    manifest = compile_model(
        tflite, folder, model_id="test01", kernels=target.kernels, stream=stream
    )
    command = (*target.compiler, *WARNINGS, *INCLUDES)

    def make(into: Path) -> None:
        _run(*command, folder / "model.c", *objects, *target.link, "-o", into / "made")

    program = kept.made(
        [*command, *target.link],
        [path.read_bytes() for path in (folder / "model.c", *objects)],
        make,
    )
    data = uploads.tobytes()
    if target.compiler is HOST.compiler:
        done = subprocess.run(
            [program], input=data, capture_output=True, timeout=timeout_s, check=False
        )
        output = done.stdout
    else:
        (folder / "input.bin").write_bytes(data)
        (folder / "output.bin").unlink(missing_ok=True)
        done = subprocess.run(
            [*target.emulator, *EMULATION, program],
            cwd=folder,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        output = (folder / "output.bin").read_bytes()
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(output, "<f4").reshape(len(uploads), -1), manifest


def infer(
    target: Target,
    objects: list[Path],
    tflite: bytes,
    inputs: np.ndarray,
    folder: Path,
    timeout_s: float = 120,
    *,
    stream: bool = False,
) -> tuple[np.ndarray, Manifest]:
    """Return the int8 outputs [inputs][values] of a model for int8 inputs [inputs][bytes]."""
    values, manifest = answers(
        target, objects, tflite, inputs.astype(np.int8), folder, timeout_s, stream=stream
    )
    graph = read_graph(tflite)
    result = graph.tensors[graph.outputs[0]]
    return (np.rint(values / result.scale) + result.zero_point).astype(np.int8), manifest


def reference(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    """Return what the TFLM reference kernels give, as infer() does."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=ARENA_B)
    shape = interpreter.get_input_details(0)["shape"]
    outputs = []
    for one in inputs.astype(np.int8):
        interpreter.set_input(one.reshape(shape), 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).reshape(-1).copy())
    return np.stack(outputs)


def reference_answers(tflite: bytes, uploads: np.ndarray, *, alone: bool = False) -> np.ndarray:
    """Return what the TFLM reference kernels give, as answers() does; for any number of ends.

    `alone`: each input is the first one; else a state lasts from one to the next.
    """
    from tflite_micro import runtime

    graph = read_graph(tflite)
    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=ARENA_B)
    sources, targets = ([graph.tensors[i] for i in e] for e in (graph.inputs, graph.outputs))
    ends_b = np.cumsum([source.size_b for source in sources])
    found = []
    for upload in uploads:
        if alone:
            interpreter.reset()
        for i, part in enumerate(np.split(np.frombuffer(upload.tobytes(), np.uint8), ends_b[:-1])):
            detail = interpreter.get_input_details(i)
            interpreter.set_input(part.view(detail["dtype"]).reshape(detail["shape"]), i)
        interpreter.invoke()
        values = []
        for i, target in enumerate(targets):
            value = interpreter.get_output(i).reshape(-1).astype(np.float32)
            if target.scales:
                value = (value - np.float32(target.zero_point)) * np.float32(target.scale)
            values.append(value)
        found.append(np.concatenate(values))
    return np.stack(found)


def edge_and_random_inputs(count: int, size: int, seed: int) -> np.ndarray:
    """Return [count][size] int8: all-min, all-max, checkerboards, ramps, one-hot, then random."""
    rng = np.random.default_rng(seed)
    ramp = np.arange(size)
    edges = [
        np.full(size, -128),
        np.full(size, 127),
        np.zeros(size),
        ramp % 2 * 255 - 128,
        (ramp + 1) % 2 * 255 - 128,
        ramp % 256 - 128,
        127 - ramp % 256,
        *(np.where(ramp == at, 127, -128) for at in rng.integers(0, size, 8)),
        *(np.where(ramp == at, -128, 127) for at in rng.integers(0, size, 4)),
    ][:count]
    noise = rng.integers(-128, 128, (count - len(edges), size))
    return np.concatenate([np.stack(edges), noise]).astype(np.int8)


def _run(*command: object) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
