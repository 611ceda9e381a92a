"""On systems that are no Linux: what needs no emulator works without the modules of POSIX.

No Windows and no macOS is at hand. What they lack is taken away from a Python process before it
imports tinybench: the modules, `select.poll`, and `os.name`. What a Windows has in their place is
there: a lock that ends with its process (filelock, imported before), and `os.O_TEMPORARY`.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.audit import trees
from tests.runner.desk.desk_board import FLASH, desk_board
from tinybench import install
from tinybench.runner.build.board import load_board
from tinybench.runner.desk.attached import Thing, thing_at
from tinybench.runner.desk.lock_keys import port_key
from tinybench.runner.desk.locks import hold
from tinybench.transport import serial_port
from tinybench.transport.usb_ports import one_name

PRELUDE = """\
import ctypes, getpass, os, pathlib, select, sys, tempfile
import filelock, numpy, pandas, platformdirs.unix, requests
import serial, serial.tools.list_ports, usb.core
for name in ("fcntl", "termios", "pty", "tty", "grp", "pwd", "resource"):
    sys.modules[name] = None
del select.poll, os.getuid, os.geteuid, os.getpgrp, os.tcgetpgrp, os.O_NOFOLLOW
pathlib.WindowsPath = pathlib.PosixPath
os.environ["USERNAME"] = "somebody"
os.O_TEMPORARY = 0
os.name = "nt"
from tinybench.runner.cli import main
sys.exit(main(sys.argv[1:]))
"""
PROFILE = """\
name = "moment"
title = "as little as can be judged"
source = "these tests"
accuracy_inputs = 10
window_min_s = 0.02
"""


def _there(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as it would run on a Windows."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRELUDE, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def run_there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a board on a port, made without the modules of POSIX."""
    folder = tmp_path_factory.mktemp("there")
    (folder / "moment.toml").write_text(PROFILE)
    done = subprocess.run(
        [*_tinybench(), "--board", "host", "--task", "kws", "--profile", "moment.toml",
         "--mode", "accuracy", "--out", "here", "-q"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / FLASH).write_bytes((folder / "here" / "firmware.elf").read_bytes())
    (folder / FLASH).chmod(0o755)
    with desk_board(folder) as port:
        with hold({port_key(port, []): port}, 0, print):
            pass  # an earlier run on this port, whose lock file stays
        done = _there(
            folder, "--port", port, "--task", "kws", "--profile", "moment.toml",
            "--mode", "accuracy", "--no-flash", "--out", "run",
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _tinybench() -> list[str]:
    return [sys.executable, "-m", "tinybench.runner"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "run", "--rules"], "valid under profile moment"),
        (["report", "run", "--to", "html"], "<!DOCTYPE html>"),
        (["compare", "run", "run", "--fail-on", "accuracy<-0.5pt"], "gates passed: 1 of 1"),
        (["results", "."], "moment"),
        (["monitors"], "no energy monitor is attached"),
        (["boards", "--attached"], ""),
    ],
)
def test_a_run_on_a_port_is_made_judged_and_shown(
    run_there: Path, words: list[str], said: str
) -> None:
    """The run itself is the fixture; then each command on its folder."""
    done = _there(run_there, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said.lower() in done.stdout.lower()
    assert "Traceback" not in done.stderr


def test_a_published_tree_is_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same checks; a broken rule has status 1 there, too, on a second use of the cache."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))  # nothing is fetched
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "cache"))
    folder = trees.task_folder(tmp_path / "tree")
    trees.accuracy(folder / "accuracy", wrong=2)
    trees.performance(folder / "performance")
    for _ in range(2):
        done = _there(tmp_path, "audit", "tree")
        assert done.returncode == 1, done.stderr
        assert "missing-inputs" in done.stdout
        assert "Traceback" not in done.stderr


def test_an_emulated_board_says_where_it_can_be_run(tmp_path: Path) -> None:
    """One line, status 2: within WSL, or a real board on a port."""
    done = _there(tmp_path, "--board", "host", "--task", "kws", "--profile", "quick")
    assert done.returncode == 2, done.stderr
    assert "WSL" in done.stderr
    assert "--port COM3" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("com3", "COM3"),
        (r"\\.\COM12", "COM12"),
        ("COM3:", "COM3"),
        ("/dev/tty.usbmodem14101", "/dev/cu.usbmodem14101"),
        ("/dev/cu.usbmodem14101", "/dev/cu.usbmodem14101"),
        ("socket://com3:1", "socket://com3:1"),
    ],
)
def test_a_port_has_one_name_however_it_is_written(port: str, name: str) -> None:
    """So two runs of one board lock the same, and its serial number is found."""
    assert one_name(port) == name
    assert port_key(port, []) == name
    thing = Thing(usb="0483:374b", product="x", serial="066A", ports=[name], location="")
    if "://" not in port:
        assert thing_at(port, [thing]) == thing
        assert port_key(port, [thing]) == "serial 066A"


def test_what_pyserial_says_of_windows_becomes_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives words without a number: a port that is not there, and one that another has."""
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(sys, "platform", "win32")
    gone = OSError("could not open port 'COM9': FileNotFoundError(2, 'not found', None, 2)")
    held = OSError("could not open port 'COM3': PermissionError(13, 'Access denied', None, 5)")
    assert serial_port._refusal("COM9", gone).startswith("there is no port COM9; ")
    assert serial_port._refusal("COM3", held).startswith("COM3 is held by another program. Close")
    assert "sudo" not in serial_port._refusal("COM3", OSError(errno.EACCES, "denied"))


def test_what_is_missing_is_installed_by_the_means_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """apt on Debian, Homebrew on macOS where it has it, WSL on Windows."""
    assert install.command("qemu-system-arm") == "sudo apt-get install qemu-system-arm"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert install.command("qemu-system-arm") == "brew install qemu"
    assert install.command("gcc-arm-none-eabi libnewlib-arm-none-eabi") == (
        "brew install --cask gcc-arm-embedded"
    )
    assert install.command("picolibc-riscv64-unknown-elf").startswith("within a Linux")
    monkeypatch.setattr(os, "name", "nt")
    assert install.command("make") == "within WSL (docs/platforms.md): sudo apt-get install make"


def test_a_real_board_is_not_taken_for_a_child_process() -> None:
    """What has a port needs no emulator, on any system."""
    assert load_board("serial").emulator is None
