"""Whether classic models answer on a board as here, and what digits lose as C."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.figures import Figure
from tests.program import TINYBENCH
from tinybench.runner.study.classic.classic import top1
from tinybench.runner.study.classic.engine_c import write_engine
from tinybench.runner.study.classic.learn import scale_of, trained
from tinybench.runner.study.one_image import on_host
from tinybench.runner.study.rows import digits, split

TIMEOUT_S = 1800
BY_EMLEARN = ("forest", "extra-trees", "knn", "mlp")
TESTED, SEED = 539, 1
LOST_MOST = 0.01
MISSING = "emlearn and scikit-learn are not here: pip install scikit-learn emlearn"


def digits_lost(
    folder: Path, kinds: Sequence[str] = BY_EMLEARN, *, scaled: bool = True
) -> dict[str, float]:
    """Return the top-1 that each model of digits loses as C on this computer.

    Against what scikit-learn answers to the same tested rows. `scaled`: as a study does; else the
    features are small integers, as they are.
    """
    rows = digits()
    train, test = split(rows, TESTED, SEED)
    lost = dict[str, float]()
    for kind in kinds:
        scale = scale_of(rows.values[train], kind)
        learnt, inputs = (
            scale.apply(values) if scaled else values.astype(np.int16)
            for values in (rows.values[train], rows.values[test])
        )
        model, predicted, _ = trained(
            kind, (learnt, rows.targets[train]), inputs, [1], regression=False, seed=SEED
        )
        classes = len(rows.classes)
        write_engine(kind, model, folder / kind, inputs.shape[1], classes, regression=False)
        here = on_host(folder / kind, inputs.astype("<i2"), classes, ("learnt.h",))
        truth = rows.targets[test]
        lost[kind] = top1(predicted, truth) - top1(np.argmax(here, axis=1), truth)
    return lost


def share_equal(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the share of rows that are equal of all classic models; 0 where one is refused."""
    of = [row for row in rows if not row["model"].startswith("neural")]
    if not of or any(row["refused"] is not None or row["rows_equal"] is None for row in of):
        return 0.0
    equal: float = sum(row["rows_equal"] for row in of) / sum(row["rows"] for row in of)
    return equal


def figures() -> list[Figure]:
    """Return the share of equal rows, and the most that a model of digits loses.

    Without the extra nothing is measured, which is said.
    """
    if find_spec("emlearn") is None or find_spec("sklearn") is None:
        sys.stderr.write(f"classic.rows_equal, classic.digits_lost: not measured: {MISSING}\n")
        return []
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*TINYBENCH, "study", "classic", "--task", "kws", "-q", "--json", "-o", f"{folder}/s"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        lost = digits_lost(Path(folder) / "digits")
    rows = json.loads(done.stdout)["rows"]
    where = "tinybench study classic, embedded keywords, all classic models on mps2-an386"
    most = max(lost, key=lambda kind: lost[kind])
    return [
        Figure("classic.rows_equal", share_equal(rows), "1", 1.0, where, "higher"),
        Figure(
            "classic.digits_lost", lost[most], "1", LOST_MOST,
            f"{TESTED} digits, top-1, emlearn's C here against scikit-learn; most: {most}",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
