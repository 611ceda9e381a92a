"""A reader that leaves, a full disk, another encoding and an end from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runner.measure.brief import brief
from tinybench.runner.cli.streams import plain

TINYBENCH = f"{sys.executable} -m tinybench.runner"
BRIEF = "--profile brief.toml"
HOST = f"{TINYBENCH} --board host --task kws --mode accuracy {BRIEF}"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of a shell, in a folder that has the profile of short runs."""
    brief(folder)
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


def only_run(folder: Path) -> dict[str, object]:
    """Return the result of the one run that was stored."""
    (path,) = folder.glob("runs/*/result.json")
    return json.loads(path.read_bytes())


@pytest.mark.parametrize(("limit", "status"), [("", 0), ("--limit 3", 1)])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_left_neither_ends_the_run_nor_sets_its_status(
    limit: str, status: int, reader: str, tmp_path: Path
) -> None:
    """The run is stored whole, and the status is that of its verdict: valid, or a broken rule."""
    done = shell(f"{HOST} {limit} 2>&1 | {reader}; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == status, done
    assert only_run(tmp_path)["complete"] is True


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_do_not_set_the_status_of_a_run(closed: str, tmp_path: Path) -> None:
    """Nor does what is said on standard error go to standard output, or into a file."""
    done = shell(f"{HOST} {closed}", tmp_path)
    assert done.returncode == 0
    assert only_run(tmp_path)["complete"] is True
    assert b"accuracy: " not in done.stdout
    assert (b"run folder: " in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_what_cannot_be_delivered_is_a_bench_that_failed(tmp_path: Path) -> None:
    """A full disk takes no report: exit status 3 and why; the run is stored all the same."""
    done = shell(f"{HOST} --to json > /dev/full", tmp_path)
    assert done.returncode == 3
    assert b"cannot write to standard output: No space left on device" in done.stderr
    assert only_run(tmp_path)["complete"] is True
    for line in ("--help", "--version", "tasks", "tasks --json", "energy --help"):
        assert shell(f"{TINYBENCH} {line} > /dev/full", tmp_path).returncode == 3, line
        done = shell(f"{TINYBENCH} {line} > /dev/full 2>&1", tmp_path)
        assert done.returncode == 3


def test_a_terminal_without_the_characters_gets_what_looks_like_them(tmp_path: Path) -> None:
    """`±` is `+-`; what is for programs is UTF-8 whatever the terminal has."""
    words = f"{TINYBENCH} --task ad --mode energy --monitor modelled {BRIEF} --out run"
    assert " ± " in shell(words, tmp_path).stdout.decode()
    for environment in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}):
        done = shell(f"{TINYBENCH} check run", tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        assert b" +- " in done.stdout
        assert (done.stdout + done.stderr).isascii()
        page = shell(f"{TINYBENCH} check run --to html", tmp_path, **environment).stdout
        assert "±" in page.decode("utf-8")


def test_characters_degrade_to_what_looks_like_them() -> None:
    """Units, arrows, boxes, bars, letters with accents; a mark stands for what has no likeness."""
    shown = "".join(map(plain, "±µμ×…→─│┌┏┼█éß漢"))
    assert shown == "+-uux...->-|+++#e??"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_as_ctrl_c_does(number: signal.Signals, tmp_path: Path) -> None:
    """Exit status 130; the run folder can be read, and its journal gone on with."""
    out = tmp_path / "run"
    words = [*TINYBENCH.split(), "--task", "kws", "--mode", "performance", "--out", str(out)]
    listening = ["env", "--default-signal=INT,HUP,TERM"]
    with subprocess.Popen([*listening, *words], stderr=subprocess.PIPE, text=True) as child:
        try:
            deadline_s = time.monotonic() + 120
            while not (out / "transcript.jsonl").exists() and time.monotonic() < deadline_s:
                time.sleep(0.01)
            child.send_signal(number)
            _, said = child.communicate(timeout=120)
        finally:
            child.kill()
    assert child.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert json.loads((out / "result.json").read_bytes())["complete"] is False


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    """SIGHUP that whoever started the run wants ignored is ignored."""
    line = f"trap '' HUP; {HOST} & pid=$!; sleep 1; kill -HUP $pid; wait $pid"
    assert shell(line, tmp_path).returncode == 0
    assert only_run(tmp_path)["complete"] is True


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("RecursionError('deep')", "a fault of tinybench itself: RecursionError: deep at "),
        ("MemoryError()", "a fault of tinybench itself: MemoryError"),
        ("ZeroDivisionError('1 / 0')", "a fault of tinybench itself: ZeroDivisionError: 1 / 0 at "),
        ("'é'.encode('ascii')", "a fault of tinybench itself: UnicodeEncodeError"),
        ("OSError(28, 'No space left on device')", "the system refused: [Errno 28] No space left"),
        ("BrokenPipeError(32, 'Broken pipe')", "the system refused: [Errno 32] Broken pipe"),
        ("SystemError('x')", "a fault of tinybench itself: SystemError: x"),
    ],
)
def test_a_fault_is_named_in_a_line_and_is_no_broken_rule(
    raised: str, said: str, tmp_path: Path
) -> None:
    """Exit status 3, without a traceback; -v shows it."""
    code = (
        "import sys\nfrom tinybench.runner.build import task\n"
        "from tinybench.runner.cli import main\n"
        f"def names():\n    raise {raised}\n"
        "task.names = names\nsys.exit(main(sys.argv[1:]))"
    )
    program = tmp_path / "fault.py"
    program.write_text(code.replace("raise 'é'", "'é'"))
    short = shell(f"{sys.executable} {program} tasks", tmp_path)
    assert short.returncode == 3
    (line,) = short.stderr.decode().splitlines()
    assert line.startswith(f"tinybench: {said}")
    assert "; -v shows where it comes from" in line
    long = shell(f"{sys.executable} {program} tasks -v", tmp_path)
    assert long.returncode == 3
    assert b"Traceback" in long.stderr


def test_quiet_says_only_what_was_asked_for(tmp_path: Path) -> None:
    """No notes and no progress; with --verbose each note has its time."""
    done = shell(f"{HOST} -q", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"run folder: " in done.stdout
    said = shell(f"{HOST} -v", tmp_path).stderr.decode()
    assert " s  host, kws: " in said
