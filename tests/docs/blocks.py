"""Run a page of docs/ as its reader would: save its files, type its commands, compare what comes.

A page is run when its name is in PAGES of test_pages.py. Its fenced blocks are taken in order, in
an empty folder of their own, with the embedded data:

    ```toml title="boards/mine.toml"    any block with a title is saved in that file
    ```sh                               each command is run (a line that ends in \\ goes on) and
                                        must end with 0, or with what its comment says:
                                        tinybench check run   # exit status 1
    ```text                             lines that the command before must have printed, in this
                                        order, blanks aside; `...` stands for anything
    ```python                           run by the same Python as the tests
    any other                           shown only

A block after `<!-- not run: REASON -->` is shown only, too; the reason is for who edits the page.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT
from tests.program import copied

DOCS = ROOT / "docs"
TIMEOUT_S = 120

_FENCE = re.compile(r"```(?P<language>[a-z]*)(?: title=\"(?P<title>[^\"]+)\")?")
_SKIP = re.compile(r"<!-- not run: .+ -->")
_SHELL = re.compile(r"[$&|;<>`*?~=()]|\s#")
"""What a shell would read as something other than a word."""
_STATUS = re.compile(r"\s*# exit status ([0-9]+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    """Number of the line that opens it."""
    language: str
    title: str | None
    text: str
    run: bool


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; raises ValueError for a fence that is none or is open."""
    found: list[Block] = []
    lines = text.splitlines()
    at, skip = 0, False
    while at < len(lines):
        line = lines[at]
        if _SKIP.fullmatch(line.strip()):
            skip = True
        elif line.startswith("```"):
            fence = _FENCE.fullmatch(line.rstrip())
            end = next((i for i in range(at + 1, len(lines)) if lines[i].rstrip() == "```"), None)
            if fence is None or end is None:
                raise ValueError(f"line {at + 1}: not a fence, or one that is not closed: {line}")
            body = "".join(part + "\n" for part in lines[at + 1 : end])
            found.append(Block(at + 1, fence["language"], fence["title"], body, run=not skip))
            at, skip = end, False
        at += 1
    return found


def commands(text: str) -> list[tuple[str, int]]:
    """Return (command, exit status) of each command of an sh block."""
    found = []
    for command in text.replace("\\\n", " ").splitlines():
        said = _STATUS.search(command)
        if command.strip() and not command.startswith("#"):
            found.append((_STATUS.sub("", command), int(said[1]) if said else 0))
    return found


def unmatched(wanted: str, printed: str) -> str | None:
    """Return the first line of a text block that was not printed, in order; None: all were."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    at = 0
    for line in wanted.splitlines():
        parts = [re.escape(" ".join(part.split())) for part in line.split("...")]
        pattern = re.compile(r"\s*.*?\s*".join(parts))
        while at < len(lines) and not pattern.fullmatch(lines[at]):
            at += 1
        if at == len(lines) and line.strip() not in ("", "..."):
            return line
    return None


def run(page: Path, folder: Path, **environment: str) -> None:
    """Run every block of a page in `folder`; raises AssertionError that names page and line."""
    bin_ = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "TINYBENCH_CALIBRATIONS": str(folder / "calibrations"),
        **environment,
    }
    printed = ""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}:{block.line}"
        if not block.run:
            continue
        if block.title is not None:
            path = folder / block.title
            assert path.resolve().is_relative_to(folder.resolve()), f"{where}: outside the folder"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            for command, status in commands(block.text):
                printed = _typed(command, folder, env, status, where)
        elif block.language == "python":
            printed = _run([sys.executable, "-c", block.text], folder, env, 0, where)
        elif block.language == "text":
            missing = unmatched(block.text, printed)
            assert missing is None, f"{where}: {missing!r} was not printed, but:\n{printed}"


def _typed(command: str, folder: Path, env: dict[str, str], status: int, where: str) -> str:
    """Run a command by a shell, or as it would where it is nothing but ours and its words."""
    if not command.startswith("tinybench ") or _SHELL.search(command):
        return _run(["sh", "-c", command], folder, env, status, where)
    done = copied(shlex.split(command)[1:], env, folder, together=True)
    return _printed(done, command, status, where)


def _run(argv: list[str], folder: Path, env: dict[str, str], status: int, where: str) -> str:
    done = subprocess.run(
        argv,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return _printed(done, argv[-1], status, where)


def _printed(done: subprocess.CompletedProcess[str], command: str, status: int, where: str) -> str:
    assert done.returncode == status, (
        f"{where}: exit status {done.returncode}, not {status}:\n{command}\n{done.stdout}"
    )
    return done.stdout
