"""Energy, held against the stored trace."""

from collections.abc import Iterator
from pathlib import Path

from tinybench.errors import TraceError

from ...results.names import TRACE_FILE
from ...results.result import Energy, Result
from ..rule import Ruling
from .clauses import AGAIN, TRACE


def rulings(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that the energy is what the stored trace says."""
    if result.energy is None or result.energy.per_inference_j is None:
        return
    yield judged(result.energy, folder)


def judged(energy: Energy, folder: Path) -> Ruling:
    """Judge one energy by the trace in a run folder."""
    wanted = "the energy that the stored trace has"
    path = folder / TRACE_FILE
    if not path.is_file():
        return TRACE.not_judged(wanted, "there is no trace")
    from tinybench.energy.analysis import analyse
    from tinybench.energy.trace import open_trace

    try:
        with open_trace(path, links=False) as trace:
            found = analyse(trace)
    except TraceError as error:
        return TRACE.broken(wanted, str(error), AGAIN)
    energies_j = [window.energy_j for window in found.windows]
    return TRACE.judged(
        found.median_j == energy.per_inference_j
        and found.uncertainty_j == energy.uncertainty_j
        and energies_j == [window.energy_j for window in energy.windows],
        f"{_uj(found.median_j)} uJ/inference, from the trace",
        f"{_uj(energy.per_inference_j)} uJ/inference, {len(energy.windows)} windows",
        "the stored result or its trace was changed after the run: run it again",
    )


def _uj(energy_j: float | None) -> str:
    return "no" if energy_j is None else f"{energy_j * 1e6:.4f}"
