"""A study dealt out and gathered, where each run is a copy of one that was done before."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from tinybench.runner.results.request import Request
from tinybench.runner.rules.judge import Outcome, judge
from tinybench.runner.study.kept import STUDY_FILE
from tinybench.runner.study.parts import Part, Pieces, Share, gather, held

TIMES = re.compile(r'("(?:took_s|train_s|predict_s)": )[0-9.e-]+')


def copy_runs(patch: pytest.MonkeyPatch, module: ModuleType, whole: Path) -> None:
    """Let a module take its runs from the folder of a study that has done them."""

    def done(_request: Request, out: Path, *_: Any) -> Outcome:
        place = next(one for one in out.parents if one.name.startswith("part-"))
        shutil.copytree(whole / out.relative_to(place), out)
        return judge(out)

    patch.setattr(module, "done", done)


def gathered(
    folder: Path,
    some: Callable[[Path, Part], Share],
    whole: Callable[[Path], Any],
    asked: msgspec.Struct,
    pieces: Pieces,
    count: int = 2,
) -> str:
    """Do each part in a folder of its own, gather all, and return the study, but for times.

    Nothing is left to do then, and nothing of the folders is needed.
    """
    folders = [folder / f"part-{k}" for k in range(1, count + 1)]
    for k, one in enumerate(folders, 1):
        done = some(one, Part(k, count))
        assert done.same
        assert done.part == f"{k}/{count}"
        assert not (one / STUDY_FILE).exists()
    into = folder / "gathered"
    gather(into, folders, asked, pieces)
    for one in folders:
        shutil.rmtree(one)
    before = held(into, pieces)
    whole(into)
    assert held(into, pieces) == before
    return but_times(into)


def but_times(folder: Path) -> str:
    """Return the document of a study without how long anything took on this computer."""
    return TIMES.sub(r"\g<1>0", (folder / STUDY_FILE).read_text())
