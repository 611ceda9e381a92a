"""Defaults from tinybench.toml: found, validated, outdone by what is typed, and shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tinybench.runner import cli
from tinybench.runner.cli.output import Voice
from tinybench.runner.cli.root import root
from tinybench.runner.cli.tree import leaves


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What some commands were asked, from a folder below that of the file."""
    asked: list[dict[str, Any]] = []

    def do(_: Voice, **said: Any) -> int:
        asked.append(said)
        return 0

    for path, leaf in leaves(root):
        if path in ("run", "profile", "results", "energy analyse"):
            monkeypatch.setattr(leaf, "do", do)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    return asked


def test_a_default_is_for_every_command_or_for_one(
    done: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Before the first table for all that share it; a table outdoes that, typing both."""
    (tmp_path / "tinybench.toml").write_text(
        'board = "mps3-an547"\ntask = "kws"\n'
        '[run]\nlimit = 20\nport = ["a", "b"]\nno-verify = true\n'
        '[profile]\nboard = "host"\nto = "csv"\n'
        "[energy.analyse]\nvoltage = 3.0\n"
    )
    assert cli.main([]) == 0
    run = done.pop()
    assert (run["board"], run["task"], run["limit"]) == ("mps3-an547", "kws", 20)
    assert (run["port"], run["no_verify"], run["mode"]) == (("a", "b"), True, "all")
    assert cli.main(["profile"]) == 0
    assert (done[0]["board"], done[0]["task"], done.pop()["to"]) == ("host", "kws", "csv")
    assert cli.main(["profile", "--board", "mps2-an386", "--to", "json", "--task", "ad"]) == 0
    assert (done[0]["board"], done[0]["task"], done.pop()["to"]) == ("mps2-an386", "ad", "json")
    assert cli.main(["profile", "--json"]) == 0
    assert done.pop()["to"] == "json"
    assert cli.main(["results"]) == 0
    assert (done[0]["board"], done.pop()["task"]) == (None, None)
    assert cli.main(["energy", "analyse", "x"]) == 0
    assert done.pop()["voltage"] == 3.0


def test_what_is_typed_outdoes_what_it_excludes(done: list[dict[str, Any]], tmp_path: Path) -> None:
    """A port of the file does not forbid to type --emulate; two in the file exclude each other."""
    (tmp_path / "tinybench.toml").write_text('port = "/dev/ttyACM0"\n')
    assert cli.main(["profile", "--task", "kws", "--emulate"]) == 0
    assert (done[0]["port"], done[0]["emulate"]) == ("", True)
    (tmp_path / "tinybench.toml").write_text('port = "/dev/ttyACM0"\nemulate = true\n')
    assert cli.main(["profile", "--task", "kws"]) == 2


def test_paths_are_those_of_the_folder_of_the_file(
    done: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Of files, folders and declarations; the nearest file upward is the one that counts."""
    (tmp_path / "tinybench.toml").write_text('data = "data"\nboard = "mine.toml"\n')
    assert cli.main(["--task", "kws"]) == 0
    assert done[0]["data"] == tmp_path / "data"
    assert done.pop()["board"] == str(tmp_path / "mine.toml")
    (tmp_path / "below" / "tinybench.toml").write_text("")
    assert cli.main(["--task", "kws"]) == 0
    assert done[0]["data"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('bord = "host"', "unknown key 'bord': did you mean 'board'?"),
        ("limit = 3", "unknown key 'limit'"),
        ("[rum]\nlimit = 3", "unknown key 'rum': did you mean 'run'?"),
        ("[run]\nlimt = 3", "unknown key 'run.limt': did you mean 'run.limit'?"),
        ("[run]\njson = true", "unknown key 'run.json'"),
        ("[energy.analise]\nrate = 3", "unknown key 'energy.analise'"),
        ("[energy]\nrate = 3", "unknown key 'energy.rate'"),
        ("[run]\nlimit = 0", "key 'run.limit': '0' is no count of 1 or more"),
        ("[run]\nlimit = true", "key 'run.limit': True is no value of --limit"),
        ("[run]\nlimit = [1]", "key 'run.limit': [1] is no value of --limit"),
        ('[run]\nmode = "fast"', "key 'run.mode': 'fast' is none of accuracy, "),
        ('emulate = "yes"', "key 'emulate': 'yes' is neither true nor false"),
        ('wait = "soon"', "key 'wait': 'soon' is no time such as 90s"),
        ("wait = " + "9" * 5000, "not valid TOML"),
        ("x = " + "[" * 100_000, "not valid TOML: nested too deep"),
        ("a" + ".a" * 100_000 + " = 1", "not valid TOML: a dotted key of more than 64 parts"),
        ("board = ", "not valid TOML"),
    ],
)
def test_a_wrong_default_is_named_with_its_file(
    text: str,
    said: str,
    done: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 2; help is shown nevertheless."""
    path = tmp_path / "tinybench.toml"
    path.write_text(text)
    assert cli.main(["--task", "kws"]) == 2
    assert done == []
    printed = capsys.readouterr().err
    assert printed.startswith(f"tinybench: {path}: ")
    assert said in printed
    assert cli.main(["results", "--help"]) == 0


def test_defaults_are_shown_with_where_they_come_from(
    done: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As lines and as JSON; -v says which of them a command took."""
    assert cli.main(["config"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("tinybench.toml  none here or above\n")
    assert "run             --mode             all                      built in\n" in shown
    path = tmp_path / "tinybench.toml"
    path.write_text('[run]\nmode = "accuracy"\n')
    assert cli.main(["config", "--to", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tinybench.toml"] == str(path)
    row = {"command": "run", "option": "--mode", "value": "accuracy", "from": str(path)}
    assert row in document["defaults"]
    assert cli.main(["--task", "kws", "-v"]) == 0
    assert "mode = accuracy (tinybench.toml)" in capsys.readouterr().err
    assert done[0]["mode"] == "accuracy"


@pytest.mark.parametrize("command", ["run", "link", "profile"])
def test_a_port_of_the_file_is_not_that_of_an_emulated_board_which_is_typed(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nor is its rate; typed or filed together they are refused."""
    monkeypatch.chdir(tmp_path)
    said = 'port = "/dev/ttyNONE"\nbaud = 57600\n[run]\nlimit = 3\nmode = "accuracy"\n'
    (tmp_path / "tinybench.toml").write_text(said)
    assert cli.main([command, "--task", "kws", "--board", "host"]) == (command == "run")
    assert cli.main([command, "--task", "kws"]) == 3
    assert "there is no port /dev/ttyNONE" in capsys.readouterr().err
    assert cli.main([command, "--task", "kws", "--board", "mps2-an386", "--port", "a"]) == 2
    (tmp_path / "tinybench.toml").write_text(f'board = "mps2-an386"\n{said}')
    assert cli.main([command, "--task", "kws"]) == 2
    assert "is emulated here" in capsys.readouterr().err


def test_what_a_typed_mode_has_not_is_left_out_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the file is for the runs that it limits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tinybench.toml").write_text(
        'board = "host"\n[run]\nlimit = 3\nprofile = "quick"\n'
    )
    assert cli.main(["--task", "kws", "--mode", "performance"]) == 0
    assert cli.main(["--task", "kws", "--mode", "performance", "--limit", "3"]) == 2
