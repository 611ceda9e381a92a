"""Short runs, and edits of their folders."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.edits import seal_again
from tinybench.runner.results.request import Request
from tinybench.runner.results.seal import file_sha256
from tinybench.runner.rules.judge import judge
from tinybench.runner.session.run import run
from tinybench.track import silent

PROFILE = """\
name = "moment"
title = "as little as can be judged"
source = "these tests"
accuracy_inputs = 10
window_min_s = {seconds}
"""


def short_run(folder: Path, **asked: Any) -> Path:
    """Do a short run; return its folder."""
    profile = folder / "moment.toml"
    profile.write_text(PROFILE.format(seconds=asked.pop("seconds", 0.02)))
    request = Request(task="kws", profile=str(profile), out=folder / "run", **asked)
    assert run(request, silent, lambda _: None).violations == []
    return folder / "run"


def copy_of(folder: Path, to: Path) -> Path:
    """Return a copy of a run folder that may be edited."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def edit_result(folder: Path, change: Callable[[dict[str, Any]], None], *, seal: bool) -> None:
    """Edit result.json, and make all hashes right again if told to."""
    path = folder / "result.json"
    result = json.loads(path.read_bytes())
    change(result)
    path.write_text(json.dumps(result))
    if seal:
        hash_again(folder)


def hash_again(folder: Path) -> None:
    """Make right again what the result and the seal say of every file."""
    result = json.loads((folder / "result.json").read_bytes())
    for name in result["files_sha256"]:
        result["files_sha256"][name] = file_sha256(folder, name)
    (folder / "result.json").write_text(json.dumps(result))
    seal_again(folder)


def broken(folder: Path) -> set[str]:
    """Return the rules that `check` finds broken."""
    return {violation.rule for violation in judge(folder, thorough=True).violations}
