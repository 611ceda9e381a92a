"""Where a result comes from: working trees, packages, the serial number behind a port."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinybench.runner.results import provenance
from tinybench.runner.results.provenance import board_serial, gather, git


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A working tree with one commit."""
    _git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    _git(tmp_path, "add", "file")
    _git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree_is_its_commit(tree: Path) -> None:
    """From any folder in it; files that git does not know, such as run folders, change nothing."""
    (tree / "runs").mkdir()
    (tree / "runs" / "result.json").write_text("{}")
    found = git(tree / "runs")
    assert found is not None
    assert len(found.commit) == 40
    assert not found.dirty


def test_a_changed_tree_is_dirty(tree: Path) -> None:
    """A file that differs from the commit, in the index or not."""
    (tree / "file").write_text("2")
    found = git(tree)
    assert found is not None
    assert found.dirty


def test_no_tree_and_no_git_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not depend on git."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git(tmp_path / "empty") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(tmp_path) is None
    assert gather("0" * 64, []).project_git is None


def test_the_serial_number_is_that_of_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also through a link such as /dev/serial/by-id; a remote or unknown port has none."""
    port = tmp_path / "ttyACM0"
    port.touch()
    (tmp_path / "by-id").symlink_to(port)
    there = [
        SimpleNamespace(device=str(port), serial_number="0669FF"),
        SimpleNamespace(device=str(tmp_path / "ttyS0"), serial_number=None),
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: there)
    assert board_serial(str(port)) == "0669FF"
    assert board_serial(str(tmp_path / "by-id")) == "0669FF"
    assert board_serial(str(tmp_path / "ttyS0")) == ""
    assert board_serial("rfc2217://bench:4000") == ""
    assert gather("0" * 64, [str(port)]).board_serials == ["0669FF"]


def test_the_packages_are_those_that_decide_a_result() -> None:
    """What the distribution depends on, none of its extras."""
    packages = gather("0" * 64, []).packages
    assert {"msgspec", "numpy", "tflite"} <= set(packages)
    assert "pytest" not in packages
    assert provenance.DISTRIBUTION not in packages
