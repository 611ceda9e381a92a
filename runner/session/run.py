"""One run, from names to a judged result, read from top to bottom."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace

from tinybench.energy.monitor import supply_of
from tinybench.errors import RunFolderError, TinybenchError
from tinybench.plural import counted
from tinybench.track import Track
from tinybench.transport.transcript import pack, unpack

from .. import rules
from ..build import task as tasks
from ..desk.reserve import reserved
from ..measure.energy_mode import Watch
from ..results.clock import heard
from ..results.journal import Entry, Head, Journal, head_sha256, read
from ..results.names import TRANSCRIPT_FILE
from ..results.recorded import ended, with_evidence
from ..results.request import Request
from ..results.result import RESULT_FILE, Result, read_result
from ..results.scenario import loadgen
from ..rules.judge import Outcome
from . import steps
from .assemble import assemble
from .connect import (
    Met,
    energy_bench,
    line_was_open,
    link_of,
    load_boards,
    meet,
    open_boards,
)
from .known import Known
from .plan import Plan, make_plan
from .run_folder import default_folder, insist_free, new_folder, store_files, store_result


def run(
    request: Request,
    track: Track,
    say: Callable[[str], None],
    worked_until_s: float | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Do one run: build, measure, store, judge.

    `track` shows progress, `say` takes a sentence for the user. `worked_until_s`: when the board
    last did another run, by `time.monotonic`. `watch` is told what the board draws in energy mode.
    Whatever ends the run early, what was measured until then is in the run folder, marked as
    incomplete, and the board is closed.
    Raises any TinybenchError; KeyboardInterrupt passes through.
    """
    if request.out is not None:
        insist_free(request.out)
    with reserved(request, say) as (station, tell):
        plan = make_plan(station, track, say)
        started = datetime.now(UTC)
        out = plan.asked.out or default_folder(plan.board.name, plan.task.name, started)
        with new_folder(out) as folder, Journal(folder) as journal:
            tell(folder)
            head = Head(
                tinybench=version("tinybench-mcu"),
                started_at=started.isoformat(timespec="seconds"),
                asked=plan.asked.absolute(),
                sha256=plan.sha256,
            )
            journal.append(Entry(run=head))
            known = Known(journal, [], worked_until_s)
            return _measure(plan, head.started_at, known, folder, track, say, watch)


def resume(
    folder: Path, track: Track, say: Callable[[str], None], watch: Watch | None = None
) -> Outcome:
    """Go on with a run that was interrupted, from its journal; what is done is not done again.

    Raises RunFolderError when there is nothing to go on with, or when firmware, model, dataset or
    rules are not those of the run any more; else as `run`.
    """
    head, before = read(folder)
    if (folder / RESULT_FILE).exists() and read_result(folder).complete:
        raise RunFolderError(
            f"{folder}: this run is complete; judge it with: tinybench check {folder}"
        )
    with reserved(replace(head.asked, out=folder), say) as (station, tell):
        plan = make_plan(station, track, say)
        changed = [name for name, was in head.sha256.items() if plan.sha256.get(name) != was]
        if changed:
            raise RunFolderError(
                f"{folder}: the {' and the '.join(changed)} changed since this run began: its "
                "parts would not belong together. Start a new run"
            )
        tell(folder)
        unpack(folder)
        with Journal(folder) as journal:
            kept, lost = rules.stands(
                before,
                folder,
                {sample.name: sample.label for sample in plan.inputs.samples.samples},
                [sample.name for sample in plan.timed_samples],
            )
            _insist_whole(head.asked, kept, "query" in lost, folder)
            if lost:
                more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
                say(f"measured again, for no transcript has it: {', '.join(lost[:3])}{more}")
            known = Known(journal, kept, time.monotonic())
            known.add(Entry(resumed_at=datetime.now(UTC).isoformat(timespec="seconds")))
            return _measure(plan, head.started_at, known, folder, track, say, watch)


def _how_to_go_on(plan: Plan, folder: Path) -> str:
    asked = plan.scenario
    if asked is not None and asked.engine_loadgen and loadgen.read(folder) is None:
        return "LoadGen cannot go on with a test of its own: start a new run"
    return f"go on with: tinybench resume {folder}"


def _insist_whole(asked: Request, kept: Sequence[Entry], lost: bool, folder: Path) -> None:
    """Raise RunFolderError where LoadGen's test was begun and did not end: it is one or none."""
    if asked.scenario is None or not asked.scenario.engine_loadgen:
        return
    begun = sum(entry.query is not None for entry in kept)
    if lost or (begun and loadgen.read(folder) is None):
        raise RunFolderError(
            f"{folder}: LoadGen was asking when this run ended, after "
            f"{counted(begun, 'query', 'queries')}, and cannot "
            "go on with a test of its own. Start a new run, or one without --engine-loadgen, which "
            "goes on"
        )


def run_all(request: Request, track: Track, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Do a run of each task, each with a folder of its own below `out`; raises as `run`.

    What is asked of modes that a stream has not leaves it out.
    """
    worked_until_s = None
    for name in tasks.names():
        if tasks.load_task(name).streams and not _of_all_modes(request):
            continue
        out = None if request.out is None else request.out / name
        yield run(replace(request, task=name, out=out), track, say, worked_until_s)
        worked_until_s = time.monotonic()


def _of_all_modes(request: Request) -> bool:
    """Return whether a request for all tasks may be one for a stream, which has one mode."""
    only = (request.limit, request.iterations, request.scenario, request.data, request.model)
    return request.mode == "all" and request.shards == 1 and only == (None,) * len(only)


def _measure(
    plan: Plan,
    started_at: str,
    known: Known,
    folder: Path,
    track: Track,
    say: Callable[[str], None],
    watch: Watch | None,
) -> Outcome:
    """Measure what is not known yet, store the result and judge it."""
    asked, task, sites = plan.asked, plan.task, plan.sites
    files = store_files(
        folder, plan.copies, plan.inputs.samples.samples, None if plan.engine else plan.manifest
    )
    met = Met()
    try:
        image = plan.energy_image if asked.mode == "energy" else plan.image
        if plan.monitor is not None:
            say(supply_of(plan.monitor))
        load_boards(plan.board, image, sites, plan.monitor, say, write=asked.flash)
        if plan.modes:
            _measure_text(plan, folder, known, met, track, say)
        if asked.wants_energy and not known.energies:
            site = sites[0] if sites else None
            with energy_bench(
                plan.board,
                task,
                plan.energy_image,
                plan.inputs,
                site,
                plan.monitor,
                folder,
                met,
                asked.verify,
                asked.model is not None,
                say,
            ) as bench:
                steps.measure_energy(
                    dataclasses.replace(bench, watch=watch),
                    plan.timed_samples,
                    plan.window_length,
                    asked.iterations,
                    folder,
                    known,
                    track,
                )
            steps.draw_energy(folder, say)
        if plan.profile.float_share is not None and asked.mode != "performance":
            steps.compute_float(task, plan.inputs, plan.accuracy_samples, known, track)
        steps.compare_reference(plan, known, track, say)
        steps.estimate_cycles(plan, folder, known, say)
        times = heard(folder, emulated=plan.board.emulated)  # of text, which is read faster
        with contextlib.suppress(RunFolderError):  # what cannot be compressed stays text
            pack(folder)
    except (TinybenchError, KeyboardInterrupt) as error:
        why = str(error) or "interrupted by the user"
        if line_was_open(folder):
            with contextlib.suppress(RunFolderError):  # the first error is the one to tell
                times = heard(folder, emulated=plan.board.emulated)
                _store(
                    assemble(plan, known, met, times, started_at, files, folder, why), known, folder
                )
            say(
                f"stopped; what was measured until then is in {folder}, what was said on the line "
                f"in {folder / TRANSCRIPT_FILE}; {_how_to_go_on(plan, folder)}"
            )
        raise
    found = assemble(plan, known, met, times, started_at, files, folder)
    steps.draw_stream(found, folder)
    result = _store(found, known, folder)
    return Outcome(result, rules.judged(result, task, plan.profile), folder)


def _measure_text(
    plan: Plan, folder: Path, known: Known, met: Met, track: Track, say: Callable[[str], None]
) -> None:
    """Do the modes of the firmware's text build, on all boards that there are."""
    asked, task = plan.asked, plan.task
    with open_boards(plan.board, plan.lines, folder, asked.verify, asked.raise_baud, say) as duts:
        for dut in duts:
            met.vendor = meet(
                dut, task, plan.image, plan.inputs, known, named=asked.model is not None
            )
            if asked.raise_baud:
                dut.raise_baud(asked.baud)
        if plan.image is not None and plan.image.manifest and plan.image.manifest.state_b:
            for dut in duts:  # who was there before may have kept it
                dut.keep_state(False)
        try:
            for mode in plan.modes:
                samples = plan.accuracy_samples
                if mode == "accuracy" and asked.state == "keep":
                    steps.measure_stream(duts[0], samples, task.result_count, known, track)
                elif mode == "accuracy":
                    steps.measure_accuracy(duts, samples, task.result_count, known, track)
                elif mode == "stream":
                    steps.measure_heard(
                        duts[0], plan.inputs, known, track, wraps=plan.asked.compatible
                    )
                elif plan.scenario is not None:
                    steps.measure_scenario(
                        duts[0],
                        plan.scenario_samples,
                        task.result_count,
                        plan.scenario,
                        plan.cool_down_s,
                        folder,
                        known,
                        track,
                    )
                else:
                    steps.measure_performance(
                        duts[0],
                        plan.timed_samples,
                        task.result_count,
                        plan.window_length,
                        plan.cool_down_s,
                        asked.iterations,
                        known,
                        track,
                    )
            steps.time_layers(duts[0], plan, folder, say)
        finally:
            met.link = link_of(duts, asked.baud if plan.sites else None)


def _store(result: Result, known: Known, folder: Path) -> Result:
    """End the journal, write the result and seal the folder; return what was written."""
    if result.provenance is not None:
        told = replace(result.provenance, head_sha256=head_sha256(folder))
        result = replace(result, provenance=told)
    known.add(ended(with_evidence(result, folder)))
    result = with_evidence(result, folder)
    store_result(folder, result)
    return result
