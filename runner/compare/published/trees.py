"""Read published results from trees, such as clones of mlcommons/tiny_results_v1.3."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tinybench.files import read_bytes
from tinybench.read import read_json

from ...audit.printed import Printed, read_printed
from ...audit.text import NO_RESULT, shown
from ...audit.tree import TASKS, Place, find
from .entry import STREAM_TASK, Entry, f1_of

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
        printed = {mode: list(_printed(found)) for mode, found in places.items()}
        task = TASKS[place.task][1] if place.task == "ic02" else TASKS[place.task][0]
        streamed = task == STREAM_TASK
        rate_name = "stream_throughput_per_s" if streamed else "throughput_per_s"
        rate = _number(printed, "performance", rate_name)
        energy_uj = None if streamed else _number(printed, "energy", "energy_uj")
        top1_percent = _number(printed, "accuracy", "top1_percent")
        yield Entry(
            round=place.round,
            division=place.division,
            submitter=place.submitter,
            system=place.system,
            task=task,
            processor=_described(place, "Processor(s) Name"),
            latency_s=1 / rate if rate else None,
            energy_j=energy_uj * 1e-6 if energy_uj else None,
            top1=None if top1_percent is None else top1_percent / 100,
            auc=_number(printed, "accuracy", "auc"),
            f1=_f1(printed) if streamed else None,
            duty=_number(printed, "performance", "duty_cycle") if streamed else None,
            power_w=_power_w(printed) if streamed else None,
        )


def _printed(place: Place) -> Iterator[Printed]:
    """Yield what a mode's files print; the first one with a figure counts."""
    for path in (*place.tables, *place.logs):
        with contextlib.suppress(OSError):
            yield read_printed(path)


def _number(printed: dict[str, list[Printed]], mode: str, name: str) -> float | None:
    text = next((text for one in printed.get(mode, ()) if (text := getattr(one, name))), "")
    return float(text) if text else None


def _f1(printed: dict[str, list[Printed]]) -> float | None:
    """Return the F1 of a stream, in the mode that is scored: energy where it is there."""
    for one in (*printed.get("energy", ()), *printed.get("performance", ())):
        if one.stream is not None:
            return f1_of(*map(int, one.stream))
    return None


def _power_w(printed: dict[str, list[Printed]]) -> float | None:
    """Return the mean power of a stream's one window."""
    for one in printed.get("energy", ()):
        for window in one.energy:
            if window.power and window.units.get("power") == "mW":
                return float(window.power) * 1e-3
    return None


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
