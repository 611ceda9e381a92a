"""What is advised for a missing package can be typed, and installs beside the Python that asked."""

import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from tests import ROOT
from tests.project.rooms import SOURCES
from tinybench import extras

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN_PIP = f"{shlex.quote(sys.executable)} -m pip"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of the user's, with another Python's pip on PATH."""
    (tmp_path / "pip").write_text("#!/bin/sh\n")
    (tmp_path / "pip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_in_a_checkout_the_extra_comes_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path from elsewhere; short where that means the same."""
    assert extras.command("data") == f"{OWN_PIP} install -e {shlex.quote(f'{ROOT}[data]')}"
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    wanted = "pip" if shutil.which("pip") else OWN_PIP
    assert extras.command("data") == f"{wanted} install -e '.[data]'"


@pytest.mark.parametrize("extra", sorted(EXTRAS.keys() - {"dev", "test"}))
def test_beside_a_wheel_it_is_what_the_extra_requires(
    extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As pyproject.toml has them, markers too: one word of the shell each."""
    monkeypatch.setattr(extras, "ROOT", tmp_path)
    words = shlex.split(extras.command(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]

    def plain(line: str) -> str:
        name, _, marker = line.replace('"', "'").replace(" ", "").partition(";")
        listed = re.fullmatch(r"(.*)\[(.*)\]", name)  # the order of extras means nothing
        named = f"{listed[1]}[{sorted(listed[2].split(','))}]" if listed else name
        return f"{named};{marker}"

    assert sorted(map(plain, words[4:])) == sorted(map(plain, EXTRAS[extra]))


def test_an_extra_that_is_none_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is not passed over."""
    monkeypatch.setattr(extras, "ROOT", tmp_path)
    with pytest.raises(KeyError):
        extras.command("no-such-extra")


def test_nowhere_is_advised_what_no_index_has() -> None:
    """Code, docstrings and pages name the extra by what works."""
    wrong = re.compile(r"install [^\n]*tinybench-mcu\[")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *SOURCES]
    found = [path for path in pages if wrong.search(path.read_text(encoding="utf-8"))]
    assert found == [ROOT / "tinybench" / "extras.py"]


def test_every_extra_that_is_asked_for_is_one_of_the_project() -> None:
    """A renamed extra takes its advice along."""
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    asked = re.findall(r'extras\.(?:missing|command)\([^()]*?"([\w-]+)"\s*,?\s*\)', text)
    assert set(asked) <= set(EXTRAS)
    assert len(asked) >= 8
