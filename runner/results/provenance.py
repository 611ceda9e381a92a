"""Where a result comes from, besides what lies beside it: packages, working trees, host, boards.

Nothing in it names a user or a path of the machine.
"""

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from tinybench.errors import TransportError
from tinybench.program import ask

from .result import Git, Provenance

DISTRIBUTION = "tinybench-mcu"
GIT_TIMEOUT_S = 10
SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.sshCommand": "false",
    "credential.helper": "",
    "safe.bareRepository": "explicit",
}
ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}
"""Nothing is fetched, as an object that a partial clone lacks would be."""
FILTER = r"^filter\..*\.(clean|smudge|process|required)$"
FILTERS_MAX = 100
_HEAD = re.compile(r"^# branch\.oid ([0-9a-f]+)$", re.MULTILINE)
"""Ref: git-status(1), Porcelain Format Version 2, Branch Headers; "(initial)" before any commit."""
CHECKOUT = Path(__file__).resolve().parents[2]


def gather(rules_sha256: str, ports: Sequence[str]) -> Provenance:
    """Return what is known of this computer and of the boards on `ports`; never fails."""
    project = git(Path.cwd())
    ours = None
    if (CHECKOUT / ".git").exists():
        ours = project if Path.cwd() == CHECKOUT else git(CHECKOUT)
    return Provenance(
        rules_sha256=rules_sha256,
        packages=_packages(),
        machine=platform.machine(),
        cpu=_cpu(),
        tinybench_git=ours,
        project_git=project,
        board_serials=[board_serial(port) for port in ports],
    )


def _packages() -> dict[str, str]:
    """Return the versions of the packages that tinybench depends on, extras left out."""
    found: dict[str, str] = {}
    for line in requires(DISTRIBUTION) or []:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name is None or "extra ==" in line:
            continue
        try:
            found[name[0]] = version(name[0])
        except PackageNotFoundError:  # for another platform
            continue
    return dict(sorted(found.items()))


def _cpu() -> str:
    """Return what the host's processor calls itself. Ref: proc(5), /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    match = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor()


def git(folder: Path) -> Git | None:
    """Return the state of the working tree that `folder` is in; None without one, or without git.

    Files that git does not know make no tree dirty: the folder of a run is often among them.
    """
    filters = _git(folder, {}, "config", "--null", "--name-only", "--get-regexp", FILTER)
    # A repository's filters are programs of its choice: each is set to none.
    keys = [key for key in (filters or "").split("\0") if key]
    if len(keys) > FILTERS_MAX:
        return None
    unfiltered = {key: "false" if key.endswith(".required") else "" for key in keys}
    words = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
    said = _git(folder, unfiltered, *words, "--ignore-submodules=dirty")
    head = said and _HEAD.search(said)
    if not said or not head:
        return None
    return Git(head[1], any(not line.startswith("#") for line in said.splitlines()))


def _git(folder: Path, also: Mapping[str, str], *words: str) -> str | None:
    """Ask git, with none of the programs that a repository's own configuration may name.

    None where git fails, as in a tree that is not the user's (`safe.directory`).
    """
    settings = {**SETTINGS, **also}
    env = {**os.environ, **ENVIRONMENT, "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    command = ["git", "-C", str(folder), "--no-pager", "--no-optional-locks", *words]
    try:
        done = ask(command, GIT_TIMEOUT_S, env)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.out if done.status == 0 else None


def board_serial(port: str) -> str:
    """Return the USB serial number behind a serial port; empty where it has none."""
    if "://" in port:
        return ""
    from tinybench.transport.usb_ports import comports

    there = str(Path(port).resolve())
    try:
        for found in comports():
            if there in (found.device, str(Path(found.device).resolve())):
                return found.serial_number or ""
    except (OSError, TransportError):
        return ""
    return ""
