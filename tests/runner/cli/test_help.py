"""The help of every command says what it is for, what each word means, and how it is used."""

import re
import shlex
import subprocess
import sys

import pytest

from tinybench.runner import cli
from tinybench.runner.cli.grammar import arrange
from tinybench.runner.cli.root import root
from tinybench.runner.cli.tree import Argument, Option, leaves, options_by_name

LEAVES = dict(leaves(root))
WORD = re.compile(r"[A-Z|:]+|K/N|N\|auto|\[SHELL\]")


@pytest.mark.parametrize("path", LEAVES)
def test_the_help_of_a_command_is_whole(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A description, every option with a line and a word of the field, and an example."""
    leaf = LEAVES[path]
    assert cli.main([*path.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert leaf.help
    assert leaf.help.partition("\n")[0].rstrip(".") in " ".join(shown.split())
    assert leaf.examples
    for parameter in leaf.params:
        assert isinstance(parameter, Option | Argument)
        line = parameter.line if isinstance(parameter, Argument) else parameter.help
        assert line, parameter.name
        assert line.split()[0] in shown
        if isinstance(parameter, Option) and parameter.valued:
            assert WORD.fullmatch(parameter.metavar or ""), (parameter.word, parameter.metavar)
    if "--to" in options_by_name(leaf):
        to = options_by_name(leaf)["--to"]
        assert all(form in (to.help or "") for form in getattr(to.type, "choices", ()))


@pytest.mark.parametrize("path", LEAVES)
def test_an_example_is_what_the_command_takes(path: str) -> None:
    """Its words are those of the command that it is an example of."""
    for example in LEAVES[path].examples:
        typed = re.split(r"  +| > ", example)[0]
        name, *words = shlex.split(typed)
        assert name == "tinybench"
        arranged = arrange(root, words)
        assert " ".join(arranged).startswith(path), example


def test_an_option_takes_a_value_everywhere_or_nowhere() -> None:
    """So that the words before a command can be told from values; -o is always --out."""
    seen: dict[str, bool] = {}
    for path, leaf in LEAVES.items():
        for name, option in options_by_name(leaf).items():
            assert seen.setdefault(name, option.valued) == option.valued, (path, name)
            assert ("-o" in option.opts) == (option.word == "--out"), path


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """In three spellings, with the exit statuses; that of a command in two."""
    shown = []
    for words in (["--help"], ["-h"], ["help"], ["--task", "kws", "--help"]):
        assert cli.main(words) == 0
        shown.append(capsys.readouterr().out)
    assert len(set(shown)) == 1
    for command in root.commands:
        assert f"\n  {command} " in shown[0]
    for status in ("0 valid", "1 a rule is broken", "2 usage", "3 the bench failed", "130 inter"):
        assert status in shown[0]
    for words in (["help", "results"], ["results", "-h"], ["--help", "results"]):
        assert cli.main(words) == 0
        assert capsys.readouterr().out.startswith("Usage: tinybench results ")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is run."""
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"tinybench \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_help_imports_nothing_that_is_slow() -> None:
    """No numbers, tables, transport or declarations are loaded before a command needs them."""
    code = (
        "import sys; from tinybench.runner.cli import main; main(['--help']);"
        "print([m for m in ('numpy', 'rich', 'msgspec', 'serial', 'requests', 'pyjls', 'tflite',"
        " 'pandas', 'email', 'importlib.metadata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
