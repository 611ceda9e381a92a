"""The files of docs/exports.md are true to the interfaces that they name, and run."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.docs.blocks import DOCS, Block, blocks

STAND_INS = Path(__file__).parent / "exports"
STRICT = ["-Wall", "-Wextra", "-Werror", '-DTB_MODEL_ID="m1"', f"-I{ROOT / 'firmware' / 'core'}"]
TIMEOUT_S = 60


def titled() -> dict[str, Block]:
    """Return the files that the page shows, by name."""
    found = blocks((DOCS / "exports.md").read_text(encoding="utf-8"))
    return {block.title: block for block in found if block.title is not None}


ENGINES = sorted(name for name in titled() if "/engine.c" in name)


@pytest.mark.parametrize("name", ENGINES)
def test_an_export_runs_behind_the_file_of_its_page(name: str, tmp_path: Path) -> None:
    """Compiled with all warnings as errors against a stand-in of its headers; it adds one."""
    tool = name.partition("/")[0]
    (tmp_path / "ends.h").write_text(titled()["ends.h"].text)
    (tmp_path / "model_pte.inc").write_text("1, 2, 3")
    engine = tmp_path / Path(name).name
    engine.write_text(titled()[name].text)
    for header in re.findall(r'#include ["<]([\w/.]+\.h(?:pp)?)[">]', engine.read_text()):
        if header not in ("ends.h", "model.h"):
            (tmp_path / header).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / header).write_text(f'#include "{STAND_INS / tool}.h"\n')
    compiler = ["g++", "-std=c++17"] if engine.suffix == ".cc" else ["gcc", "-std=c11"]
    firmware = ["-fno-exceptions", "-fno-rtti"] if engine.suffix == ".cc" else []
    _run([*compiler, *firmware, *STRICT, "-I.", "-c", engine.name, "-o", "engine.o"], tmp_path)
    _run(["gcc", *STRICT, "-c", str(STAND_INS / "drive.c"), "-o", "drive.o"], tmp_path)
    _run([compiler[0], "engine.o", "drive.o", "-o", "program"], tmp_path)
    printed = _run(["./program"], tmp_path)
    after = " ".join(f"{(byte + 1 + 128) / 256:.3f}" for byte in (7, *range(1, 12)))
    assert printed == f"0.000 {after} 0 1\n"


def test_each_export_says_what_is_compiled() -> None:
    """Beside each file that calls an export there is an engine.mk that names it."""
    page = titled()
    assert len(ENGINES) == 7
    for name in ENGINES:
        made = page[f"{name.partition('/')[0]}/engine.mk"].text
        assert f"ENGINE_SOURCES := {Path(name).name}" in made


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
