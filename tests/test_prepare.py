"""Official inputs from the public originals."""

import io
import random
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets import logmel
from tinybench.datasets.declaration import load_dataset
from tinybench.datasets.prepare import CIFAR_MEMBER, prepare
from tinybench.datasets.reader import read_samples
from tinybench.runner.errors import DatasetError

CIFAR_B = 10_000 * 3073


def _npy(values: list[int]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values))
    return file.getvalue()


def _wav(path: Path, seconds: float, channels: int = 1) -> np.ndarray:
    samples = np.random.default_rng(1).integers(-9000, 9000, int(16_000 * seconds)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return samples


@pytest.fixture(scope="module")
def batch() -> bytes:
    """A test batch of CIFAR-10's form: record n is of class n % 10."""
    records = np.random.default_rng(2).integers(0, 256, (10_000, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    return records.tobytes()


def test_the_open_clips_give_the_official_features(
    shared_data: Path, mirror: Path, tmp_path: Path
) -> None:
    """All 50 within one step in every value, at least 45 equal to the byte."""
    dataset = load_dataset("kws01")
    assert dataset.source is not None
    official = mirror / dataset.source.address
    labels = (official / "y_labels.csv").read_bytes()
    clips = shared_data / "samples" / "kws01-open"
    *_, (made, looked_at) = prepare(dataset, clips, labels, None, tmp_path)
    assert (made, looked_at) == (50, 1000)
    samples = read_samples(tmp_path, dataset).samples
    equal = 0
    for sample in samples:
        ours = np.frombuffer(sample.read(), np.int8).astype(int)
        theirs = np.frombuffer((official / sample.name).read_bytes(), np.int8).astype(int)
        assert np.abs(ours - theirs).max() <= 1
        equal += bool((ours == theirs).all())
    assert len(samples) == 50
    assert equal >= 45


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_are_the_records_the_official_list_names(
    batch: bytes, tmp_path: Path, packed: bool
) -> None:
    """From the file or the archive as downloaded: planes become interleaved pixels."""
    source = tmp_path / "from"
    source.mkdir()
    if packed:
        with tarfile.open(source / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
            member = tarfile.TarInfo(CIFAR_MEMBER)
            member.size = len(batch)
            archive.addfile(member, io.BytesIO(batch))
    else:
        (source / "test_batch.bin").write_bytes(batch)
    labels = b"x.bin,10,7\ny.bin,10,0\n"
    list(prepare(load_dataset("ic01"), source, labels, _npy([17, 9000]), tmp_path))
    picture = np.frombuffer((tmp_path / "ic01" / "x.bin").read_bytes(), np.uint8)
    record = np.frombuffer(batch, np.uint8).reshape(10_000, 3073)[17, 1:].reshape(3, 32, 32)
    assert (picture.reshape(32, 32, 3) == record.transpose(1, 2, 0)).all()
    assert (tmp_path / "ic01" / "y_labels.csv").read_bytes() == labels


@pytest.mark.parametrize(
    ("labels", "places", "message"),
    [
        (b"x.bin,10,6\n", [17], "record 17 is of class 7, its label x.bin of class 6"),
        (b"x.bin,10,7\n", [17, 18], "has 2 places, 1 labels"),
        (b"x.bin,10,7\n", [10_000], "leads out of the test set"),
    ],
)
def test_records_that_are_not_the_labels_are_refused(
    batch: bytes, tmp_path: Path, labels: bytes, places: list[int], message: str
) -> None:
    """The class in each record must be that of its label."""
    (tmp_path / "test_batch.bin").write_bytes(batch)
    with pytest.raises(DatasetError, match=message):
        list(prepare(load_dataset("ic01"), tmp_path, labels, _npy(places), tmp_path / "out"))


@pytest.mark.parametrize("change_b", [-1, 1])
def test_a_batch_of_another_size_is_refused(batch: bytes, tmp_path: Path, change_b: int) -> None:
    """A download that was cut short, or is another file."""
    data = batch[:change_b] if change_b < 0 else batch + b"x"
    (tmp_path / "test_batch.bin").write_bytes(data)
    with pytest.raises(DatasetError, match="the test batch has 30730000 bytes"):
        list(prepare(load_dataset("ic01"), tmp_path, b"x.bin,10,7\n", _npy([17]), tmp_path))


def test_a_list_of_places_with_objects_in_it_is_refused(batch: bytes, tmp_path: Path) -> None:
    """Nothing that came from outside is unpickled."""
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "test_batch.bin").write_bytes(batch)
    with pytest.raises(DatasetError, match="cannot be read"):
        list(prepare(load_dataset("ic01"), tmp_path, b"x.bin,10,7\n", file.getvalue(), tmp_path))


LABELS_AD = b"normal_id_01_1_hist_librosa.bin,2,0,2560,512\n"


@pytest.mark.parametrize("below", [".", "test"])
def test_a_recording_becomes_its_middle_200_frames(tmp_path: Path, below: str) -> None:
    """Frames 50 to 249 of the reference, which counts one more at the start."""
    source = tmp_path / "from"
    (source / below).mkdir(parents=True, exist_ok=True)
    samples = _wav(source / below / "normal_id_01_1.wav", 10)
    list(prepare(load_dataset("ad01"), source, LABELS_AD, None, tmp_path))
    (sample,) = read_samples(tmp_path, load_dataset("ad01")).samples
    assert sample.size_b == 200 * 128 * 4
    assert len(sample.windows()) == 196
    frames = logmel.log_mel(samples / 32768)
    first = np.frombuffer(sample.windows()[0], "<f4").reshape(5, 128)
    assert (first == frames[49:54]).all()


def test_originals_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """Too short, two channels, no wav file, none at all."""
    dataset, path = load_dataset("ad01"), tmp_path / "normal_id_01_1.wav"
    for make, message in (
        (lambda: None, r"such as normal_id_01_1\.wav"),
        (lambda: _wav(path, 2), "was it cut short"),
        (lambda: _wav(path, 2, channels=2), "has 2 channels of 16 bit at 16000 Hz"),
        (lambda: path.write_bytes(random.Random(3).randbytes(99)), "not a wav file"),  # noqa: S311
    ):
        make()
        with pytest.raises(DatasetError, match=message):
            list(prepare(dataset, tmp_path, LABELS_AD, None, tmp_path / "out"))


def test_a_part_leaves_the_official_labels_as_they_are(tmp_path: Path) -> None:
    """In a folder that has them already, the rest may be made later."""
    labels = LABELS_AD + b"normal_id_01_2_hist_librosa.bin,2,0,2560,512\n"
    _wav(tmp_path / "normal_id_01_1.wav", 10)
    out = tmp_path / "out"
    (out / "ad01").mkdir(parents=True)
    (out / "ad01" / "y_labels.csv").write_bytes(labels)
    assert list(prepare(load_dataset("ad01"), tmp_path, labels, None, out))[-1] == (1, 2)
    assert (out / "ad01" / "y_labels.csv").read_bytes() == labels
    list(prepare(load_dataset("ad01"), tmp_path, labels, None, tmp_path / "new"))
    assert (tmp_path / "new" / "ad01" / "y_labels.csv").read_bytes() == LABELS_AD
