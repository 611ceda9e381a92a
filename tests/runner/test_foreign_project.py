"""A project of others that installs the wheel: mypy and pyright know the types of the door."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

PROGRAM = """\
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import pandas as pd
import tinybench

outcome = tinybench.run(board="host", task="kws", limit=50, out=Path("x"), progress=False)
assert_type(outcome, tinybench.Outcome)
assert_type(outcome.verdict.valid, bool)
assert_type(outcome.folder, Path)
accuracy = outcome.result.accuracy
assert accuracy is not None
assert_type(accuracy.top1, float | None)
assert_type(tinybench.run_all(board="host"), Iterator[tinybench.Outcome])
assert_type(tinybench.summary(outcome).latency_s, float | None)
assert_type(tinybench.load_runs("runs"), pd.DataFrame)
assert_type(tinybench.trace(outcome), Iterator[pd.DataFrame])
assert_type(tinybench.__version__, str)
try:
    tinybench.check("run")
except tinybench.errors.TinybenchError as error:
    assert_type(error.exit_status, int)
"""
WRONG = """\
import tinybench

tinybench.run(tsak="kws")
tinybench.run(task="kws", mode="fast")
tinybench.summary(tinybench.check("run")).latency
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an environment of its own, which holds the wheel beside our dependencies."""
    folder = tmp_path_factory.mktemp("project")
    source = folder / "source"
    source.mkdir()
    archive = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in archive.stdout.split("\0"):
        if name and not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation",
         "--no-index", "-w", str(folder), str(source)],
        check=True, timeout=120,
    )  # fmt: skip
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env").glob("lib/python3*/site-packages")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)  # our own
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "right.py").write_text(PROGRAM)
    (folder / "wrong.py").write_text(WRONG)
    return folder


def _checked(project: Path, checker: str, program: str) -> tuple[int, str]:
    python = str(project / "env" / "bin" / "python")
    words = {
        "mypy": [sys.executable, "-m", "mypy", "--strict", "--python-executable", python],
        "pyright": [sys.executable, "-m", "basedpyright", "--pythonpath", python],
    }
    done = subprocess.run(
        [*words[checker], program], cwd=project, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_wheel_holds_the_ground_and_says_it_is_typed(project: Path) -> None:
    """The mapped folders come together as one package."""
    (wheel,) = project.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    for name in ("py.typed", "errors.py", "transport/__init__.py", "runner/api.py"):
        assert f"tinybench/{name}" in names


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types_of_the_door_are_precise(project: Path, checker: str) -> None:
    """What is returned is known, and a wrong word, value or field is found before it is run."""
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    status, said = _checked(project, checker, "right.py")
    assert status == 0, said
    status, said = _checked(project, checker, "wrong.py")
    assert status == 1, said
    for line in (3, 4, 5):
        assert f"wrong.py:{line}:" in said, said
