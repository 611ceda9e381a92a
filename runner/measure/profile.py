"""Profile a model on a board: the time of each layer, as the firmware measures it."""

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tinybench.errors import ProtocolError, TinybenchError, ToolMissingError
from tinybench.models.compiler import Manifest
from tinybench.models.compiler.manifest import OperatorEntry
from tinybench.models.compiler.reader import read_outline
from tinybench.models.model_file import read_model_file

from ..build.board import Board
from ..build.firmware import build
from ..build.inputs import resolve
from ..build.task import Task
from ..cycles.estimate import Estimate, can_estimate, estimate
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.station import Site
from ..dut.client import Dut
from ..results.cycles import Cycles, together

TARGET_US = 1_000_000
"""Layers are timed over about so long, so that a microsecond is a small part of each."""
GLANCE_US = 100_000
"""... and in passing, by a run that is about something else."""
ITERATIONS_MAX = 10_000
TIMEOUT_S = 120.0
LAYERS_MAX = 128
"""That firmware times one by one, as in firmware/core/infer.c."""

_LAYER = re.compile(r"m-layer-([0-9]{1,5})-([0-9]{1,10})")


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a profiled model; costs are those of one inference."""

    index: int
    """Of the operator in the model."""
    operator: str
    kernel: str
    output_shape: list[int]
    macs: int
    """Of the model as given; 0 where an engine runs one that our compiler refuses."""
    microseconds: float
    instructions: float | None
    """None on a board whose time is no instruction count."""
    share: float
    """Of all layers' time, 0..1."""
    flash_b: int | None
    """Weights and constants; None with an engine other than ours."""
    ram_b: int | None
    """Bytes of the arena in use while it runs; likewise."""
    cycles: Cycles | None = None
    """Estimated; None where there is no estimate."""
    computed_macs: int | None = None
    """Those that are computed, fewer where channels are left out; None of an older version."""

    @property
    def computed(self) -> int:
        """Multiply-accumulates that are computed."""
        return self.macs if self.computed_macs is None else self.computed_macs

    @property
    def instructions_per_mac(self) -> float | None:
        """Return instructions for one that is computed; None where there are none of either."""
        if self.instructions is None or not self.computed:
            return None
        return self.instructions / self.computed


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The layers of a model on a board."""

    board: str
    core: str
    task: str
    model: str
    kernels: str = ""
    """Kind of kernels that the model was compiled for; "" where that is not known."""
    engine: str = ""
    """What runs them, where it is not ours."""
    emulated: bool
    """Whether time is an instruction count."""
    iterations: int
    inference_us: float
    """One inference timed as a whole."""
    layers: list[Layer]
    cycles: Cycles | None = None
    """Of one inference as a whole, estimated; None where there is no estimate."""
    no_cycles: str = ""
    """Why there is none, where there should be one."""


@dataclass(frozen=True)
class Steps:
    """What a firmware runs layer by layer."""

    entries: Sequence[OperatorEntry]
    kernels: str = ""
    engine: str = ""
    layers: Sequence[int] = ()
    """The operator of each layer, where some have several; else one layer each, in their order."""

    @property
    def order(self) -> Sequence[int]:
        """The operator of each layer."""
        return self.layers or [entry.index for entry in self.entries]


def profile(
    board: Board, task: Task, site: Site | None = None, *, prune: bool = True, strips: bool = True
) -> Profile:
    """Build the task's model for the board, and time its layers on the first input.

    `prune` and `strips` are those of `compile_model`. A board on a port, at `site`, must hold that
    build already; without one it is a child process.
    Raises any TinybenchError; ProtocolError when the firmware cannot time layers.
    """
    inputs = resolve(task)
    image = build(board, task, inputs.model, prune=prune, strips=strips)
    first = inputs.first
    steps = steps_of(image.manifest, hears=task.front_end is not None)
    with ExitStack() as stack:
        line = stack.enter_context(closing(open_line(site or board.command(image.elf))))
        dut = Dut(line)
        identity = dut.handshake()
        if "profile" not in identity.caps:
            raise ProtocolError(
                f"the firmware '{identity.vendor}' cannot time layers: 'caps%' does not list "
                "'profile'. Use this project's own firmware"
            )
        insist_task(identity, task, image)
        found = time_layers(dut, board, task.name, inputs.model.name, steps, first)
        with contextlib.suppress(TinybenchError):
            dut.leave()
    if not can_estimate(board):
        return found
    try:
        told = estimate(board, image, first, layers=True)
    except ToolMissingError as error:
        return replace(found, no_cycles=str(error))
    return priced(found, steps, told)


def priced(found: Profile, steps: Steps, told: Estimate) -> Profile:
    """Return a profile with the estimated cycles of the inference and its layers.

    Raises ProtocolError when other layers were counted than the model has.
    """
    order = steps.order
    if len(order) != len(told.layers):
        raise ProtocolError(f"{len(told.layers)} layers were counted, the model has {len(order)}")
    each = dict[int, Cycles]()
    for index, cycles in zip(order, told.layers, strict=True):
        each[index] = together(each[index], cycles) if index in each else cycles
    layers = [replace(layer, cycles=each[layer.index]) for layer in found.layers]
    return replace(found, layers=layers, cycles=told.whole)


FEATURES = OperatorEntry(
    index=-1,
    operator="features",
    input_shapes=[[512]],
    output_shape=[40],
    kernel="log_mel",
    macs=0,
    weights_b=0,
    arena_b=0,
    computed_macs=0,
)
"""What firmware that hears does before the model. Ref: firmware/stream/hear.c."""


def steps_of(manifest: Manifest | None, *, hears: bool = False) -> Steps:
    """Return what our own firmware runs; `hears`: of a stream, whose first step is features."""
    if manifest is None:
        return Steps(())
    entries = [entry for entry in manifest.operators if entry.kernel]
    if not hears:
        return Steps(entries, manifest.kernels, layers=manifest.layers)
    layers = [FEATURES.index, *manifest.layers] if manifest.layers else ()
    return Steps([FEATURES, *entries], manifest.kernels, layers=layers)


def engine_steps(engine: str, model: Path, manifest: Manifest | None) -> Steps:
    """Return what an engine runs that a recipe has built: every operator of the model.

    `manifest` has the MACs, where our compiler takes the model. Raises ModelError.
    """
    outline = read_outline(read_model_file(model))
    macs = {entry.index: entry.macs for entry in manifest.operators} if manifest else {}
    return Steps(
        [
            OperatorEntry(
                index=op.index,
                operator=op.name,
                input_shapes=[],
                output_shape=list(shape),
                kernel=engine,
                macs=macs.get(op.index, 0),
                weights_b=0,
                arena_b=0,
            )
            for op, shape in zip(outline.operators, outline.shapes, strict=True)
        ],
        engine=engine,
    )


def time_layers(
    dut: Dut,
    board: Board,
    task: str,
    model: str,
    steps: Steps,
    data: bytes,
    target_us: int = TARGET_US,
) -> Profile:
    """Time the layers of the model that a DUT holds, on one input, over about `target_us`.

    `steps` is what was built into it. Raises ProtocolError when the firmware's layers are not
    those; else as `Dut.infer`.
    """
    hears = FEATURES in steps.entries
    if hears:  # else each frame would be the first of a stream, which takes long
        dut.keep_state(True)
    first_us = max(1, dut.infer(data, 1, 1).elapsed_us)
    iterations = min(ITERATIONS_MAX, max(1, target_us // first_us))
    inference_us = dut.infer(data, iterations, 1).elapsed_us / iterations
    elapsed_us = layer_times(dut.command(f"profile-layers {iterations}", TIMEOUT_S))
    if hears:
        dut.keep_state(False)
    order = steps.order
    if len(order) != len(elapsed_us):
        raise ProtocolError(
            f"the firmware timed {len(elapsed_us)} layers, the model has {len(order)}"
        )
    each_us = Counter[int]()
    for index, us in zip(order, elapsed_us, strict=True):
        each_us[index] += us
    total_us = max(1, sum(elapsed_us))
    per_us = 1000 / board.instruction_ns if board.emulated else None
    return Profile(
        board=board.name,
        core=board.core,
        task=task,
        model=model,
        kernels=steps.kernels,
        engine=steps.engine,
        emulated=board.emulated,
        iterations=iterations,
        inference_us=inference_us,
        layers=[
            Layer(
                index=entry.index,
                operator=entry.operator,
                kernel=entry.kernel,
                output_shape=entry.output_shape,
                macs=entry.macs,
                computed_macs=entry.computed_macs,
                microseconds=us / iterations,
                instructions=None if per_us is None else us * per_us / iterations,
                share=us / total_us,
                flash_b=None if steps.engine else entry.weights_b,
                ram_b=None if steps.engine else entry.arena_b,
            )
            for entry in steps.entries
            for us in [each_us[entry.index]]
        ],
    )


def layer_times(lines: list[str]) -> list[int]:
    """Return the microseconds of each layer from the reply to `profile-layers`.

    Raises ProtocolError for any line that is not the one expected.
    """
    times: list[int] = []
    for line in lines:
        match = _LAYER.fullmatch(line)
        if match is None or int(match[1]) != len(times):
            raise ProtocolError(
                f"unexpected line in the reply to 'profile-layers%': {line!r}; wanted "
                f"m-layer-{len(times)}-MICROSECONDS"
            )
        times.append(int(match[2]))
    return times
