"""Print which .tflite files below a folder compile, why others do not, and the share that does.

python -m tests.bench.zoo FOLDER
"""

import sys
from pathlib import Path

from tinybench.errors import ModelError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.printable import one_line

REASON_MOST = 160


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
