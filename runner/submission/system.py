"""The description of a system, `systems/<system>.json`: what a submitter says, and what is known.

Ref: the systems/*.json of the published rounds; mlcommons/tiny, tools/submission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.declare import nearest
from tinybench.errors import DeclarationError
from tinybench.files import read_text
from tinybench.read import read_json, read_toml_text

from ..build.board import Board
from ..results.result import Result

STATUSES = ("available", "preview", "rdi")
SIZE_MAX_B = 1 << 20
"""Of the submitter's file."""

SUBMITTER, DIVISION, STATUS = "Submitter", "Division", "Status"
BOARD_NAME = "Board Name"
CORE, CLOCK = "Processor(s) Name", "Processor(s) Frequencies"
RAM, FLASH = "Processor memory type and capacity", "Processor storage type and capacity"
HARDWARE_NOTES, SOFTWARE_NOTES = "Hardware Notes", "Software Notes"
FRAMEWORK, LIBRARIES = "Inference Framework", "Software Libraries"
MODEL_COMPILER, COMPILER = "ML Model Compiler(s)", "General Compiler(s)"

INPUTS = "Inputs"
"""Of the submitter's file alone: where inputs come from that cannot be verified. It stands in the
software notes, and in every file of their task."""
INPUTS_MAX = 300
"""Characters of it."""

FIELDS = (
    SUBMITTER,
    DIVISION,
    STATUS,
    BOARD_NAME,
    "Board Memory capacity (not including SoC, processor, or accelerator)",
    "Board Memory type",
    "Board storage capacity",
    "Board storage type",
    "SoC Name",
    "SoC Memory capacity (not including processor or accelerator)",
    "SoC Memory type",
    "SoC storage capacity",
    "SoC storage type",
    CORE,
    CLOCK,
    RAM,
    FLASH,
    "Accelerator",
    "Accelerator(s) Frequencies",
    "Accelerator memory type and capacity",
    "Accelerator storage type and capacity",
    HARDWARE_NOTES,
    FRAMEWORK,
    LIBRARIES,
    "Operating System",
    "Other Software Stack",
    SOFTWARE_NOTES,
    "Quantization Method",
    "Training framework (open division)",
    MODEL_COMPILER,
    COMPILER,
    "Other Software",
    "Training and Quantization Notes",
)
"""In the order of the published files."""

REQUIRED = {
    STATUS: "available, preview or rdi (research, development or internal)",
    BOARD_NAME: "such as NUCLEO-L4R5ZI",
    CORE: "such as Arm Cortex-M4F",
    CLOCK: "such as 120 MHz",
    RAM: "such as 640 KiB RAM",
    FRAMEWORK: "such as TensorFlow Lite Micro",
    LIBRARIES: "such as CMSIS-NN, or none",
}
"""What may not be empty, and how it looks."""


@dataclass(frozen=True)
class System:
    """A described system."""

    name: str
    """Of its file and of its folder."""
    fields: dict[str, str]


def read_fields(path: Path) -> dict[str, str]:
    """Return what the submitter says in a .toml or .json file.

    Raises DeclarationError: no such file, no table of texts, an unknown field.
    """
    try:
        text = read_text(path, SIZE_MAX_B)
    except FileNotFoundError:
        raise DeclarationError(
            f"{path}: there is no such file; --system wants a .toml or .json file with the fields: "
            + "; ".join(f"{name} ({how})" for name, how in REQUIRED.items())
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: cannot be read: {error}") from error
    try:
        raw = read_json(text) if path.suffix.lower() == ".json" else read_toml_text(text)
    except (ValueError, msgspec.MsgspecError) as error:
        raise DeclarationError(f"{path}: neither TOML nor JSON by its ending: {error}") from error
    if not isinstance(raw, dict):
        raise DeclarationError(f"{path}: want a table of fields with texts")
    said: dict[str, str] = {}
    for key, value in raw.items():
        name = key.strip()  # published files have "Operating System " beside it
        if name not in (*FIELDS, INPUTS):
            raise DeclarationError(f"{path}: unknown field '{key}': {nearest(key, FIELDS)}")
        if not isinstance(value, str):
            raise DeclarationError(f"{path}: field '{key}': want a text in quotes, not {value!r}")
        if name == INPUTS and len(value) > INPUTS_MAX:
            raise DeclarationError(f"{path}: field '{key}': more than {INPUTS_MAX} characters")
        said[name] = said.get(name) or value.strip()
    return said


def known_fields(board: Board, results: Sequence[Result]) -> dict[str, str]:
    """Return what the board's declaration and the runs say; the submitter may say otherwise."""
    known: dict[str, str] = {}
    if board.family != "serial":  # that declaration stands for any board
        known[BOARD_NAME] = board.name
        known[CORE] = board.core
    if board.clock_hz:
        known[CLOCK] = f"{board.clock_hz / 1e6:g} MHz"
    if board.memory is not None:
        known[RAM] = f"{board.memory.ram_size_b / 1024:g} KiB RAM"
        known[FLASH] = f"{board.memory.flash_size_b / 1024:g} KiB"
    images = [result.firmware for result in results if result.firmware is not None]
    if images and len(images) == len(results):
        known[COMPILER] = "; ".join(sorted({image.compiler for image in images}))
        if not any(image.engine for image in images):
            built = f"tinybench {version('tinybench-mcu')}"
            known |= {FRAMEWORK: built, LIBRARIES: "none", MODEL_COMPILER: built}
    if all(result.model.kind == "official" for result in results):
        known["Quantization Method"] = "int8, as in the reference model"
    return known


def describe(
    path: Path,
    said: Mapping[str, str],
    known: Mapping[str, str],
    *,
    submitter: str,
    division: str,
    hardware: Sequence[str],
    software: Sequence[str],
) -> System:
    """Return the whole description; what the submitter says comes first.

    `hardware` and `software` are added to the notes. Raises DeclarationError that lists each field
    that is missing, or says which one is not what the command says.
    """
    fields = {name: said.get(name) or known.get(name, "") for name in FIELDS}
    for name, wanted in ((SUBMITTER, submitter), (DIVISION, division)):
        if fields[name] and fields[name].lower() != wanted.lower():
            raise DeclarationError(f"{path}: {name} is '{fields[name]}', but '{wanted}' was given")
        fields[name] = wanted
    missing = [f"{name} ({how})" for name, how in REQUIRED.items() if not fields[name]]
    if missing:
        raise DeclarationError(
            f"{path}: missing, and neither the board's declaration nor the runs say it: "
            + "; ".join(missing)
        )
    fields[STATUS] = fields[STATUS].lower()
    if fields[STATUS] not in STATUSES:
        raise DeclarationError(
            f"{path}: {STATUS} is '{fields[STATUS]}': valid: {', '.join(STATUSES)}"
        )
    for name, more in ((HARDWARE_NOTES, hardware), (SOFTWARE_NOTES, software)):
        fields[name] = "; ".join(words for words in (fields[name], *more) if words)
    return System(path.stem, fields)
