"""`tinybench doctor`: what is there, what is missing, and what to type."""

import json
from pathlib import Path

import pytest

from tinybench.runner import cli
from tinybench.runner.desk.doctor import examine


def test_what_is_installed_is_shown_with_its_version() -> None:
    """Python and tinybench are here, or nothing would run; required things come first."""
    findings = examine()
    here = {finding.name: finding.found for finding in findings}
    assert here["python"].startswith("3.")
    assert here["tinybench"]
    required = [finding.required for finding in findings]
    assert required == sorted(required, reverse=True)
    assert all(finding.remedy for finding in findings if finding.name != "tinybench")


def test_what_is_missing_is_said_with_the_line_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without programs on PATH a run is not possible: exit 2, in words and in JSON."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["doctor"]) == 2
    lines = capsys.readouterr().out.splitlines()
    (missing,) = (line for line in lines if "qemu-system-arm " in line)
    assert missing.startswith("MISSING")
    assert missing.endswith("sudo apt-get install qemu-system-arm")
    (absent,) = (line for line in lines if line.split()[1] == "clang")
    assert absent.startswith("absent")
    assert cli.main(["doctor", "--json"]) == 2
    found = {entry["name"]: entry["found"] for entry in json.loads(capsys.readouterr().out)}
    assert (found["make"], found["newlib for Arm"], found["picolibc for RISC-V"]) == ("", "", "")


def test_the_libraries_of_the_compilers_are_found() -> None:
    """Each compiler's C library is looked for where that compiler does."""
    found = {finding.name: finding.found for finding in examine()}
    assert found["newlib for Arm"].endswith("libc.a")
    assert found["picolibc for RISC-V"].endswith("picolibc.specs")


@pytest.mark.parametrize(("says", "wanted"), [("0.11.0", ""), ("0.12.0+dev", "0.12.0")])
def test_a_program_that_is_too_old_is_named_with_the_version_that_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, wanted: str
) -> None:
    """OpenOCD 0.11 has no `adapter serial`; it is there, and what it cannot do is said."""
    program = tmp_path / "openocd"
    program.write_text(f"#!/bin/sh\necho 'Open On-Chip Debugger {says}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = {finding.name: finding for finding in examine()}
    assert found["openocd"].found == says.removesuffix("+dev")
    assert found["openocd 0.12"].found == wanted
    assert "adapter serial" in found["openocd 0.12"].needed_for
