"""Read published results from trees, such as clones of mlcommons/tiny_results_v1.3."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tinybench.files import read_bytes
from tinybench.read import read_json

from ...audit.printed import read_printed
from ...audit.text import NO_RESULT, shown
from ...audit.tree import TASKS, Place, find
from .entry import Entry

SYSTEM_MAX_B = 1 << 20


def entries(root: Path) -> Iterator[Entry]:
    """Yield a result for each task of each system below a folder, as its files state it.

    Raises UsageError: there is no such folder. A file that cannot be read states nothing.
    """
    modes: dict[Path, dict[str, Place]] = {}
    for place in find(root).places:
        if place.mode and place.division and place.task:
            modes.setdefault(place.folder.parent, {})[place.mode] = place
    for places in modes.values():
        place = next(iter(places.values()))
        if _described(place, "Board Name").startswith(NO_RESULT):
            continue
        texts = {mode: _printed(found) for mode, found in places.items()}
        rate = _number(texts, "performance", "throughput_per_s")
        energy_uj = _number(texts, "energy", "energy_uj")
        top1_percent = _number(texts, "accuracy", "top1_percent")
        yield Entry(
            round=place.round,
            division=place.division,
            submitter=place.submitter,
            system=place.system,
            task=TASKS[place.task][1] if place.task == "ic02" else TASKS[place.task][0],
            processor=_described(place, "Processor(s) Name"),
            latency_s=1 / rate if rate else None,
            energy_j=energy_uj * 1e-6 if energy_uj else None,
            top1=None if top1_percent is None else top1_percent / 100,
            auc=_number(texts, "accuracy", "auc"),
        )


def _printed(place: Place) -> dict[str, str]:
    """Return the figures that a mode's files print; the first file with one counts."""
    found: dict[str, str] = {}
    for path in (*place.tables, *place.logs):
        try:
            printed = read_printed(path)
        except OSError:
            continue
        for name in ("throughput_per_s", "energy_uj", "top1_percent", "auc"):
            text = getattr(printed, name)
            if text:
                found.setdefault(name, text)
    return found


def _number(texts: dict[str, dict[str, str]], mode: str, name: str) -> float | None:
    text = texts.get(mode, {}).get(name)
    return float(text) if text else None


def _described(place: Place, field: str) -> str:
    """Return a field of the system's description; empty where there is none to be read."""
    parts = place.folder.parts
    at = max(n for n, part in enumerate(parts) if part.lower() == place.division)
    system = parts[at + 3] if len(parts) > at + 3 else ""
    path = Path(*parts[: at + 2]) / "systems" / f"{system}.json"
    try:
        said = read_json(read_bytes(path, SYSTEM_MAX_B, links=False))
    except (OSError, msgspec.MsgspecError):
        return ""
    text = said.get(field, "") if isinstance(said, dict) else ""
    return shown(text[:200]) if isinstance(text, str) else ""
