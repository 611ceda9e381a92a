"""`make setup` derives the entry of the backports from what apt has, and changes nothing else."""

import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests import ROOT

SCRIPT = ROOT / ".ci" / "backports.py"
spec = spec_from_file_location("backports", SCRIPT)
assert spec is not None
assert spec.loader is not None
backports = module_from_spec(spec)
spec.loader.exec_module(backports)

DEB822 = """\
# A mirror of ours
Types: deb deb-src
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By: /usr/share/keyrings/own.gpg

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
"""
ENTRY = """\
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm-backports
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/own.gpg
"""


def derived(apt: Path, files: dict[str, str], codename: str = "bookworm") -> str | None:
    """Return the entry that is derived from files below apt's folder."""
    (apt / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        (apt / name).write_text(text)
    return backports.backports_entry(backports.stanzas(apt), codename)


def test_from_deb822(tmp_path: Path) -> None:
    """The mirror, its architectures and its key are kept; other suites and components are not."""
    assert derived(tmp_path, {"sources.list.d/debian.sources": DEB822}) == ENTRY


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "deb http://mirror.test/debian bookworm main contrib  # ours",
            "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\n"
            "Components: main\n",
        ),
        (
            "deb [arch=amd64,arm64 signed-by=/keys/own.gpg] http://mirror.test/debian stable main",
            "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\n"
            "Components: main\nArchitectures: amd64 arm64\nSigned-By: /keys/own.gpg\n",
        ),
    ],
    ids=["plain", "options"],
)
def test_from_one_line(tmp_path: Path, line: str, wanted: str) -> None:
    """The older style gives the same, with its options."""
    text = (
        f"# deb http://off.test/debian bookworm main\ndeb-src http://x.test/d bookworm main\n{line}"
    )
    assert derived(tmp_path, {"sources.list": text}) == wanted


def test_a_key_that_stands_in_the_file_itself(tmp_path: Path) -> None:
    """A value of several lines is carried over as it is."""
    key = (
        "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
    )
    text = DEB822.replace("/usr/share/keyrings/own.gpg", key)
    found = derived(tmp_path, {"sources.list.d/debian.sources": text})
    assert found is not None
    assert found.endswith(f"Signed-By: {key}\n")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"sources.list": "deb http://o.test/apt stable main\ndeb http://o.test bookworm main"},
        {"sources.list": "deb cdrom:[Debian]/ bookworm main\n"},
        {"sources.list.d/debian.sources.off": DEB822},
        {"sources.list.d/debian.sources": "Enabled: no\n" + DEB822.split("\n\n", maxsplit=1)[0]},
    ],
    ids=["none", "another repository", "a disc", "another file", "switched off"],
)
def test_without_a_mirror_there_is_no_entry(tmp_path: Path, files: dict[str, str]) -> None:
    """Nothing is guessed: no host of a registry is in the script."""
    assert derived(tmp_path, files) is None
    assert "http" not in SCRIPT.read_text()


def test_only_debian(tmp_path: Path) -> None:
    """A system that is like Debian has other backports."""
    assert backports.debian_codename("ID=debian\nVERSION_CODENAME=bookworm\n") == "bookworm"
    assert backports.debian_codename("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n") == ""
    assert derived(tmp_path, {"sources.list": "deb http://m.test/debian stable main"}, "") is None


def test_the_lines_to_type() -> None:
    """Without root the user gets whole lines; an entry that is there is not written again."""
    lines = backports.lines_to_type(ENTRY, "bookworm-backports", ["qemu-system-arm"])
    assert f"tee /etc/apt/sources.list.d/bookworm-backports.sources <<'END'\n{ENTRY}END\n" in lines
    again = backports.lines_to_type("", "bookworm-backports", ["qemu-system-arm", "other"])
    assert "tee" not in again
    assert again.endswith("-t bookworm-backports qemu-system-arm other")


def test_what_is_new_enough_is_left_alone(tmp_path: Path) -> None:
    """Versions compare as numbers; a program that will do needs neither apt nor root."""
    program = tmp_path / "emulator"
    program.write_text("#!/bin/sh\necho 'emulator version 10.0.2 (Debian 1:10.0.2)'\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "emulator=9.1=emulator", "emulator=10.0.2=emulator"],
        env={"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("candidate", "installed"),
    [("1:10.0.2+ds-2", []), ("1:7.2+dfsg-7", ["-t", "bookworm-backports"])],
    ids=["new enough", "too old"],
)
def test_a_missing_program_comes_once_in_the_version_that_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, candidate: str, installed: list[str]
) -> None:
    """Not from the system first and from the backports then: each would be in the other's way."""
    asked: list[list[str]] = []

    def run(command: list[str], _words: str = "") -> tuple[int, str]:
        asked.append(command)
        return 0, f"emulator:\n  Installed: (none)\n  Candidate: {candidate}\n"

    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    monkeypatch.setattr(backports, "APT", tmp_path)
    monkeypatch.setattr(backports, "run", run)
    monkeypatch.setattr(backports, "debian_codename", lambda _: "bookworm")
    monkeypatch.setattr(backports.os, "geteuid", lambda: 0)
    monkeypatch.setattr(backports.shutil, "which", lambda name: name if "apt" in name else None)
    assert backports.main(["emulator=9.1=emulator"]) == 0
    installs = [command for command in asked if "install" in command]
    wanted = ["apt-get", "install", "-y", "--no-install-recommends", *installed, "emulator"]
    assert [command[-len(wanted) :] for command in installs] == [wanted]


def test_no_program_is_named_in_both_lists() -> None:
    """What comes in a newer version is asked for there only: a bare machine gets it once."""
    makefile = (ROOT / "Makefile").read_text()
    newer = re.findall(r"([\w-]+)=[0-9.]+=([\w-]+)", makefile)
    assert {program for program, _ in newer} == {"qemu-system-arm", "qemu-system-riscv32"}
    for program, package in newer:
        assert f"{program}={package}" not in makefile
