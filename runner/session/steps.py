"""The modes of a run: each measures what is missing, and keeps it as soon as it is known."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tinybench.datasets.reader import Sample
from tinybench.errors import RunFolderError, TinybenchError, ToolMissingError
from tinybench.files import write_whole
from tinybench.track import Track

from ..build.inputs import Inputs
from ..build.task import Task
from ..cycles.estimate import estimate
from ..cycles.plugin import as_text
from ..dut.client import Dut
from ..measure import energy_mode, modes, scenario
from ..measure.float_model import float_quality
from ..measure.listen import listen, loudness
from ..measure.modes import WindowLength
from ..measure.profile import GLANCE_US, LAYERS_MAX, Steps, engine_steps, priced, steps_of
from ..measure.profile import Profile as LayerTimes
from ..measure.profile import time_layers as timed
from ..measure.reference import compare
from ..results.journal import Entry
from ..results.names import CYCLES_FILE, PROFILE_FILE, STREAM_FILE
from ..results.result import Result
from ..results.scenario import Asked
from ..results.stream import Streamed
from ..streaming.timeline import timeline
from .bisect import first_layer
from .known import Known
from .plan import Plan


def measure_accuracy(
    duts: Sequence[Dut], samples: Sequence[Sample], result_count: int, known: Known, track: Track
) -> None:
    """Have the answers to all samples that have none."""
    left = [sample for sample in samples if sample.name not in known.answers]
    if not left:
        return
    known.begin("accuracy")
    measuring = modes.shared_accuracy(duts, left, result_count)
    for answer in track(measuring, "accuracy", len(left)):
        known.add(Entry(answer=answer))
    known.worked()


def measure_stream(
    dut: Dut, samples: Sequence[Sample], result_count: int, known: Known, track: Track
) -> None:
    """Have the answers to all samples as one stream, which is whole or not at all."""
    if all(sample.name in known.answers for sample in samples):
        return
    known.begin("accuracy")
    for answers in track((modes.stream(dut, samples, result_count) for _ in (0,)), "stream", 1):
        for answer in answers:
            known.add(Entry(answer=answer))
    known.worked()


def measure_performance(
    dut: Dut,
    samples: Sequence[Sample],
    result_count: int,
    length: WindowLength,
    rest_s: float,
    iterations: int | None,
    known: Known,
    track: Track,
) -> None:
    """Time the windows that are missing, one on each sample, after a rest of the board.

    `iterations`: of a window, to begin with; None: calibrated.
    """
    left = samples[len(known.windows) :]
    if not left:
        return
    _rest(known.worked_until_s, rest_s, track)
    known.begin("performance")
    if known.windows:
        iterations = known.windows[-1].iterations
    timing = modes.performance(dut, left, result_count, length, iterations)
    for window in track(timing, "performance", len(left)):
        known.add(Entry(window=window))
    known.worked()


def measure_scenario(
    dut: Dut,
    samples: Sequence[Sample],
    result_count: int,
    asked: Asked,
    rest_s: float,
    folder: Path,
    known: Known,
    track: Track,
) -> None:
    """Ask the queries of a scenario that are missing, after a rest of the board."""
    _rest(known.worked_until_s, rest_s, track)
    known.begin("scenario")
    asking = scenario.queries(dut, samples, result_count, asked, known.queries, folder)
    if not known.queries:
        known.add(Entry(query=next(asking)))
    left = scenario.expected(asked, next(iter(known.queries))) - len(known.queries)
    for query in track(asking, asked.name, max(1, left)):
        known.add(Entry(query=query))
    known.worked()


def measure_heard(dut: Dut, inputs: Inputs, known: Known, track: Track, *, wraps: bool) -> None:
    """Have a recording heard, which is whole or not at all; `wraps` as in `Stream`."""
    recording = inputs.recording
    if known.streams or recording is None:
        return
    known.begin("stream")
    heard = listen(dut, recording.samples, wraps=wraps, track=track)
    known.add(
        Entry(
            stream=Streamed(
                recording=inputs.samples.samples[0].name,
                sound_sha256=inputs.samples.samples[0].sha256,
                samples=len(recording.samples),
                words_s=list(recording.windows_s),
                loudness=loudness(recording.samples),
                results=list(heard.results),
                device_us=heard.elapsed_us.tolist(),
                counted=heard.counted,
                outside=heard.outside,
                begun=heard.begun,
            )
        )
    )
    known.worked()


def draw_stream(result: Result, folder: Path) -> None:
    """Draw the time line of a stream into the run folder. Raises RunFolderError."""
    if result.stream is None:
        return
    try:
        write_whole(folder / STREAM_FILE, timeline(result.stream.told).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {folder / STREAM_FILE}: {error}") from error


def measure_energy(
    bench: energy_mode.Bench,
    samples: Sequence[Sample],
    length: WindowLength,
    iterations: int | None,
    folder: Path,
    known: Known,
    track: Track,
) -> None:
    """Measure energy; one trace is measured whole or not at all."""
    known.begin("energy")
    measuring = energy_mode.measure(bench, samples, length, folder, iterations)
    for energy in track(measuring, "energy", 1):
        known.add(Entry(energy=energy))


def draw_energy(folder: Path, say: Callable[[str], None]) -> None:
    """Draw the windows of the trace, where there is what draws; else `say` what is missing."""
    try:
        energy_mode.draw_pictures(folder)
    except ToolMissingError as error:
        say(str(error))


def compute_float(
    task: Task, inputs: Inputs, samples: Sequence[Sample], known: Known, track: Track
) -> None:
    """Compute the float model's quality on the samples that were answered, on this computer."""
    if known.float_models or not known.answers:
        return
    answered = [sample for sample in samples if sample.name in known.answers]
    known.add(Entry(float_model=float_quality(task, inputs, answered, track)))


def time_layers(dut: Dut, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
    """Time each layer on the first input, into the run folder; where asked for, and it can.

    It is no part of what is judged: what is in the way is said, and no fault of the run.
    """
    engine, model = plan.engine, plan.inputs.model
    if engine is None:
        steps = steps_of(plan.manifest, hears=plan.task.front_end is not None)
    elif engine.made is not None:
        compiled = engine.made.manifest
        steps = (
            Steps(steps_of(compiled).entries, engine=engine.name)
            if compiled
            else engine_steps(engine.name, model, plan.manifest)
        )
    else:
        return  # its layers are its own affair
    possible = 0 < len(steps.order) <= LAYERS_MAX and dut.can("profile")
    if not plan.profile.layers or not possible:
        return
    try:
        found = timed(
            dut, plan.board, plan.task.name, model.name, steps, plan.inputs.first, GLANCE_US
        )
        _write_profile(folder, found)
    except (TinybenchError, OSError) as error:
        say(f"the layers were not timed: {error}")


def _write_profile(folder: Path, found: LayerTimes) -> None:
    text = msgspec.json.format(msgspec.json.encode(found), indent=1)
    write_whole(folder / PROFILE_FILE, text + b"\n")


def estimate_cycles(plan: Plan, folder: Path, known: Known, say: Callable[[str], None]) -> None:
    """Count what one inference executes, into the run folder, where its cycles can be estimated.

    What is in the way is kept and said, and no fault of the run.
    """
    image = plan.image or plan.energy_image
    if not plan.board.emulated or image is None:
        return
    if plan.scenario is not None and plan.scenario.interference is not None:
        known.no_cycles = "interference is built into the firmware: an estimate is of one without"
        return
    profile = folder / PROFILE_FILE
    try:
        by_layer = plan.engine is None and profile.is_file()
        found = estimate(plan.board, image, plan.inputs.first, layers=by_layer)
        write_whole(folder / CYCLES_FILE, as_text([found.counts]))
        if by_layer:
            steps = steps_of(image.manifest, hears=plan.task.front_end is not None)
            timed_before = msgspec.json.decode(profile.read_bytes(), type=LayerTimes)
            _write_profile(folder, priced(timed_before, steps, found))
    except (TinybenchError, OSError) as error:
        known.no_cycles = str(error)
        say(f"no estimate of cycles: {error}")


def compare_reference(plan: Plan, known: Known, track: Track, say: Callable[[str], None]) -> None:
    """Hold the answers against the reference kernels on this computer, where asked for.

    Where an answer differs, the first layer that does is looked for on its input.
    """
    if not plan.profile.reference_outputs or known.references or not known.answers:
        return
    answered = [sample for sample in plan.accuracy_samples if sample.name in known.answers]
    found = compare(
        plan.task,
        plan.inputs.model,
        answered,
        known.answers,
        track,
        stream=plan.asked.state == "keep",
    )
    first = found.first_differing or ""
    sample = next((one for one in answered if first.startswith(f"{one.name}: ")), None)
    if sample is not None and plan.asked.state != "keep":  # one input alone has no state
        found = replace(found, first_layer=first_layer(plan, sample, track, say))
    known.add(Entry(reference=found))


def _rest(worked_until_s: float | None, rest_s: float, track: Track) -> None:
    """Wait until the board has rested for `rest_s`, where it has worked before."""
    if worked_until_s is None or rest_s == 0:
        return
    until_s = worked_until_s + rest_s

    def seconds() -> Iterator[None]:
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(1.0, left_s))
            yield

    for _ in track(seconds(), "cool-down", math.ceil(max(0.0, until_s - time.monotonic()))):
        pass
