"""Frameworks of others: in how many of them a whole project was built and held a conversation."""

import tempfile
from pathlib import Path

from tests import ROOT
from tests.bench.figures import Figure
from tests.runner.export.projects import BUILDERS, INPUTS, running, talk
from tinybench.runner.build.task import load_task
from tinybench.runner.export.framework import names
from tinybench.runner.export.project import Asked, export

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
FRAMEWORKS_MUST = 5


def figures() -> list[Figure]:
    """Return how many projects answered our client as our own firmware does."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wanted = talk("kws", work / "host", "--board", "host").answers
        done = sum(_talked(name, work / name, wanted) for name in names())
    where = f"built against stand-ins, {INPUTS} inputs of kws equal to the bit, build in caps"
    return [Figure("export.frameworks", done, "1", FRAMEWORKS_MUST, where, better="higher")]


def _talked(name: str, work: Path, wanted: dict[str, str]) -> bool:
    (work / "build").mkdir(parents=True)
    asked = Asked(to=name, task=load_task("kws"), model=MODEL, run="")
    record = export(asked, work / "project")
    try:
        with running(BUILDERS[name](work / "project", work / "build")) as board:
            said = talk("kws", work / "run", "--port", board.port)
    except AssertionError as error:
        print(f"{name}: {error}")
        return False
    return said.answers == wanted and f"build-{record.build_id}" in said.caps


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.name:<45} {figure.value:>10.4g} {figure.unit:<5} {figure.where}")
