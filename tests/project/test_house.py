"""The house is as it is drawn, no part of it too large, and all of it packed."""

import fnmatch
import itertools
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import ROOT
from tests.project import house
from tests.project.rooms import FLOORS, MODULES, PACKAGES, SOURCES, module_of, purpose, rooms_below

PRODUCT = ("tinybench", "datasets", "energy", "firmware", "models", "runner")
CORRIDOR = {"__init__.py", "__main__.py", "api.py", "pytest_plugin.py", "zoo.py"}
APART = {"bench", "docs", "emulated", "faults", "ground", "hardware", "link", "project"}
"""Folders of tests/ that belong to no one folder of the product; `ground` is of tinybench/."""
LINES_MAX = 500
FILES_MAX = 18
SHARE_MAX = 0.2
SVG = "{http://www.w3.org/2000/svg}"


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


# The picture and the page.


def test_the_picture_is_that_of_the_imports() -> None:
    """After a change of rooms, of their docstrings or of who imports whom: make map."""
    assert house.PICTURE.read_text(encoding="utf-8") == house.draw()


def test_the_page_names_every_room_with_its_purpose() -> None:
    """After a change of a docstring: make map."""
    text = house.PAGE.read_text(encoding="utf-8")
    assert house.table() in text
    assert house.page(text) == text


def test_no_arrow_goes_up() -> None:
    """Each begins below its room and falls until it ends on top of another."""
    drawn = ElementTree.fromstring(house.PICTURE.read_text(encoding="utf-8"))  # noqa: S314
    groups = drawn.findall(f"{SVG}g")
    assert sorted((g.attrib["data-from"], g.attrib["data-to"]) for g in groups) == house.arrows()
    for group in groups:
        assert FLOORS[group.attrib["data-from"]] > FLOORS[group.attrib["data-to"]]
        path = group.findall(f"{SVG}path")[0].attrib["d"]
        heights = [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]
        assert len(heights) >= 4
        assert heights == sorted(heights)


def test_the_arrows_that_are_left_out_can_be_followed() -> None:
    """A room reaches by arrows all that it imports, and nothing that it does not stand on."""
    drawn = house.arrows()

    def reached(room: str) -> set[str]:
        near = {target for start, target in drawn if start == room}
        return near.union(*map(reached, near))

    for room, near in rooms_below().items():
        assert near <= reached(room) == house.below(room)


def test_rooms_and_words_stand_within_the_picture() -> None:
    """No box beside another's, no line of text longer than its box."""
    for floor in house.boxes(house.floors(house.arrows())):
        spans = sorted((box.left, box.right) for box in floor.values())
        assert spans[0][0] >= house.MARGIN
        assert spans[-1][1] <= house.WIDTH - house.MARGIN + 1e-6
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


# Sizes.


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_a_person_reads(path: Path) -> None:
    """At most 500 lines of Python."""
    assert _lines(path) <= LINES_MAX


def test_no_folder_holds_more_files_than_a_person_sees() -> None:
    """At most 18 files of Python in one."""
    files = Counter(path.parent for path in SOURCES)
    assert {str(folder): n for folder, n in files.items() if n > FILES_MAX} == {}


def test_no_package_holds_more_than_a_fifth_of_the_code() -> None:
    """Each with its own files; a room of runner/ with the packages in it, too."""
    lines: Counter[str] = Counter()
    for path in SOURCES:
        package = (
            module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
        )
        lines[package] += _lines(path)
        parts = package.split(".")
        if parts[1:2] == ["runner"]:
            lines.update({".".join(parts[:n]): _lines(path) for n in range(3, len(parts))})
    whole = sum(_lines(path) for path in SOURCES)
    assert {p: n for p, n in lines.items() if n > SHARE_MAX * whole} == {}
    assert lines["tinybench.runner.report"] > lines["tinybench.runner.report.page"] > 0


# Rooms and packages.


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_says_what_it_is_for(package: str) -> None:
    """In the first line of its docstring: one sentence, which the picture and the page show."""
    words = purpose(package)
    assert re.fullmatch(r"[A-Z].{15,96}\.", words), words


def test_on_the_corridor_are_only_doors() -> None:
    """What stands in runner/ itself is called from outside; all else is in a room."""
    files = {path.name for path in (ROOT / "runner").iterdir() if path.is_file()}
    assert files <= CORRIDOR


def test_every_folder_with_python_is_a_package_of_the_distribution() -> None:
    """A folder that is not listed would be missing in the wheel."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for name in PRODUCT for path in (ROOT / name).rglob("*.py")}
    assert sorted(listed) == sorted(map(module_of, (folder / "__init__.py" for folder in folders)))
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    """Boards, tasks, rules, kernels, embedded sets: what is in the folders is in the wheel."""
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools 77, which builds the wheel, is not installed")
    copy = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PRODUCT:
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--wheel-dir",
            str(tmp_path),
            str(copy),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    packed = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    files = [path for name in PRODUCT for path in (copy / name).rglob("*") if path.is_file()]
    names = {path.relative_to(copy).as_posix() for path in files}
    wanted = {n if n.startswith("tinybench/") else f"tinybench/{n}" for n in names}
    assert packed == wanted


# Tests stand where what they test stands.


def test_every_folder_of_tests_is_one_of_the_product() -> None:
    """tests/energy/ for energy/, tests/runner/desk/ for runner/desk/; or it is named above."""
    tests = ROOT / "tests"
    for path in sorted(tests.rglob("test_*.py")):
        folder = path.parent.relative_to(tests)
        assert folder.parts, f"{path.name}: in which folder is what it tests?"
        assert folder.parts[0] in APART or (ROOT / folder).is_dir(), path
    assert {path.name for path in tests.iterdir() if path.is_dir()} >= APART


def test_every_module_is_in_a_package() -> None:
    """Or it could not be imported from the wheel."""
    assert all(module.rpartition(".")[0] in {*PACKAGES, ""} for module in MODULES)


def test_no_folder_of_tests_is_passed_over(pytestconfig: pytest.Config) -> None:
    """A room may have a name that pytest by default takes for no folder of tests, such as build."""
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = {part for folder in folders for part in folder.relative_to(ROOT).parts}
    assert "build" in names
    assert [n for n in names if any(fnmatch.fnmatch(n, pattern) for pattern in passed_over)] == []
