"""What `make setup` does without root, and while pip works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT


def _make(target: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Call a target of the Makefile where no program is but those in `folder`, as a plain user."""
    return subprocess.run(
        [str(shutil.which("make")), "--no-print-directory", target, *words],
        cwd=ROOT,
        env={"PATH": str(folder), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with a shell, what the scripts call, and apt-get; `id` says that it is no root."""
    for name in ("sh", "env", "ls", "awk", "test", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    (tmp_path / "python3").symlink_to(sys.executable)
    for name, says in (("id", "1000"), ("apt-get", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_all_that_is_missing_is_said_in_one_line(bare: Path) -> None:
    """A user without root stops once: compilers, tools of the tests; then the emulators."""
    done = _make("packages-test", bare)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("    ")]
    packages = line.partition("--no-install-recommends ")[2].split()
    assert line.startswith("    sudo apt-get update && sudo apt-get install ")
    assert {"make", "gcc-arm-none-eabi"} <= set(packages)
    assert {"qemu-system-arm", "qemu-system-misc"} <= set(done.stdout.split())
    assert {"espeak-ng", "openocd", "gcc-riscv64-unknown-elf"} <= set(packages)
    assert len(packages) == len(set(packages))


def test_a_python_without_venv_is_one_of_them(bare: Path) -> None:
    """Debian's python3 has no ensurepip; it is known before the virtual environment is begun."""
    (bare / "python3").unlink()
    (bare / "python3").write_text("#!/bin/sh\nexit 1\n")
    (bare / "python3").chmod(0o755)
    done = _make("packages-train", bare, "BIN=nowhere")
    assert "python3-venv" in done.stderr
    assert "espeak-ng" in done.stderr


def test_a_target_for_users_says_what_it_is_for() -> None:
    """`make help` lists each, but for the steps of others."""
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    told = set(re.findall(r"^([a-z-]+):[^#\n]*## ", text, re.MULTILINE))
    assert targets - told == {"packages", "packages-test", "packages-train", "names"}


PIP = """\
import sys, time
assert sys.argv[1:4] == ["-m", "pip", "--disable-pip-version-check"]
print("Collecting numpy", flush=True)
time.sleep(0.3)
raise SystemExit({status})
"""


@pytest.mark.parametrize("status", [0, 3])
def test_pip_is_heard_of_while_it_works(status: int, tmp_path: Path) -> None:
    """What it is at, after a while; and on failure its own words, with its exit status."""
    source = (ROOT / ".ci" / "install").read_text()
    assert "EVERY_S = 10.0" in source
    script = tmp_path / "install"
    script.write_text(
        source.replace("EVERY_S = 10.0", "EVERY_S = 0.1").replace(
            "[sys.executable, ", f"[sys.executable, {str(tmp_path / 'pip.py')!r}, "
        )
    )
    (tmp_path / "pip.py").write_text(PIP.format(status=status))
    done = subprocess.run(
        [sys.executable, str(script), "data"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == status
    assert lines[0].startswith("installing what 'data' needs")
    assert re.fullmatch(r" *\d s  Collecting numpy", lines[1])
    assert ("pip failed" in done.stdout) == (status != 0)
