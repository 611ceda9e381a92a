"""An engine that is a library of kernels: the model is compiled to calls of it."""

import os
import re
import shutil
import struct
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from tests.firmware.model_runner import reference
from tests.models.packaged import MODELS
from tests.models.tflite_builder import (
    Model,
    Operator,
    Tensor,
    fully_connected,
    softmax,
    write,
)
from tinybench.errors import BuildError, ModelError, UsageError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.libraries.cmsis_nn import by_cmsis_nn
from tinybench.runner import cli
from tinybench.runner.build.board import load_board
from tinybench.runner.build.elf import sections
from tinybench.runner.build.engine import Engine
from tinybench.runner.build.firmware import build
from tinybench.runner.build.recipe import load_recipe
from tinybench.runner.build.source_tree import read_tree
from tinybench.runner.build.task import load_task
from tinybench.runner.desk.line import open_line
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import answered
from tinybench.runner.measure.arena import built_engine, source_of
from tinybench.track import silent

HERE = Path(__file__).parent
KWS = MODELS / "kws01.tflite"
RECIPE = load_recipe("cmsis-nn")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that has those functions alone that no tree may lack."""
    root = tmp_path / "tree"
    (root / "Include").mkdir(parents=True)
    (root / "Source").mkdir()
    shutil.copy(HERE / "arm_nnfunctions.h", root / "Include")
    shutil.copy(HERE / "arm_stand_in.c", root / "Source" / "arm_convolve_wrapper_s8.c")
    for other in ("arm_depthwise_conv_wrapper_s8", "arm_fully_connected_s8"):
        (root / "Source" / f"{other}.c").write_text("")  # it is in the file above
    return root


def survives(image: bytes, path: Path) -> None:
    """Whatever an image is damaged to, it has sections or is none, and says so."""
    rng = np.random.default_rng(0)
    (table,) = struct.unpack_from("<Q", image, 40)
    for _ in range(50):
        damaged = bytearray(image)
        for at in (rng.integers(64), table + rng.integers(len(image) - table)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, 2 * len(image))])
        with suppress(BuildError):
            assert sections(path).text_b >= 0


def test_a_model_runs_as_calls_of_a_library(tree: Path, tmp_path: Path) -> None:
    """To the bit as the reference, with the buffers asked for; the layers of ours are named."""
    host, task, said = load_board("host"), load_task("kws"), list[str]()
    engine = built_engine("cmsis-nn", tree, host, task, KWS, silent, said.append)
    assert "2 of 12 layers are done by our plain kernels: AVERAGE_POOL_2D (1), SOFT" in said[-1]
    assert engine.made
    assert (engine.made.layers, engine.made.own_layers) == (
        12,
        {"AVERAGE_POOL_2D": 1, "SOFTMAX": 1},
    )
    assert engine.made.manifest
    kernels = [entry.kernel for entry in engine.made.manifest.operators if entry.kernel]
    assert kernels.count("cmsis_nn_conv_2d") == 5
    inputs = np.random.default_rng(1).integers(-128, 128, (3, task.input_b), np.int8)
    wanted = (reference(KWS.read_bytes(), inputs).astype(np.float32) + 128) / 256
    image = build(host, task, engine)
    has = image.sections
    assert has.arena_b == engine.made.arena_b
    assert (has.text_b + has.rodata_b + has.data_b, has.data_b + has.bss_b) == (
        image.flash_b,
        image.ram_b,
    )
    survives(Path(image.elf).read_bytes(), tmp_path / "damaged.elf")
    with closing(open_line(host.command(image.elf))) as line:
        dut = Dut(line)
        dut.handshake()
        for data, row in zip(inputs, wanted, strict=True):
            found = answered(dut.infer(data.tobytes(), 1, 0).results)
            assert found == pytest.approx(row.tolist(), abs=0.001)


def test_a_library_that_cannot_go_on_is_asked_once(tree: Path) -> None:
    """The firmware that asks it dies by that, and would do so again: what is said is its end."""
    source = tree / "Source" / "arm_convolve_wrapper_s8.c"
    text = source.read_text().replace("    return 4 *", "    __builtin_trap();\n    return 4 *", 1)
    source.write_text(text)
    host, task = load_board("host"), load_task("kws")
    with pytest.raises(ModelError, match="cmsis-nn does not take this model on host: ") as caught:
        built_engine("cmsis-nn", tree, host, task, KWS, silent, print)
    assert "retries" not in str(caught.value)


def _called(model: Model, folder: Path, buffers_b: list[int] | None, biased: bool) -> str:
    compile_model(
        write(model),
        folder,
        model_id="x1",
        prune=False,
        instead=lambda graph, steps: by_cmsis_nn(
            graph, steps, {"fully_connected"}, buffers_b, sums_with_biases=biased
        ),
    )
    return (folder / "model.c").read_text()


def _table(text: str, field: str) -> np.ndarray:
    found = re.search(rf"op0_{field}\[[^{{]*{{\n([^}}]*)}}", text)
    assert found, field
    return np.array([int(word) for word in re.findall(r"-?\d+", found[1])])


def test_sums_of_weights_are_there_where_they_are_wanted(tmp_path: Path) -> None:
    """With the biases in them or without; a layer of several scales is our kernel's."""
    rng = np.random.default_rng(0)
    model = fully_connected(rng, 8, 3)
    assert "_sums" not in _called(model, tmp_path, [0], biased=True)
    text = _called(model, tmp_path, [12], biased=False)
    weights = _table(text, "weights").reshape(3, 8)
    sums = -model.tensors[0].zero_points[0] * weights.sum(axis=1)
    assert (_table(text, "sums") == sums).all()
    text = _called(model, tmp_path, [12], biased=True)
    assert (_table(text, "sums") == sums + _table(text, "biases")).all()
    several = fully_connected(rng, 8, 3, per_channel=True)
    assert "cmsis_nn" not in _called(several, tmp_path, [12], biased=True)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("bakenn/backend/cmsis_nn/vendor", True),
        ("tensorflow/lite/micro/tools/make/downloads", True),
        ("elsewhere", False),
    ],
)
def test_the_library_is_found_where_others_bring_it(tree: Path, place: str, found: bool) -> None:
    """In a package's folder, in what TensorFlow Lite Micro fetches; else it is said where not."""
    outer = tree.parent / "outer"
    (outer / place).mkdir(parents=True)
    tree.rename(outer / place / "cmsis_nn")
    if found:
        known = read_tree(RECIPE, outer)
        assert known.operators.keys() == {"conv_2d", "depthwise_conv_2d", "fully_connected"}
        return
    with pytest.raises(UsageError, match=r"no source tree of CMSIS-NN, for Include/arm_nnf"):
        read_tree(RECIPE, outer)


def test_a_library_that_does_nothing_of_a_model_is_refused(tree: Path) -> None:
    """What would be our own kernels alone is not shown under another's name."""
    lone = tree / "lone.tflite"
    lone.write_bytes(write(softmax(np.random.default_rng(0), 8, 0.1)))
    with pytest.raises(ModelError, match=r"lone\.tflite: engine cmsis-nn: no layer of this model"):
        on_host(tree, lone)
    refused = tree / "refused.tflite"
    real = Tensor((1, 4), "FLOAT32")
    refused.write_bytes(write(Model([real, real], [Operator("CUMSUM", [0, 0], [1])], [0], [1])))
    with pytest.raises(ModelError, match=r"cmsis-nn: .*TensorFlow Lite Micro may: .*CUMSUM"):
        on_host(tree, refused)


@pytest.mark.parametrize("kernel", RECIPE.must)
def test_half_a_library_is_refused(tree: Path, kernel: str) -> None:
    """Its convolutions, depthwise ones too, and fully connected layers are what it is about."""
    (tree / "Source" / f"{RECIPE.calls[kernel]}.c").rename(tree / "Source" / "other.c")
    with pytest.raises(
        UsageError,
        match=rf"is not whole, or of another version: nothing in it is {RECIPE.calls[kernel]}",
    ):
        read_tree(RECIPE, tree)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("Include/arm_nnfunctions.h", "int32_t w, h;", "int32_t wide, high;"), "arm_convolve_wra"),
        (("Include/arm_nnfunctions.h", "stride, padding;", "strides, pad;"), "our glue with it"),
        (("Source/arm_convolve_wrapper_s8.c", "int arm_conv", "int other_conv"), "our glue with"),
    ],
)
def test_a_library_of_another_version_is_named(
    tree: Path, change: tuple[str, str, str], what: str
) -> None:
    """A file of it, our glue or the linker refuses: which tree, what fits, and the first line."""
    path, was, becomes = tree / change[0], *change[1:]
    path.write_text(path.read_text().replace(was, becomes))
    with pytest.raises(UsageError, match=what) as refused:
        build(load_board("host"), load_task("kws"), on_host(tree, KWS))
    said = str(refused.value)
    assert f"CMSIS-NN in {tree} (tree " in said
    assert f". Known to fit: {RECIPE.known}. To have one: git clone" in said
    assert "error" in said or "undefined reference" in said
    assert "\n" not in said


def test_a_model_too_large_for_the_board_is_refused_before_the_library_is_built(tree: Path) -> None:
    """Which takes minutes, and here would fail."""
    (tree / "Source" / "broken.c").write_text("#error\n")
    task, board = load_task("ic"), load_board("qemu-microbit")
    large = MODELS / "ic02.tflite"
    with pytest.raises(ModelError, match=r"does not fit qemu-microbit: .* bytes of flash for the"):
        built_engine("cmsis-nn", tree, board, task, large, silent, lambda _: None)


def on_host(tree: Path, model: Path) -> Engine:
    """Return the engine of a model for this computer."""
    return built_engine(
        "cmsis-nn", tree, load_board("host"), load_task("kws"), model, silent, lambda _: None
    )


def test_a_version_for_arm_alone_is_named(tree: Path) -> None:
    """Where the compiler for another core does not find Arm's header, that is what is said."""
    (tree / "Source" / "acle.c").write_text("#include <arm_acle.h>\n")
    with pytest.raises(UsageError, match="this version is for Arm cores alone: take a newer one"):
        on_host(tree, KWS)


def test_a_larger_tree_may_have_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the library comes before that of a tree which brings it."""
    monkeypatch.delenv("TINYBENCH_CMSIS_NN", raising=False)
    monkeypatch.setenv("TINYBENCH_TFLM", "/tflm")
    assert source_of(RECIPE, None) == Path("/tflm")
    monkeypatch.setenv("TINYBENCH_CMSIS_NN", "/cmsis-nn")
    assert source_of(RECIPE, None) == Path("/cmsis-nn")


@pytest.mark.soak
def test_cmsis_nn_gives_the_reference_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library itself, on cores with and without its instructions, and a layer each timed."""
    if not (os.environ.get("TINYBENCH_CMSIS_NN") or os.environ.get("TINYBENCH_TFLM")):
        pytest.skip("the source tree of CMSIS-NN (TINYBENCH_CMSIS_NN) is not named")
    for board in ("mps2-an386", "mps3-an547"):
        out = str(tmp_path / board)
        words = ["--board", board, "--engine", "tinybench", "--engine", "cmsis-nn", "-o", out]
        assert cli.main(["model", str(KWS), *words]) == 0
        assert " yes " in capsys.readouterr().out.splitlines()[2]
        assert (tmp_path / board / "cmsis-nn" / "profile.json").is_file()
