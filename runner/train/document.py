"""What training is asked for, what it comes to, and how both are stored."""

from pathlib import PurePath
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

NOT_MLPERF = "not an MLPerf Training result"
SEEDS_MOST, EPOCHS_MOST = 1000, 100_000
HIDDEN_MOST = 256
COUNT_MOST = 10**12
"""What the command line takes for a count."""
FLOAT_MAX = 3.0e38
Share = Annotated[float, Meta(ge=0, le=1)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=1, le=COUNT_MOST)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a training."""

    train: int = 1
    """Format of the folder."""
    task: str
    board: str
    model: str
    model_sha256: str
    dataset: str
    dataset_sha256: str
    inputs_sha256: str = ""
    """Of which of these are trained on and held out, and how; empty in a folder of before."""
    target: Share
    init: Literal["zero", "model"]
    weights: Literal["float32", "int16", "int8"]
    part: Literal["all", "bias", "sparse"]
    rows: list[int]
    """Outputs that learn."""
    columns: list[int]
    """Weights of each that do."""
    rate: Annotated[float, Meta(gt=0, le=FLOAT_MAX)]
    momentum: Annotated[float, Meta(ge=0, lt=1)]
    batch: Count
    epochs: Annotated[int, Meta(ge=1, le=EPOCHS_MOST)]
    budget_s: float | None
    """Of this computer's time of one seed, without evaluations."""
    evaluate_every: Count
    """Steps between evaluations."""
    held_out: Share
    limit: Count | None
    only: str = ""
    """Of the name of each input."""
    hidden: Annotated[int, Meta(ge=0, le=HIDDEN_MOST)] = 0
    """Units between the frozen body and the head; 0: none."""
    samples: Literal["link", "flash"] = "link"
    """Where they come from."""
    drift: str = ""
    """Of the sensor, as it was declared."""
    monitor: str = ""
    """Of energy; empty: none."""
    seeds: Annotated[list[Seed], Meta(min_length=1, max_length=SEEDS_MOST)]

    @property
    def board_name(self) -> str:
        """The board without the folder of its file."""
        return PurePath(self.board).stem if self.board.endswith(".toml") else self.board


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """How a folder's training was asked for, so that it can be gone on with."""

    task: str
    model: str | None
    data: str | None
    limit: int | None
    board: dict[str, Any]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation on the held-out inputs, and what had been spent until then."""

    step: int
    samples: int
    board_s: float
    """Time that body, gradient and step took on the board's clock; no evaluation is in it."""
    host_s: float
    """The same on this computer's clock, with the line."""
    score: float
    """Top-1, or AUC."""
    loss: float | None
    """Of the last step; None before the first one."""
    saturated: int = 0
    """Int weights at a limit of their range, in the last step."""
    differing: int = 0
    """Words of the board's learning that are others than NumPy's."""
    difference: float = 0.0
    """The largest difference between floats of the two."""
    energy_j: float | None = None
    """What body, gradient and steps took until then; None under no monitor."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside the weights of a checkpoint."""

    checkpoint: int = 1
    point: Point
    seed: int
    head_sha256: str
    """Of the header that the firmware was built with: the model's head and what of it learns."""
    model_sha256: str
    words: int
    sha256: str
    """Of the binary file: words of 32 bits, little endian."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The training of one seed."""

    seed: int
    reached: bool
    ended: str
    """target, epochs, budget or diverged."""
    best: float
    samples: int
    steps: int
    board_s: float
    host_s: float
    energy_j: float | None
    """Until the last point: under a monitor what it saw, else the board's declared power times its
    time. None where none is declared."""
    retries: int
    """Commands and uploads that were sent again on a doubt, since it went on last."""
    points: list[Point]
    checkpoint: str
    """File of the best one."""
    before: float | None = None
    """Score of the head as it begins on inputs without the drift; None without one."""
    energy_doubts: list[str] = []
    """Why the energy is doubtful."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of training takes: instructions are exact, cycles estimated with bounds."""

    instructions: int
    cycles: int
    cycles_low: int
    cycles_high: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a step is made of, on an emulated board."""

    body: Part
    """Features of a sample."""
    add: Part
    """Its gradient."""
    step: Part
    """The change of the weights by a batch."""
    batch: int
    clock_hz: int

    @property
    def instructions(self) -> int:
        """Of a step with all its samples."""
        return self.batch * (self.body.instructions + self.add.instructions) + (
            self.step.instructions
        )

    @property
    def cycles(self) -> int:
        """Of a step with all its samples; estimated."""
        return self.batch * (self.body.cycles + self.add.cycles) + self.step.cycles

    @property
    def head_cycles(self) -> int:
        """... without the body; estimated."""
        return self.batch * self.add.cycles + self.step.cycles


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """What training came to."""

    asked: Asked
    tinybench: str
    note: str = NOT_MLPERF
    emulated: bool
    time_base: str
    """What `board_s` is: measured on a port, emulated instructions, or a process's clock."""
    features: int
    outputs: int
    classes: list[str]
    trained: int
    """Samples of an epoch."""
    held_out: int
    unseen: list[str]
    """Classes of which nothing is trained on: their outputs learn to be low, and no more."""
    flash_b: int
    ram_b: int
    """Of the image with learning in it."""
    training_ram_b: int
    """Of that what learning takes, by its declaration."""
    samples_b: int
    """Of the flash what samples take that are kept there."""
    metric: Literal["top1", "auc"]
    energy: Literal["measured", "modelled"] | None
    """What `energy_j` is."""
    energy_source: str
    """The monitor, or where the modelled power comes from."""
    tensor_ram_b: int | None
    """Of that what inference takes for tensors."""
    elf_sha256: str
    cost: Cost | None = None
    no_cost: str = ""
    trials: list[Trial]
