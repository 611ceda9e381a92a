"""An engine's folder made by a recipe: our glue, one model, and the operators that it calls."""

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np

from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ModelError
from tinybench.files import write_whole
from tinybench.models.compiler.emit import enough_decimals
from tinybench.models.compiler.graph import Outline, Tensor
from tinybench.models.compiler.interface import FORMATS
from tinybench.models.compiler.reader import read_outline
from tinybench.models.model_file import read_model_file

from .board import Board
from .engine import Engine, Made
from .library import flags_of, toolchain_for
from .recipe import Recipe, glue_of
from .source_tree import Tree
from .task import Task

PROBE = 0
"""The size of an arena that is not known yet: firmware that answers which one it takes."""
GLUE_OPTIMISATION = "-Os"


def make_engine(
    recipe: Recipe, tree: Tree, archive: Path, board: Board, task: Task, model: Path, arena_b: int
) -> Engine:
    """Write the folder that firmware of a board is built with, and return it as an engine.

    `archive` is what `library` built; `arena_b` may be PROBE. Raises as `header_of`; BuildError.
    """
    toolchain = toolchain_for(recipe, board)
    data = read_model_file(model)
    header = header_of(recipe, tree, task, model.name, data, arena_b)
    numbers = np.frombuffer(data, np.uint8)
    files = {path.name: path.read_bytes() for path in glue_of(recipe)}
    files["the_model.h"] = header.encode()
    files["the_model.inc"] = ",".join(map(str, numbers.tolist())).encode() + b"\n"
    made_of = [[name, hashlib.sha256(text).hexdigest()] for name, text in sorted(files.items())]
    digest = hashlib.sha256(json.dumps([*made_of, archive.stem, tree.sha256]).encode()).hexdigest()
    files["engine.mk"] = _engine_mk(recipe, tree, archive).encode()
    folder = cache_folder() / "engines" / f"{recipe.name}-{task.model_id}-{digest[:16]}" / "engine"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text)
    except OSError as error:
        raise BuildError(f"{folder}: cannot be written: {error.strerror}") from error
    made = Made(recipe.title, tree.version, flags_of(recipe, toolchain), arena_b)
    return Engine(recipe.name, str(folder), digest, cxx=True, made=made)


def header_of(recipe: Recipe, tree: Tree, task: Task, name: str, data: bytes, arena_b: int) -> str:
    """Return `the_model` of a file, whose name is said in what is raised.

    Raises ModelError where the engine lacks an operator or cannot take the task's inputs.
    """
    try:
        return the_model(tree, task, read_outline(data), arena_b)
    except ModelError as error:
        raise ModelError(f"{name}: engine {recipe.name}: {error}") from error


def _engine_mk(recipe: Recipe, tree: Tree, archive: Path) -> str:
    words = [
        *(GLUE_OPTIMISATION, *recipe.flags, "-Ikernels"),
        *(f"-I{folder}" for folder in tree.include),
    ]
    return (
        f"ENGINE_SOURCES := {' '.join(p.name for p in glue_of(recipe))}\n"
        f"ENGINE_CFLAGS := {' '.join(words)}\n"
        f"ENGINE_CXXFLAGS := {' '.join(recipe.cxxflags)}\n"
        f"ENGINE_LIBS := ../../{archive.name}\n"
        "ENGINE_API := model\n"
    )


def the_model(tree: Tree, task: Task, outline: Outline, arena_b: int) -> str:
    """Return the header that says what the glue must know of a model.

    Raises ModelError for operators that the tree lacks, all of them, and for inputs and outputs
    that are not the task's.
    """
    lost = [kind for kind in outline.kinds if kind not in tree.operators]
    if lost:
        raise ModelError(
            f"{len(lost)} of {len(outline.kinds)} kinds of operators are none of this tree's: "
            f"{', '.join(lost)}"
        )
    floats, flipped = _upload(task, outline)
    mse = task.result == "mse"
    if mse and (len(outline.outputs), outline.outputs[0].type) != (1, "INT8"):
        raise ModelError(f"task {task.name} compares one output of int8 with its input")
    results = 1 if mse else sum(tensor.elements for tensor in outline.outputs)
    if results != task.result_count:
        raise ModelError(f"{results} results, task {task.name} has {task.result_count}")
    enough = max(map(enough_decimals, outline.outputs))
    decimals = max(enough, task.result_decimals)
    values = {
        "MODEL_ID": f'"{task.model_id}"',
        "INPUT_B": task.input_b,
        "INPUT_FLIP": 0x80 if flipped else 0,
        "INPUT_FLOATS": int(floats),
        "RESULT_MSE": int(mse),
        "RESULTS": results,
        "DECIMALS": decimals,
        "ROUNDED": "true" if mse or decimals > enough else "false",
        "LAYERS": len(outline.operators),
        "VARIABLES": outline.variables,
        "STATE": int(outline.has_state),
        "ARENA_B": arena_b,
        "OPERATORS": len(outline.kinds),
    }
    adds = "".join(
        f" \\\n    OP({slot}, {tree.operators[kind]}, {_key(kind)})"
        for slot, kind in enumerate(outline.kinds)
    )
    return "\n".join(
        [
            *(f"#define {name} {value}" for name, value in values.items()),
            f"#define EACH_OPERATOR(OP){adds}",
            "struct end {",
            "    size_t size_b;",
            "    uint32_t elements;",
            "    float scale;",
            "    int32_t zero_point;",
            "};",
            _ends("inputs", outline.inputs),
            _ends("outputs", outline.outputs),
            "",
        ]
    )


def _upload(task: Task, outline: Outline) -> tuple[bool, bool]:
    """Return whether uploaded floats are quantised, and whether bytes are turned over."""
    done = set[str]()
    for tensor in outline.inputs:
        known = FORMATS.get(tensor.type, {tensor.type.lower(): "int8"})
        if task.input_format not in known:
            raise ModelError(
                f"its input, {tensor}, is {tensor.type}, task {task.name} uploads "
                f"{task.input_format}"
            )
        done.add(known[task.input_format])
    floats = done == {"float32"}
    size_b = sum(t.elements * 4 if floats else t.size_b for t in outline.inputs)
    if len(done) > 1 or (floats and len(outline.inputs) > 1) or size_b != task.input_b:
        raise ModelError(f"{size_b} bytes of input, task {task.name} has {task.input_b}")
    return floats, done == {"uint8"}


def _key(kind: str) -> str:
    """Return how C++ names an operator."""
    if kind.startswith("CUSTOM '"):
        return msgspec.json.encode(kind.removeprefix("CUSTOM '").removesuffix("'")).decode()
    return f"tflite::BuiltinOperator_{kind}"


def _ends(name: str, tensors: tuple[Tensor, ...]) -> str:
    rows = "".join(
        f"    {{{tensor.size_b}, {tensor.elements}, "
        f"{float(np.float32(tensor.scales[0] if tensor.scales else 1.0)).hex()}f, "
        f"{tensor.zero_points[0] if tensor.zero_points else 0}}},\n"
        for tensor in tensors
    )
    return f"const struct end {name}[] __attribute__((unused)) = {{\n{rows}}};"
