"""Completion in the shell: what is offered, and where the scripts go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinybench.runner import cli


def offered(
    line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> list[str]:
    """Return what completes the last word of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_TINYBENCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert cli.main([]) == 0
    return [item.partition(",")[2] for item in capfd.readouterr().out.splitlines() if item]


@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("tinybench rep", {"report"}),
        ("tinybench --task k", {"kws"}),
        ("tinybench run --task v", {"vww"}),
        ("tinybench --board host --task ", {"kws", "vww", "ic", "ic02", "ad", "sww", "all"}),
        ("tinybench --board mps3", {"mps3-an547"}),
        ("tinybench --task kws --mod", {"--mode", "--model"}),
        ("tinybench --task kws pro", {"profile"}),
        ("tinybench --task kws profile --to p", {"perfetto"}),
        ("tinybench profile --emu", {"--emulate"}),
        ("tinybench energy an", {"analyse"}),
        ("tinybench --mode a", {"accuracy", "all"}),
        ("tinybench fetch k", {"kws"}),
        ("tinybench bench i", {"init"}),
        ("tinybench --nonsense x rep", {"report"}),
        ("tinybench --nonsense x no-such", set()),
    ],
)
def test_commands_options_tasks_and_boards_are_completed(
    line: str,
    there: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Wherever the command stands, and without one."""
    assert {*offered(line, monkeypatch, capfd)} == there


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", "data/bash-completion/completions/tinybench"),
        ("zsh", "data/zsh/site-functions/_tinybench"),
        ("fish", "config/fish/completions/tinybench.fish"),
    ],
)
def test_the_script_of_a_shell_is_installed(
    shell: str,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Named, or that of $SHELL; the path is printed, and what else the shell needs."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    for words in (["--install-completion", shell], ["--install-completion"]):
        assert cli.main(words) == 0
        printed = capsys.readouterr()
        assert printed.out == f"{tmp_path / place}\n"
        assert "it works in new shells" in printed.err
        assert "_TINYBENCH_COMPLETE" in (tmp_path / place).read_text()
        (tmp_path / place).unlink()


def test_another_shell_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With those there are."""
    monkeypatch.setenv("SHELL", "/bin/csh")
    for words in (["--install-completion", "csh"], ["--install-completion"]):
        assert cli.main(words) == 2
        assert "no completion for the shell 'csh'; name one" in capsys.readouterr().err


def test_bash_completes_with_the_installed_script(tmp_path: Path) -> None:
    """A real bash asks the real program."""
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "tinybench").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m tinybench.runner "$@"\n'
    )
    (tmp_path / "tinybench").chmod(0o755)
    line = (
        f"script=$(XDG_DATA_HOME={tmp_path} tinybench --install-completion bash) && . $script && "
        "COMP_WORDS=(tinybench --task k) COMP_CWORD=2 && _tinybench_completion tinybench && "
        'echo "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [bash, "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("kws\n", 0), done.stderr
