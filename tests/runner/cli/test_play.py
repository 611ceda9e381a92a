"""`tinybench play`: an interface board plays a recording, and the score of what was heard."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.measure.stock_dut import StockDut
from tests.runner.measure.test_played import BAUD, CARD, HIT, LENGTH_S, NAME, WORDS
from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.studio import Studio
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
