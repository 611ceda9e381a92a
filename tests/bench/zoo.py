"""Public models: which of them compile, and which compute what the reference does.

python -m tests.bench.zoo FOLDER prints which .tflite files below a folder compile, why others do
not, and the share that does.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figures import Figure
from tests.program import TINYBENCH
from tinybench.errors import ModelError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.printable import one_line

REASON_MOST = 160
BOARD = "mps2-an386"
RUN_TIMEOUT_S = 7200


def figures(environment: Mapping[str, str]) -> list[Figure]:
    """Return the shares of the zoo's models that compile and are exact, of those that can be had.

    Each is a whole run; of some a mirror may have no file, and they do not count.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*TINYBENCH, "zoo", "run", "--board", BOARD, "--json", "-o", f"{folder}/zoo"]
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=RUN_TIMEOUT_S, check=False
        )
    had = [row for row in json.loads(done.stdout) if row["failed"] is None]
    run = [row for row in had if row["refused"] is None]
    held = [row["exact"] for row in run if row["exact"] is not None]
    where = f"tinybench zoo run --board {BOARD}, of {{}} models"
    return [
        Figure("zoo.compiled_share", len(run) / max(1, len(had)), "1", 0.85,
               where.format(len(had)), better="higher"),
        Figure("zoo.exact_share", sum(held) / max(1, len(held)), "1", 1.0,
               where.format(len(held)), better="higher"),
    ]  # fmt: skip


def share(folder: Path) -> float:
    """Print a line for each model and return the share that compiles; 0 where there is none."""
    paths = sorted(folder.rglob("*.tflite"))
    compiled = 0
    for path in paths:
        name = one_line(str(path.relative_to(folder)))
        try:
            anatomy(path, ("plain",))
        except ModelError as error:
            reason = str(error).removeprefix(f"{path}: ")
            print(f"refused   {name}: {one_line(reason)[:REASON_MOST]}")
        else:
            compiled += 1
            print(f"compiles  {name}")
    found = compiled / len(paths) if paths else 0.0
    print(f"zoo.compiled_share {found:.2f}: {compiled} of {len(paths)} models")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python -m tests.bench.zoo FOLDER")
    share(Path(sys.argv[1]))
