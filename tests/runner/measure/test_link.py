"""`tinybench link` and runs on a port, through the command line, as a user types them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.link.paced_line import build, paced_line
from tests.program import tinybench
from tinybench.models.declaration import package_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.board import names as boards
from tinybench.runner.build.firmware import build as build_firmware
from tinybench.runner.build.task import load_task, names
from tinybench.runner.results.result import read_result


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A serial port with the host's kws firmware behind it."""
    model = package_folder() / "embedded" / "kws01.tflite"
    image = build_firmware(load_board("host"), load_task("kws"), model)
    with paced_line(build(tmp_path_factory.mktemp("line")), [image.elf]) as path:
        yield path


def test_the_line_is_measured_and_every_task_foretold(port: str) -> None:
    """Round trip, throughput, errors, and how long the sets of all tasks take."""
    done = tinybench("link", "--port", port, "--json")
    assert done.returncode == 0, done.stderr
    quality = json.loads(done.stdout)
    assert quality["protocol"] == "frames"
    assert (quality["baud"], quality["upload_b"]) == (115200, 490)
    assert 0 < quality["line_share"] <= 1
    assert quality["error_rate"] == 0
    assert [row["task"] for row in quality["expected"]] == list(names())
    kws = next(row for row in quality["expected"] if row["task"] == "kws")
    assert kws["link_s"] >= kws["inputs"] * 490 * 10 / 115200


def test_the_table_of_a_line_fits_a_terminal() -> None:
    """Plain text, and the emulated board is said to have no rate."""
    done = tinybench("link", "--board", "host")
    assert done.returncode == 0, done.stderr
    assert "none: a child process" in done.stdout
    assert "time on the line" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_run_on_a_port_says_what_it_does_not_know(port: str, tmp_path: Path) -> None:
    """`--port` alone takes the board as it is: nothing is built, the answers are the same."""
    words = ["--task", "kws", "--mode", "accuracy", "--limit", "3", "--json"]
    done = tinybench("--port", port, *words, "--out", str(tmp_path / "port"))
    assert done.returncode == 1, done.stderr  # --limit
    tinybench("--board", "host", *words, "--out", str(tmp_path / "host"))
    found, wanted = read_result(tmp_path / "port"), read_result(tmp_path / "host")
    assert found.accuracy is not None
    assert wanted.accuracy is not None
    assert [a.results for a in found.accuracy.answers] == [
        a.results for a in wanted.accuracy.answers
    ]
    assert found.firmware is None
    assert found.link is not None
    assert (found.link.baud, found.link.protocol) == (115200, "frames")
    assert not (tmp_path / "port" / "firmware.elf").exists()
    assert "not built here" in tinybench("check", str(tmp_path / "port")).stdout


def test_a_board_with_other_firmware_than_was_built_for_it_is_refused(
    port: str, tmp_path: Path
) -> None:
    """Its build word is another one's: the result would be attributed to the wrong image."""
    model = package_folder() / "embedded" / "kws01.tflite"
    other = tmp_path / "other.toml"
    other.write_text(boards()["host"].read_text().replace('"host"', '"other"', 1))
    words = ["--board", str(other), "--port", port, "--task", "kws", "--model", str(model)]
    done = tinybench(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 3
    assert "holds other firmware than was built for it here" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--board", "mps2-an386", "--port", "/dev/ttyNONE"], "is emulated here"),
        (["--board", "nucleo-l4r5", "--emulate", "--port", "/dev/ttyNONE"], "or emulated: leave"),
        (["--board", "host", "--emulate"], "has no emulator"),
        (["--board", "serial"], "give it with --port"),
        (["--port", "/dev/null", "--port", "/dev/zero", "--shards", "2"], "repeat --port"),
        (["--port", "/dev/null", "--model", "m.tflite"], "holds its own already"),
        (["profile", "--port", "/dev/null"], "no firmware is built for board serial"),
        (["profile", "--board", "mps2-an386", "--port", "/dev/null"], "is emulated here"),
        (["link", "--board", "mps2-an386", "--port", "/dev/null"], "is emulated here"),
        (["link", "--board", "serial"], "give it with --port"),
        (["flash", "--board", "mps2-an386", "--port", "/dev/null"], "is emulated here"),
        (["--baud", "fast"], "no baud rate"),
        (["--shards", "0"], "no count"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_opened(
    words: list[str], message: str
) -> None:
    """Exit 2, and what to type instead."""
    done = tinybench(*words, "--task", "kws")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["/dev/ttyNONE", "ttyNONE", "./below/ttyNONE"])
@pytest.mark.parametrize("command", ["run", "link", "profile", "flash", "reset"])
def test_a_port_that_is_not_there_is_said_before_anything_is_made(
    command: str, port: str, tmp_path: Path
) -> None:
    """By every command that takes one: exit 3, and neither a run folder nor a build."""
    cache = tmp_path / "cache"
    words = [] if command == "reset" else ["--task", "kws"]
    out = ["--out", str(tmp_path / "run")] if command == "run" else []
    done = tinybench(
        command, "--board", "nucleo-l4r5", *words, "--port", port, *out,
        TINYBENCH_CACHE=str(cache),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert f"there is no port {port}" in done.stderr
    assert not (tmp_path / "run").exists()
    assert not cache.exists()
