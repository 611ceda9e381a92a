"""Write sounds of a machine that the embedded autoencoder has never heard: a dataset of `ad`.

    python -m tinybench.models.training.stranger DIR [--count N] [--seed N]

Half of them are in good order. Needs NumPy alone.
"""

import argparse
import zipfile
from pathlib import Path

from tinybench.datasets.machines import MACHINES, STRANGER, machine_set, write_dataset
from tinybench.scratch import scratch

COUNT, SEED = 60, 7
COUNT_MOST = 10_000


def main() -> None:
    """Write the file that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tinybench.models.training.stranger")
    parser.add_argument("folder", type=Path, help="where the dataset ad01 is written")
    parser.add_argument("--count", type=int, default=COUNT, help=f"sounds (default: {COUNT})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of them (default: {SEED})")
    asked = parser.parse_args()
    if not (2 <= asked.count <= COUNT_MOST and asked.seed >= 0):
        parser.error(f"--count of 2 to {COUNT_MOST}, and no seed below 0")
    features, labels = machine_set(asked.count, asked.seed, (STRANGER,))
    try:
        with scratch() as own:
            packed = own / "ad01.zip"
            write_dataset(packed, features, labels, first=len(MACHINES) + 1, machines=1)
            with zipfile.ZipFile(packed) as there:
                there.extractall(asked.folder)
    except OSError as error:
        parser.error(f"cannot write into {asked.folder}: {error.strerror}")
    print(f"{asked.count} sounds of a machine that is none of the model's are in {asked.folder}")


if __name__ == "__main__":
    main()
