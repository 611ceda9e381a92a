"""Run folders in which others put pipes, devices, links, holes and folders: each command ends."""

import json
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tinybench.runner import cli

PLACES = (
    *("result.json", "SHA256SUMS", "journal.jsonl", "transcript.jsonl", "manifest.json"),
    *("profile.json", "task.toml", "profile.toml", "board.toml", "firmware.elf", "cycles.txt"),
)
TIMEOUT_S = 60
MEMORY_B = 8 << 30
OTHERS = "../../others"
WORDS = "words of another"
HOLE_B = 1 << 40


TRACES = ("csv", "txt", "bin", "json", "jls", "ppk2", "dlog")
EDGES = ("csv", "vcd", "sr", "bin")
LINES = (
    "--board X.toml --task kws",
    "--task X.toml",
    "--board host --task kws --profile X.toml",
    "--board host --task kws --model X.tflite",
    "--board host --task kws --engine X",
    "--board nucleo-l4r5 --port any --task kws --mode energy --monitor X.toml",
    "compile X.tflite -o out",
    "compile X.cc -o out",
    "model X.tflite",
    *(f"energy analyse X.{kind}" for kind in TRACES),
    *(f"energy analyse trace.csv --iterations 1 --edges X.{kind}" for kind in EDGES),
    "import X",
    "check X",
    "resume X",
    "compare X.json X.json",
    "baseline write X -o new.json",
    "submit . --submitter a --system X.toml -o tree",
    "audit X.txt",
    "link --board X.toml",
    "config",
)
"""Files that others may have sent: each name that begins with an X."""
TRACE = "time_s,current_a,voltage_v,edge\n" + "".join(
    f"{k / 100},0.001,3,{int(k in (10, 30))}\n" for k in range(50)
)


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _hole(path: Path) -> None:
    path.touch()
    os.truncate(path, HOLE_B)


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "link to a device": _link_to("/dev/zero"),
    "link to another's file": _link_to(OTHERS),
    "file of holes": _hole,
    "folder": Path.mkdir,
}


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """A command that waits, or eats the memory, fails its test instead of the machine."""

    def late(*_: object) -> None:
        raise AssertionError(f"the command has not ended within {TIMEOUT_S} s")

    was = signal.signal(signal.SIGALRM, late)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, memory[1]))
    yield
    signal.alarm(0)
    resource.setrlimit(resource.RLIMIT_AS, memory)
    signal.signal(signal.SIGALRM, was)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of five inputs on the host."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    words = ["--board", "host", "--task", "kws", "--mode", "accuracy", "--limit", "5"]
    assert cli.main([*words, "--out", str(folder)]) == 1
    return folder


def commands(run: Path, good: Path) -> dict[str, list[str]]:
    """Return each command that reads the folder of a run."""
    system = run.parent / "system.toml"
    system.touch()
    submit = ["--submitter", "me", "--system", str(system), "--open", "--rehearsal"]
    return {
        "check": ["check", str(run)],
        "report": ["report", str(run)],
        "page": ["report", "--to", "html", str(run)],
        "results": ["results", str(run.parent)],
        "compare": ["compare", str(good), str(run)],
        "submit": ["submit", *submit, "-o", str(run.parent / "out"), str(run)],
        "resume": ["resume", str(run)],
    }


def _put(run: Path, name: str, kind: str) -> None:
    (run / name).unlink(missing_ok=True)
    KINDS[kind](run / name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLACES)
def test_each_command_ends_with_words(
    kind: str, name: str, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever lies in the place of a file; a rule is broken, or the file is named with what it is.

    Nothing of the linked file is shown, and nothing is written through the link.
    """
    others = tmp_path / "others"
    others.write_text(WORDS)
    for command in commands(tmp_path / "run", measured):
        run = tmp_path / command / "run"
        shutil.copytree(measured, run)
        if command == "resume":  # as a run that was killed leaves it
            (run / "result.json").unlink()
        _put(run, name, kind)
        signal.alarm(TIMEOUT_S)
        status = cli.main(commands(run, measured)[command])
        signal.alarm(0)
        printed = capsys.readouterr()
        assert status in (0, 1, 2)
        assert "Traceback" not in printed.err
        assert WORDS not in printed.out + printed.err
        assert others.read_text() == WORDS


@pytest.mark.parametrize("name", ["/dev/zero", "../../others", "..", "a\nb", "/dev/tty"])
def test_only_names_of_files_in_the_folder_are_opened(
    name: str, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result or a seal that names another file breaks a rule, and that file is not read."""
    run = tmp_path / "run"
    shutil.copytree(measured, run)
    result = json.loads((run / "result.json").read_bytes())
    result["files_sha256"][name] = "0" * 64
    (run / "result.json").write_text(json.dumps(result))
    with (run / "SHA256SUMS").open("a") as seal:
        seal.write(f"{'0' * 64}  {name}\n")
    for words in (["check", "--json", str(run)], ["report", "--to", "json", str(run)]):
        signal.alarm(TIMEOUT_S)
        assert cli.main(words) == 1
        signal.alarm(0)
        assert "not the name of a file in the folder" in capsys.readouterr().out


def test_a_bench_file_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device by the variable that names the file of the desk."""
    monkeypatch.setenv("TINYBENCH_BENCH", "/dev/zero")
    signal.alarm(TIMEOUT_S)
    assert cli.main(["bench"]) == 2
    signal.alarm(0)
    assert "/dev/zero" in capsys.readouterr().err


@pytest.mark.parametrize("line", LINES)
def test_a_pipe_or_a_device_is_no_file_of_any_option(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused by its name, and neither waited for nor read to no end."""
    for kind in ("pipe", "link to a device"):
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("trace.csv").write_text(TRACE)
        words = line.split()
        named = {word for word in words if word.startswith("X")} or {"tinybench.toml"}
        for name in named:
            KINDS[kind](Path(name))
        signal.alarm(TIMEOUT_S)
        status = cli.main(words)
        signal.alarm(0)
        printed = capsys.readouterr()
        if line == "config":  # none of ours is there: as if there were no file
            assert status == 0
        else:
            assert status == 2
            assert any(name in printed.err for name in named)
