"""Inputs that are one stream: the model's state is kept from each to the next."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.faults.line import FaultyLine
from tests.firmware.dut_process import build
from tests.models import tflite_builder
from tests.models.packaged import MODELS
from tests.models.streaming import running_sum
from tinybench.datasets.reader import Sample
from tinybench.errors import ProtocolError
from tinybench.models.compiler import compile_model
from tinybench.runner.build.board import load_board
from tinybench.runner.cli import main
from tinybench.runner.compare.change import compare
from tinybench.runner.dut.client import Dut
from tinybench.runner.measure.modes import stream
from tinybench.runner.results.result import read_result
from tinybench.runner.rules.judge import judge
from tinybench.transport.process import ProcessTransport

INITIAL = [5, -3, 100, 7]


@pytest.fixture(scope="module")
def summing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Program: the C core with a model that adds its inputs up."""
    folder = tmp_path_factory.mktemp("summing")
    compile_model(tflite_builder.write(running_sum()), folder, model_id="sum01")
    return build(load_board("host"), folder / "host", model=(folder / "model.c").read_text())


@pytest.fixture
def line(summing: Path) -> Iterator[FaultyLine]:
    """A line to it that does what a test says."""
    transport = FaultyLine(ProcessTransport([str(summing)]))
    yield transport
    transport.close()


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Four inputs, each 1.0 everywhere."""
    data = bytes([13] * 4)
    sha256 = hashlib.sha256(data).hexdigest()
    (tmp_path / "x").write_bytes(data)
    return [Sample(f"{n}", 0, 4, 4, 4, sha256, tmp_path / "x") for n in range(4)]


@pytest.mark.parametrize("fast", [True, False])
def test_a_stream_counts_each_input_once(
    fast: bool, line: FaultyLine, samples: list[Sample]
) -> None:
    """Over frames and over text, which else checks an inference by another; then it is over."""
    dut = Dut(line, fast=fast)
    dut.handshake()
    for _ in range(2):
        answers = stream(dut, samples, 4)
        assert [one.results.split(",")[0] for one in answers] == ["1.0", "2.0", "3.0", "4.0"]
    data = samples[0].windows()[0]
    assert [dut.infer(data, 1, 0).results[:3] for _ in range(2)] == ["1.0", "1.0"]


def test_a_stream_that_was_disturbed_begins_again(line: FaultyLine, samples: list[Sample]) -> None:
    """One garbled answer: the inference is done again, and the sum would be wrong from there."""
    dut = Dut(line, fast=False)
    dut.handshake()
    left = [b"m-results-[2.0"]

    def garbled(data: bytes) -> bytes:
        if left and left[0] in data:
            return data.replace(left.pop(), b"m-results-[2.x")
        return data

    line.to_host = garbled
    answers = stream(dut, samples, 4)
    assert dut.tally.retries > 0
    assert [one.results.split(",")[0] for one in answers] == ["1.0", "2.0", "3.0", "4.0"]


def test_a_stream_that_is_always_disturbed_is_none(line: FaultyLine, samples: list[Sample]) -> None:
    """After a few attempts it says so."""
    dut = Dut(line, fast=False)
    dut.handshake()
    begun: list[bytes] = []

    def noted(data: bytes) -> bytes:
        begun.extend([data] * (b"state keep" in data))
        return data

    def garbled(data: bytes) -> bytes:
        wrong = b"m-results-[2.0" in data and begun
        return data.replace(b"[2.0", b"[2.x") if wrong and begun.pop() else data

    line.to_dut, line.to_host = noted, garbled
    with pytest.raises(ProtocolError, match="3 streams of 4 inputs, and in each"):
        stream(dut, samples, 4)


def test_a_model_without_a_state_is_refused(
    core: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its file, before anything is built; by firmware that has none, in its own words."""
    assert main(["model", str(MODELS / "kws01.tflite"), "--board", "host", "--state", "keep"]) == 2
    assert "--state keep is for a model that keeps a state" in capsys.readouterr().err
    transport = ProcessTransport([str(core)])
    dut = Dut(transport)
    dut.handshake()
    with pytest.raises(ProtocolError, match="needs a model that has one"):
        dut.keep_state(True)
    transport.close()


def test_both_ways_are_held_against_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kept or put back, initial values included: every answer is the reference's, and they differ.

    A stream is another set of inputs: of a score it is never compared with the other. A journal of
    before there were streams is as good; no submission takes either.
    """
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    (tmp_path / "sum.tflite").write_bytes(tflite_builder.write(running_sum(initial=INITIAL)))
    data = np.random.default_rng(0).integers(-20, 20, (8, 1, 4)).astype(np.int8)
    np.save(tmp_path / "x.npy", data)
    words = ["model", str(tmp_path / "sum.tflite"), "--board", "mps2-an386", "-q"]
    words += ["--inputs", str(tmp_path / "x.npy")]
    found = {}
    for state in ("reset", "keep"):
        assert main([*words, "--state", state, "--out", str(tmp_path / state)]) == 0
        result = read_result(tmp_path / state)
        assert result.reference is not None
        assert result.accuracy is not None
        assert (result.reference.count, result.reference.equal) == (8, 8)
        assert result.inputs.stream == (state == "keep")
        found[state] = [answer.results for answer in result.accuracy.answers]
    assert found["reset"][0] == found["keep"][0]
    assert found["reset"][1:] != found["keep"][1:]
    assert main(["check", str(tmp_path / "keep"), "-q"]) == 0
    compared = compare(tmp_path / "reset", tmp_path / "keep")
    assert {one.metric for one in compared.differences} >= {"latency", "instructions"}
    (tmp_path / "system.toml").write_text("")
    words = [str(tmp_path / "keep"), "--submitter", "me", "--system", str(tmp_path / "system.toml")]
    assert main(["submit", *words, "-o", str(tmp_path / "tree")]) == 2
    assert "a model of one's own, measured by 'tinybench model'" in capsys.readouterr().err
    journal = tmp_path / "reset" / "journal.jsonl"
    said = journal.read_text(encoding="utf-8")
    assert said.count(',"stream":false') == 1
    journal.write_text(said.replace(',"stream":false', ""), encoding="utf-8")
    broken = {one.rule for one in judge(tmp_path / "reset").violations}
    assert "journal" not in broken
    journal.write_text(said.replace(',"stream":false', ',"stream":true'), encoding="utf-8")
    assert "journal" in {one.rule for one in judge(tmp_path / "reset").violations}
