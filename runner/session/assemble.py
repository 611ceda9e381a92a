"""What a result is: put together from what was planned and what is known; measures nothing."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ..build.board import Board
from ..build.engine import Engine
from ..build.firmware import Image
from ..build.fit import second_core_used
from ..cycles.stored import stored_cycles
from ..results import score
from ..results.clock import Heard
from ..results.firmware import EngineUsed, Firmware
from ..results.result import (
    InputsUsed,
    ModelUsed,
    Result,
)
from ..results.scenario import loadgen
from ..results.scenario import score as of_scenario
from ..results.stream import score as of_stream
from .connect import Met
from .known import Known
from .plan import Plan

STREAM = "; answered as one stream: the state is kept from each to the next, windows begin anew"


def assemble(
    plan: Plan,
    known: Known,
    met: Met,
    heard: Heard,
    started_at: str,
    files_sha256: dict[str, str],
    folder: Path,
    error: str | None = None,
) -> Result:
    """Return what is known, as it is stored in `folder`; `error` says what ended the run early.

    `heard` is what the transcripts say of time, by the clock of this computer.
    """
    asked, board, task, inputs = plan.asked, plan.board, plan.task, plan.inputs
    samples = inputs.samples.samples
    answers = [known.answers[sample.name] for sample in samples if sample.name in known.answers]
    accuracy = None
    if answers:
        accuracy = score.accuracy(answers, task.metric, task.tolerance, task.channels)
    performance = score.performance(heard.beside(known.windows), board.instruction_ns, heard.clocks)
    scenario = plan.scenario and of_scenario.score(
        plan.scenario,
        known.queries,
        [sample.label for sample in plan.scenario_samples] if task.metric == "top1" else None,
        emulated=board.emulated,
        loadgen=loadgen.read(folder) if plan.scenario.engine_loadgen else None,
    )
    cycles = stored_cycles(folder, board)
    stream = of_stream.score(
        known.streams[-1] if known.streams else None,
        whole=asked.whole,
        wraps=asked.compatible,
        cycles=cycles,
        instruction_ns=board.instruction_ns,
        currents=board.power and board.power.currents,
    )
    macs = plan.manifest and plan.manifest.macs
    compiled = plan.image and plan.image.manifest
    vips, vops = score.valid_per_second(accuracy, performance, macs)
    image = plan.image or plan.energy_image
    made = plan.engine and plan.engine.made
    return Result(
        tinybench=version("tinybench-mcu"),
        started_at=started_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        complete=error is None,
        error=error,
        board=board.name,
        core=board.core,
        task=task.name,
        model_id=task.model_id,
        mode=asked.mode,
        division=asked.division,
        profile=plan.profile.name,
        dataset=inputs.dataset_origin,
        emulated=board.emulated,
        time_base=score.time_base(board.instruction_ns, on_port=bool(asked.ports)),
        dut=met.vendor,
        inputs=_inputs_used(plan, [sample.name for sample in plan.timed_samples]),
        model=ModelUsed(
            name=inputs.model.name,
            kind=inputs.model_origin,
            sha256=inputs.model_sha256,
            macs=macs,
            tensor_ram_b=_tensor_ram_b(plan.image),
            computed_macs=compiled and compiled.computed_macs,
            pruned=compiled is not None and bool(compiled.removed),
            weights_b=None if made else plan.manifest and plan.manifest.weights_b,
        ),
        firmware=None if image is None else _firmware(board, image, plan.engine),
        link=met.link,
        interface_board=asked.interface_board,
        environment=asked.environment,
        clocks=heard.clocks,
        steps=known.steps,
        resumed=known.resumed,
        tools=plan.tools,
        accuracy=accuracy,
        performance=performance,
        scenario=scenario,
        stream=stream,
        energy=known.energies[-1] if known.energies else None,
        float_model=known.float_models[-1] if known.float_models else None,
        reference=known.references[-1] if known.references else None,
        cycles=cycles,
        no_cycles=known.no_cycles,
        vips=vips,
        vops=vops,
        files_sha256=files_sha256,
        provenance=plan.provenance,
    )


def _inputs_used(plan: Plan, first: list[str]) -> InputsUsed:
    inputs, stream = plan.inputs, plan.asked.state == "keep"
    return InputsUsed(
        name=inputs.name,
        note=inputs.note + STREAM * stream,
        sha256=inputs.samples.sha256,
        count=len(inputs.samples.samples),
        limit=plan.asked.limit,
        first=first,
        stream=stream,
    )


def _tensor_ram_b(image: Image | None) -> int | None:
    return None if image is None or image.manifest is None else image.manifest.tensor_ram_b


def _firmware(board: Board, image: Image, engine: Engine | None) -> Firmware:
    return Firmware(
        elf_sha256=image.elf_sha256,
        sources_sha256=image.sources_sha256,
        compiler=image.compiler,
        flash_b=image.flash_b,
        code_flash_b=image.code_flash_b,
        ram_b=image.ram_b,
        engine=engine and _engine(engine, image.engine_flags or ""),
        sections=image.sections,
        second_core=second_core_used(board, image.manifest),
    )


def _engine(engine: Engine, flags: str) -> EngineUsed:
    made = engine.made
    return EngineUsed(
        engine.name,
        engine.sha256,
        flags,
        version=made.version if made else "",
        arena_b=made.arena_b if made else None,
        layers=made.layers if made else None,
        own_layers=made.own_layers if made else {},
    )
