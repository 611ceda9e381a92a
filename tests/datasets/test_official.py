"""Official inputs: by their bytes, or by the archive that they were made from."""

import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import official as official_files
from tinybench.datasets.declaration import Dataset, load_dataset
from tinybench.datasets.official import PREPARED_FILE, Identity, identify, read_prepared, repeated
from tinybench.datasets.prepare import CIFAR_MEMBER, prepare
from tinybench.datasets.reader import read_samples

ARCHIVE = "cifar-10-binary.tar.gz"
LATER = "ic01 (list since round v0.7)"


@pytest.fixture(scope="module")
def labels(mirror: Path) -> bytes:
    """The label file of the list whose pictures have no published checksums."""
    source = load_dataset("ic01").lists[0].source
    return (mirror / source.address / "y_labels.csv").read_bytes()


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path]:
    """A folder with an archive and a test batch of CIFAR-10's form, and a set declared by them."""
    folder = tmp_path_factory.mktemp("originals")
    records = np.random.default_rng(5).integers(0, 256, (10_000, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    (folder / "bare").mkdir()
    (folder / "bare" / "test_batch.bin").write_bytes(records.tobytes())
    with tarfile.open(folder / ARCHIVE, "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo(CIFAR_MEMBER)
        member.size = records.nbytes
        archive.addfile(member, io.BytesIO(records.tobytes()))
    digest = hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()
    dataset = load_dataset("ic01")
    (original,) = dataset.originals
    ours = msgspec.structs.replace(original, checksum=f"sha256:{digest}")
    return msgspec.structs.replace(dataset, originals=[ours]), folder


def _prepare(dataset: Dataset, source: Path, labels: bytes, out: Path) -> None:
    classes = [int(row[2]) for row in csv.reader(io.StringIO(labels.decode()))]
    places = io.BytesIO()
    np.save(places, np.array([label + 10 * n for n, label in enumerate(classes)]))
    assert list(prepare(dataset, source, labels, places.getvalue(), out))[-1] == (200, 200)


def _identity(dataset: Dataset, folder: Path) -> Identity:
    return identify(read_samples(folder, dataset), dataset)


@pytest.fixture
def prepared(made_up: tuple[Dataset, Path], labels: bytes, tmp_path: Path) -> tuple[Dataset, Path]:
    """A set that was made from the archive."""
    _prepare(*made_up, labels, tmp_path)
    return made_up[0], tmp_path / "ic01"


def test_pictures_made_from_the_archive_are_official(prepared: tuple[Dataset, Path]) -> None:
    """Its checksum speaks for them, and stands beside them with the hash of each."""
    found = _identity(*prepared)
    assert (found.standing, found.title) == ("official", LATER)
    assert found.why.startswith(f"made from {ARCHIVE}, sha256:")


def _edit_input(folder: Path) -> None:
    path = next(path for path in sorted(folder.glob("*.bin")))
    path.write_bytes(bytes(3072))


def _drop_record(folder: Path) -> None:
    (folder / PREPARED_FILE).unlink()


def _other_archive(folder: Path) -> None:
    record = json.loads((folder / PREPARED_FILE).read_text())
    (folder / PREPARED_FILE).write_text(json.dumps(record | {"checksum": "md5:" + "0" * 32}))


def _long_record(folder: Path) -> None:
    path = folder / PREPARED_FILE
    path.write_bytes(path.read_bytes() + b" " * (1 << 20))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_edit_input, f"not what was made from {ARCHIVE}"),
        (_drop_record, f"nothing says that they were made from {ARCHIVE}"),
        (_other_archive, f"not from {ARCHIVE}"),
        (_long_record, "nothing says"),
    ],
)
def test_an_edit_after_preparing_is_noticed(
    prepared: tuple[Dataset, Path], change: Callable[[Path], None], why: str
) -> None:
    """Of an input, of what stands beside them, or of both: unverified, with the reason."""
    dataset, folder = prepared
    change(folder)
    found = _identity(dataset, folder)
    assert (found.standing, found.title) == ("unverified", LATER)
    assert why in found.why


def test_a_bare_batch_speaks_for_nothing_but_loses_nothing(
    made_up: tuple[Dataset, Path], labels: bytes, tmp_path: Path
) -> None:
    """Pictures from it are unverified, until the archive shows that they are the same."""
    dataset, originals = made_up
    _prepare(dataset, originals / "bare", labels, tmp_path)
    assert _identity(dataset, tmp_path).standing == "unverified"
    _prepare(dataset, originals, labels, tmp_path)
    assert _identity(dataset, tmp_path).standing == "official"
    _prepare(dataset, originals / "bare", labels, tmp_path)
    assert _identity(dataset, tmp_path).standing == "official"


def test_a_verified_input_is_never_replaced(
    shared_data: Path, mirror: Path, tmp_path: Path
) -> None:
    """Our features of a clip may differ by a step: where the official ones are, these stay."""
    dataset, official, labels = official_files.keywords(mirror)
    clips = shared_data / "samples" / "kws01-open"
    folder = tmp_path / "kws01"
    folder.mkdir()
    for clip in sorted(clips.glob("*.bin")):
        (folder / clip.name).write_bytes((official / clip.name).read_bytes())
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.bin")}
    damaged = sorted(before)[0]
    (folder / damaged).write_bytes(b"damaged")
    list(prepare(dataset, clips, labels, None, tmp_path))
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.bin")}
    assert [name for name in before if after[name] != before[name]] == [damaged]
    assert len((folder / damaged).read_bytes()) == 490


def test_a_cache_gets_official_features_or_none(
    shared_data: Path, mirror: Path, tmp_path: Path
) -> None:
    """An approximation in the cache would be a damaged file to the next run."""
    dataset, official, labels = official_files.keywords(mirror)
    clips = tmp_path / "clips"
    clips.mkdir()
    for path in (shared_data / "samples" / "kws01-open").glob("*.bin"):
        (clips / path.name).write_bytes(path.read_bytes())
    (clips / "tst_000000_Stop_7.bin").write_bytes(bytes(32_000))  # silence, not that clip
    making = prepare(dataset, clips, labels, None, tmp_path, only_official=True)
    assert list(making)[-1][0] == 51
    made = list((tmp_path / "kws01").glob("*.bin"))
    assert 45 <= len(made) <= 50
    for path in made:
        assert path.read_bytes() == (official / path.name).read_bytes()


def test_inputs_that_occur_twice_are_found(prepared: tuple[Dataset, Path]) -> None:
    """By their bytes, whatever they are called."""
    dataset, folder = prepared
    paths = sorted(folder.glob("*.bin"))
    assert repeated(read_samples(folder, dataset).samples) == []
    for path in paths[1:4]:
        path.write_bytes(paths[0].read_bytes())
    (found,) = repeated(read_samples(folder, dataset).samples)
    assert sorted(found) == [path.name for path in paths[:4]]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_beside_inputs_are_read_or_nothing(tmp_path: Path, data: bytes) -> None:
    """What somebody wrote there raises nothing."""
    (tmp_path / PREPARED_FILE).write_bytes(data)
    assert read_prepared(tmp_path) is None
