"""Whether a board answers each row as the same C does here: classic models on an emulated core."""

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from tests.bench.figures import Figure
from tests.program import TINYBENCH

TIMEOUT_S = 1800


def figures() -> list[Figure]:
    """Return the share of rows that are equal, over all models; nothing without the extra."""
    if find_spec("emlearn") is None or find_spec("sklearn") is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*TINYBENCH, "study", "classic", "--task", "kws", "-q", "--json", "-o", f"{folder}/s"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    rows = [row for row in json.loads(done.stdout)["rows"] if row["rows_equal"] is not None]
    equal, count = sum(row["rows_equal"] for row in rows), sum(row["rows"] for row in rows)
    where = f"tinybench study classic, embedded keywords, {len(rows)} models on mps2-an386"
    return [Figure("classic.rows_equal", equal / count, "1", 1.0, where, "higher")]


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
