"""An engine's folder made by a recipe: our glue, one model, and the operators that it calls."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ModelError
from tinybench.files import write_whole
from tinybench.models.compiler import Manifest, compile_model
from tinybench.models.compiler.emit import enough_decimals
from tinybench.models.compiler.graph import Graph, Outline, Tensor
from tinybench.models.compiler.interface import FORMATS
from tinybench.models.compiler.libraries.cmsis_nn import by_cmsis_nn, calls
from tinybench.models.compiler.reader import read_outline
from tinybench.models.compiler.step import Step
from tinybench.models.model_file import read_model_file
from tinybench.scratch import scratch

from .board import Board
from .engine import CXX_SUFFIXES, Engine, Made
from .library import borrowed_headers, flags_of, toolchain_for
from .recipe import Recipe, glue_of, refused
from .source_tree import Tree, origin_of
from .task import Task

GLUE_OPTIMISATION = "-Os"
Found = Sequence[int] | None
"""What a probe answered: firmware that is asked what the engine takes. None: not asked yet, or what
it asks with."""


@dataclass(frozen=True)
class Written:
    """What an engine's folder holds beside our glue, for one model."""

    files: dict[str, bytes]
    sources: list[str]
    """What is compiled of all."""
    flags: list[str]
    kernels: list[str]
    """Kernels of ours that are called."""
    arena_b: int
    kept_b: int
    """Of the model, in flash: its weights, or the whole file."""
    manifest: Manifest | None = None


def make_engine(
    recipe: Recipe, tree: Tree, archive: Path, board: Board, task: Task, model: Path, found: Found
) -> Engine:
    """Write the folder that firmware of a board is built with, and return it as an engine.

    `archive` is what `library` built. Raises as `written`; BuildError.
    """
    toolchain = toolchain_for(recipe, board)
    one = written(recipe, tree, task, model, found)
    files = {path.name: path.read_bytes() for path in glue_of(recipe)} | one.files
    made_of = [[name, hashlib.sha256(text).hexdigest()] for name, text in sorted(files.items())]
    probed = found is None
    digest = hashlib.sha256(
        json.dumps([*made_of, archive.stem, tree.sha256, probed]).encode()
    ).hexdigest()
    cxxflags = [*recipe.cxxflags, *borrowed_headers(recipe, toolchain)]
    files["engine.mk"] = _engine_mk(recipe, tree, archive, one, cxxflags).encode()
    folder = cache_folder() / "engines" / f"{recipe.name}-{task.model_id}-{digest[:16]}" / "engine"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text)
    except OSError as error:
        raise BuildError(f"{folder}: cannot be written: {error.strerror}") from error
    flags = flags_of(recipe, toolchain)
    made = Made(
        recipe.title,
        tree.version,
        origin_of(recipe, tree),
        flags,
        one.arena_b,
        one.manifest,
    )
    return Engine(
        recipe.name,
        str(folder),
        digest,
        cxx=any(path.suffix in CXX_SUFFIXES for path in glue_of(recipe)),
        made=made,
    )


def written(recipe: Recipe, tree: Tree, task: Task, model: Path, found: Found) -> Written:
    """Return what is written for a model.

    Raises ModelError where the engine lacks an operator or cannot take the task's inputs.
    """
    try:
        if recipe.resolver is None:
            return _calls(tree, task, model, found)
        data = read_model_file(model)
        arena_b = found[0] if found else 0
        files = {
            "the_model.h": the_model(tree, task, read_outline(data), arena_b).encode(),
            "the_model.inc": ",".join(map(str, np.frombuffer(data, np.uint8).tolist())).encode()
            + b"\n",
        }
    except ModelError as error:
        words = str(error).removeprefix(f"{model}: ")
        raise ModelError(f"{model.name}: engine {recipe.name}: {words}") from error
    sources = [path.name for path in glue_of(recipe)]
    return Written(files, sources, [], [], arena_b, len(data))


def _calls(tree: Tree, task: Task, model: Path, found: Found) -> Written:
    """Return a model that is compiled to calls of a library."""
    made = 0

    def instead(graph: Graph, steps: list[Step]) -> list[Step]:
        nonlocal made
        calling = by_cmsis_nn(
            graph, steps, tree.operators, found, sums_with_biases=_sums_with_biases(tree)
        )
        made = calls(calling)
        return calling

    with scratch() as own:
        try:
            manifest = compile_model(
                model,
                own,
                model_id=task.model_id,
                input_format=task.input_format,
                result=task.result,
                decimals=task.result_decimals,
                prune=False,
                instead=instead,
            )
        except ModelError as error:
            raise refused(error, model) from error
        text = (own / "model.c").read_text(encoding="utf-8")
    if not made:
        raise ModelError(
            "no layer of this model is one that this tree has a function for: it would be our own "
            "kernels alone; use --engine tinybench"
        )
    kernels = [
        path.name
        for path in sorted(Path(str(resources.files("tinybench.firmware"))).glob("kernels/*.c"))
        if path.stem in text and not path.stem.endswith(("_blocked", "_dsp", "_mve"))
    ]
    probing = found is None
    sources = ["probe.c" if probing else "model.c", "cmsis_nn.c"]
    flags = ["-DCMSIS_NN_PROBE", f"-DCALLS={made}"] if probing else []
    files = {"model.c": text.encode()}
    kept_b = manifest.weights_b
    return Written(files, sources, flags, kernels, manifest.arena_b, kept_b, manifest)


def _sums_with_biases(tree: Tree) -> bool:
    """Whether the sums of weights that some cores want have the biases in them, as since 6.0."""
    for folder in tree.include:
        header = folder / "arm_nnfunctions.h"
        if header.is_file():
            text = header.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"\barm_vector_sum_s8\(([^)]{0,2000})\)\s*;", text)
            return found is not None and "bias" in found[1]
    return False


def _engine_mk(
    recipe: Recipe, tree: Tree, archive: Path, one: Written, cxxflags: Sequence[str]
) -> str:
    words = [
        *(GLUE_OPTIMISATION, *recipe.flags, *one.flags, "-Ikernels"),
        *(f"-I{folder}" for folder in tree.include),
    ]
    return (
        f"ENGINE_SOURCES := {' '.join(one.sources)}\n"
        f"ENGINE_CFLAGS := {' '.join(words)}\n"
        f"ENGINE_CXXFLAGS := {' '.join(cxxflags)}\n"
        f"ENGINE_KERNELS := {' '.join(one.kernels)}\n"
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
