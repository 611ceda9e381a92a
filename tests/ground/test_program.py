"""What programs say: any bytes, or nothing."""

from pathlib import Path

import pytest

from tinybench.errors import BuildError
from tinybench.models.declaration import package_folder
from tinybench.program import ask, first_line
from tinybench.runner.build import firmware
from tinybench.runner.build.board import load_board
from tinybench.runner.build.task import load_task
from tinybench.transport.process import program_version


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_bytes_that_are_no_text_are_spelt_out(tmp_path: Path) -> None:
    """On both ways out; the exit status is told."""
    _program(tmp_path / "p", "printf 'a\\377\\r\\nb'; printf '\\200' >&2; exit 7")
    assert ask([str(tmp_path / "p")], 20) == (7, "a\\xff\nb", "\\x80")


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("", "unknown"),
        ("echo", "unknown"),
        ("printf '\\n\\n  qemu 1\\n'", "qemu 1"),
        ("printf '\\377'", "\\xff"),
        ("exit 1", "unknown"),
    ],
)
def test_a_version_is_what_is_said_first(
    script: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or unknown."""
    _program(tmp_path / "emulator", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert program_version("emulator") == version
    assert first_line("") == "unknown"


@pytest.mark.parametrize(
    ("program", "script", "said"),
    [
        ("size", "printf '\\377'", "size says no sizes of firmware.elf"),
        ("size", "", "size says no sizes of firmware.elf"),
        ("size", "printf '\\377' >&2; exit 1", r"failed with exit status 1: \\xff"),
        ("make", "printf '\\377'; exit 2", r"make says:\n    \\xff"),
    ],
)
def test_a_build_fails_with_words(
    program: str, script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its programs say."""
    (tmp_path / "bin").mkdir()
    _program(tmp_path / "bin" / program, script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "cache"))
    model = package_folder() / "embedded" / "kws01.tflite"
    with pytest.raises(BuildError, match=said):
        firmware.build(load_board("host"), load_task("kws"), model)
