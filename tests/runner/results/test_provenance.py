"""Where a result comes from: working trees, packages, the serial number behind a port."""

import os
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


HOSTILE = """\
[core]
    fsmonitor = {program}
    hooksPath = {hooks}
    pager = {program}
    sshCommand = {program}
    editor = {program}
    askPass = {program}
    gitProxy = {program}
[pager]
    status = {program}
[alias]
    status = !{program}
    rev-parse = !{program}
[diff]
    external = {program}
[diff "x"]
    textconv = {program}
[credential]
    helper = !{program}
[filter "x"]
    clean = {program}
    smudge = {program}
    process = {program}
    required = true
[filter "a=b.clean=c"]
    clean = {program}
    required = true
"""


def test_no_program_of_a_repository_is_run(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its monitor, hooks, filters, pager, aliases; git by itself runs those this test plants."""
    folder = tmp_path_factory.mktemp("hostile")
    mark, program = folder / "mark", folder / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {mark}\ncat\n')
    program.chmod(0o755)
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        (folder / hook).symlink_to(program)
    (tree / "other").write_text("x")
    (tree / ".gitattributes").write_text("file filter=x diff=x\nother filter=a=b.clean=c\n")
    _git(tree, "add", ".")
    _git(tree, "commit", "-qm", "second")
    with (tree / ".git" / "config").open("a") as config:
        config.write(HOSTILE.format(program=program, hooks=folder))
    (tree / ".git" / "info" / "attributes").write_text("* filter=x\nother filter=a=b.clean=c\n")
    for name in ("file", "other"):  # as long as before: whether it differs takes its bytes
        (tree / name).write_text((tree / name).read_text())
        os.utime(tree / name, (1, 1))
    found = git(tree)
    assert found is not None
    assert not found.dirty
    (tree / "file").write_text("2")
    found = git(tree)
    assert found is not None
    assert found.dirty
    assert not mark.exists()
    subprocess.run(["git", "status"], cwd=tree, check=False, capture_output=True)
    assert mark.exists()


def test_a_partial_clone_fetches_nothing(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An object that is not there would be had by a program of the repository's choice."""
    folder = tmp_path_factory.mktemp("hostile")
    mark, program = folder / "mark", folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    _git(tree, "config", "core.repositoryFormatVersion", "1")
    _git(tree, "config", "extensions.partialClone", "origin")
    _git(tree, "config", "remote.origin.url", str(folder))
    _git(tree, "config", "remote.origin.promisor", "true")
    _git(tree, "config", "remote.origin.uploadPack", str(program))
    tree_object = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"], cwd=tree, check=True, capture_output=True, text=True
    ).stdout.strip()
    (tree / ".git" / "objects" / tree_object[:2] / tree_object[2:]).unlink()
    git(tree)
    assert not mark.exists()
    subprocess.run(["git", "status"], cwd=tree, check=False, capture_output=True)
    assert mark.exists()
