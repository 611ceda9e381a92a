"""Upload formats and results of compiled models, on the C core built for the host."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.dut_process import READY, DutProcess, build
from tests.models import tflite_builder as build_model
from tests.official import model_path
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.build.board import load_board
from tinybench.runner.cli import main

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
