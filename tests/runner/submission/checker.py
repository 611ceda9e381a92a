"""What the public submission checker asks of a tree, as facts; it reads the same lines.

Ref: mlcommons/tiny, tools/submission/submission_checker.py, version v1.3.
"""

import json
import os
import re
from pathlib import Path

TOP1 = re.compile(r".* Top[- ]1%?\s?[:=] ([\d\.]+).*")
AUC = re.compile(r".* AUC\s?[:=] ([\d\.]+).*")
THROUGHPUT = re.compile(r".* Median throughput is\s+([\d\.]+) inf\./sec\..*")
ENERGY = re.compile(r"Median energy cost is ([\d\.]+) uJ/inf")
ENERGY_OF_THE_RUNNER = re.compile(r".* Median energy cost is ([\d\.]+) uJ/inf\..*")
TARGETS = {"ad": (AUC, 0.85), "ic": (TOP1, 85), "ic2": (TOP1, 91), "kws": (TOP1, 90),
           "vww": (TOP1, 80)}  # fmt: skip
FILES = {"log.txt", "results.txt", "results.json"}
PICTURES = {f"energy_inf_{number:03d}.png" for number in range(5)}
SUMMARY = (
    "Board Name", "Processor(s) Name", "Processor(s) Frequencies",
    "Processor memory type and capacity", "Accelerator", "Accelerator(s) Frequencies",
    "Accelerator memory type and capacity", "Hardware Notes", "Inference Framework",
    "Software Libraries", "Software Notes",
)  # fmt: skip
"""Fields of a system that its summary shows."""


def objections(root: Path) -> list[str]:
    """Return all that the checker, or section 4 of the reference, would object to."""
    found = [f"division {path.name}" for path in root.iterdir() if path.name not in CLOSED_OR_OPEN]
    for here, folders, files in os.walk(root):
        path = Path(here)
        if not folders and not files:
            found.append(f"{path}: empty")
        for name in (*folders, *files):
            if name.startswith(".") or " " in name or name == "__pycache__":
                found.append(f"{path / name}: name")
            if (path / name).is_symlink():
                found.append(f"{path / name}: link")
        found += [f"{f}: size" for f in files if (path / f).stat().st_size > 50_000_000]
    for results in root.glob("*/*/results/*"):
        found += _system(results)
    return found


CLOSED_OR_OPEN = ("closed", "open")


def _system(results: Path) -> list[str]:
    described = results.parent.parent / "systems" / f"{results.name}.json"
    if not described.is_file():
        return [f"{described}: missing"]
    system = json.loads(described.read_text(encoding="utf-8"))
    found = []
    if system["Status"].lower() not in ("available", "preview", "rdi"):
        found.append("Status")
    if system.get("system_type") is not None:
        found.append("system_type")
    found += [f"{name}: not a text" for name in SUMMARY if not isinstance(system[name], str)]
    closed = results.parts[-4] == "closed"
    for task in results.iterdir():
        if task.name not in TARGETS:
            found.append(f"{task}: name")
            continue
        found += _task(task, closed)
    return found


def _task(task: Path, closed: bool) -> list[str]:
    pattern, target = TARGETS[task.name]
    found = []
    for mode in ("accuracy", "performance"):
        if {path.name for path in (task / mode).iterdir()} != FILES:
            found.append(f"{task / mode}: files")
    score = last(pattern, task / "accuracy")
    if score is None or (closed and score < target):
        found.append(f"{task}: accuracy {score}")
    if last(THROUGHPUT, task / "performance") is None:
        found.append(f"{task}: throughput")
    energy = task / "energy"
    if energy.exists():
        if {path.name for path in energy.iterdir()} != FILES | PICTURES:
            found.append(f"{energy}: files")
        text = (energy / "results.txt").read_text()
        if not ENERGY.search(text) or last(ENERGY_OF_THE_RUNNER, energy) is None:
            found.append(f"{energy}: energy")
    return found


def last(pattern: re.Pattern[str], mode: Path) -> float | None:
    """Return the number in the last line of results.txt that matches from its beginning."""
    lines = (mode / "results.txt").read_text(encoding="utf-8").splitlines()
    matches = [found for line in lines if (found := pattern.match(line))]
    return float(matches[-1][1]) if matches else None
