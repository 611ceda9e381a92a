"""An engine that a recipe builds, with as small an arena as it takes: it is asked for that."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from tinybench.errors import (
    BenchError,
    BuildError,
    InferenceError,
    ModelError,
    TinybenchError,
    UsageError,
)
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.models.model_file import read_model_file
from tinybench.read import read_json
from tinybench.track import Track

from ..build import board as boards
from ..build.board import Board, load_board
from ..build.engine import Engine
from ..build.firmware import build
from ..build.fit import check_least
from ..build.library import library, toolchain_for
from ..build.made_engine import make_engine, written
from ..build.recipe import Recipe, load_recipe
from ..build.source_tree import Tree, read_tree
from ..build.task import Task
from ..desk.line import open_line
from ..dut.client import Dut
from ..dut.inference import answered
from ..dut.line import Patience
from ..results.firmware import told_layers
from .reference import refusal_of

NOT_SET_UP = (
    "it cannot set the model up, for want of an operator with these types and parameters, or of "
    "RAM for its arena"
)
"""What a probe's failure means of an engine that reads a model by itself."""


def source_of(recipe: Recipe, given: Path | None) -> Path:
    """Return where an engine's source tree is; raises UsageError where nobody says."""
    named = os.environ.get(recipe.variable) or os.environ.get(recipe.or_variable)
    if given is None and not named:
        raise UsageError(
            f"engine {recipe.name} is built from the source tree of {recipe.title}: say where it "
            f"is by --engine-source DIR, or by the variable {recipe.variable}. To have it: "
            f"{recipe.fetch}"
        )
    return given or Path(named or "")


def tree_of(name: str, source: Path | None, board: Board) -> tuple[Recipe, Tree]:
    """Return the recipe of an engine, and the source tree that it is built of for a board.

    Raises UsageError for an engine or a tree that is none, or that no compiler of the board builds.
    """
    recipe = load_recipe(name)
    toolchain_for(recipe, board)
    return recipe, read_tree(recipe, source_of(recipe, source))


def built_engine(
    name: str,
    source: Path | None,
    board: Board,
    task: Task,
    model: Path,
    track: Track,
    say: Callable[[str], None],
) -> Engine:
    """Return the engine that a recipe makes of its source tree and a model, for a board.

    Raises UsageError for a tree that is none, ModelError for a model that the engine does not take;
    else as `library` and `build`.
    """
    recipe, tree = tree_of(name, source, board)
    say(f"engine {name}: {recipe.title}, {tree.version}, from {tree.folder}")
    # What an operator or the board lacks is said before minutes are spent on building.
    check_least(board, written(recipe, tree, task, model, None).kept_b)
    archive = library(recipe, tree, board, track)
    found = _probed(recipe, tree, archive, board, task, model)
    engine = make_engine(recipe, tree, archive, board, task, model, found)
    if engine.made and (own := told_layers(engine.made.layers, engine.made.own_layers)):
        say(f"engine {name}: what this tree has no function for: {own}")
    return engine


def _probed(
    recipe: Recipe, tree: Tree, archive: Path, board: Board, task: Task, model: Path
) -> list[int]:
    """Return how much memory the engine takes, as firmware answers that asks it on such a core."""
    there = _emulated(board)
    probe = make_engine(recipe, tree, archive, there, task, model, None)
    record = Path(probe.folder).parent / f"arena-{there.name}.json"
    if record.is_file():
        return read_json(read_bytes(record, DOCUMENT_MOST_B), type=list[int])
    image = build(there, task, probe)
    try:
        with closing(open_line(there.command(image.elf))) as line:
            dut = Dut(line, patience=Patience(tries=1))  # what was built to fail once fails again
            dut.handshake()
            found = [int(size) for size in answered(dut.infer(bytes(task.input_b), 1, 0).results)]
            with suppress(TinybenchError):
                dut.leave()
    except BenchError as error:
        failed = recipe.resolver and isinstance(error, InferenceError)
        words = NOT_SET_UP if failed else str(error)
        room = f", with {there.memory.ram_size_b:,} bytes of RAM" if there.memory else ""
        why = refusal_of(read_model_file(model)) if recipe.resolver else ""
        why = f"; tflite-micro on this computer says: {why}" if why else ""
        raise ModelError(
            f"{model.name}: engine {recipe.name} does not take this model on {there.name}{room}: "
            f"{words}{why}"
        ) from error
    try:
        write_whole(record, msgspec.json.encode(found))
    except OSError as error:
        raise BuildError(f"{record}: cannot be written: {error.strerror}") from error
    return found


def _emulated(board: Board) -> Board:
    """Return the emulated board of the same core that has most RAM: the board itself, or another.

    What the engine takes there and does not fit the board, the linker counts.
    """
    there = [board, *(load_board(name) for name in boards.names())]
    fit = [
        one
        for one in there
        if one.toolchain == board.toolchain and one.emulator and one.emulator.ram_size_b is None
    ]
    if not fit:
        raise UsageError(
            f"board {board.name}: the arena of an engine is found on an emulated board of the same "
            "core, and none of 'tinybench boards' is"
        )
    return max(fit, key=lambda one: one.memory.ram_size_b if one.memory else 0)
