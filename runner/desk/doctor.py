"""What this computer has of what tinybench needs, and what to type for what is missing."""

import importlib.metadata
import platform
import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from tinybench import declare, extras, install
from tinybench.cache import cache_folder
from tinybench.program import ask

from ..build import board as boards
from ..build import firmware, tool

TOOL_TIMEOUT_S = 20


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked for."""

    name: str
    found: str
    """Version or place; empty when it is missing."""
    needed_for: str
    remedy: str
    """What to type when it is missing."""
    required: bool = True


PROGRAMS = (
    # program, package, what for, whether a run on the default board needs it
    ("make", "make", "building firmware", True),
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi", "firmware of Cortex-M boards", True),
    ("qemu-system-arm", "qemu-system-arm", "emulated Cortex-M boards", True),
    ("gcc", "gcc libc6-dev", "the board 'host', estimates of cycles", False),
    ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf", "firmware of RISC-V boards", False),
    ("qemu-system-riscv32", "qemu-system-misc", "emulated RISC-V boards", False),
    ("setpriv", "util-linux", "no emulator left behind when the runner is killed", False),
    ("espeak-ng", "espeak-ng", "make models (the embedded keyword set)", False),
    ("clang", "clang libclang-rt-14-dev", "make test and make soak (fuzzing)", False),
)
MONITOR_LIBRARIES = (
    # distribution, extra, what for
    ("pyjoulescope_driver", "joulescope", "Joulescope"),
    ("otii-tcp-client", "otii", "Otii"),
    ("pyvisa-py", "n6705", "N6705"),
)


def examine() -> list[Finding]:
    """Look for everything tinybench uses; the required ones first."""
    findings = [
        Finding("python", platform.python_version(), "everything", "install Python 3.11 or newer"),
        Finding("tinybench", importlib.metadata.version("tinybench-mcu"), "everything", ""),
    ]
    findings += [
        Finding(program, _version(program), use, install.command(package), required)
        for program, package, use, required in PROGRAMS
    ]
    findings += [
        Finding(
            "newlib for Arm",
            _file("arm-none-eabi-gcc", "libc.a"),
            "firmware of Cortex-M boards",
            install.command("libnewlib-arm-none-eabi"),
        ),
        Finding(
            "libstdc++ for Arm",
            _file("arm-none-eabi-g++", "libstdc++_nano.a"),
            "engines of C++, on Cortex-M boards",
            install.command(firmware.CXX_PACKAGES["arm-none-eabi-"]),
            required=False,
        ),
        Finding(
            "picolibc for RISC-V",
            _file("riscv64-unknown-elf-gcc", "picolibc.specs"),
            "firmware of RISC-V boards",
            install.command("picolibc-riscv64-unknown-elf"),
            required=False,
        ),
        Finding(
            "tensorflow",
            _distribution("tensorflow-cpu") or _distribution("tensorflow"),
            "make models (training)",
            extras.command("train"),
            required=False,
        ),
        Finding(
            "pillow",
            _distribution("pillow"),
            "tinybench prepare vww, pictures as inputs of a model",
            extras.command("prepare"),
            required=False,
        ),
        Finding(
            "pandas",
            _distribution("pandas"),
            "tinybench.load_runs and other tables",
            extras.command("data"),
            required=False,
        ),
        *(
            Finding(
                name,
                _distribution(name),
                f"the energy monitor {use}",
                extras.command(extra),
                required=False,
            )
            for name, extra, use in MONITOR_LIBRARIES
        ),
        *_tools(),
        Finding(
            "plugins of QEMU",
            _plugins("qemu-system-arm"),
            "estimates of cycles",
            "install a QEMU that was built with plugins, such as Debian's",
            required=False,
        ),
        Finding(
            "libusb",
            _libusb(),
            "tinybench boards --attached: debug probes, USB monitors, hubs",
            install.command("libusb-1.0-0"),
            required=False,
        ),
        Finding(
            "cache",
            str(cache_folder()) if cache_folder().is_dir() else "",
            "built firmware and fetched data",
            "made by the first run",
            required=False,
        ),
    ]
    findings += _emulators()
    return sorted(findings, key=lambda finding: not finding.required)


def _plugins(program: str) -> str:
    """Say whether an emulator takes plugins; "" where it does not, or is not there."""
    try:
        done = ask([program, "-plugin", "help"], TOOL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "taken" if done.status == 0 else ""


def _emulators() -> list[Finding]:
    """Look for the emulators that some boards want newer than others."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for path in boards.names().values():
        board = declare.load(path, boards.Board)
        if board.emulator is not None and board.emulator.version is not None:
            key = (board.emulator.program, board.emulator.version)
            wanted.setdefault(key, []).append(board.name)
    findings: list[Finding] = []
    for (program, version), names in wanted.items():
        found = _version(program)
        if not found:  # told already
            continue
        old = boards.Emulator(argv=[program], version=version).too_old(found)
        findings.append(
            Finding(
                f"{program} {version}",
                "" if old else found,
                "--emulate " + ", ".join(names),
                f"make setup; on Debian 12: sudo apt-get install -t bookworm-backports {program}",
                required=False,
            )
        )
    return findings


def _tools() -> list[Finding]:
    """Look for the programs that write, reset and switch boards."""
    found = []
    for name in tool.packaged():
        declared = tool.tool(name)
        for argv in (declared.write, declared.cycle):
            if argv:
                version, use = _version(argv[0]), declared.description
                found.append(Finding(argv[0], version, use, declared.install, required=False))
                if declared.version is not None:
                    all_of_it = "" if tool.too_old(version, declared.version) else version
                    wanted = f"{argv[0]} {declared.version}"
                    found.append(
                        Finding(wanted, all_of_it, declared.newer, declared.install, required=False)
                    )
    return found


def _version(program: str) -> str:
    """Return the version a program says it has; "" when it is not there."""
    path = tool.program_path(program)
    if path is None:
        return ""
    words = _output([path, "--version"])
    match = re.search(r"\d+\.\d+(\.\d+)?", words)
    return match[0] if match else "found, version unknown"


def _file(compiler: str, name: str) -> str:
    """Return where a compiler finds a file of its C library; "" when it finds none."""
    if shutil.which(compiler) is None:
        return ""
    path = _output([compiler, f"-print-file-name={name}"]).strip()
    return str(Path(path).resolve()) if Path(path).is_absolute() else ""


def _libusb() -> str:
    """Return whether the library is there by which USB devices are listed."""
    import usb.backend.libusb1

    return "found" if usb.backend.libusb1.get_backend() is not None else ""


def _distribution(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _output(argv: list[str]) -> str:
    try:
        done = ask(argv, TOOL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run: {error}"
    return done.out + done.err
