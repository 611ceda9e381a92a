"""Noise on a board: constants written over the link, refused where they do not fit, and equal."""

import csv
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import ROOT
from tests.program import tinybench
from tinybench.errors import BenchError, ModelError, ProtocolError, UsageError
from tinybench.models.compiler.emit import bytes_of, constants_of
from tinybench.models.compiler.lower import lower
from tinybench.models.compiler.reader import read_graph
from tinybench.models.patched_file import written
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.desk.line import open_line
from tinybench.runner.dut import frames
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.frame_link import FrameLink
from tinybench.runner.dut.patches import holds, patch, takes_patches
from tinybench.runner.report.study import noise as report
from tinybench.runner.study.noise import on_board, perturb
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.noise import run_noise
from tinybench.runner.study.subject import Subject, subject
from tinybench.runner.study.work import Work
from tinybench.track import silent

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"


@pytest.fixture(scope="module")
def kws() -> Subject:
    """A few keywords, and their model."""
    return subject("kws", limit=3)


@pytest.fixture(scope="module")
def constants(kws: Subject) -> list[bytes]:
    """The constants of the model as the host's kernels have them."""
    toolchain = load_board("host").toolchain
    assert toolchain is not None
    return [bytes_of(one) for _, one in constants_of(lower(kws.graph, toolchain.kernels)[1])]


@pytest.fixture(scope="module")
def board() -> Iterator[Dut]:
    """The firmware that takes patches, as a process."""
    host = load_board("host")
    image = build(host, load_task("kws"), MODEL, patches=True)
    with closing(open_line(host.command(image.elf))) as line:
        dut = Dut(line)
        dut.handshake()
        yield dut


def link_of(dut: Dut) -> FrameLink:
    """Return the frames of a DUT."""
    assert dut.frames is not None
    return dut.frames


def test_other_constants_give_other_answers_until_they_are_put_back(
    board: Dut, constants: list[bytes], kws: Subject
) -> None:
    """The same request is inferred anew after a patch, and not answered from memory."""
    assert takes_patches(board)
    assert holds(board, constants)
    data = kws.inputs[0].tobytes()
    clean = board.infer(data, 1, 0).results
    patch(board, [bytes(len(one)) for one in constants])
    assert not holds(board, constants)
    assert board.infer(data, 1, 0).results != clean
    patch(board, constants)
    assert board.infer(data, 1, 0).results == clean


def test_a_patch_that_does_not_fit_is_refused_and_changes_nothing(
    board: Dut, constants: list[bytes]
) -> None:
    """Past the last constant, past its end, across it, and by places of all 32 bits."""
    link = link_of(board)
    last = len(constants[0])
    for place, at, data in (
        (len(constants), 0, b"x"), (65535, 0, b""), (0, last, b"x"), (0, last - 1, b"xx"),
        (0, last + 1, b""), (0, 2**32 - 1, b"xx"),
    ):  # fmt: skip
        with pytest.raises(ProtocolError, match="has no bytes"):
            link.patch(place, at, data)
    assert holds(board, constants)
    assert link.patch(0, last, b"") == zlib.crc32(b"")
    assert link.patch(0, 2, constants[0][2:9]) == zlib.crc32(constants[0][2:9])
    assert holds(board, constants)


def test_a_damaged_or_short_patch_is_dropped(board: Dut, constants: list[bytes]) -> None:
    """Fuzzed frames write nothing; the next whole one is answered."""
    rng = np.random.default_rng(1)
    whole = frames.encode(frames.Frame(frames.PATCH, 0, 0, b"\0\0\0\0" + b"\x55" * 40))
    line = link_of(board)._line
    for _ in range(60):
        spoilt = bytearray(whole[:-1])
        spoilt[int(rng.integers(len(spoilt)))] ^= int(rng.integers(1, 256))
        line.send(bytes(spoilt) + b"\0")
    for short in (b"", b"\0\0\0"):
        line.send(frames.encode(frames.Frame(frames.PATCH, 0, 0, short)))
    assert holds(board, constants)


def test_other_firmware_takes_no_patches(kws: Subject, constants: list[bytes]) -> None:
    """It does not say `patch`, and drops the frame."""
    host = load_board("host")
    image = build(host, load_task(kws.task), MODEL)
    with closing(open_line(host.command(image.elf))) as line:
        dut = Dut(line)
        dut.handshake()
        assert not takes_patches(dut)
        with pytest.raises(ProtocolError, match="takes no patches"):
            patch(dut, constants)
        dut.infer(kws.inputs[0].tobytes(), 1, 0)


def test_a_board_answers_as_this_computer_does(kws: Subject, tmp_path: Path) -> None:
    """Each trial, two emulated boards at a time; without a board the scores are the same."""
    asked = ask(kws, "gaussian", [0, 0.3], 1, 1, alone=False, board="mps2-an386")
    words = {"task": "kws", "board": "mps2-an386"}
    quiet = silent, lambda _: None
    found = run_noise(kws, asked, Work(tmp_path / "a", words, *quiet, 2))
    assert (found.board_trials, found.board_equal, found.patched) == (2, 2, True)
    assert report.title(found).endswith("by the model's C on mps2-an386, emulated")
    assert "on mps2-an386, emulated, weights written" in " ".join(report.said(found))
    assert {row["board"] for row in csv.DictReader(report.as_csv(found).splitlines())} == {
        "mps2-an386"
    }
    alone = ask(kws, "gaussian", [0, 0.3], 1, 1, alone=False)
    assert run_noise(kws, alone, Work(tmp_path / "b", {}, *quiet)).points == found.points


def test_a_board_whose_ram_is_too_small_is_built_for_each_trial(
    kws: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And answers the same; the file has the disturbed weights where the others were.

    So many are at work at a time as `--shards` says.
    """
    said, together = list[str](), threading.Barrier(2)

    def built(*given: Any) -> Any:
        together.wait(60)
        return whole(*given)

    whole = on_board._built
    monkeypatch.setattr(on_board, "_built", built)
    asked = ask(kws, "gaussian", [0.3], 2, 1, alone=False, board="qemu-microbit")
    words = {"task": "kws", "board": "qemu-microbit"}
    found = run_noise(kws, asked, Work(tmp_path, words, silent, said.append, 2))
    assert (found.board_trials, found.board_equal, found.patched) == (2, 2, False)
    assert "built, and loaded, anew" in said[-1]


def test_trials_that_do_not_fit_the_flash_are_refused_before_anything_is_made(
    kws: Subject, tmp_path: Path
) -> None:
    """As to write weights over the line was not possible, so is it not to build them in."""
    small = tmp_path / "small.toml"
    text = names()["qemu-microbit"].read_text()
    assert "flash_size_b = 0x4_0000" in text
    small.write_text(text.replace("flash_size_b = 0x4_0000", "flash_size_b = 0x4000"))
    asked = ask(kws, "gaussian", [0.3], 1, 1, alone=False, board=str(small))
    words = {"task": "kws", "board": str(small)}
    with pytest.raises(ModelError, match="flash"):
        run_noise(kws, asked, Work(tmp_path / "study", words, silent, lambda _: None))
    assert not (tmp_path / "study").exists()


def test_weights_are_written_where_they_lie_in_the_file(kws: Subject) -> None:
    """Read again, the file has the disturbed graph; what lies there twice is refused."""
    rng = np.random.default_rng(2)
    data = MODEL.read_bytes()
    graph = perturb.disturbed(kws.graph, perturb.weights_of(kws.graph), "gaussian", 0.2, rng)
    again = read_graph(written(data, kws.graph, graph))
    assert [t.data for t in again.tensors] == [t.data for t in graph.tensors]
    assert written(data, kws.graph, kws.graph) == data
    with pytest.raises(BenchError, match="stands 2 times"):
        written(data + data, kws.graph, graph)


def test_what_a_board_cannot_do_is_refused(kws: Subject) -> None:
    """In words, before anything is built."""
    with pytest.raises(UsageError, match="here alone"):
        ask(kws, "bit-flip", [0.1], 1, 1, "activations", board="host")
    for words, told in (
        (("--shards", "2"), "--shards is of --board"),
        (("--jobs", "2", "--board", "host"), "--jobs 2 is of trials on this computer alone"),
    ):
        done = tinybench("study", "noise", "--task", "kws", *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert told in done.stderr
