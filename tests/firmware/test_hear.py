"""Firmware that hears: samples in, features and a model on the board, outputs of each frame out."""

import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tests.firmware.dut_process import READY, DutProcess
from tinybench.datasets.wake.on_device import features
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


def _numbers(name: str, line: str) -> list[int]:
    match = re.fullmatch(rf"{name}-\[([0-9 ]+)\]", line)
    assert match, line
    return [int(word) for word in match[1].split()]


def _activations(stopped: list[str]) -> list[int]:
    listed = "".join(stopped[stopped.index("target activations: ") + 1 :])
    return [int(word) for word in listed.strip("[]").replace(",", " ").split()]


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
        state = _said(dut, "state")
        assert state[:2] == ["m-state-[listening]", f"m-heard-[{frames} 0]"]
        count, busy_us, longest_us, late = _numbers("m-busy", state[2])
        assert count == frames
        assert 0 < longest_us <= busy_us
        assert late <= frames
        stopped = _said(dut, "stop")
        assert stopped[1:4] == ["Streaming stopped.", f"m-heard-[{frames} 0]", state[2]]
        assert stopped[4] == "target activations: "
        assert _activations(stopped) == outputs[:frames, 0].tolist()
        assert all(len(line.strip("[], ").split(",")) <= 16 for line in stopped[5:])


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


def test_sound_comes_from_a_file(elf: str, shared_data: Path, tmp_path: Path) -> None:
    """Without any upload, as over I2S; what would disturb it is refused."""
    sound = streaming_data.sound(shared_data, NAME).reshape(-1)
    outputs = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
    (tmp_path / "sound").write_bytes(sound.astype("<i2").tobytes())
    with DutProcess(["env", f"TINYBENCH_SOUND={tmp_path / 'sound'}", elf]) as dut:
        dut.read_until(READY)
        for _ in range(2):
            assert _said(dut, "start")[2:] == ["They come by themselves."]
            deadline_s = time.monotonic() + 20
            while _said(dut, "state")[1] != "m-heard-[31 0]":
                assert time.monotonic() < deadline_s
            for command in ("infer 1 0", "db load 1024", "frames", "extract_uart_stream"):
                assert _said(dut, command) == ["e-[Sound comes by itself: 'stop' first]"]
            assert _said(dut, "state keep") == ["e-[Sound comes by itself: 'stop' first]"]
            stopped = _said(dut, "stop")
            assert stopped[2] == "m-heard-[31 0]"
            assert _numbers("m-busy", stopped[3])[0] == 31
            assert stopped[4] == "m-sound-[31 960000 0 0]"
            assert _activations(stopped) == outputs[:, 0].tolist()
        assert _said(dut, "start uploads")[2:] == []
        assert "m-heard-[0 0]" in _said(dut, "stop quiet")


def test_the_pins_tell_of_frames_and_detections(
    elf: str, shared_data: Path, tmp_path: Path
) -> None:
    """A pulse inside the frame: of the first one, which marks the beginning, and of each word; and
    sound that stands still for a second is counted."""
    sound = streaming_data.sound(shared_data, NAME).reshape(-1)
    outputs = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "wires"))
        listening.listen()
        listening.settimeout(20)
        with DutProcess(["env", f"TINYBENCH_WIRES={tmp_path / 'wires'}", elf]) as dut:
            dut.read_until(READY)
            _said(dut, "start")
            wires = listening.accept()[0]
            wires.settimeout(20)
            told = wires.makefile("rb")
            for k in range(len(outputs)):
                came_us = 32_000 * (k + 1) + (1_000_000 if k > 4 else 0)
                samples = sound[512 * k : 512 * (k + 1)].astype("<i2").tobytes()
                wires.sendall(came_us.to_bytes(4, "little") + samples)
                wanted = b"BWb" if k == 0 or outputs[k, 0] > 115 else b"Bb"
                assert told.read(len(wanted)) == wanted
            assert _said(dut, "stop quiet")[4] == f"m-sound-[31 {30 * 32_000 + 1_000_000} 0 1]"
            _said(dut, "proc_hi")
            _said(dut, "proc_lo")
            assert told.read(2) == b"Bb"
            told.close()
            wires.close()
            _said(dut, "start")  # who watched is gone: the stream goes on without
            assert _said(dut, "state")[1] == "m-heard-[0 0]"


def _stored(count: int) -> np.ndarray:
    """The sound that firmware of ours has instead of a recording; see firmware/stream/trials.c."""
    at = np.arange(count, dtype=np.uint32)
    phase = (at * np.uint32(40_000_000) + at * (at - np.uint32(1)) // 2 * np.uint32(3000)) >> 16
    triangle = np.where(phase < 32768, phase, 65535 - phase).astype(np.int32) - 16384
    noise = at * np.uint32(2654435761)
    noise ^= noise >> 15
    noise *= np.uint32(2246822519)
    noise ^= noise >> 13
    sound = np.trunc(triangle / 2).astype(np.int32) + (noise >> 22).astype(np.int32) - 512
    return np.where(at // 8000 % 2, 0, sound).astype(np.int16)


def test_a_stored_sound_is_heard_without_a_bench(dut: DutProcess) -> None:
    """Features are those of the same samples on this computer; an offset beyond is refused."""
    sound = _stored(160_000)
    said = _said(dut, "infer_wav 512")
    rows = [line for line in said if line.startswith("(")]
    found = np.array([[int(word) for word in line.strip("(),").split(", ")] for line in rows])
    np.testing.assert_array_equal(found[:, :40], features(sound[512:]).values)
    assert len(found) == 311
    said = _said(dut, "extract 3072")
    numbers = [[int(n) for n in part.strip(" [],}").replace(",", " ").split()]
               for part in "".join(said).split("[")[1:]
               for part in [part.partition("]")[0]]]  # fmt: skip
    assert numbers[0] == sound[3072:4096].tolist()
    assert numbers[1] == features(sound[3072:4096]).values[1].tolist()
    assert re.fullmatch(r"Output = \[-?\d+, -?\d+, -?\d+\]", _said(dut, "run_model class0")[1])
    for command in ("infer_wav 159489", "extract 158977", "extract x", "extract 99999999999"):
        assert _said(dut, command)[0].startswith("e-[An offset is from 0 to 15")
    assert _said(dut, "i2scap 100") == ["e-[No sound comes by itself here]"]
    _said(dut, "start")
    for command in ("infer_wav", "extract", "run_model", "i2scap"):
        assert _said(dut, command) == ["e-[Listening: 'stop' first]"]


def test_samples_that_come_are_shown(elf: str, tmp_path: Path) -> None:
    """As many as are asked for, or an error where there are fewer and another command comes."""
    sound = np.random.default_rng(0).integers(-32768, 32767, 20_000).astype("<i2")
    (tmp_path / "sound").write_bytes(sound.tobytes())
    with DutProcess(["env", f"TINYBENCH_SOUND={tmp_path / 'sound'}", elf]) as dut:
        dut.read_until(READY)
        for command, count in (("i2scap 700", 700), ("i2scap", 16_384), ("i2scap 99999", 16_384)):
            said = _said(dut, command)
            numbers = "".join(said[1:]).strip("[]").replace(",", " ").split()
            assert [int(n) for n in numbers] == sound[:count].tolist()
        assert _said(dut, "state")[0] == "m-state-[idle]"


COMMANDS = (
    *("start", "start wraps", "start uploads", "stop", "stop quiet", "state", "state keep"),
    *("extract_uart_stream", "infer 1 0", "infer 3 1", "infer_wav 158000", "extract 158976"),
    *("extract 4294967296", "run_model", "i2scap -3", "proc_hi", "proc_lo", "db load 1024"),
    *("db " + "ff" * 512, "db " + "80" * 512, "profile-layers 1", "results", "help", "", " stop"),
)


def test_whatever_is_asked_in_whatever_order_is_answered(elf: str, tmp_path: Path) -> None:
    """Sound comes by itself or does not, a stream was begun or was not."""
    sound = np.random.default_rng(0).integers(-32768, 32767, 40 * 512).astype("<i2")
    (tmp_path / "sound").write_bytes(sound.tobytes())
    chance = random.Random(1)  # noqa: S311 - a sequence that can be repeated
    for env in ([], ["env", f"TINYBENCH_SOUND={tmp_path / 'sound'}"]):
        with DutProcess([*env, elf]) as dut:
            dut.read_until(READY)
            for _ in range(150):
                _said(dut, chance.choice(COMMANDS))
            _said(dut, "stop quiet")
            assert _said(dut, "state")[0] == "m-state-[idle]"
