"""Energy of what a study has run: of a board on a port another build has it, in a run of its own.

Those runs come last, so that a board may be wired to its monitor in between.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tinybench.errors import BuildError, ModelError

from ..results.request import MODELLED
from ..results.result import RESULT_FILE, read_result
from ..results.words import request_of
from .runs import done, put_aside
from .work import Work

BESIDE = "{}-energy"
"""Folder of such a run, beside that of the run "{}"."""


def first(work: Work) -> Work:
    """Return the work of the runs that come before: without a monitor that is for later."""
    if work.words.get("monitor") in (None, MODELLED):
        return work
    return replace(work, words={**work.words, "monitor": None})


def energy_of(work: Work, name: str, **words: Any) -> dict[str, Any]:
    """Return the energy of an inference of the run of that name, as fields of a study's row.

    `words` are those of its run. Where no window can be trusted, or the energy build does not fit,
    that is said and there are none; a run that was so before is kept aside, and done again. Raises
    what the bench fails by.
    """
    out = work.folder / BESIDE.format(name)
    said: dict[str, Any] = {**work.words, **words, "mode": "energy", "out": out}
    said["baud"] = None  # the energy build has one of its own
    try:
        request = request_of(**said)
        if _is_without(out):
            put_aside(out, "has no energy that can be trusted", work.say)
        energy = done(request, out, work.track, work.say).result.energy
    except (ModelError, BuildError) as error:
        work.say(f"{name}: no energy: {error}")
        return {}
    if energy is None or energy.per_inference_j is None:
        why = "; ".join(energy.faults) if energy else ""
        work.say(f"{name}: no energy: no window of {out} can be trusted{why and f': {why}'}")
        return {}
    return {"energy_j": energy.per_inference_j, "energy_modelled": energy.modelled}


def _is_without(out: Path) -> bool:
    """Return whether a run is done, and no window of it can be trusted."""
    before = read_result(out) if (out / RESULT_FILE).is_file() else None
    if before is None or not before.complete:
        return False
    return before.energy is None or before.energy.per_inference_j is None
