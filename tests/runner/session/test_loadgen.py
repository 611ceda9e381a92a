"""Scenarios that LoadGen drives, through the command line; and boards that die in the middle."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

from tests.program import tinybench
from tests.runner.session.test_scenario import PROFILE
from tinybench.errors import UsageError
from tinybench.runner.results.journal import noted, read
from tinybench.runner.results.result import read_result
from tinybench.runner.results.scenario.loadgen import DETAIL_FILE, SUMMARY_FILE
from tinybench.runner.results.words import request_of
from tinybench.runner.rules import changed_files, check_folder

HOST = """\
name = "dying"
description = "This computer, behind a wire that is cut"
family = "host"
core = "host"

[toolchain]
prefix = ""
kernels = "plain"

[emulator]
argv = {argv}
"""
DYING = Path(__file__).with_name("dying_board.py")
BYTES_TO_DUT = 14_000
"""The upload of some twenty inputs of 490 bytes, the handshake before them."""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A profile of a moment."""
    path = tmp_path_factory.mktemp("profile") / "moment.toml"
    path.write_text(PROFILE)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, profile: str) -> Path:
    """A valid run whose queries LoadGen asked."""
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen is not installed")
    out = tmp_path_factory.mktemp("loadgen") / "run"
    words = ["--board", "host", "--task", "kws", "--scenario", "single-stream", "--seed", "5"]
    done = tinybench(*words, "--engine-loadgen", "--profile", profile, "-o", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VALID, by LoadGen 6." in done.stdout
    assert "ms by this computer's clock, the line included" in done.stdout
    return out


def test_its_logs_are_kept_and_its_order_is_ours(folder: Path) -> None:
    """The folder agrees with itself, and the order that LoadGen drew is drawn again."""
    result = read_result(folder)
    assert check_folder(result, folder) == []
    assert {SUMMARY_FILE, DETAIL_FILE} <= result.files_sha256.keys()
    assert result.scenario is not None
    assert result.scenario.loadgen is not None
    done = tinybench("check", str(folder), "--rules")
    assert done.returncode == 0
    for rule in ("scenario-order", "loadgen-verdict"):
        assert f"{rule} " in done.stdout


def test_an_edited_log_is_found(folder: Path) -> None:
    """A better figure in its summary, and in the result the same one."""
    path = folder / SUMMARY_FILE
    before = path.read_bytes()
    result = read_result(folder)
    assert result.scenario is not None
    told = result.scenario.loadgen
    assert told is not None
    better = msgspec.structs.replace(told, p90_ns=told.p90_ns - 1)
    edited = msgspec.structs.replace(
        result, scenario=msgspec.structs.replace(result.scenario, loadgen=better)
    )
    broken = {one.rule for one in changed_files(edited, folder) if one.state == "broken"}
    assert "journal" in broken
    try:
        path.write_bytes(before.replace(b": VALID", b": INVALID"))
        assert {"stored-files", "journal"} <= {one.rule for one in check_folder(result, folder)}
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("loadgen", [False, True])
def test_a_board_that_dies_loses_nothing(tmp_path: Path, profile: str, loadgen: bool) -> None:
    """Exit status 3; what was answered stays, and resume goes on with it, or says why not."""
    if loadgen:
        pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen is not installed")
    mark, out = tmp_path / "dead", tmp_path / "run"
    argv = [sys.executable, str(DYING), str(BYTES_TO_DUT), str(mark), "{elf}"]
    board = tmp_path / "dying.toml"
    board.write_text(HOST.format(argv=json.dumps(argv)))
    words = ["--board", str(board), "--task", "kws", "--scenario", "single-stream"]
    words += ["--engine-loadgen"] * loadgen
    done = tinybench(*words, "--profile", profile, "-o", str(out))
    assert done.returncode == 3, done.stdout + done.stderr
    assert mark.exists()
    assert "Traceback" not in done.stderr
    assert ("start a new run" if loadgen else f"tinybench resume {out}") in done.stderr
    before = list(noted(read(out)[1]).queries)
    assert 5 < len(before) < 40
    stopped = read_result(out)
    assert not stopped.complete
    assert stopped.scenario is not None
    assert stopped.scenario.count == len(before)
    argv[2] = str(10**9)  # a longer wire
    mark.unlink()
    board.write_text(HOST.format(argv=json.dumps(argv)))
    again = tinybench("resume", str(out))
    if loadgen:
        assert again.returncode == 2
        assert f"after {len(before)} queries, and cannot go on" in again.stderr
        assert list(noted(read(out)[1]).queries) == before
        return
    assert again.returncode == 0, again.stdout + again.stderr
    assert list(noted(read(out)[1]).queries)[: len(before)] == before
    assert check_folder(read_result(out), out) == []


def test_loadgen_sends_to_a_server_at_one_rate() -> None:
    """That rate has to be said; and to no emulated board, whose time is another."""
    with pytest.raises(UsageError, match="say which with target_qps"):
        request_of(task="kws", scenario="server", deadline=1.0, engine_loadgen=True)
    done = tinybench(
        "--task", "kws", "--scenario", "server", "--deadline", "1", "--target-qps", "2",
        "--engine-loadgen",
    )  # fmt: skip
    assert done.returncode == 2
    assert "emulated: leave --engine-loadgen out" in done.stderr
