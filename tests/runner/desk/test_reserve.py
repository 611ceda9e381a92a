"""Runs on a board of this desk: real firmware behind a real port, real processes."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from serial.tools import list_ports

from tests.link.paced_line import paced_line
from tests.program import TIMEOUT_S, TINYBENCH, tinybench
from tests.runner.desk.plugged import NUCLEO, OTHER, serial_port
from tinybench.errors import UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import load_board
from tinybench.runner.build.task import load_task, names, task_of
from tinybench.runner.desk.locks import hold

SHORT = ["--mode", "accuracy", "--limit", "2", "--json"]
LONG = ["--mode", "accuracy", "--limit", "300"]


@pytest.fixture(scope="module")
def port(line: Path, firmware: str) -> Iterator[str]:
    """The port of a board that holds it."""
    with paced_line(line, [firmware]) as path:
        yield path


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks for each test."""
    monkeypatch.setenv("TINYBENCH_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


def that_says(firmware: str, *changes: str) -> list[str]:
    """Return the command of a DUT that answers as the firmware, but for some lines (sed)."""
    script = "; ".join(f"s/{change}\\r/" for change in changes)
    return ["sh", "-c", f"{firmware} | sed -u '{script}'"]


STOCK = "^m-caps-.*/e-[Unknown command: caps]"


@pytest.mark.parametrize("changes", [[], [STOCK], [STOCK, "^m-name-dut-.*/m-name-dut-[acme-7]"]])
def test_the_model_that_a_board_holds_picks_the_task(
    line: Path, firmware: str, changes: Sequence[str], tmp_path: Path
) -> None:
    """Our firmware, stock firmware, and another maker's."""
    device = that_says(firmware, *changes) if changes else [firmware]
    with paced_line(line, device) as port:
        done = tinybench("--port", port, "--task", "auto", *SHORT, "--out", str(tmp_path / "run"))
    assert "the board holds kws01: task kws" in done.stderr
    result = json.loads(done.stdout)
    assert (result["task"], result["model_id"], result["board"]) == ("kws", "kws01", "serial")
    assert result["accuracy"]["count"] == 2
    assert result["link"]["protocol"] == ("stock" if changes else "frames")
    assert "acme-7" not in " ".join(changes) or result["dut"] == "acme-7"


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("strww01", "streaming wake word"),
        ("kws02", "which no task has: did you mean 'kws01'"),
    ],
)
def test_a_model_of_no_task_is_said(
    line: Path, firmware: str, model_id: str, words: str, tmp_path: Path
) -> None:
    """Known, but not driven; or unknown."""
    device = that_says(firmware, STOCK, f"^m-model-.*/m-model-[{model_id}]")
    with paced_line(line, device) as port:
        done = tinybench("--port", port, "--task", "auto", "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert words in done.stderr
    assert model_id in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_stream_needs_firmware_that_hears(line: Path, firmware: str, tmp_path: Path) -> None:
    """A board that holds sww01 and takes no sound over the line is told apart."""
    device = that_says(firmware, STOCK, "^m-model-.*/m-model-[sww01]")
    with paced_line(line, device) as port:
        done = tinybench("--port", port, "--task", "auto", "--out", str(tmp_path / "run"))
    assert done.returncode == 3
    assert "the board holds sww01: task sww" in done.stderr
    assert "the firmware does not hear" in done.stderr


def test_every_task_is_found_by_its_model() -> None:
    """And a model id from a board is nothing but text."""
    assert [task_of(load_task(name).model_id).name for name in names()] == list(names())
    for model_id in ("", "\x1b[2J", "../kws", "kws"):
        with pytest.raises(UsageError):
            task_of(model_id)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--board", "mps2-an386"], "is built here, for a task"),
        (["--board", "host"], "is built here, for a task"),
        ([], "is built here, for a task"),
        (["--port", "/dev/null", "--mode", "energy", "--monitor", "ppk2"], "has no supply then"),
    ],
)
def test_auto_where_nobody_can_be_asked_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An emulated board's firmware is built for a task; in energy mode the board is off."""
    assert cli.main(["--task", "auto", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_name_of_the_bench_file_is_enough(port: str, tmp_path: Path) -> None:
    """Of a run, and of `tinybench link`."""
    bench = tmp_path / "bench.toml"
    bench.write_text(f'[boards.left]\nboard = "serial"\nport = "{port}"\n')
    done = tinybench(
        "--board", "left", "--task", "kws", *SHORT, "--out", str(tmp_path / "run"),
        TINYBENCH_BENCH=str(bench),
    )  # fmt: skip
    assert f"board left: serial at {port}" in done.stderr
    assert json.loads(done.stdout)["accuracy"]["count"] == 2
    asked = json.loads((tmp_path / "run" / "journal.jsonl").read_text().splitlines()[0])
    assert asked["run"]["asked"]["ports"] == [port]
    done = tinybench("link", "--board", "left", "--json", TINYBENCH_BENCH=str(bench))
    assert json.loads(done.stdout)["model_id"] == "kws01"


def test_two_real_boards_need_a_choice_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line that README promises, with no board, two of them, and one that is named."""
    usb = (load_board("nucleo-l4r5").attached or pytest.fail("it has [attached]")).usb[0]
    ports = [
        serial_port("/dev/ttyACM0", usb, NUCLEO, "1-1:1.2"),
        serial_port("/dev/ttyACM1", usb, OTHER, "1-2:1.2"),
    ]
    line = ["--board", "nucleo-l4r5", "--task", "kws", "--out", str(tmp_path / "run")]
    monkeypatch.setattr(list_ports, "comports", list)
    assert cli.main(line) == 2
    assert "no nucleo-l4r5 is attached" in capsys.readouterr().err
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    assert cli.main(line) == 2
    words = capsys.readouterr().err
    assert all(text in words for text in (NUCLEO, OTHER, "/dev/ttyACM0", "/dev/ttyACM1", "--port"))
    bench = tmp_path / "bench.toml"
    bench.write_text(f'[boards.left]\nboard = "nucleo-l4r5"\nserial = "{OTHER}"\n')
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    with hold({f"serial {OTHER}": "it"}, 0.0, lambda _: None):
        assert cli.main(line) == 3
    assert "the board at /dev/ttyACM1 is taken by process" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_two_runs_on_one_port_by_two_names_are_kept_apart(port: str, tmp_path: Path) -> None:
    """The second is told at once who has it; one that waits says so, and gets it."""
    for name in ("one", "two", "three"):
        (tmp_path / name).symlink_to(port)
    with _running(tmp_path, "one", *LONG) as first:
        _wait_for_an_answer(tmp_path / "run-one")
        first.send_signal(signal.SIGSTOP)  # it has the board until all the others have asked
        with _running(tmp_path, "three", *SHORT, "--wait", "2m") as waiting:
            assert waiting.stderr is not None
            assert waiting.stderr.readline().startswith("waiting up to 120 s for the board at")
            with _running(tmp_path, "two", *SHORT) as second:
                _, words = second.communicate(timeout=TIMEOUT_S)
            assert second.returncode == 3
            taken = f"the board at {tmp_path / 'two'} is taken by process {first.pid} of "
            assert taken in words
            assert str(tmp_path / "run-one") in words
            assert not (tmp_path / "run-two").exists()
            first.send_signal(signal.SIGTERM)
            first.send_signal(signal.SIGCONT)
            out, _ = waiting.communicate(timeout=TIMEOUT_S)
    assert json.loads(out)["complete"]


def test_a_killed_run_lets_its_board_go(port: str, tmp_path: Path) -> None:
    """kill -9 in the middle of it; the next run starts at once."""
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(port)
    with _running(tmp_path, "one", *LONG) as first:
        _wait_for_an_answer(tmp_path / "run-one")
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=TIMEOUT_S)
        assert first.returncode == -signal.SIGKILL
    with _running(tmp_path, "two", *SHORT) as second:
        out, words = second.communicate(timeout=TIMEOUT_S)
    assert "taken" not in words
    assert json.loads(out)["accuracy"]["count"] == 2


@contextlib.contextmanager
def _running(folder: Path, name: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [*TINYBENCH, "--port", str(folder / name), "--task", "kws", *words]
    with subprocess.Popen(
        [*command, "--out", str(folder / f"run-{name}")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def _wait_for_an_answer(run: Path) -> None:
    """Until a run has measured: one that is stopped before that leaves no folder."""
    journal = run / "journal.jsonl"
    deadline_s = time.monotonic() + TIMEOUT_S
    while not (journal.exists() and '{"answer":' in journal.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_an_emulated_board_needs_no_lock(tmp_path: Path, locks: Path) -> None:
    """Nor a folder for it."""
    locks.touch()  # a file, in which no lock could be made
    done = tinybench("--board", "host", "--task", "kws", *SHORT, "--out", str(tmp_path / "run"))
    assert json.loads(done.stdout)["accuracy"]["count"] == 2


def test_without_a_folder_for_locks_no_board_is_touched(
    port: str, tmp_path: Path, locks: Path
) -> None:
    """Exit 2, and nothing is sent."""
    locks.touch()
    done = tinybench("--port", port, "--task", "kws", *SHORT, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "TINYBENCH_LOCKS" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_the_board_that_began_it(port: str, tmp_path: Path) -> None:
    """`resume` knows the port, and takes the lock again."""
    (tmp_path / "one").symlink_to(port)
    with _running(tmp_path, "one", "--mode", "accuracy", "--limit", "100") as first:
        _wait_for_an_answer(tmp_path / "run-one")
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=TIMEOUT_S)
        assert first.returncode == 130
    result = json.loads(tinybench("resume", str(tmp_path / "run-one"), "--json").stdout)
    assert (result["resumed"], result["accuracy"]["count"]) == (1, 100)
