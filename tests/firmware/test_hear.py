"""Firmware that hears: samples in, features and a model on the board, outputs of each frame out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tests.firmware.dut_process import READY, DutProcess
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task

NAME = "marvin_617de221_0"


@pytest.fixture(scope="module", params=[False, True], ids=["frame by frame", "whole"])
def elf(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The reference model for the host."""
    path = tmp_path_factory.mktemp("model") / "reference.tflite"
    path.write_bytes(streaming_data.model(shared_data))
    return build(load_board("host"), stream_task(path), path, whole=request.param).elf


@pytest.fixture
def dut(elf: str) -> Iterator[DutProcess]:
    """A device that has booted."""
    with DutProcess([elf]) as process:
        process.read_until(READY)
        yield process


def _said(dut: DutProcess, command: str) -> list[str]:
    return dut.ask(command.encode()).split("\r\n")[:-1]


def _heard(dut: DutProcess, samples: np.ndarray) -> list[str]:
    assert _said(dut, "db load 1024") == ["m-[Expecting 1024 bytes]"]
    digits = samples.astype("<i2").tobytes().hex()
    assert _said(dut, f"db {digits[:1024]}") == []
    assert _said(dut, f"db {digits[1024:]}") == ["m-load-done"]
    return _said(dut, "extract_uart_stream")


def _row(values: np.ndarray) -> str:
    return ", ".join(map(str, values.tolist()))


def test_the_official_commands_give_the_golden_values(shared_data: Path, dut: DutProcess) -> None:
    """Features and outputs of each frame, and all activations at the end; `start` begins anew."""
    sound = streaming_data.sound(shared_data, NAME).reshape(-1)
    features = streaming_data.golden(shared_data, f"{NAME}_fw_features_i8")
    outputs = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
    assert _said(dut, "stop") == ["Not listening. Ignoring stop request"]
    for frames in (22, 3):
        started = _said(dut, "start")
        assert started[0] == "Listening for samples ..."
        assert started[1].startswith("m-lap-us-")
        assert _said(dut, "start") == ["Already listening. Ignoring start request"]
        for k in range(frames):
            assert _heard(dut, sound[512 * k : 512 * (k + 1)]) == [
                f"m-features-[{_row(features[k])}]",
                f"m-activations-[{_row(outputs[k])}]",
            ]
        assert _said(dut, "state") == ["m-state-[listening]", f"m-heard-[{frames} 0]"]
        stopped = _said(dut, "stop")
        assert stopped[1:3] == ["Streaming stopped.", f"m-heard-[{frames} 0]"]
        assert stopped[3] == "target activations: "
        listed = "".join(stopped[4:]).strip("[]").replace(",", " ").split()
        assert listed == [str(n) for n in outputs[:frames, 0]]
        assert all(len(line.strip("[], ").split(",")) <= 16 for line in stopped[4:])


def test_loud_sound_is_counted_and_wraps_where_asked(shared_data: Path, dut: DutProcess) -> None:
    """Values beyond int8 saturate, or with `start wraps` go around, as in the reference."""
    sound = streaming_data.golden(shared_data, "loud_i16").astype(np.int16)
    for word, kind in (("", "saturating"), (" wraps", "wrapping")):
        wanted = streaming_data.golden(shared_data, f"loud_fw_features_i8_{kind}")
        _said(dut, f"start{word}")
        found = [_heard(dut, hop)[0] for hop in sound.reshape(-1, 512)]
        assert found == [f"m-features-[{_row(row)}]" for row in wanted]
        assert "m-heard-[8 48]" in _said(dut, "stop quiet")


def test_samples_that_are_not_whole_are_refused(dut: DutProcess) -> None:
    """And change nothing: the stream goes on with the next ones."""
    _said(dut, "start")
    _said(dut, "db load 1024")
    _said(dut, "db 00ff")
    assert _said(dut, "extract_uart_stream")[0].startswith("e-[Command 'extract_uart_stream' needs")
    assert _said(dut, "state")[1] == "m-heard-[0 0]"
    assert " stream-512 " in _said(dut, "caps")[0]
