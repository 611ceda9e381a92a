"""One run, from names to a judged result, read from top to bottom."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace

from tinybench.errors import RunFolderError, TinybenchError, ToolMissingError
from tinybench.track import Track
from tinybench.transport.transcript import pack, unpack

from .. import rules
from ..build import task as tasks
from ..build.engine import Engine
from ..build.firmware import Image
from ..desk.reserve import reserved
from ..dut.client import Dut
from ..measure import energy_mode, modes
from ..measure.float_model import float_quality
from ..results import score
from ..results.journal import Entry, Head, Journal, read
from ..results.provenance import gather
from ..results.recorded import ended, with_evidence
from ..results.request import Request
from ..results.result import (
    RESULT_FILE,
    Answer,
    Energy,
    EngineUsed,
    Firmware,
    FloatModel,
    InputsUsed,
    ModelUsed,
    Provenance,
    Result,
    Step,
    Window,
    read_result,
    write_result,
)
from ..results.seal import write_seal
from ..rules.judge import Outcome
from .connect import TRANSCRIPT_FILE, Met, energy_bench, handshake, link_of, load_boards, open_dut
from .plan import Plan, make_plan
from .run_folder import default_folder, insist_free, make_folder, store_files


def run(
    request: Request,
    track: Track,
    say: Callable[[str], None],
    worked_until_s: float | None = None,
) -> Outcome:
    """Do one run: build, measure, store, judge.

    `track` shows progress, `say` takes a sentence for the user. `worked_until_s`: when the board
    last did another run, by `time.monotonic`. Whatever ends the run early, what
    was measured until then is in the run folder, marked as incomplete, and the board is closed.
    Raises any TinybenchError; KeyboardInterrupt passes through.
    """
    if request.out is not None:
        insist_free(request.out)
    with reserved(request, say) as (meant, tell):
        plan = make_plan(meant, track, say)
        started = datetime.now(UTC)
        folder = make_folder(meant.out or default_folder(plan, started))
        tell(folder)
        head = Head(
            tinybench=version("tinybench-mcu"),
            started_at=started.isoformat(timespec="seconds"),
            asked=meant.absolute(),
            sha256=plan.sha256(),
        )
        with Journal(folder) as journal:
            journal.append(Entry(run=head))
            return _measure(plan, head, journal, [], folder, track, say, worked_until_s)


def resume(folder: Path, track: Track, say: Callable[[str], None]) -> Outcome:
    """Go on with a run that was interrupted, from its journal; what is done is not done again.

    Raises RunFolderError when there is nothing to go on with, or when firmware, model, dataset or
    rules are not those of the run any more; else as `run`.
    """
    head, entries = read(folder)
    if (folder / RESULT_FILE).exists() and read_result(folder).complete:
        raise RunFolderError(
            f"{folder}: this run is complete; judge it with: tinybench check {folder}"
        )
    with reserved(replace(head.asked, out=folder), say) as (meant, tell):
        plan = make_plan(meant, track, say)
        now = plan.sha256()
        changed = [name for name, was in head.sha256.items() if now.get(name) != was]
        if changed:
            raise RunFolderError(
                f"{folder}: the {' and the '.join(changed)} changed since this run began: its "
                "parts would not belong together. Start a new run"
            )
        tell(folder)
        unpack(folder)
        with Journal(folder) as journal:
            again = Entry(resumed_at=datetime.now(UTC).isoformat(timespec="seconds"))
            journal.append(again)
            samples = plan.inputs.samples.samples
            kept, lost = rules.stands(
                entries,
                folder,
                {sample.name: sample.label for sample in samples},
                [sample.name for sample in samples[: plan.profile.windows]],
            )
            if lost:
                say(
                    f"measured again, for no transcript has it: {', '.join(lost[:3])}" + _more(lost)
                )
            before = [*kept, again]
            return _measure(plan, head, journal, before, folder, track, say, time.monotonic())


def _more(names: list[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > 3 else ""


@dataclass
class _Measured:
    """What is known so far; from the journal of an interrupted run, and then as it is measured."""

    answers: dict[str, Answer]
    windows: list[Window]
    energies: list[Energy]
    float_models: list[FloatModel]
    steps: list[Step]
    resumed: int
    worked_until_s: float | None
    """When the board last worked, by `time.monotonic`; None where that is not known."""
    met: Met = field(default_factory=Met)


def _measure(
    plan: Plan,
    head: Head,
    journal: Journal,
    before: list[Entry],
    folder: Path,
    track: Track,
    say: Callable[[str], None],
    worked_until_s: float | None,
) -> Outcome:
    """Measure what is not in the journal yet, store the result and judge it."""
    files = store_files(folder, plan)
    known = _Measured(
        answers={entry.answer.input: entry.answer for entry in before if entry.answer},
        windows=[entry.window for entry in before if entry.window],
        energies=[entry.energy for entry in before if entry.energy],
        float_models=[entry.float_model for entry in before if entry.float_model],
        steps=[entry.step for entry in before if entry.step],
        resumed=sum(entry.resumed_at is not None for entry in before),
        worked_until_s=worked_until_s,
    )
    came_from = gather(head.sha256["rules"], plan.request.ports)
    try:
        load_boards(plan, say)
        if plan.request.mode != "energy":
            _measure_boards(plan, known, journal, before, folder, track)
        if plan.request.wants_energy:
            _measure_energy(plan, known, journal, folder, track, say)
        if plan.profile.float_share is not None and plan.request.mode != "performance":
            _compute_float(plan, known, journal, track)
        with contextlib.suppress(RunFolderError):  # what cannot be compressed stays text
            pack(folder)
    except (TinybenchError, KeyboardInterrupt) as error:
        with contextlib.suppress(RunFolderError):  # the first error is the one to tell
            why = str(error) or "interrupted by the user"
            _store(_result(plan, head, known, files, came_from, why), journal, folder)
        say(
            f"stopped; what was measured until then is in {folder}, what was said on the line in "
            f"{folder / TRANSCRIPT_FILE}; go on with: tinybench resume {folder}"
        )
        raise
    done = _store(_result(plan, head, known, files, came_from, None), journal, folder)
    return Outcome(done, rules.judged(done, plan.task, plan.profile), folder)


def _store(result: Result, journal: Journal, folder: Path) -> Result:
    """End the journal, write the result and seal the folder; return what was written."""
    journal.append(ended(result))
    result = with_evidence(result, folder)
    write_result(folder, result)
    write_seal(folder)
    return result


def _measure_boards(
    plan: Plan,
    known: _Measured,
    journal: Journal,
    before: list[Entry],
    folder: Path,
    track: Track,
) -> None:
    """Measure accuracy and performance."""
    request = plan.request
    duts: list[Dut] = []
    with ExitStack() as stack:
        for index in range(len(request.ports) or request.shards):
            duts.append(open_dut(plan, index, folder, stack))
            known.met.vendor = handshake(duts[-1], plan, before, journal)

        @stack.callback
        def tell() -> None:  # before the boards are left
            known.met.link = link_of(duts, request)

        modes_in_order = ["accuracy", "performance"]
        if plan.profile.performance_first:
            modes_in_order.reverse()
        for mode in modes_in_order:
            if request.mode not in (mode, "all"):
                continue
            if mode == "accuracy":
                _measure_accuracy(plan, known, duts, journal, track)
            else:
                _measure_performance(plan, known, duts[0], journal, track)


def _measure_accuracy(
    plan: Plan, known: _Measured, duts: list[Dut], journal: Journal, track: Track
) -> None:
    """Have the answers to all inputs that have none."""
    left = [sample for sample in plan.accuracy_samples if sample.name not in known.answers]
    if not left:
        return
    _begin("accuracy", known, journal)
    measuring = modes.shared_accuracy(duts, left, plan.task.result_count)
    for answer in track(measuring, "accuracy", len(left)):
        journal.append(Entry(answer=answer))
        known.answers[answer.input] = answer
    known.worked_until_s = time.monotonic()


def _measure_performance(
    plan: Plan, known: _Measured, dut: Dut, journal: Journal, track: Track
) -> None:
    """Time the windows that are missing, on a board that has rested as the profile wants."""
    left = plan.inputs.samples.samples[len(known.windows) : plan.profile.windows]
    if not left:
        return
    if not plan.board.emulated:
        _rest(known.worked_until_s, plan.profile.cool_down_s, track)
    _begin("performance", known, journal)
    timing = modes.performance(
        dut,
        left,
        plan.task.result_count,
        plan.window_length,
        known.windows[-1].iterations if known.windows else None,
    )
    for window in track(timing, "performance", len(left)):
        journal.append(Entry(window=window))
        known.windows.append(window)
    known.worked_until_s = time.monotonic()


def _begin(mode: str, known: _Measured, journal: Journal) -> None:
    """Note that a mode begins, and how long the board had rested."""
    until_s = known.worked_until_s
    rested_s = None if until_s is None else round(time.monotonic() - until_s, 3)
    known.steps.append(Step(mode, datetime.now(UTC).isoformat(timespec="seconds"), rested_s))
    journal.append(Entry(step=known.steps[-1]))


def _rest(worked_until_s: float | None, cool_down_s: float, track: Track) -> None:
    """Wait until the board has rested for `cool_down_s`, where it has worked before."""
    if worked_until_s is None:
        return
    until_s = worked_until_s + cool_down_s

    def seconds() -> Iterator[None]:
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(1.0, left_s))
            yield

    for _ in track(seconds(), "cool-down", math.ceil(max(0.0, until_s - time.monotonic()))):
        pass


def _compute_float(plan: Plan, known: _Measured, journal: Journal, track: Track) -> None:
    """Compute the float model's quality on the inputs of the accuracy mode, on this computer."""
    if known.float_models or not known.answers:
        return
    samples = [sample for sample in plan.accuracy_samples if sample.name in known.answers]
    known.float_models.append(float_quality(plan.task, plan.inputs, samples, track))
    journal.append(Entry(float_model=known.float_models[-1]))


def _measure_energy(
    plan: Plan,
    known: _Measured,
    journal: Journal,
    folder: Path,
    track: Track,
    say: Callable[[str], None],
) -> None:
    """Measure energy, unless it has been already: one trace is measured whole or not at all."""
    if known.energies:
        return
    with energy_bench(plan, known.met, folder) as bench:
        first = plan.inputs.samples.samples[: plan.profile.windows]
        _begin("energy", known, journal)
        measuring = energy_mode.measure(bench, first, plan.window_length, folder)
        for energy in track(measuring, "energy", 1):
            journal.append(Entry(energy=energy))
            known.energies.append(energy)
    try:
        energy_mode.draw_pictures(folder)
    except ToolMissingError as error:
        say(str(error))


def _result(
    plan: Plan,
    head: Head,
    known: _Measured,
    files: dict[str, str],
    came_from: Provenance,
    error: str | None,
) -> Result:
    """Return what is known, as it is stored; `error` says what ended the run early."""
    request, board, task, inputs = plan.request, plan.board, plan.task, plan.inputs
    ordered = [
        known.answers[sample.name]
        for sample in inputs.samples.samples
        if sample.name in known.answers
    ]
    accuracy = score.accuracy(ordered, task.metric) if ordered else None
    performance = score.performance(known.windows, board.instruction_ns)
    vips, vops = score.valid_per_second(accuracy, performance, plan.manifest and plan.manifest.macs)
    image = plan.image or plan.energy_image
    return Result(
        tinybench=version("tinybench-mcu"),
        started_at=head.started_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        complete=error is None,
        error=error,
        board=board.name,
        core=board.core,
        task=task.name,
        model_id=task.model_id,
        mode=request.mode,
        division=request.division,
        profile=plan.profile.name,
        dataset=inputs.dataset_origin,
        emulated=board.emulated,
        time_base=score.time_base(board.instruction_ns, on_port=bool(request.ports)),
        dut=known.met.vendor,
        inputs=_inputs_used(plan),
        model=_model_used(plan),
        firmware=None if image is None else _firmware(image, plan.engine),
        link=known.met.link,
        interface_board=request.interface_board,
        steps=known.steps,
        resumed=known.resumed,
        tools=plan.tools,
        accuracy=accuracy,
        performance=performance,
        energy=known.energies[-1] if known.energies else None,
        float_model=known.float_models[-1] if known.float_models else None,
        vips=vips,
        vops=vops,
        files_sha256=files,
        provenance=came_from,
    )


def run_all(request: Request, track: Track, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Do a run of each task, each with a folder of its own below `out`; raises as `run`."""
    worked_until_s = None
    for name in tasks.names():
        out = None if request.out is None else request.out / name
        yield run(replace(request, task=name, out=out), track, say, worked_until_s)
        worked_until_s = time.monotonic()


def _inputs_used(plan: Plan) -> InputsUsed:
    inputs = plan.inputs
    return InputsUsed(
        name=inputs.name,
        note=inputs.note,
        sha256=inputs.samples.sha256,
        count=len(inputs.samples.samples),
        limit=plan.request.limit,
        first=[sample.name for sample in inputs.samples.samples[: plan.profile.windows]],
    )


def _model_used(plan: Plan) -> ModelUsed:
    compiled = plan.image and plan.image.manifest
    return ModelUsed(
        name=plan.inputs.model.name,
        kind=plan.inputs.model_origin,
        sha256=plan.inputs.model_sha256,
        macs=plan.manifest and plan.manifest.macs,
        tensor_ram_b=compiled and compiled.tensor_ram_b,
        weights_b=plan.manifest and plan.manifest.weights_b,
    )


def _firmware(image: Image, engine: Engine | None) -> Firmware:
    return Firmware(
        elf_sha256=image.elf_sha256,
        sources_sha256=image.sources_sha256,
        compiler=image.compiler,
        flash_b=image.flash_b,
        code_flash_b=image.code_flash_b,
        ram_b=image.ram_b,
        engine=engine and EngineUsed(engine.name, engine.sha256, image.engine_flags or ""),
    )
