"""`tinybench play`: an interface board plays a recording, and the score of what was heard."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tests.program import LISTENING
from tests.runner.measure.stock_dut import StockDut
from tests.runner.measure.test_played import BAUD, CARD, HIT, LENGTH_S, NAME, WORDS
from tinybench.datasets.wake.wav import write_wav
from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.studio import Studio
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task
from tinybench.runner.cli import main


@contextlib.contextmanager
def _board(dut: StockDut, slow_ppm: float = 0.0) -> Iterator[str]:
    """Run an interface board in front of a DUT; yields its port."""
    studio = Studio(CARD, dut, slow_ppm)
    with PseudoPort(SimulatedInterfaceBoard(dut, baud=BAUD, dut_baud=BAUD, studio=studio)) as port:
        yield port.path


@pytest.fixture
def words(tmp_path: Path) -> str:
    """The list of a recording's words."""
    path = tmp_path / "words.json"
    entry = {"wav_file": NAME, "length_sec": LENGTH_S, "detection_windows": WORDS}
    path.write_text(json.dumps([entry | {"sample_rate": 16_000}]))
    return str(path)


def test_a_recording_is_played_and_scored(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a person, with duty cycle and score; and as a results.json that `score` reads."""
    asked = ["play", NAME, "--words", words, "-q"]
    with _board(StockDut(HIT.__contains__), slow_ppm=2000) as port:
        assert main([*asked, "--port", port]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "detections 33" in said
        assert "a frame takes 17.9" in said
        assert "the first 100 frames, by the interface board's timer" in said
        assert "3 of 3 words found, 0 false alarms" in said
        heard = tmp_path / "results.json"
        assert main([*asked, "--port", port, "--json", "-o", str(heard)]) == 0
    (found,) = json.loads(heard.read_text())
    assert found["dutycycle"]["duty_cycle"] == pytest.approx(0.5583, abs=2e-3)
    assert len(found["dutycycle"]["start_times_s"]) == 100
    assert len(found["infer"]["detections"]) == len(HIT) + 1
    assert (found["all_frames"], found["energy"], found["doubts"]) == (None, None, [])
    capsys.readouterr()
    assert main(["score", str(heard), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["drift_ppm"]["period"] == pytest.approx(2000, abs=100)


def test_a_stream_that_is_no_result_says_why(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1; and 2 for what is not there, before anything is sent."""
    with _board(StockDut(HIT.__contains__, marker=False, processing_s=0.001)) as port:
        assert main(["play", NAME, "--words", words, "--port", port, "-q"]) == 1
        assert "no result: the first pulse came after" in capsys.readouterr().out
        assert main(["play", "no.wav", "--words", words, "--port", port, "-q"]) == 2
        assert "no.wav is not on the interface board's card" in capsys.readouterr().err
        assert main(["play", "no.wav", "--port", port, "-q"]) == 2
        assert "nothing says how long it is" in capsys.readouterr().err
        assert main(["play", NAME, "--words", words, "--port", port, "--trace", "x"]) == 2
        assert "name one with --monitor" in capsys.readouterr().err


def test_firmware_of_ours_hears_a_simulated_board(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without hardware: the board with its card is one program, what plays is another."""
    model = tmp_path / "reference.tflite"
    model.write_bytes(streaming_data.model(shared_data))
    elf = build(load_board("host"), stream_task(model), model).elf
    sound = streaming_data.sound(shared_data, "short_wav_easy10s").reshape(-1)
    card = tmp_path / "card"
    card.mkdir()
    (card / "short.wav").write_bytes(write_wav(sound))
    command = [*LISTENING, "simulate", "interface-board", "--card", str(card)]
    command += ["--dut", f"env TINYBENCH_WIRES={{wires}} {elf}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        try:
            assert board.stdout is not None
            port = board.stdout.readline().strip()
            asked = ["play", str(card / "short.wav"), "--port", port, "--dut-baud", "9600", "-q"]
            assert main([*asked, "--json"]) == 0
        finally:
            board.send_signal(signal.SIGINT)
    (found,) = json.loads(capsys.readouterr().out)
    assert len(found["infer"]["detections"]) == 26
    assert (found["all_frames"]["frames"], found["all_frames"]["lost"]) == (310, 0)
    assert len(found["activations"]) == 310


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("interface-board", "--card", "{empty}"), "there are no wav files in it"),
        (("io-manager", "--card", "{empty}"), "--card is for the interface-board"),
    ],
)
def test_a_card_that_is_none_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder, or nothing that plays it."""
    given = [word.replace("{empty}", str(tmp_path)) for word in words]
    assert main(["simulate", *given, "--dut", "cat"]) == 2
    assert said in capsys.readouterr().err


def test_a_simulated_bench_says_that_its_dut_is_gone(tmp_path: Path) -> None:
    """A program that cannot run, or ends: with its last words; the bench stays as it is."""
    (tmp_path / "short.wav").write_bytes(write_wav(np.zeros(16_000, np.int16)))
    dut = "env A={wires} sh -c 'echo no firmware >&2; exit 3'"
    command = [*LISTENING, "simulate", "interface-board", "--card", str(tmp_path), "--dut", dut]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as board:
        try:
            assert board.stderr is not None
            said = next(line for line in board.stderr if "gone" in line)
        finally:
            board.send_signal(signal.SIGINT)
    assert said == "the DUT is gone: env ended with exit status 3; its last words: no firmware\n"
