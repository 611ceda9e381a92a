"""The order of words: a command stands anywhere, an option is honoured or refused."""

from pathlib import Path
from typing import Any

import click
import pytest

from tinybench.runner import cli
from tinybench.runner.cli.grammar import REPLACED
from tinybench.runner.cli.output import Voice
from tinybench.runner.cli.root import root
from tinybench.runner.cli.tree import (
    Argument,
    Command,
    Option,
    known_options,
    leaves,
    options_by_name,
)

LEAVES = dict(leaves(root))
SAMPLES = (
    *("3", "9600", "word", "0.5", "knn,mlp", "robe", "csr", "8x8", "oort", "fedprox", "100,1"),
    *("int16x8", "ram", "1", "1/2"),
)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Voice, dict[str, Any]]]:
    """What each command was asked to do; none of them does anything else."""
    asked: list[tuple[str, Voice, dict[str, Any]]] = []
    for path, leaf in LEAVES.items():

        def do(voice: Voice, path: str = path, **said: Any) -> int:
            asked.append((path, voice, said))
            return 0

        monkeypatch.setattr(leaf, "do", do)
    return asked


def sample(option: Option) -> list[str]:
    """Return what may be typed behind an option."""
    if not option.valued:
        return []
    if isinstance(option.type, click.Choice):
        return [str(list(option.type.choices)[-1])]
    for word in SAMPLES:
        try:
            option.type(word)
        except click.BadParameter:
            continue
        return [word]
    raise AssertionError(f"no sample for {option.word}")


def needed(leaf: Command, but: Option | None) -> tuple[list[str], list[str]]:
    """Return the words and the options without which a command does nothing."""
    words = [p.name for p in leaf.params if isinstance(p, Argument) and p.required]
    options = [p for p in leaf.params if isinstance(p, Option) and p.required and p is not but]
    return words, [word for option in options for word in (option.word, *sample(option))]


def heard(option: Option, voice: Voice, said: dict[str, Any]) -> bool:
    """Return whether a command got what was given."""
    if option.name in ("verbose", "quiet"):
        return bool(getattr(voice, option.name))
    if option.name == "json":
        return said["to"] == "json"
    wanted: Any = option.type(sample(option)[0]) if option.valued else True
    return said[option.name] == ((wanted,) if option.multiple else wanted)


@pytest.mark.parametrize("path", LEAVES)
def test_every_option_is_honoured_or_refused_wherever_it_stands(
    path: str,
    done: list[tuple[str, Voice, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every option of the whole command line, before, between and behind the command's words.

    Those that a command has not are refused at each of its places in turn.
    """
    leaf = LEAVES[path]
    own = options_by_name(leaf)
    known = {name: o for name, o in known_options(root).items() if name not in ("-h", "--help")}
    for number, (name, option) in enumerate({**known, **own}.items()):
        words, more = needed(leaf, own.get(name))
        typed = [*path.split(), *words]
        places = range(len(typed) + 1)
        for at in places if name in own else [number % len(places)]:
            done.clear()
            line = [*typed[:at], name, *sample(option), *typed[at:], *more]
            status = cli.main(line)
            said = capsys.readouterr().err
            if name in own:
                assert (status, said.count("\n") * (option.name != "verbose")) == (0, 0), line
                ((did, voice, params),) = done
                assert did == path, line
                assert heard(option, voice, params), (line, params)
            else:
                assert status == 2, line
                assert not done, line
                assert name in said, (line, said)
                assert said.count("\n") == 1, (line, said)


def test_without_a_command_the_options_are_those_of_a_run(
    done: list[tuple[str, Voice, dict[str, Any]]],
) -> None:
    """`tinybench run ...` is `tinybench ...`."""
    for words in (["--task", "kws"], ["run", "--task", "kws"], ["--task", "kws", "run"]):
        assert cli.main(words) == 0
    assert [said for _, _, said in done] == [done[0][2]] * 3
    assert {path for path, _, _ in done} == {"run"}
    assert cli.main(["--json", "bench"]) == 0
    assert (done[-1][0], done[-1][2]["to"]) == ("bench show", "json")


def test_a_command_between_options_gets_all_of_them(
    done: list[tuple[str, Voice, dict[str, Any]]],
) -> None:
    """Another board would be profiled otherwise."""
    assert cli.main(["--board", "mps3-an547", "profile", "--task", "kws"]) == 0
    path, _, said = done[0]
    assert (path, said["board"], said["task"]) == ("profile", "mps3-an547", "kws")


@pytest.mark.parametrize("path", LEAVES)
def test_an_option_of_one_value_is_not_given_twice(
    path: str,
    done: list[tuple[str, Voice, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Refused by name, with both values; what may be repeated keeps all of them."""
    words, _ = needed(LEAVES[path], None)
    for option in {o.word: o for o in options_by_name(LEAVES[path]).values() if o.valued}.values():
        (value,) = sample(option)
        _, more = needed(LEAVES[path], option)
        twice = [option.opts[0], value, f"{option.word}={value}"]
        status = cli.main([*path.split(), *words, *more, *twice])
        said = capsys.readouterr().err
        if option.multiple:
            assert len(done.pop()[2][option.name]) == 2
        else:
            assert (status, done) == (2, [])
            assert f"{option.word} is given more than once: '{value}' and '{value}'" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kws", "there is no command 'kws'; to run the task: tinybench --task kws"),
        ("--limit 3 vww", "to run the task: tinybench --task vww"),
        ("version", "there is no command 'version'; to ask for it: tinybench --version"),
        ("--verison", "there is no option --verison: did you mean '--version'?"),
        ("run kws", "run takes options only, not the word 'kws'; to run the task"),
        ("nucleo-l4r5", "a run on this board: tinybench --board nucleo-l4r5 --task kws"),
        ("reprot x", "there is no command 'reprot': did you mean 'report'?"),
        ("energy anlyse x", "there is no command 'energy anlyse': did you mean 'analyse'?"),
        ("energy", "energy wants a further word: analyse or export or live"),
        ("--tsak kws", "there is no option --tsak: did you mean '--task'?"),
        ("--tsak kws results", "there is no option --tsak: did you mean '--task'?"),
        ("-task kws", "there is no option -task: did you mean '--task'?"),
        ("results --jsn", "there is no option --jsn: did you mean '--json'?"),
        ("results --emulate", "results takes no --emulate; what it takes: tinybench results"),
        ("results a b", "results takes only [FOLDER], not the word 'b'"),
        ("--port --task kws", "--port needs a word after it, not the option --task"),
        ("results --task", "--task needs a word after it: TASK"),
        ("--version --task kws", "--version stands alone: no --task there"),
        ("--mode fast --task kws", "--mode: 'fast' is none of accuracy, performance, energy"),
        ("--mode accurcy --task kws", "did you mean 'accuracy'?"),
        ("report x --to htlm", "--to: 'htlm' is none of terminal, html, "),
        ("--limit 0 --task kws", "--limit: '0' is no count of 1 or more"),
        (f"--limit {'9' * 5000} --task kws", "9' is no count of 1 or more, of 12 digits at most"),
        (f"link --baud {'9' * 5000}", "is no baud rate such as 115200, and not auto"),
        (f"link --wait {'9' * 5000}h", "is no time such as 90s, 10m or 2h"),
        (f"energy live --monitor lpm01a --voltage {'9' * 5000}", "give a number above 0"),
        ("energy live --monitor lpm01a --rate nan", "give a number above 0"),
        ("check", "check needs RUN; see: tinybench check --help"),
        ("profile", "profile needs --task TASK; see: tinybench profile --help"),
        ("profile --task kws --port x --emulate", "--port and --emulate exclude each other"),
        ("submit r --submitter a --system b -o c --open --division open", "exclude each other"),
        ("tasks -vq", "--verbose and --quiet exclude each other"),
        ("results --json --to csv", "--json and --to csv exclude each other"),
        ("--task kws --out report.html", "--out names the run folder"),
        ("doctor --to rules", "--to rules is for tinybench doctor --udev"),
        ("energy analyse x --to png", "name a folder for them with -o DIR"),
        ("", "name a task, such as kws; 'tinybench tasks' lists them"),
        ("--task all --engine x", "an engine is one for a task"),
        ("--task kws --iterations 0", "--iterations: '0' is no count of 1 or more"),
        ("--task kws --mode performance --limit 5", "limit means nothing in mode performance"),
        ("--task kws --mode energy --shards 2", "shards means nothing in mode energy"),
        ("--task kws --mode accuracy --iterations 5", "iterations means nothing in mode accuracy"),
        ("--task kws --probe x", "--probe is for a board on a port, but board mps2-an386 is a"),
        ("--task kws --board host --hub 1:1", "--hub is for a board on a port"),
        ("--task kws --emulate --board nucleo-l4r5 --flasher x", "--flasher is for a board on a"),
        ("--task kws --no-flash", "--no-flash is for a board on a port"),
        ("--task kws --baud 57600", "--baud is for a board on a port"),
        ("link --baud 57600", "--baud is for a board on a port"),
        ("profile --task kws --baud 57600", "--baud is for a board on a port"),
        ("fetch", "fetch: say what: a task such as kws, or published; or --list"),
        ("fetch --list kwz", "kwz"),
        ("fetch --list --from x", "--list and --from exclude each other"),
        ("compare a", "or --published-log FILE; neither is given"),
        ("compare a b --published-log c", "--published-log FILE; both are given"),
        ("compare a --published-log c --fail-on latency>2%", "exclude each other"),
        ("compare a --published-log c --to markdown", "not for --published-log"),
        ("energy analyse x --rate fast", "the rate 'fast' is none: give a number above 0"),
        ("energy analyse x --window 2:1", "--window 2:1: give FROM:TO in s"),
    ],
)
def test_a_usage_error_names_the_word_and_what_was_meant(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, one line on standard error, nothing on standard output."""
    assert cli.main(line.split()) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("tinybench: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_run_folder_that_stands_alone_is_to_be_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is typed for it is said."""
    (tmp_path / "result.json").touch()
    assert cli.main([str(tmp_path)]) == 2
    assert f"to judge this run: tinybench check {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "option"), REPLACED)
def test_a_spelling_of_before_names_that_of_now(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before and behind the command; what is named is accepted."""
    now = REPLACED[command, option]
    value = ["x"] if {"FILE", "DIR"} & {*now.split()} else []
    for line in ([*command.split(), option, *value], [option, *value, *command.split()]):
        assert cli.main(line) == 2
        assert f"{command} takes no {option}; it is now: {now}" in capsys.readouterr().err
    assert {word for word in now.split() if word.startswith("-")} <= {
        *options_by_name(LEAVES[command])
    }


def test_short_options_may_share_a_hyphen(
    done: list[tuple[str, Voice, dict[str, Any]]],
) -> None:
    """The last of them may have a value, with or without a blank before it."""
    for line in (["tasks", "-qo", "x"], ["tasks", "-qox"], ["-q", "-o", "x", "tasks"]):
        assert cli.main(line) == 0
    assert [(voice.quiet, said["out"]) for _, voice, said in done] == [(True, Path("x"))] * 3
