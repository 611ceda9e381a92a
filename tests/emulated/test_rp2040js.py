"""The Pico's image in rp2040js, an emulator that others made: a second witness of our model.

Where TINYBENCH_RP2040JS names the folder that `npm install rp2040js` made: node_modules/rp2040js.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.dut_process import READY, DutProcess
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build, converted
from tinybench.runner.build.task import load_task

PACKAGE = os.environ.get("TINYBENCH_RP2040JS", "")
MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
DATA = bytes(range(245)) * 2
LAP = re.compile(r"m-lap-us-(\d+)")


@pytest.mark.skipif(
    not PACKAGE, reason="rp2040js of npm is not at hand: TINYBENCH_RP2040JS names its folder"
)
def test_another_emulator_boots_the_image_and_infers_the_same() -> None:
    """Its clocks are those that are declared, by the registers that the port wrote; so is the
    line's rate. Its answers are those of our model, and it takes as many cycles as are estimated
    without flash that is waited for."""
    board = load_board("pico", emulate=True)
    image = build(board, load_task("kws"), MODEL)
    chunks = [DATA[start : start + 31].hex() for start in range(0, len(DATA), 31)]
    commands = [f"db load {len(DATA)}", *(f"db {chunk}" for chunk in chunks), "infer 1 0"]
    module = Path(PACKAGE) / "dist" / "esm" / "index.js"
    done = subprocess.run(
        [
            "node", str(Path(__file__).with_name("pico.mjs")), str(module),
            str(converted(board, image, "bin")), "%".join(commands) + "%", str(len(commands) + 1),
        ],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    theirs = json.loads(done.stdout)
    assert theirs["core_hz"] == board.clock_hz
    assert abs(theirs["baud"] / 115_200 - 1) < 1e-3
    with DutProcess(board.command(image.elf)) as dut:
        dut.read_until(READY)
        dut.upload(DATA)
        ours = dut.ask(b"infer 1 0")
    answers = [
        words.rpartition("m-results-[")[2].partition("]")[0] for words in (theirs["said"], ours)
    ]
    assert answers[0] == answers[1] != ""
    began_us, ended_us = map(int, LAP.findall(theirs["said"])[-2:])
    assert 16e6 < (ended_us - began_us) * board.clock_hz / 1e6 < 24e6
