"""`tinybench bench` and `tinybench bench init`: the bench file, shown and written by asking."""

import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial.tools import list_ports

from tests.runner.desk.plugged import NUCLEO, OTHER, serial_port
from tinybench.errors import UsageError
from tinybench.runner import cli
from tinybench.runner.desk import attached
from tinybench.runner.desk.attached import Attached, Thing
from tinybench.runner.desk.bench import load_bench
from tinybench.runner.desk.bench_file import compose, quoted, store

THINGS = [
    Thing(usb="0483:5740", serial="LPM", ports=["/dev/ttyACM2"], monitor="lpm01a"),
    Thing(
        usb="0483:374b",
        serial=NUCLEO,
        ports=["/dev/ttyACM0"],
        by_id=["/dev/serial/by-id/one"],
        boards=["serial"],
        probe="ST-LINK/V2-1",
        hub="1-1:4",
    ),
    Thing(usb="1a86:7523", ports=["/dev/ttyUSB0"], by_id=["/dev/serial/by-id/two"]),
    Thing(usb="16d0:10ba", serial="002557", monitor="joulescope"),
]
FOUND = Attached(THINGS, [], [])


def answers(*words: str) -> Callable[[str, str], str]:
    """Answer questions one by one; "" takes what is proposed."""
    left = list(words)
    return lambda _, guess: left.pop(0) or guess


def test_what_is_answered_is_written_and_can_be_loaded(tmp_path: Path) -> None:
    """Monitors and interface boards first, so that a board can be given them."""
    between = Thing(usb="0403:6001", serial="IF", ports=["/dev/ttyUSB1"])
    text = compose(
        Attached([*THINGS, between], [], []),
        answers(
            *("", "js", "serial", "serial", "interface-board", ""),
            *("left", "lpm01a", "", "right", "-", "-"),
        ),
    )
    store(tmp_path / "bench.toml", text)
    bench = load_bench(tmp_path / "bench.toml")
    assert {name: (spec.driver, spec.serial) for name, spec in bench.monitors.items()} == {
        "lpm01a": ("lpm01a", "LPM"),
        "js": ("joulescope", "002557"),
    }
    left, right = bench.boards["left"], bench.boards["right"]
    assert (left.board, left.serial, left.port) == ("serial", NUCLEO, None)
    assert (left.hub, left.monitor, left.interface_board) == ("1-1:4", "lpm01a", "between")
    assert (right.serial, right.port, right.monitor) == (None, "/dev/serial/by-id/two", None)
    assert bench.interface_boards["between"].serial == "IF"
    assert [path.name for path in tmp_path.iterdir()] == ["bench.toml"]


def test_what_has_no_serial_number_is_named_by_port_and_what_has_two_ports_by_both() -> None:
    """A USB instrument that may not be asked for its number is the only one of its kind."""
    things = [
        Thing(usb="1915:c00a", serial="PPK", ports=["/dev/a", "/dev/b"], monitor="ppk2"),
        Thing(usb="16d0:10ba", monitor="joulescope"),
        Thing(usb="1a86:7523", ports=["/dev/c"], boards=["serial"]),
    ]
    told = tomllib.loads(compose(Attached(things, [], []), lambda _, guess: guess))
    assert told["monitors"]["ppk2"] == {"driver": "ppk2", "serial": "PPK", "port": "/dev/a"}
    assert told["monitors"]["joulescope"] == {"driver": "joulescope"}
    assert told["boards"]["serial"] == {"board": "serial", "port": "/dev/c"}


def test_what_is_proposed_makes_a_bench_file(tmp_path: Path) -> None:
    """--yes: a port that no board is known to show as is left out; equal names are numbered."""
    twins = [*THINGS, Thing(usb="0483:374b", serial=OTHER, ports=["/dev/x"], boards=["serial"])]
    text = compose(Attached(twins, [], []), lambda _, guess: guess)
    store(tmp_path / "bench.toml", text)
    bench = load_bench(tmp_path / "bench.toml")
    assert {name: desk.serial for name, desk in bench.boards.items()} == {
        "serial": NUCLEO,
        "serial-2": OTHER,
    }
    assert sorted(bench.monitors) == ["joulescope", "lpm01a"]


def test_an_answer_that_cannot_be_is_asked_for_again() -> None:
    """A board there is none of, a name that is no key, taken, or another board's."""
    asked = []

    def ask(question: str, guess: str) -> str:
        asked.append(question)
        return words.pop(0) or guess

    words = ["", "bord", "serial", "a b", "host", "lpm01a", "left", "none", "-"]
    text = compose(Attached(THINGS[:2], [], []), ask)
    assert words == []
    assert tomllib.loads(text)["boards"] == {
        "left": {"board": "serial", "serial": NUCLEO, "hub": "1-1:4"}
    }
    assert [question.split(" is ")[0] for question in asked if " is " in question][1:] == [
        "'bord'",
        "'a b'",
        "'host'",
        "'lpm01a'",
        "'none'",
    ]


@pytest.mark.parametrize("things", [[], [Thing(usb="0d28:0204", probe="DAPLink")]])
def test_with_nothing_to_name_no_file_is_written(things: list[Thing]) -> None:
    """It is said what to do."""
    with pytest.raises(UsageError, match="nothing is attached"):
        compose(Attached(things, [], []), lambda _, guess: guess)
    with pytest.raises(UsageError, match="nothing was named"):
        compose(FOUND, lambda *_: "-")


@given(st.text())
def test_any_text_is_a_toml_string(text: str) -> None:
    """Serial numbers hold what somebody wrote into an EEPROM."""
    assert tomllib.loads(f"a = {quoted(text)}")["a"] == text


def test_half_a_surrogate_is_written_as_something_that_can_be_read() -> None:
    """It could not be found again by it, but the file is a file."""
    assert tomllib.loads(f"a = {quoted('A' + chr(0xD800))}")["a"] == "A?"


class Terminal(io.StringIO):
    """Answers as if typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, with a board attached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYBENCH_BENCH", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ports = [serial_port("/dev/ttyACM0", "0483:374b", "\x1b[2J" + NUCLEO, "1-1:1.2")]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    monkeypatch.setattr(attached, "usb_devices", lambda: ([], ""))
    monkeypatch.setattr(attached, "boards_by_usb", lambda: {"0483:374b": ["serial"]})
    return tmp_path


def test_a_bench_file_is_asked_for_written_shown_and_not_overwritten(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tinybench bench init`, then `tinybench bench`; the serial number steers no terminal."""
    monkeypatch.setattr("sys.stdin", Terminal("serial\nleft\n"))
    assert cli.main(["bench", "init"]) == 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert load_bench(desk / "bench.toml").boards["left"].serial == "\x1b[2J" + NUCLEO
    assert cli.main(["bench"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(str(desk / "bench.toml"))
    assert "[boards.left]" in told
    assert "\x1b" not in told
    assert cli.main(["bench", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["boards"]["left"]["board"] == "serial"
    before = (desk / "bench.toml").read_bytes()
    for typed, words in (("\n", []), ("no\n", []), ("", []), ("", ["--yes"])):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        assert cli.main(["bench", "init", *words]) == 2
        assert (desk / "bench.toml").read_bytes() == before
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", Terminal("yes\nserial\nright\n"))
    assert cli.main(["bench", "init"]) == 0
    assert list(load_bench(desk / "bench.toml").boards) == ["right"]


def test_without_a_terminal_nothing_is_asked(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--yes says that every proposal is taken."""
    monkeypatch.setattr("sys.stdin", io.StringIO("serial\nleft\n"))
    assert cli.main(["bench", "init"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert cli.main(["bench"]) == 2
    assert "tinybench bench init" in capsys.readouterr().err
    assert cli.main(["bench", "init", "--yes", "--user"]) == 0
    assert cli.main(["bench"]) == 0
    assert capsys.readouterr().out.startswith(str(desk / "config" / "tinybench" / "bench.toml"))


def test_a_bench_file_that_cannot_be_written_is_named(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is a file; nothing is left behind."""
    (desk / "file").touch()
    assert cli.main(["bench", "init", "--yes", "--out", str(desk / "file" / "bench.toml")]) == 2
    assert f"cannot write {desk / 'file' / 'bench.toml'}" in capsys.readouterr().err
