"""Runs on devices whose clock is wrong or that answer from a cache: real processes, real rules."""

import subprocess
from pathlib import Path

import pytest

from tests.link.paced_line import build as build_line
from tests.link.paced_line import paced_line
from tests.runner.submission.bench import BAUD, CLOCK, tinybench
from tinybench.models.declaration import package_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.results.result import Result, read_result
from tinybench.runner.rules import check_folder, judged, load_profile

PROFILE = """\
name = "moment"
title = "A moment"
source = "a test"
windows = 5
window_min_s = {seconds}
accuracy_inputs = 20
"""


def _run(scratch: Path, faster: str) -> tuple[int, Result]:
    """Run a moment on the host's build behind a port, whose clock is `faster` times as fast."""
    library = scratch / "clock.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", f"-DFASTER={faster}", str(CLOCK), "-o"]
    subprocess.run([*command, str(library)], check=True, timeout=60)
    model = package_folder() / "embedded" / "kws01.tflite"
    elf = build(load_board("host"), load_task("kws"), model).elf
    (scratch / "moment.toml").write_text(PROFILE.format(seconds=0.5 * float(faster)))
    setup = f'stty raw -echo {BAUD}; LD_PRELOAD="$1" exec "$0"'
    with paced_line(build_line(scratch), ["sh", "-c", setup, elf, str(library)]) as port:
        words = ["--port", port, "--baud", str(BAUD), "--task", "kws", "--out", str(scratch / "r")]
        done = tinybench(*words, "--profile", str(scratch / "moment.toml"))
    return done.returncode, read_result(scratch / "r")


def _broken(result: Result, folder: Path) -> set[str]:
    profile = load_profile(str(folder / "moment.toml"))
    return {one.rule for one in judged(result, load_task("kws"), profile).violations}


@pytest.mark.parametrize("faster", ["10", "0.5"])
def test_a_clock_of_another_speed_is_found(tmp_path: Path, faster: str) -> None:
    """A wrong prescaler makes every time wrong, and the run not valid."""
    status, result = _run(tmp_path, faster)
    assert status == 1
    assert "clock" in _broken(result, tmp_path)
    assert result.clocks
    assert abs(result.clocks[0].ratio / float(faster) - 1) < 0.05


def test_a_sound_clock_behind_a_port_is_valid(tmp_path: Path) -> None:
    """The same bench, without the fault: the run is valid, and its folder agrees with itself."""
    broken: set[str] = set()
    for turn in ("one", "two", "three"):  # a busy computer disturbs a board that is its process
        (tmp_path / turn).mkdir()
        status, result = _run(tmp_path / turn, "1")
        if status == 0:
            break
        broken |= _broken(result, tmp_path / turn)
    assert status == 0, broken
    assert "clock" not in broken
    assert check_folder(result, tmp_path / turn / "r") == []
    assert result.performance is not None
    assert result.performance.latency_uncertainty_s is not None
