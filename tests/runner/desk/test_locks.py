"""Locks: real processes that want the same board."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.desk.plugged import NUCLEO
from tinybench.energy.monitor import MonitorSpec
from tinybench.errors import TakenError, UsageError
from tinybench.runner.desk.attached import Attached, Thing
from tinybench.runner.desk.bench import Bench, DeskBoard, DeskPort
from tinybench.runner.desk.lock_keys import locked_by, monitor_keys, port_key
from tinybench.runner.desk.locks import hold, lock_folder
from tinybench.runner.results.request import Request

KEYS = {f"serial {NUCLEO}": "the board at /dev/ttyACM0"}
HOLDING = """\
import sys, time
from pathlib import Path
from tinybench.runner.desk.locks import hold
def say(words):
    print(words, flush=True)
with hold({sys.argv[1]: "the board"}, float(sys.argv[2]), say) as tell:
    tell(Path("runs/theirs"))
    say("held")
    sys.stdin.read()
"""
TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks for each test."""
    monkeypatch.setenv("TINYBENCH_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


@contextlib.contextmanager
def other(key: str, wait_s: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    """Another process that wants a lock and keeps it until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, key, str(wait_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line of another process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def silent(words: str) -> None:
    """Expect nothing to be said."""
    raise AssertionError(words)


def test_a_second_run_is_told_at_once_who_has_the_board() -> None:
    """Process, user, computer, since when, command and run folder."""
    (key,) = KEYS
    with other(key) as process:
        assert said(process) == "held"
        with pytest.raises(TakenError) as error, hold(KEYS, 0.0, silent):
            pytest.fail("two have it")
    words = str(error.value)
    assert words.startswith("the board at /dev/ttyACM0 is taken by process ")
    for word in (f"process {process.pid} of ", " on ", "since 20", "runs/theirs", "--wait 10m"):
        assert word in words
    assert error.value.exit_status == 3


def test_a_killed_run_leaves_the_board_free() -> None:
    """kill -9: the system lets go of the lock, and nobody is told of the dead."""
    (key,) = KEYS
    with other(key) as process:
        assert said(process) == "held"
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)
        with hold(KEYS, 0.0, silent) as tell:
            tell(Path("runs/mine"))
            with pytest.raises(TakenError, match=f"process {os.getpid()} of .*runs/mine"):
                hold(KEYS, 0.0, silent).__enter__()


def test_a_run_that_waits_says_so_and_goes_on_when_the_board_is_free() -> None:
    """--wait."""
    (key,) = KEYS
    with other(key) as first:
        assert said(first) == "held"
        with other(key, wait_s=TIMEOUT_S) as second:
            assert said(second).startswith(
                f"waiting up to {TIMEOUT_S} s for the board, taken by process {first.pid} of"
            )
            assert second.poll() is None
            first.communicate()
            assert said(second) == "held"


def test_a_run_that_waits_in_vain_ends_with_who_has_it() -> None:
    """The deadline is for all it wants together."""
    words = []
    (key,) = KEYS
    with other(key) as process:
        assert said(process) == "held"
        with pytest.raises(TakenError, match=f"within 0 s; it is taken by process {process.pid}"):
            hold(KEYS, 0.2, words.append).__enter__()
    assert len(words) == 1


def test_of_many_that_race_one_has_it_at_a_time(tmp_path: Path) -> None:
    """Each notes when it has the lock and when it lets go; no two overlap."""
    racing = (
        "import os, sys, time\n"
        "from tinybench.runner.desk.locks import hold\n"
        "for _ in range(5):\n"
        "    with hold({'a': 'a', 'b': 'b'}, 60.0, lambda words: None):\n"
        "        os.open(sys.argv[1], os.O_CREAT | os.O_EXCL)\n"
        "        time.sleep(0.005)\n"
        "        os.unlink(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", racing, str(tmp_path / "one at a time")]
    racers = [subprocess.Popen(command) for _ in range(4)]
    try:
        assert [racer.wait(TIMEOUT_S) for racer in racers] == [0] * 4
    finally:
        for racer in racers:
            racer.kill()


def test_two_runs_that_want_two_things_do_not_wait_for_each_other(locks: Path) -> None:
    """What was taken before the one that another run has is given back."""
    with other("b") as process:
        assert said(process) == "held"
        with pytest.raises(TakenError):
            hold({"b": "b", "a": "a"}, 0.0, silent).__enter__()
        with hold({"a": "a"}, 0.0, silent):
            pass
    assert not list(locks.glob("a-*.json"))


def test_a_folder_of_locks_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a lock there is no run on a board, and it is said what to do."""
    (tmp_path / "a file").touch()
    for folder in (tmp_path / "a file" / "locks", Path("/proc/locks")):
        monkeypatch.setenv("TINYBENCH_LOCKS", str(folder))
        with pytest.raises(UsageError, match=r"TINYBENCH_LOCKS=FOLDER") as error:
            hold(KEYS, 0.0, silent).__enter__()
        assert str(folder) in str(error.value)


def test_a_full_disk_takes_no_lock_away(locks: Path) -> None:
    """Who has it cannot be written: others are told that, and kept apart all the same."""
    (key,) = KEYS
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + HOLDING
    with subprocess.Popen(
        [sys.executable, "-c", limited, key, "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert said(process) == "held"
        with pytest.raises(TakenError, match="which has not said more"):
            hold(KEYS, 0.0, silent).__enter__()
        process.kill()
    assert [file.suffix for file in locks.iterdir()] == [".lock"]


def test_garbage_beside_a_lock_is_not_believed(locks: Path) -> None:
    """Nor does it stop anybody."""
    (key,) = KEYS
    with other(key) as process:
        assert said(process) == "held"
        (told,) = locks.glob("*.json")
        assert json.loads(told.read_bytes())["pid"] == process.pid
        for garbage in (b"", b"{", b'{"pid": "\x1b"}', b"\xff"):
            told.write_bytes(garbage)
            with pytest.raises(TakenError, match="which has not said more"):
                hold(KEYS, 0.0, silent).__enter__()


@pytest.mark.parametrize(
    "key", ["", "/", "../../etc/passwd", "\x1b[2J", "a" * 5000, "\ud800", "\0", "serial ../x"]
)
def test_any_serial_number_makes_a_file_in_the_folder(key: str, locks: Path) -> None:
    """And different ones different files."""
    with hold({key: "one", key + "x": "two"}, 0.0, silent):
        files = list(locks.glob("*.lock"))
    assert len(files) == 2
    assert lock_folder() == locks
    assert all(len(file.name) < 100 for file in files)


def test_several_users_may_share_a_folder(locks: Path) -> None:
    """Whoever made the lock file, all may lock it."""
    with hold(KEYS, 0.0, silent):
        (file,) = locks.glob("*.lock")
        assert file.stat().st_mode & 0o666 == 0o666


def test_the_lock_is_that_of_the_serial_number_by_whatever_name_the_port_is_given(
    tmp_path: Path,
) -> None:
    """Symlinks lead to the same lock; a port without a number is locked by its real path."""
    device, plain = tmp_path / "ttyACM0", tmp_path / "ttyS0"
    device.touch()
    plain.touch()
    for name, target in (("by-id", device), ("mine", device), ("by-path", plain)):
        (tmp_path / name).symlink_to(target)
    things = [Thing(usb="0483:374b", serial=NUCLEO, ports=[str(device)]), Thing(ports=[str(plain)])]
    names = (str(device), str(tmp_path / "by-id"), str(tmp_path / "mine"))
    assert {port_key(name, things) for name in names} == {f"serial {NUCLEO}"}
    assert {port_key(str(name), things) for name in (plain, tmp_path / "by-path")} == {
        os.path.realpath(plain)
    }
    assert port_key("socket://bench:7000", things) == "socket://bench:7000"


def test_adapters_that_share_a_serial_number_do_not_share_a_lock() -> None:
    """Two cheap ones on one desk are two."""
    things = [Thing(serial="0001", ports=["/dev/ttyUSB0"]), Thing(serial="0001", ports=["/dev/x"])]
    assert port_key("/dev/ttyUSB0", things) != port_key("/dev/x", things)


def test_a_run_locks_board_probe_and_monitor() -> None:
    """The monitor only where it is used; an emulated board nothing at all."""
    things = [
        Thing(usb="0483:374b", serial=NUCLEO, ports=["/dev/ttyACM0"], probe="ST-LINK/V2-1"),
        Thing(usb="0483:5740", serial="LPM", ports=["/dev/ttyACM1"], monitor="lpm01a"),
    ]

    def keys(request: Request, monitor: MonitorSpec | None = None) -> set[str]:
        return set(locked_by(request, monitor, Bench(), lambda: Attached(things, [], [])))

    run = Request(board="x", task="kws", ports=("/dev/ttyACM0",), probe=NUCLEO)
    assert keys(run) == {f"serial {NUCLEO}"}
    apart = Request(board="x", task="kws", ports=("/dev/ttyACM0",), probe="OTHER")
    assert keys(apart) == {f"serial {NUCLEO}", "serial OTHER"}
    energy = Request(board="x", task="kws", mode="energy", ports=("/dev/ttyACM0",))
    monitor = MonitorSpec(driver="lpm01a")
    assert keys(energy, monitor) == {f"serial {NUCLEO}", "serial LPM"}
    assert keys(Request(board="mps2-an386", task="kws", mode="energy", monitor="modelled")) == set()
    assert monitor_keys(MonitorSpec(driver="replay", port="x.jls"), things) == {}
    for spec, key in (
        (MonitorSpec(driver="lpm01a", port="/dev/null"), "/dev/null"),
        (MonitorSpec(driver="otii"), "otii"),
        (MonitorSpec(driver="n6705", port="TCPIP0::h::INSTR"), "TCPIP0::h::INSTR"),
        (MonitorSpec(driver="ppk2", serial="PPK"), "serial PPK"),
    ):
        assert set(monitor_keys(spec, things)) == {key}


def test_the_board_behind_an_interface_board_is_locked_with_it() -> None:
    """Else another run could use its own port meanwhile."""
    bench = Bench(
        boards={
            "left": DeskBoard(board="serial", serial="LEFT", interface_board="between"),
            "plain": DeskBoard(board="serial", port="/dev/null", interface_board="between"),
            "right": DeskBoard(board="serial", serial="RIGHT", interface_board="other"),
            "free": DeskBoard(board="serial", serial="FREE"),
        },
        interface_boards={"between": DeskPort(serial="IF"), "other": DeskPort(serial="OTHER")},
    )
    things = [Thing(serial="IF", ports=["/dev/ttyUSB3"])]
    request = Request(board="serial", task="kws", mode="energy", ports=("/dev/ttyUSB3",))
    keys = locked_by(request, None, bench, lambda: Attached(things, [], []))
    assert set(keys) == {"serial IF", "serial LEFT", "/dev/null"}


@pytest.mark.soak
def test_many_that_are_killed_at_any_moment_never_share_a_board(tmp_path: Path) -> None:
    """Each notes itself while it has the lock; what it finds noted there is of the dead only."""
    noting = (
        "import os, random, sys, time\n"
        "from pathlib import Path\n"
        "from tinybench.runner.desk.locks import hold\n"
        "note = Path(sys.argv[1])\n"
        "def dead(pid):\n"
        "    try:\n"
        "        return not Path('/proc', pid, 'cmdline').read_bytes()\n"
        "    except OSError:\n"
        "        return True\n"
        "while True:\n"
        "    with hold({'a': 'a', 'b': 'b'}, 60.0, lambda words: None):\n"
        "        noted = note.read_text() if note.exists() else ''\n"
        "        assert not noted or dead(noted)\n"
        "        note.write_text(str(os.getpid()))\n"
        "        time.sleep(random.random() / 100)\n"
        "        note.write_text('')\n"
    )
    command = [sys.executable, "-c", noting, str(tmp_path / "note")]
    chance = random.Random(1)  # noqa: S311 - not a secret
    racers = [subprocess.Popen(command) for _ in range(4)]
    try:
        for _ in range(100):
            time.sleep(chance.random() / 5)
            assert [racer.poll() for racer in racers] == [None] * 4
            victim = racers.pop(chance.randrange(4))
            victim.kill()
            racers.append(subprocess.Popen(command))
    finally:
        for racer in racers:
            racer.kill()


def test_time_to_wait_is_written_as_people_write_it() -> None:
    """Seconds, minutes, hours; nonsense is refused."""
    from click import BadParameter

    from tinybench.runner.cli.options import duration

    assert [duration(text) for text in ("0", "90", "90s", "10m", "2h")] == [0, 90, 90, 600, 7200]
    for text in ("", "m", "-1", "1.5m", "10 m", "1d", "99999999999h", "²", "1m1s"):
        with pytest.raises(BadParameter):
            duration(text)
