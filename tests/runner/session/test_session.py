"""Whole runs through the command line, on the embedded set, and what ends them early."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import to_builtins

from tests.program import LISTENING, TIMEOUT_S, TINYBENCH, tinybench
from tinybench.models.declaration import package_folder
from tinybench.runner.results.result import read_result

HOST = ["--board", "host", "--task", "kws", "--mode", "accuracy"]
EMULATED = ["--board", "mps2-an386", "--task", "kws"]


def _lines(folder: Path, name: str) -> list[str]:
    path = folder / name
    return path.read_text().splitlines() if path.exists() else []


def _children(pid: int) -> list[int]:
    """Return the children of a process."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _interrupt(folder: Path, what: Callable[[subprocess.Popen[str], int], None]) -> tuple[int, str]:
    """Start an emulated run, wait for 20 answers, do `what` to it; return its status and words.

    `what` gets the runner and the process id of the emulator. Fails when the emulator survives.
    """
    command = [*LISTENING, *EMULATED, "--out", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as runner:
        deadline_s = time.monotonic() + TIMEOUT_S
        while len(_lines(folder, "journal.jsonl")) < 25:
            assert time.monotonic() < deadline_s
            assert runner.poll() is None
            time.sleep(0.02)
        (emulator,) = _children(runner.pid)
        what(runner, emulator)
        _, words = runner.communicate(timeout=60)
    for _ in range(200):
        if not Path(f"/proc/{emulator}").exists():
            return runner.returncode, words
        time.sleep(0.02)
    pytest.fail("the emulator is still running")


def _assert_readable_part(folder: Path, why: str) -> None:
    """The folder holds an incomplete result with at least the 20 answers that were known."""
    result = read_result(folder)
    assert not result.complete
    assert re.search(why, result.error or "")
    assert result.accuracy is not None
    assert result.accuracy.count >= 20
    journal = [json.loads(line) for line in _lines(folder, "journal.jsonl")]
    assert len(journal) >= result.accuracy.count
    assert all(json.loads(line) for line in _lines(folder, "transcript.jsonl"))
    assert tinybench("check", str(folder)).returncode == 1


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path, str]:
    """The JSON document of a default run, its folder, and what went to stderr."""
    folder = tmp_path_factory.mktemp("emulated") / "run"
    done = tinybench(*EMULATED, "--json", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder, done.stderr


def test_a_bare_run_is_valid_and_says_what_it_is_not(emulated: tuple[dict, Path, str]) -> None:
    """Without a network: the embedded set, judged, and called neither measured nor MLPerf."""
    document, _, words = emulated
    assert document["valid"] is True
    assert document["dataset"] == "embedded"
    assert document["accuracy"]["count"] >= 240
    assert document["accuracy"]["top1"] >= 0.90
    assert len(document["performance"]["windows"]) == 5
    said = " ".join(document["caveats"])
    assert "not a measurement" in said
    assert "not an MLPerf result" in said
    assert "tinybench fetch kws" in words


def test_the_run_folder_holds_the_evidence(emulated: tuple[dict, Path, str]) -> None:
    """Result, transcript, journal, declarations as used, image, manifest; hashes of the last."""
    _, folder, _ = emulated
    names = {path.name for path in folder.iterdir()}
    copies = {"board.toml", "task.toml", "profile.toml", "model.toml"}
    copies |= {"firmware.elf", "manifest.json", "inputs.csv", "core.toml"}
    evidence = {"profile.json", "transcript.jsonl", "journal.jsonl", "cycles.txt"}
    assert names == {"result.json", "SHA256SUMS"} | evidence | copies
    assert set(read_result(folder).files_sha256) == copies | evidence


def _exact(performance: dict) -> dict:
    """Return what does not depend on the moment at which the emulator was asked for its count."""
    unsure = ("counted_s", "counted_uncertainty_s")
    windows = [
        {name: value for name, value in window.items() if name not in unsure}
        for window in performance["windows"]
    ]
    return {**performance, "windows": windows}


def test_the_instruction_count_is_the_same_in_every_run(
    emulated: tuple[dict, Path, str], tmp_path: Path
) -> None:
    """Equal work gives an equal count, whatever the host does meanwhile."""
    first, _, _ = emulated
    done = tinybench(*EMULATED, "--mode", "performance", "--json", "--out", str(tmp_path / "run"))
    second = json.loads(done.stdout)
    assert _exact(second["performance"]) == _exact(first["performance"])


def test_a_run_on_the_host_answers_the_same(
    emulated: tuple[dict, Path, str], tmp_path: Path
) -> None:
    """The plain kernels of the host and the DSP kernels of the M4 agree in every digit."""
    done = tinybench(*HOST, "--json", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    host, board = read_result(tmp_path / "run").accuracy, read_result(emulated[1]).accuracy
    assert host is not None
    assert board is not None
    assert [answer.results for answer in host.answers] == [a.results for a in board.answers]
    assert any("host process" in caveat for caveat in json.loads(done.stdout)["caveats"])


def test_a_limited_run_breaks_a_rule(tmp_path: Path) -> None:
    """`--limit` is for a quick look; its result never passes for a whole one."""
    done = tinybench(*HOST, "--limit", "10", "--json", "--out", str(tmp_path / "run"))
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["valid"] is False
    assert "accuracy-count" in [violation["rule"] for violation in document["violations"]]


def test_without_a_terminal_the_output_is_plain_lines(tmp_path: Path) -> None:
    """No control characters, no bars; the report names the set and the verdict."""
    done = tinybench(*HOST, "--out", str(tmp_path / "run"))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert "valid (host process" in done.stdout
    assert "dataset: embedded" in done.stdout


def test_ctrl_c_leaves_a_readable_part_and_no_child(tmp_path: Path) -> None:
    """The first SIGINT ends the run and closes the board."""
    status, words = _interrupt(tmp_path / "run", lambda run, _: run.send_signal(signal.SIGINT))
    assert status == 130
    assert str(tmp_path / "run") in words
    assert "Traceback" not in words
    _assert_readable_part(tmp_path / "run", "interrupted by the user")


def test_sigterm_is_as_ctrl_c(tmp_path: Path) -> None:
    """A CI system that cancels a job leaves nothing behind."""
    status, _ = _interrupt(tmp_path / "run", lambda run, _: run.terminate())
    assert status == 130
    _assert_readable_part(tmp_path / "run", "interrupted by the user")


def test_a_killed_emulator_is_started_again_and_changes_nothing(
    emulated: tuple[dict, Path, str], tmp_path: Path
) -> None:
    """`kill -9` of the board, as a loose cable: the run goes on, counts it, and ends the same."""
    status, words = _interrupt(tmp_path / "run", lambda _, pid: os.kill(pid, signal.SIGKILL))
    assert status == 0, words
    found, wanted = read_result(tmp_path / "run"), read_result(emulated[1])
    assert found.link is not None
    assert found.link.reopened == 1
    assert found.accuracy == wanted.accuracy
    assert _exact(to_builtins(found.performance)) == _exact(to_builtins(wanted.performance))


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_run_that_was_interrupted_goes_on_and_ends_the_same(
    emulated: tuple[dict, Path, str], tmp_path: Path, how: str
) -> None:
    """A torn last line of the journal is measured again, and what no transcript has; else nothing.

    An answer is in the journal at once, in the transcript with the next command.
    """
    folder = tmp_path / "run"
    _interrupt(folder, lambda run, _: getattr(run, how)())
    journal = folder / "journal.jsonl"
    before = len(_lines(folder, "journal.jsonl"))
    journal.write_bytes(journal.read_bytes() + b'{"answer":{"input":"tst_')
    done = tinybench("resume", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    found, wanted = read_result(folder), read_result(emulated[1])
    assert found.accuracy == wanted.accuracy
    assert _exact(to_builtins(found.performance)) == _exact(to_builtins(wanted.performance))
    assert found.resumed == 1
    again = re.findall(r"measured again, for no transcript has it: (.*)", done.stderr)
    assert len(again) <= (how == "kill")
    # Head, DUT twice, resumption, accuracy begun twice, performance, 300 answers, 5 windows, and
    # each end that was written.
    ends = 1 if how == "kill" else 2
    assert len(_lines(folder, "journal.jsonl")) == 4 + 3 + 300 + 5 + ends + len(again)
    assert before < 4 + 300
    checked = tinybench("check", str(folder))
    assert checked.returncode == 0, checked.stdout
    once_more = tinybench("resume", str(folder))
    assert once_more.returncode == 2
    assert "this run is complete" in once_more.stderr


def test_a_run_whose_parts_have_changed_does_not_go_on(
    emulated: tuple[dict, Path, str], tmp_path: Path
) -> None:
    """What was measured with another firmware, model, dataset or rules is not mixed in."""
    head, *rest = _lines(emulated[1], "journal.jsonl")
    fields = json.loads(head)
    for name in ("firmware", "model", "dataset", "rules"):
        folder = tmp_path / name
        folder.mkdir()
        changed = fields["run"] | {"sha256": fields["run"]["sha256"] | {name: "0" * 64}}
        lines = [json.dumps({"run": changed}), *rest[:5], ""]
        (folder / "journal.jsonl").write_text("\n".join(lines))
        done = tinybench("resume", str(folder))
        assert done.returncode == 2
        assert f"the {name} changed since this run began" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no run to go on with"),
        ("", "does not begin with a run"),
        ('{"answer": 1}\n', "1: damaged"),
        ('{"dut": "tinybench"}\n', "does not begin with a run"),
        ("\x00\xff\n", "1: damaged"),
    ],
)
def test_a_journal_that_cannot_be_gone_on_with_is_a_clear_error(
    tmp_path: Path, text: str | None, message: str
) -> None:
    """No journal, an empty one, another file, noise: exit 2, no traceback."""
    if text is not None:
        (tmp_path / "journal.jsonl").write_text(text, encoding="latin-1")
    done = tinybench("resume", str(tmp_path))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_several_emulators_answer_as_one(emulated: tuple[dict, Path, str], tmp_path: Path) -> None:
    """`--shards` shares the set and changes no answer, time or order."""
    words = [*EMULATED, "--shards", "3", "--mode", "accuracy", "--out", str(tmp_path / "run")]
    done = tinybench(*words)
    assert done.returncode == 0, done.stderr
    found, wanted = read_result(tmp_path / "run"), read_result(emulated[1])
    assert found.accuracy == wanted.accuracy
    assert found.link is not None
    assert found.link.boards == 3
    assert len(_lines(tmp_path / "run", "transcript-2.jsonl")) > 100


def test_a_killed_runner_leaves_no_emulator_and_every_answer_until_then(tmp_path: Path) -> None:
    """`kill -9` of the runner: the journal and the transcript are on disk, the board is gone."""
    folder = tmp_path / "run"
    _interrupt(folder, lambda run, _: run.kill())
    assert len([json.loads(line) for line in _lines(folder, "journal.jsonl")]) >= 20
    assert tinybench("check", str(folder)).returncode == 2


def test_a_full_disk_is_a_clear_error_and_keeps_what_was_written(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for the full disk."""
    tinybench(*HOST, "--limit", "1", "--out", str(tmp_path / "first"))  # builds the image
    largest_b = (tmp_path / "first" / "firmware.elf").stat().st_size
    script = f'ulimit -f {largest_b // 512 + 8}; exec "$@"'
    limited = ["sh", "-c", script, "sh", *TINYBENCH]
    done = tinybench(*HOST, "--out", str(tmp_path / "run"), program=limited)
    assert done.returncode == 2
    assert "cannot write the transcript" in done.stderr
    assert "Traceback" not in done.stderr
    journal = [json.loads(line) for line in _lines(tmp_path / "run", "journal.jsonl")]
    assert len(journal) > 10


def test_two_runs_into_one_folder_do_not_mix(tmp_path: Path) -> None:
    """One gets the folder, the other is told so."""
    command = [*TINYBENCH, *HOST, "--limit", "100", "--out", str(tmp_path / "run")]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    words = [run.communicate(timeout=TIMEOUT_S)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [1, 2]
    refused = words[[run.returncode for run in runs].index(2)]
    assert re.search("taken by another run|not an empty folder", refused)
    assert read_result(tmp_path / "run").complete


@pytest.mark.parametrize(
    ("board", "package"),
    [("mps2-an386", "qemu-system-arm"), ("qemu-riscv32", "qemu-system-misc")],
)
def test_a_missing_emulator_says_what_to_type(board: str, package: str, tmp_path: Path) -> None:
    """Not installed is no failure of the bench but of the set-up."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for path in Path("/usr/bin").iterdir():
        if not path.name.startswith("qemu-"):
            (tools / path.name).symlink_to(path)
    words = ["--board", board, "--task", "kws", "--out", str(tmp_path / "run")]
    done = tinybench(*words, PATH=str(tools))
    assert done.returncode == 2
    assert f"apt-get install {package}" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_model_of_another_task_is_refused_before_the_board_starts(tmp_path: Path) -> None:
    """A keyword model has 490 bytes of input, not those of a picture."""
    model = package_folder() / "embedded" / "kws01.tflite"
    words = ["--board", "host", "--task", "ic", "--model", str(model)]
    done = tinybench(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "not one for task ic: it has 490 bytes of input, the task has 3072" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("exit 0", "ended with exit status 0"),
        ("printf 'm-name-dut-[half'; exec sleep 60", r"seen: 'm-name-dut-\[half'"),
        ("printf 'm-rea\\377dy\\r\\n'; exec sleep 60", r"m-rea\\\\xffdy"),
    ],
)
def test_a_board_that_does_not_answer_ends_the_run(
    tmp_path: Path, program: str, message: str
) -> None:
    """Dead, half a line, or noise: exit 3 in bounded time, and a folder that says so."""
    board = (
        'name = "broken"\ndescription = "answers nothing"\nfamily = "host"\ncore = "none"\n'
        f'[toolchain]\nprefix = ""\n[emulator]\nargv = ["sh", "-c", {json.dumps(program)}]\n'
    )
    (tmp_path / "broken.toml").write_text(board)
    words = ["--board", str(tmp_path / "broken.toml"), "--task", "kws"]
    done = tinybench(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 3
    assert re.search(message, done.stderr)
    assert not read_result(tmp_path / "run").complete


def test_a_port_that_is_not_there_is_said_before_anything_is_built_or_made(tmp_path: Path) -> None:
    """Exit 3 as for a pulled cable, but no image, no run folder, and nothing to resume."""
    words = ["--port", "/dev/ttyNONE9", "--task", "kws", "--out", str(tmp_path / "run")]
    done = tinybench("--board", "nucleo-l4r5", *words, TINYBENCH_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 3
    assert "there is no port /dev/ttyNONE9" in done.stderr
    assert "resume" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_cannot_be_opened_leaves_the_folder_free_for_the_next_run(
    tmp_path: Path,
) -> None:
    """It is there, but is none: exit 3, and the same --out is taken by a run that can begin."""
    out = ["--task", "kws", "--mode", "accuracy", "--limit", "1", "--out", str(tmp_path / "run")]
    done = tinybench("--port", "/dev/null", *out)
    assert done.returncode == 3
    assert "cannot open /dev/null" in done.stderr
    assert "resume" not in done.stderr
    assert not (tmp_path / "run").exists()
    assert tinybench("--board", "host", *out).returncode == 1  # one input is too few for the rules
    assert read_result(tmp_path / "run").complete
