"""Engines that are built from a source tree of the user's: is it one, and what is made of it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.models.packaged import MODELS
from tests.models.tflite_builder import Model, Operator, Tensor, write
from tinybench.errors import BuildError, ModelError, UsageError
from tinybench.models.compiler.reader import read_outline
from tinybench.runner.build import library as of_library
from tinybench.runner.build.board import load_board
from tinybench.runner.build.fit import examine
from tinybench.runner.build.library import library, toolchain_for
from tinybench.runner.build.made_engine import make_engine, the_model
from tinybench.runner.build.recipe import Recipe, load_recipe, names
from tinybench.runner.build.source_tree import Tree, added_by, read_tree
from tinybench.runner.build.task import load_task
from tinybench.runner.measure.arena import source_of
from tinybench.runner.results.words import request_of
from tinybench.track import silent

RESOLVER = """\
  TfLiteStatus AddConv2D(const TFLMRegistration& registration = Register_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_CONV_2D, registration, ParseConv2D);
  }
  TfLiteStatus AddDepthwiseConv2D(
      const TFLMRegistration& registration = Register_DEPTHWISE_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_DEPTHWISE_CONV_2D, registration, ParseDepthwiseConv2D);
  }
  TfLiteStatus AddCircularBuffer() {
    return AddCustom("CIRCULAR_BUFFER", tflite::Register_CIRCULAR_BUFFER());
  }
  TfLiteStatus AddDelay() {
    return AddCustom("SignalDelay", tflite::tflm_signal::Register_DELAY());
  }
  TfLiteStatus AddBuiltin(tflite::BuiltinOperator op, const TFLMRegistration& registration) {
    if (op == BuiltinOperator_CUSTOM) {
"""
DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one small file for each that a recipe must find."""
    root = tmp_path / "tree"
    recipe = load_recipe("tflm-cmsis-nn")
    files = {
        recipe.mark: recipe.needs,
        recipe.resolver: RESOLVER,
        recipe.header: "",
        "tensorflow/lite/micro/kernels/cmsis_nn/conv.cc": "int conv() { return 2; }",
        "tensorflow/lite/micro/kernels/conv.cc": "int conv() { return 1; }",
        "tensorflow/lite/micro/kernels/conv_test.cc": "#error a test",
        "tensorflow/lite/micro/kernels/neg.cc": "int neg() { return 1; }",
        f"{DOWNLOADS}/cmsis_nn/Source/a/add.c": "int add(void) { return 1; }",
        f"{DOWNLOADS}/cmsis_nn/Source/a/add_f16.c": "#error half floats",
    }
    files |= {f"{part.places[0]}/{part.mark}": "" for part in recipe.parts.values()}
    for folder in ("micro", "micro/arena_allocator", "micro/memory_planner", "micro/tflite_bridge",
                   "core/c", "kernels"):  # fmt: skip
        files[f"tensorflow/lite/{folder}/one.cc"] = ""
    files["tensorflow/compiler/mlir/lite/schema/one.cc"] = ""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_is_built_of_a_tree(tree: Path) -> None:
    """Tests are left out, kernels of CMSIS-NN replace those of their names, C comes with it."""
    portable, fast = (read_tree(load_recipe(name), tree) for name in names_of_tflm())
    kernels = {str(unit.path.relative_to(tree / "tensorflow/lite/micro")) for unit in fast.units
               if "micro/kernels" in str(unit.path)}  # fmt: skip
    assert kernels == {"kernels/cmsis_nn/conv.cc", "kernels/neg.cc"}
    assert [unit.path.name for unit in portable.units if unit.optimisation == "-O2"] == [
        "conv.cc",
        "neg.cc",
    ]
    assert [unit.path.name for unit in fast.units if unit.path.suffix == ".c"] == ["add.c"]
    assert portable.version.startswith("tree ")
    assert portable.sha256 != fast.sha256


def names_of_tflm() -> tuple[str, str]:
    """Return both recipes of TensorFlow Lite Micro."""
    assert set(names()) >= {"tflm", "tflm-cmsis-nn"}
    return "tflm", "tflm-cmsis-nn"


def test_a_changed_header_is_another_tree(tree: Path) -> None:
    """The hash is over all that may be included, with what the Espressif copy says of itself."""
    before = read_tree(load_recipe("tflm"), tree)
    (tree / "tensorflow/lite/micro/new.h").write_text("#define X 1\n")
    (tree / "idf_component.yml").write_text('description: x\nversion: "1.3.4"\n')
    after = read_tree(load_recipe("tflm"), tree)
    assert after.sha256 != before.sha256
    assert after.version == "1.3.4"


def test_the_copy_of_espressif_has_its_parts_elsewhere(tree: Path) -> None:
    """Third parties are found where either tree has them."""
    (tree / "third_party").mkdir()
    for part in ("flatbuffers", "gemmlowp", "ruy"):
        (tree / DOWNLOADS / part).rename(tree / "third_party" / part)
    include = read_tree(load_recipe("tflm"), tree).include
    assert tree.resolve() / "third_party/flatbuffers/include" in include
    shutil.rmtree(tree / DOWNLOADS)
    with pytest.raises(UsageError, match="lacks cmsis, cmsis_nn, which it fetches for itself"):
        read_tree(load_recipe("tflm-cmsis-nn"), tree)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: shutil.rmtree(tree), "there is no such folder; to have one: git clone"),
        (lambda tree: (tree / "tensorflow/lite/micro/micro_interpreter.h").unlink(),
         "no source tree of TensorFlow Lite Micro"),
        (lambda tree: (tree / "tensorflow/lite/micro/micro_interpreter.h").write_text("old"),
         "of a version that is not known here"),
        (lambda tree: shutil.rmtree(tree / DOWNLOADS),
         "lacks flatbuffers, gemmlowp, ruy, which it fetches for itself"),
        (lambda tree: shutil.rmtree(tree / "tensorflow/lite/micro/memory_planner"),
         "of another version: nothing is tensorflow/lite/micro/memory_planner/*.cc"),
        (lambda tree: (tree / "tensorflow/lite/micro/micro_mutable_op_resolver.h").unlink(),
         "of another version: it has no tensorflow/lite/micro/micro_mutable_op_resolver.h"),
        (lambda tree: (tree / "tensorflow/lite/micro/kernels/a;b.cc").touch(),
         "is none that make can handle"),
    ],
    ids=["none", "another", "old", "no downloads", "half", "no resolver", "name"],
)  # fmt: skip
def test_what_is_no_tree_is_said(tree: Path, change: object, words: str) -> None:
    """None, another folder, an old tree, half of one, and one without what it fetches."""
    assert callable(change)
    change(tree)
    with pytest.raises(UsageError, match=re.escape(words)):
        read_tree(load_recipe("tflm"), tree)


def test_where_the_tree_is_must_be_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By a word, or by the variable; without either the message says how to have it."""
    recipe = load_recipe("tflm")
    monkeypatch.delenv(recipe.variable, raising=False)
    with pytest.raises(UsageError, match=r"--engine-source DIR, or by the variable TINYBENCH_TFLM"):
        source_of(recipe, None)
    monkeypatch.setenv(recipe.variable, str(tmp_path))
    assert source_of(recipe, None) == tmp_path
    assert source_of(recipe, Path("other")) == Path("other")


def test_operators_are_those_that_the_trees_resolver_adds() -> None:
    """By the schema's names, custom ones by their own; what needs other sources is none."""
    assert added_by(RESOLVER) == {
        "CONV_2D": "Conv2D",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
        "CUSTOM 'CIRCULAR_BUFFER'": "CircularBuffer",
    }
    assert added_by("") == {}


def _tree(operators: dict[str, str]) -> Tree:
    return Tree(Path("/tree"), (), (Path("/tree"),), operators, "1", "0" * 64)


OPERATORS = {
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "AVERAGE_POOL_2D": "AveragePool2D",
    "RESHAPE": "Reshape",
    "FULLY_CONNECTED": "FullyConnected",
    "SOFTMAX": "Softmax",
}


def test_the_glue_is_told_of_the_model() -> None:
    """Ends, operators each once, and how results are printed: as our own compiler prints them."""
    outline = read_outline((MODELS / "kws01.tflite").read_bytes())
    text = the_model(_tree(OPERATORS), load_task("kws"), outline, 1234)
    for line in (
        '#define MODEL_ID "kws01"',
        "#define INPUT_B 490",
        "#define RESULTS 12",
        "#define DECIMALS 3",
        "#define ROUNDED false",
        f"#define LAYERS {len(outline.operators)}",
        "#define ARENA_B 1234",
        f"#define OPERATORS {len(outline.kinds)}",
    ):
        assert line in text
    assert text.count("    OP(") == len(outline.kinds)
    assert "OP(0, Conv2D, tflite::BuiltinOperator_CONV_2D)" in text


@pytest.mark.parametrize(("task", "words"), [("ad", "FLOATS 1"), ("vww", "INPUT_FLIP 128")])
def test_uploads_are_turned_into_what_the_model_takes(task: str, words: str) -> None:
    """Floats are quantised, bytes of an image are turned over; an error is one result."""
    one = load_task(task)
    outline = read_outline((MODELS / f"{one.model_id}.tflite").read_bytes())
    kinds = {kind: kind.title() for kind in outline.kinds}
    text = the_model(_tree(kinds), one, outline, 0)
    assert words in text
    assert f"RESULTS {one.result_count}\n" in text


def test_operators_that_the_tree_lacks_are_named(tmp_path: Path) -> None:
    """All of them, with the engine and the file; a task of other inputs is refused too."""
    lacking = _tree({"CONV_2D": "Conv2D", "RESHAPE": "Reshape", "SOFTMAX": "Softmax"})
    recipe, board, kws = load_recipe("tflm"), load_board("mps2-an386"), load_task("kws")
    with pytest.raises(ModelError) as caught:
        make_engine(recipe, lacking, tmp_path / "x.a", board, kws, MODELS / "kws01.tflite", None)
    assert "engine tflm: 3 of 5 kinds of operators are none of this tree's" in str(caught.value)
    assert "DEPTHWISE_CONV_2D, AVERAGE_POOL_2D, FULLY_CONNECTED" in str(caught.value)
    outline = read_outline((MODELS / "kws01.tflite").read_bytes())
    with pytest.raises(ModelError, match=r"490 bytes of input, task vww has 27648"):
        the_model(_tree(OPERATORS), load_task("vww"), outline, 0)


def _small(tmp_path: Path) -> tuple[Recipe, Path]:
    """Return a recipe for a small tree of C and C++, and the tree."""
    root = tmp_path / "small"
    for name, text in (
        ("mark.h", "// known"),
        ("big.h", "#pragma once\ninline int big() { return 3; }"),
        ("resolver.h", RESOLVER),
        ("one.cc", '#include "big.h"\nint one() { return big(); }'),
        ("two.c", "int two(void) { return 2; }"),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    sources = [{"optimisation": "-O2", "files": ["*.cc", "*.c"]}]
    declared = {
        "name": "small",
        "title": "Small",
        "mark": "mark.h",
        "needs": "known",
        "resolver": "resolver.h",
        "header": "big.h",
        "prefixes": [""],
        "sources": sources,
    }
    return msgspec.convert(declared, Recipe), root


def test_an_archive_is_built_once_and_its_faults_are_named(tmp_path: Path) -> None:
    """All files are in it; the second time it is the cache's; a file that fails is named."""
    recipe, root = _small(tmp_path)
    host = load_board("host")
    archive = library(recipe, read_tree(recipe, root), host, silent)
    listed = subprocess.run(["ar", "t", str(archive)], capture_output=True, text=True, check=True)
    assert sorted(listed.stdout.split()) == ["0000-one.o", "0001-two.o"]
    made_ns = archive.stat().st_mtime_ns
    assert library(recipe, read_tree(recipe, root), host, silent).stat().st_mtime_ns == made_ns
    (root / "one.cc").write_text("int one() { return unknown_name; }")
    with pytest.raises(UsageError, match=r"does not fit: one\.cc does not build\. The compiler"):
        library(recipe, read_tree(recipe, root), host, silent)
    with pytest.raises(UsageError, match="not by arm-none-eabi-gcc, which board mps2-an386 needs"):
        toolchain_for(recipe, load_board("mps2-an386"))


def test_a_model_that_is_refused_is_offered_to_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal names the engine; what no engine can be asked to run is offered to none.

    A file that is no model, one that computes nothing, inputs that nothing uploads.
    """
    real = Tensor((1, 4), "FLOAT32")
    refused = tmp_path / "refused.tflite"
    refused.write_bytes(write(Model([real, real], [Operator("CUMSUM", [0, 0], [1])], [0], [1])))
    monkeypatch.delenv("TINYBENCH_TFLM", raising=False)
    with pytest.raises(ModelError, match=r"--engine tflm, with its source tree.*CUMSUM"):
        examine(refused)
    long = Tensor((1, 4), "INT64")
    for data in (
        b"no model at all",
        write(Model([real], [], [0], [0])),
        write(Model([long, long], [Operator("ABS", [0], [1])], [0], [1])),
    ):
        refused.write_bytes(data)
        with pytest.raises(ModelError) as caught:
            examine(refused)
        assert "--engine" not in str(caught.value)


def test_an_engine_is_named_or_is_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ours is none; a recipe's name stays one in a journal, a folder is made absolute."""
    monkeypatch.chdir(tmp_path)
    assert request_of(task="kws", engine="tinybench").engine is None
    named = request_of(task="kws", engine="tflm", engine_source="tree").absolute()
    assert (named.engine, named.engine_source) == ("tflm", tmp_path / "tree")
    assert request_of(task="kws", engine="./tflm").absolute().engine == str(tmp_path / "tflm")
    with pytest.raises(UsageError, match="engine_source is the source tree of an engine"):
        request_of(task="kws", engine="./mine", engine_source="tree")


def test_a_build_that_ends_before_its_end_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was compiled is kept till the archive is there, and not compiled again."""
    recipe, root = _small(tmp_path)
    host, compiled = load_board("host"), list[int]()
    run = of_library._run  # pyright: ignore[reportPrivateUsage]

    (root / "two.c").write_text("int two(void) { return 1 + 1; }")

    def counted(items: Any, label: str, total: int) -> Any:
        assert label
        compiled.append(total)
        return items

    def ends(command: Any, recipe: Recipe, what: str, **said: Any) -> str | None:
        if what == "ar":
            raise BuildError("ended")
        return run(command, recipe, what, **said)

    with monkeypatch.context() as ended:
        ended.setattr(of_library, "_run", ends)
        with pytest.raises(BuildError, match="ended"):
            library(recipe, read_tree(recipe, root), host, counted)
    archive = library(recipe, read_tree(recipe, root), host, counted)
    assert compiled == [3, 0]  # a header, and two files
    assert archive.is_file()
    assert not archive.with_suffix(".parts").exists()
