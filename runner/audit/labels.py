"""The official lists of inputs, from a folder that is given or from the pinned public files."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tinybench.datasets.declaration import load_dataset
from tinybench.datasets.fetch import Pinned, fetch, mirror_folder
from tinybench.datasets.reader import parse_labels
from tinybench.datasets.wake.official import WORDS, windows_of
from tinybench.errors import TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.track import silent

_TINY = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark"
_ENERGYRUNNER = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets"

OLD_ROUND = "0.5"
OLD_LIST = f"ic01 (list of round v{OLD_ROUND})"
LISTS = {
    "kws01": (
        (
            "kws01",
            f"{_TINY}/evaluation/datasets/kws01/y_labels.csv",
            "6cb3709762d53fe64eb00eaf4a75796248bb3c1386f1d1f93ccdb07b071e9698",
        ),
    ),
    "vww01": (
        (
            "vww01",
            f"{_TINY}/evaluation/datasets/vww01/y_labels.csv",
            "3697ca57c48b23b21602ae9bdb32b1925407a1d41d79167cdfb365054cb9c33d",
        ),
    ),
    "ic01": (
        (
            "ic01 (list since round v0.7)",
            f"{_TINY}/evaluation/datasets/ic01/y_labels.csv",
            "79e1f19ad731f046983a1a4480bda6369df26c5acee47505a860f164fb58ccd4",
        ),
        (
            OLD_LIST,
            f"{_ENERGYRUNNER}/ic01/y_labels.csv",
            "f7d22979b6f81a3dbf83e7a09ac488d0eb6090b62e4a02bc30245581c0802ec7",
        ),
    ),
    "ad01": (
        (
            "ad01",
            f"{_TINY}/evaluation/datasets/ad01/y_labels.csv",
            "4ecd91868e197ee0a6739d4bd7abde73eac2fa31e9a88d6bc6aedefa136ff2a4",
        ),
        (
            "ad01 (72 files)",
            f"{_TINY}/evaluation/datasets/ad01/y_labels_alt.csv",
            "e1ac10e782bada1015d63585a05398e54e41429db599dc45de3ae67fe6cd8b4c",
        ),
    ),
}
"""Of each model id, the lists that were ever official: name, pinned address, SHA-256. The names
are those that runs give them, too."""
ADVICE = (
    "run it again with a network, point TINYBENCH_MIRROR to a folder that has the file, or give "
    "label files of your own: --labels DIR"
)
GIVEN = "the given labels"
SAME_INPUTS = {"ic02": "ic01"}

_KWS_NAME = re.compile(r"tst_\d+_[A-Za-z]+_(\d{1,2})\.bin")


@dataclass(frozen=True, slots=True)
class LabelList:
    """A list of inputs with their classes, in its order."""

    name: str
    labels: dict[str, int]


class Labels:
    """Reads each list once; `notes` says why one is not at hand."""

    def __init__(self, folder: Path | None, cache: Path) -> None:
        """Look in `folder` (an EEMBC dataset folder), else in the cache, else fetch."""
        self._folder = folder
        self._cache = cache
        self._lists: dict[str, tuple[LabelList, ...]] = {}
        self._windows: tuple[tuple[float, float], ...] | None = None
        self._unreachable = False
        self.notes: list[str] = []

    def lists(self, model_id: str) -> tuple[LabelList, ...]:
        """Return the lists that are at hand for a model id; the official one first."""
        base = SAME_INPUTS.get(model_id, model_id)
        if base not in LISTS:
            return ()
        if base not in self._lists:
            self._lists[base] = tuple(self._load(base))
        return self._lists[base]

    def stream_windows(self) -> tuple[tuple[float, float], ...]:
        """Return when the wake words of the official recording are, in s; empty if unknown."""
        if self._windows is None:
            raw = self._read(WORDS)
            self._windows = ()
            if raw is not None:
                self._windows = tuple(windows_of(raw, WORDS.address).detection_windows)
        return self._windows

    def _load(self, base: str) -> list[LabelList]:
        dataset = load_dataset(base)
        found = []
        if self._folder is not None:
            for path in (self._folder / base / dataset.labels, self._folder / dataset.labels):
                if path.is_file():
                    labels = parse_labels(read_bytes(path, DOCUMENT_MOST_B), dataset, str(path))
                    return [LabelList(GIVEN, {one.name: one.label for one in labels})]
        for name, address, sha256 in LISTS[base]:
            raw = self._read(Pinned(address, sha256))
            if raw is not None:
                labels = parse_labels(raw, dataset, address)
                found.append(LabelList(name, {one.name: one.label for one in labels}))
        return found

    def _read(self, file: Pinned) -> bytes | None:
        path = self._cache / file.address
        mirror: Path | None = None
        try:
            mirror = mirror_folder()
            if not path.is_file():
                if self._unreachable:
                    return None
                fetch((file,), self._cache, silent, label="labels", mirror=mirror,
                      timeout_s=10.0, attempts=1)  # fmt: skip
            raw = read_bytes(path, DOCUMENT_MOST_B)
        except (TinybenchError, OSError) as error:
            if mirror is None:
                self._unreachable = True  # each further one would wait for its deadline too
            seen = str(error).partition("; ")[0]  # what it advises is for another command
            self.notes.append(f"official inputs are not compared: {seen}; {ADVICE}")
            return None
        if hashlib.sha256(raw).hexdigest() != file.sha256:
            self.notes.append(f"{path}: damaged in the cache; remove it")
            return None
        return raw


def label_in_name(name: str) -> int | None:
    """Return the class that the name of an official input ends or begins with; None elsewhere."""
    if found := _KWS_NAME.fullmatch(name):
        return int(found[1])
    if name.startswith("normal_"):
        return 0
    if name.startswith("anomaly_"):
        return 1
    return None
