"""Whole accuracy sets over lines with faults: every answer is that of the clean run."""

import random
from pathlib import Path

import pytest

from tests.faults.kinds import noise
from tests.faults.port import FaultyPort, Lie
from tests.faults.verdict import INPUT_B, LINKS, build_devices
from tests.link.paced_line import build, paced_line
from tests.program import tinybench
from tinybench.models.declaration import package_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build as build_firmware
from tinybench.runner.build.task import load_task
from tinybench.runner.dut import frames
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import Inference
from tinybench.runner.dut.line import Patience, Tally
from tinybench.runner.results.result import Result, read_result
from tinybench.transport.process import ProcessTransport

PATIENCE = Patience(reply_s=0.3, name_s=0.2, quiet_s=0.02, inference_s=0.5)


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device."""
    return build_devices(tmp_path_factory.mktemp("devices"))


def _port(devices: Path) -> FaultyPort:
    return FaultyPort(
        lambda name: ProcessTransport([str(devices / name)]),
        random.Random(5),  # noqa: S311 - no secrets
        PATIENCE.reply_s,
    )


def _run(port: FaultyPort, link: str, count: int) -> tuple[list[Inference], Dut]:
    """Answer so many inputs, each once."""
    dut = Dut(port, fast=link == "frames", patience=PATIENCE)
    chance = random.Random(9)  # noqa: S311 - test data
    try:
        dut.handshake()
        return [dut.infer(chance.randbytes(INPUT_B), 1, 0) for _ in range(count)], dut
    finally:
        port.close()


def _lost_ready(at: int) -> Lie:
    """Lose the end of one answer, the one after `at` others: m-ready, or the frame with it."""
    answers = 0

    def lie(port: FaultyPort, way: str, message: bytes) -> bytes:
        nonlocal answers
        frame = frames.decode(message[:-1])
        is_result = frame is not None and frame.kind == frames.RESULT
        if way != "to_host" or not (is_result or message.startswith(b"m-infer-done")):
            return message
        answers += 1
        if answers != at + 1:
            return message
        port.struck += 1
        return b"" if is_result else message.replace(b"m-ready\r\n", b"")

    return lie


def _assert_nothing_lost(devices: Path, link: str, count: int, lie: Lie) -> None:
    """Every answer is that of the clean run, and what was put right is counted."""
    wanted, _ = _run(_port(devices), link, count)
    port = _port(devices)
    port.lies.append(lie)
    found, dut = _run(port, link, count)
    assert port.struck > 0
    assert dut.tally != Tally()
    assert found == wanted


@pytest.mark.parametrize("link", LINKS)
def test_a_noisy_line_gives_the_answers_of_a_clean_one(devices: Path, link: str) -> None:
    """One byte in 50 000 is wrong, each way."""
    _assert_nothing_lost(devices, link, 100, noise(2e-5))


@pytest.mark.parametrize("link", LINKS)
def test_one_lost_ready_loses_nothing(devices: Path, link: str) -> None:
    """Near the end of a run."""
    _assert_nothing_lost(devices, link, 40, _lost_ready(35))


@pytest.mark.soak
@pytest.mark.parametrize("link", LINKS)
def test_a_thousand_inputs_over_a_noisy_line(devices: Path, link: str) -> None:
    """One byte in 100 000 is wrong, each way; the public runner then prints a wrong accuracy."""
    _assert_nothing_lost(devices, link, 1000, noise(1e-5))


@pytest.mark.soak
@pytest.mark.parametrize("link", LINKS)
def test_a_ready_lost_at_input_990_loses_nothing(devices: Path, link: str) -> None:
    """The public runner discards all 990 results."""
    _assert_nothing_lost(devices, link, 1000, _lost_ready(990))


def test_a_run_over_a_noisy_port_ends_with_the_clean_result(tmp_path: Path) -> None:
    """As a user types it, one byte in 20 000 wrong each way: the same answers, and what it took."""
    model = package_folder() / "embedded" / "kws01.tflite"
    image = build_firmware(load_board("host"), load_task("kws"), model)
    words = ["--task", "kws", "--mode", "accuracy", "--baud", "921600"]
    device = ["sh", "-c", f"stty raw -echo 921600; exec {image.elf}"]
    with paced_line(build(tmp_path), device, noise_b=20_000) as path:
        found = _answers(tmp_path / "port", "--port", path, *words)
    assert found.accuracy is not None
    wanted = _answers(tmp_path / "host", "--board", "host", *words[:4])
    assert wanted.accuracy is not None
    assert [answer.results for answer in found.accuracy.answers] == [
        answer.results for answer in wanted.accuracy.answers
    ]
    assert found.link is not None
    assert found.link.resent_frames + found.link.retries > 0


def test_a_run_on_a_talkative_board_says_so(tmp_path: Path) -> None:
    """As a user types it: logs inside each reply and glued to it, a comma behind the results."""
    model = package_folder() / "embedded" / "kws01.tflite"
    image = build_firmware(load_board("host"), load_task("kws"), model)
    words = ["--task", "kws", "--mode", "accuracy", "--limit", "12"]
    edits = [
        r"s/ frames-[0-9-]*//",
        r"s/^m-infer-done/I (342) nn: done\n> &/",
        r"s/^\(m-results-.*\)]/\1,]/",
    ]
    device = ["sh", "-c", f"stty raw -echo; {image.elf} | sed -u '{';'.join(edits)}'"]
    with paced_line(build(tmp_path), device) as path:
        found = _answers(tmp_path / "port", "--port", path, *words)
    wanted = _answers(tmp_path / "host", "--board", "host", *words)
    assert found.link is not None
    assert found.link.protocol == "stock"
    assert found.link.beside_lines >= 24
    assert found.accuracy is not None
    assert wanted.accuracy is not None
    assert [answer.results for answer in found.accuracy.answers] == [
        answer.results for answer in wanted.accuracy.answers
    ]
    said = tinybench("check", str(tmp_path / "port"))
    assert f"talkative DUT: {found.link.beside_lines} lines beside the protocol" in said.stdout
    assert "journal" not in said.stdout


def _answers(folder: Path, *words: str) -> Result:
    done = tinybench(*words, "--out", str(folder))
    assert done.returncode in (0, 1), done.stderr
    return read_result(folder)
