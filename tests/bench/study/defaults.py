"""How long the default command of each study takes: its page's first one, as one types it."""

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec

from tests.bench.figures import Figure
from tests.program import TINYBENCH

COMMANDS = {
    "noise": ("noise", "--task", "kws"),
    "sparsity": ("sparsity",),
    "compress": ("compress",),
    "compress-tables": ("compress", "--tables"),
    "classic": ("classic", "--task", "kws"),
    "quantisation": ("quantisation", "--task", "kws"),
    "sweep": ("sweep", "--task", "kws", "--by", "kernels=plain,blocked,dsp", "--by",
              "flags=-O3,-Os"),
}  # fmt: skip
NEEDS = {"compress": ("sklearn",), "classic": ("sklearn", "emlearn")}
MOST_S = 120.0
TIMEOUT_S = 1800


def figures() -> list[Figure]:
    """Return the time of each whole command, its picture included, nothing of it in the cache."""
    found = list[Figure]()
    for name, words in COMMANDS.items():
        if missing := [one for one in NEEDS.get(name, ()) if find_spec(one) is None]:
            sys.stderr.write(
                f"study.default_s.{name}: not measured: {', '.join(missing)} not here: "
                "pip install scikit-learn emlearn\n"
            )
            continue
        where = f"tinybench study {' '.join(words)}, the whole command, nothing in the cache"
        found.append(Figure(f"study.default_s.{name}", _took_s(words), "s", MOST_S, where))
    return found


def _took_s(words: tuple[str, ...]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start_s = time.perf_counter()
        subprocess.run(
            ["env", f"TINYBENCH_CACHE={folder}/cache", *TINYBENCH, "study", *words, "-q", "-o",
             f"{folder}/study"],
            check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S,
        )  # fmt: skip
        return time.perf_counter() - start_s


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.1f} {one.unit}\n" for one in figures())
