"""The folder of a run: made for one run alone, and given the files that decided its result."""

import hashlib
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from tinybench.declare import find
from tinybench.errors import RunFolderError
from tinybench.models import declaration as models

from .. import rules
from ..build import board as boards
from ..build import task as tasks
from ..results.journal import create
from ..rules.evidence.derived import INPUTS_FILE
from .plan import Plan


def insist_free(folder: Path) -> None:
    """Raise RunFolderError unless `folder` is not there, or empty."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunFolderError(
                f"{folder} is not an empty folder, perhaps another run's; nothing was written. "
                "Give --out a new one"
            )
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be a run folder: {error}") from error


def make_folder(folder: Path) -> Path:
    """Make the run folder; of two runs that want the same one, only one gets it."""
    insist_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        create(folder)
    except FileExistsError:
        raise RunFolderError(
            f"{folder} was taken by another run a moment ago; give --out a new one"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot make the run folder {folder}: {error}") from error
    return folder


def store_files(folder: Path, plan: Plan) -> dict[str, str]:
    """Copy the declarations as used, the image and its manifest; return {name: SHA-256}."""
    request, task, inputs = plan.request, plan.task, plan.inputs
    model = task.embedded_model if inputs.model_origin == "embedded" else task.model
    copies = {
        "board.toml": find("board", request.board, boards.names()),
        "task.toml": find("task", request.task, tasks.names()),
        "profile.toml": find("profile", request.profile, rules.names()),
    }
    if plan.image is not None:
        copies["firmware.elf"] = Path(plan.image.elf)
    if plan.energy_image is not None and plan.energy_image != plan.image:
        copies["firmware-energy.elf"] = Path(plan.energy_image.elf)
    if inputs.model_origin in ("official", "embedded"):
        copies["model.toml"] = find("model", model, models.names())
    try:
        for name, source in copies.items():
            shutil.copyfile(source, folder / name)
        stored = [*copies]
        listed = "".join(f"{s.name},{s.label},{s.sha256}\n" for s in inputs.samples.samples)
        (folder / INPUTS_FILE).write_text(listed, encoding="utf-8", newline="\n")
        stored.append(INPUTS_FILE)
        if plan.engine is None:
            stored.append("manifest.json")
            (folder / stored[-1]).write_bytes(
                msgspec.json.format(msgspec.json.encode(plan.manifest), indent=1) + b"\n"
            )
        return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in stored}
    except OSError as error:
        raise RunFolderError(f"cannot write into {folder}: {error}") from error


def default_folder(plan: Plan, started: datetime) -> Path:
    """Return where a run is stored that was given no folder."""
    return Path("runs") / f"{started:%Y%m%dT%H%M%S.%f}Z-{plan.board.name}-{plan.task.name}"
