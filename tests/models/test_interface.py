"""Upload formats and results of compiled models, on the C core built for the host."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.dut_process import READY, DutProcess, build
from tests.models import tflite_builder as build_model
from tests.models.random_operators import transpose_conv
from tests.official import model_path
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.reader import read_graph
from tinybench.models.tflite_writer import Model, Operator, Tensor, write
from tinybench.runner.build.board import load_board
from tinybench.runner.cli import main
from tinybench.runner.report.terminal.model import plain_kernels

RNG = np.random.default_rng(0)
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"


def _answer(reply: str) -> list[float]:
    return [float(word) for word in reply.split("m-results-[")[1].split("]")[0].split(",")]


def _dut(folder: Path) -> DutProcess:
    model = (folder / "model.c").read_text()
    elf = build(load_board("host"), folder / "elf", f"CFLAGS_EXTRA={SANITIZERS}", model=model)
    dut = DutProcess([str(elf)])
    dut.read_until(READY)
    return dut


def test_uint8_images_are_the_models_int8_plus_128(mirror: Path, tmp_path: Path) -> None:
    """Pixels give what the reference gives for pixel - 128; db print shows them as sent."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    tflite = model_path(mirror, "ic01").read_bytes()
    compile_model(tflite, tmp_path, model_id="ic01", input_format="uint8", decimals=6)
    pixels = np.random.default_rng(3).integers(0, 256, 3072).astype(np.uint8)
    wanted = model_runner.reference(tflite, (pixels.astype(np.int16) - 128)[None])[0]
    with _dut(tmp_path) as dut:
        dut.upload(pixels.tobytes())
        shown = [word for line in dut.ask(b"db print").split() for word in line.split("-")[2:]]
        assert bytes.fromhex("".join(shown)) == pixels.tobytes()
        found = _answer(dut.ask(b"infer 2 1"))
    assert found == pytest.approx((wanted.astype(float) + 128) / 256, abs=1e-6)


def test_floats_are_quantised_and_give_the_mean_squared_error(mirror: Path, tmp_path: Path) -> None:
    """The error is that of the reference's output; NaN and infinities upload without harm."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    tflite = model_path(mirror, "ad01").read_bytes()
    manifest = compile_model(
        tflite, tmp_path, model_id="ad01", input_format="float32", result="mse", decimals=6
    )
    assert (manifest.input_b, manifest.output_count) == (2560, 1)
    assert manifest.tensor_ram_b <= 5000
    graph = read_graph(tflite)
    source, target = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    floats = np.random.default_rng(4).normal(-10, 20, 640).astype(np.float32)
    steps = floats / np.float32(source.scale)
    rounded = np.sign(steps) * np.floor(np.abs(steps.astype(float)) + 0.5) + source.zero_point
    quantised = np.clip(rounded, -128, 127).astype(np.int8)
    output = model_runner.reference(tflite, quantised[None])[0].astype(float)
    error = np.mean(((output - target.zero_point) * target.scale - floats) ** 2)
    odd = np.resize(np.array([np.nan, np.inf, -np.inf, 3e38], np.float32), 640)
    with _dut(tmp_path) as dut:
        dut.upload(floats.tobytes())
        assert _answer(dut.ask(b"infer 3 1")) == pytest.approx([error], rel=1e-5)
        dut.upload(odd.tobytes())
        assert "m-results-[nan]" in dut.ask(b"infer 1 0")
        assert dut.words() == ""


@pytest.mark.parametrize("kind", ["FLOAT32", "INT16"])
def test_errors_of_floats_and_of_int16_are_those_of_their_outputs(
    kind: str, tmp_path: Path
) -> None:
    """Of a layer that gives its inputs scaled; values beyond int16 end at its limits, NaN too."""
    step, size = 2.0**-8, 8
    given = np.array([0.5, -0.5, 3.14159, -127.9, 300, -300, 2.0**-9, -(2.0**-9)], "<f4")
    eye = np.eye(size)
    tensors = [Tensor((1, size), kind, [step], [0]) for _ in range(2)]
    weights = Tensor((size, size), "INT8", [1 / 127], [0], data=(eye * 127).astype("i1"))
    biases = Tensor((size,), "INT64", [step / 127], [0], data=np.zeros(size, "<i8"))
    if kind == "FLOAT32":
        tensors = [Tensor((1, size), kind) for _ in range(2)]
        weights = Tensor((size, size), kind, data=(eye / 2).astype("<f4"))
        biases = Tensor((size,), kind, data=np.zeros(size, "<f4"))
    operator = Operator("FULLY_CONNECTED", [0, 2, 3], [1])
    data = write(Model([*tensors, weights, biases], [operator], [0], [1]))
    compile_model(data, tmp_path, model_id="own", input_format="float32", result="mse", decimals=6)
    there = given / 2
    if kind == "INT16":
        steps = np.sign(given) * np.floor(np.abs(given.astype(float)) / step + 0.5)
        there = np.clip(steps, -(2**15), 2**15 - 1) * step
    with _dut(tmp_path) as dut:
        dut.upload(given.tobytes())
        wanted = np.mean((there - given.astype(float)) ** 2)
        assert _answer(dut.ask(b"infer 1 0")) == pytest.approx([wanted], rel=1e-5)
        dut.upload(np.resize(np.array([np.nan, np.inf], "<f4"), size).tobytes())
        assert "m-results-[nan]" in dut.ask(b"infer 1 0")
        assert dut.words() == ""


def test_an_error_needs_floats(mirror: Path, tmp_path: Path) -> None:
    """A mean squared error of an upload that is no float is refused by name."""
    with pytest.raises(ModelError, match="use it with input format 'float32'"):
        compile_model(model_path(mirror, "ad01"), tmp_path, model_id="ad01", result="mse")


def test_the_command_line_compiles_for_floats_and_their_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tinybench compile` takes input format, result and decimals, and refuses what cannot be."""
    tflite = tmp_path / "model.tflite"
    tflite.write_bytes(build_model.write(build_model.fully_connected(RNG, 12, 12)))
    command = ["compile", str(tflite), "-o", str(tmp_path / "out")]
    floats = [*command, "--input-format", "float32", "--result", "mse", "--decimals", "5", "--json"]
    assert main(floats) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert (manifest["input_b"], manifest["output_count"]) == (48, 1)
    assert "model_result_decimals = 5;" in (tmp_path / "out" / "model.c").read_text()

    assert main([*command, "--input-format", "uint8"]) == 0
    assert "model_input_flip = 0x80;" in (tmp_path / "out" / "model.c").read_text()
    capsys.readouterr()

    assert main([*command, "--result", "mse"]) == 2
    assert "use it with input format 'float32'" in capsys.readouterr().err
    assert main([*command, "--decimals", "99"]) == 2
    assert "99 decimals: 0 to 17 can be printed" in capsys.readouterr().err
    for wrong in (["--decimals", "-1"], ["--decimals", "x"], ["--input-format", "int4"]):
        assert main([*command, *wrong]) == 2


def requantised(before: str, after: str, count: int = 5) -> build_model.Model:
    """Return a model of one QUANTIZE between two types."""
    ends = [
        build_model.Tensor(
            [1, count],
            kind,
            scales=() if kind == "FLOAT32" else [0.5],
            zero_points=() if kind == "FLOAT32" else [{"INT8": -3, "UINT8": 125}[kind]],
        )
        for kind in (before, after)
    ]
    return build_model.Model(ends, [build_model.Operator("QUANTIZE", [0], [1])], [0], [1])


def test_several_inputs_follow_each_other_and_several_outputs_are_answered_in_turn(
    tmp_path: Path,
) -> None:
    """Without gaps: 5 bytes, 12 of floats that begin in the middle of a word, 5 of uint8."""
    model = build_model.beside(
        [
            requantised("INT8", "INT8"),
            requantised("FLOAT32", "INT8", 3),
            requantised("UINT8", "INT8"),
        ]
    )
    manifest = compile_model(build_model.write(model), tmp_path, model_id="x01")
    assert (manifest.input_b, manifest.output_count, manifest.result_b) == (22, 13, 13)
    # What does not begin at a whole word is copied once.
    assert manifest.tensor_ram_b == 22 + (12 + 5) + 13 + manifest.arena_b
    floats = np.array([1.5, -64.0, 1e30], "<f4")
    with _dut(tmp_path) as dut:
        assert _answer(dut.ask(b"results")) == [0.0] * 13
        dut.upload(bytes([0, 1, 2, 255, 128]) + floats.tobytes() + bytes([125, 0, 255, 1, 2]))
        found = _answer(dut.ask(b"infer 1 0"))
        again = _answer(dut.ask(b"infer 2 1"))
    assert found == again
    assert found[:5] == [1.5, 2.0, 2.5, 1.0, -62.5]
    assert found[5:8] == [1.5, -62.5, 65.0]
    assert found[8:] == [0.0, -62.5, 65.0, -62.0, -61.5]


@pytest.mark.parametrize(
    ("kind", "formats"),
    [
        ("INT8", ["int8", "uint8", "float32"]),
        ("UINT8", ["uint8", "int8"]),
        ("FLOAT32", ["float32"]),
    ],
)
def test_an_upload_is_in_a_format_that_the_models_input_can_have(
    kind: str, formats: list[str], tmp_path: Path
) -> None:
    """Each is taken or refused with those that are; without one it is the model's own."""
    tflite = build_model.write(requantised(kind, "INT8"))
    own = compile_model(tflite, tmp_path, model_id="x01")
    assert own.input_b == (20 if kind == "FLOAT32" else 5)
    for wanted in ("int8", "uint8", "float32"):
        if wanted in formats:
            said = compile_model(tflite, tmp_path, model_id="x01", input_format=wanted)
            assert said.input_b == (20 if wanted == "float32" else 5)
            flip = {("INT8", "uint8"), ("UINT8", "int8")}
            text = (tmp_path / "model.c").read_text()
            assert ("model_input_flip = 0x80;" in text) == ((kind, wanted) in flip)
        else:
            with pytest.raises(ModelError, match=f"is {kind} and cannot be uploaded as {wanted}"):
                compile_model(tflite, tmp_path, model_id="x01", input_format=wanted)


def test_layers_without_a_faster_kernel_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`compile` and `model` say which layers got a plain kernel, and how much of the work it is."""
    known = build_model.convolution(RNG, (6, 6, 2), 4, (5, 5), depthwise=True)
    model = build_model.beside([known, transpose_conv(np.random.default_rng(0))])
    tflite = tmp_path / "model.tflite"
    tflite.write_bytes(build_model.write(model))
    command = ["compile", str(tflite), "-o", str(tmp_path / "out"), "--kernels"]
    assert main([*command, "dsp"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "plain kernels, for want of dsp ones: TRANSPOSE_CONV (1); " in said
    assert main([*command, "plain"]) == 0
    assert "for want of" not in capsys.readouterr().out
    assert main(["model", str(tflite)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "plain kernels, for want of dsp ones: TRANSPOSE_CONV (1); " in said


@pytest.mark.parametrize(
    ("kernel", "kernels", "why"),
    [
        ("conv_2d_float32", "dsp", "for there are no faster ones on floats"),
        ("conv_2d_int16", "mve", "for there are no faster ones on int16"),
        ("conv_2d", "thumb2", "for want of thumb2 ones for their shape or scales"),
        ("add", "dsp", "for want of dsp ones for their shape or scales"),
        ("average_pool_2d", "dsp", "for want of dsp ones"),
        ("conv_2d_dsp + softmax", "dsp", "for want of dsp ones"),
    ],
)
def test_why_a_layer_has_a_plain_kernel_is_said(kernel: str, kernels: str, why: str) -> None:
    """Floats and int16 have no others; else no kernel of the core knows the layer, or its form."""
    (line,) = plain_kernels(kernels, [("X", kernel, 0.5), ("Y", "conv_2d_dsp", 0.5)], "of all")
    assert line == f"plain kernels, {why}: X (1); 50.0% of all"
    assert plain_kernels("plain", [("X", kernel, 0.5)], "of all") == []


def test_what_computes_the_shape_of_a_reshape_is_left_out(tmp_path: Path) -> None:
    """Shapes are known: SHAPE and its like need no kernel, and no support, where only a reshape
    reads them."""
    before = build_model.requantise_and_reshape(RNG)
    manifest = compile_model(build_model.write(before), tmp_path, model_id="x01")
    assert [entry.operator for entry in manifest.operators] == ["QUANTIZE", "RESHAPE"]
