"""The container's steps, run in a clean root: Debian's smallest, and nothing else."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

HOST = [
    *(p for p in Path("/etc/apt/apt.conf.d").glob("*") if "Acquire::" in p.read_text()),
    *map(Path, ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/root/.config/pip/pip.conf")),
]
"""What says here how packages are reached."""
AUTHORITY = "etc/pip-authority.pem"
SET_UP_S = 3600


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[Path]:
    """A root folder with Debian 12 in its smallest form."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("a clean root is made by debootstrap, as root")
    root = tmp_path / "root"
    subprocess.run(
        ["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, timeout=SET_UP_S
    )
    for path in filter(Path.exists, HOST):
        there = root / path.relative_to("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, there)
    if (authority := os.environ.get("PIP_CERT")) is not None:
        shutil.copy(authority, root / AUTHORITY)
    mounted = [root / "proc", root / "dev"]
    for path in mounted:
        subprocess.run(["mount", "--bind", f"/{path.name}", str(path)], check=True)
    yield root
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.soak
def test_the_container_runs_a_task(clean: Path) -> None:
    """Each RUN, then its entry point: a valid run of keyword spotting, in its own folder."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    said = [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    variables = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    variables |= {"PIP_CERT": f"/{AUTHORITY}"} if (clean / AUTHORITY).exists() else {}
    for word, rest in said:
        if word == "RUN":
            _run(clean, variables, rest)
        elif word == "COPY":
            source, target = rest.split()
            shutil.copytree(ROOT / source, clean / target.lstrip("/"), ignore=_left_out)
        elif word == "ENV":
            variables |= dict([rest.split("=", 1)])
        elif word == "WORKDIR":
            (clean / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    assert "valid" in _run(clean, variables, "cd /work && tinybench --task kws --out run")
    assert (clean / "work" / "run" / "result.json").is_file()


def _left_out(folder: str, _names: list[str]) -> set[str]:
    ignored = (ROOT / ".containerignore").read_text().split()
    return set(ignored) if Path(folder) == ROOT else {"__pycache__"}


def _run(clean: Path, variables: dict[str, str], words: str) -> str:
    done = subprocess.run(
        ["chroot", str(clean), "/bin/sh", "-ec", words],
        env=variables, capture_output=True, text=True, timeout=SET_UP_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
