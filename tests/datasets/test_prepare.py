"""Official inputs from the public originals."""

import hashlib
import io
import os
import random
import sys
import tarfile
import wave
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import official as official_files
from tinybench.datasets import logmel
from tinybench.datasets.coco import picture, shrink
from tinybench.datasets.declaration import Dataset, load_dataset, names
from tinybench.datasets.prepare import CIFAR_MEMBER, prepare, where_from
from tinybench.datasets.reader import read_samples
from tinybench.errors import DatasetError, ToolMissingError

CIFAR_B = 10_000 * 3073


def _made_here(dataset: Dataset, archive: Path) -> Dataset:
    """Return the declaration with the checksum of an archive that a test has made."""
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    (original,) = dataset.originals
    ours = msgspec.structs.replace(original, checksum=f"sha256:{sha256}")
    return msgspec.structs.replace(dataset, originals=[ours])


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
    dataset, official, labels = official_files.keywords(mirror)
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
    source, dataset = tmp_path / "from", load_dataset("ic01")
    source.mkdir()
    if packed:
        with tarfile.open(source / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
            member = tarfile.TarInfo(CIFAR_MEMBER)
            member.size = len(batch)
            archive.addfile(member, io.BytesIO(batch))
        dataset = _made_here(dataset, source / "cifar-10-binary.tar.gz")
    else:
        (source / "test_batch.bin").write_bytes(batch)
    labels = b"x.bin,10,7\ny.bin,10,0\n"
    list(prepare(dataset, source, labels, _npy([17, 9000]), tmp_path))
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


def test_what_lies_in_the_way_is_replaced(batch: bytes, tmp_path: Path) -> None:
    """A pipe is not waited for, and nothing is written through a link."""
    (tmp_path / "test_batch.bin").write_bytes(batch)
    (tmp_path / "ic01").mkdir()
    os.mkfifo(tmp_path / "ic01" / "x.bin")
    (tmp_path / "ic01" / "y_labels.csv").symlink_to(tmp_path / "others")
    (tmp_path / "others").write_text("words of another")
    list(prepare(load_dataset("ic01"), tmp_path, b"x.bin,10,7\n", _npy([17]), tmp_path))
    assert len((tmp_path / "ic01" / "x.bin").read_bytes()) == 3072
    assert (tmp_path / "ic01" / "y_labels.csv").read_bytes() == b"x.bin,10,7\n"
    assert (tmp_path / "others").read_text() == "words of another"


def test_an_archive_that_nobody_knows_is_not_unpacked(tmp_path: Path) -> None:
    """It may have no end; one of the published name has the published checksum."""
    (tmp_path / "mine.tar.gz").write_bytes(b"any")
    with pytest.raises(DatasetError, match="not an archive whose checksum is known"):
        list(
            prepare(load_dataset("ic01"), tmp_path / "mine.tar.gz", b"x.bin,10,7\n", b"", tmp_path)
        )


def test_a_list_of_places_with_objects_in_it_is_refused(batch: bytes, tmp_path: Path) -> None:
    """Nothing that came from outside is unpickled."""
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "test_batch.bin").write_bytes(batch)
    with pytest.raises(DatasetError, match="cannot be read"):
        list(prepare(load_dataset("ic01"), tmp_path, b"x.bin,10,7\n", file.getvalue(), tmp_path))


LABELS_AD = b"normal_id_01_1_hist_librosa.bin,2,0,2560,512\n"


@pytest.mark.parametrize("below", [".", "test", "ToyCar/test", "zip"])
def test_a_recording_becomes_its_middle_200_frames(tmp_path: Path, below: str) -> None:
    """Frames 50 to 249 of the reference, which counts one more at the start."""
    source, dataset = tmp_path / "from", load_dataset("ad01")
    (source / below).mkdir(parents=True, exist_ok=True)
    wav = source / below / "normal_id_01_1.wav"
    samples = _wav(wav, 10)
    if below == "zip":  # as downloaded
        with zipfile.ZipFile(source / "dev_data_ToyCar.zip", "w") as archive:
            archive.write(wav, "ToyCar/test/normal_id_01_1.wav")
        dataset = _made_here(dataset, source / "dev_data_ToyCar.zip")
    list(prepare(dataset, source, LABELS_AD, None, tmp_path))
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


# ---------------------------------------------------------------------------------- photographs


LABELS_VWW = b"000000000285.bin,2,0\n000000343218.bin,2,1\n"


def _pattern() -> np.ndarray:
    """Return a picture of (427, 640, 3) that a formula gives."""
    y, x = np.mgrid[:427, :640]
    planes = [(x * 7 + y * 3) % 256, np.clip((x - 200) * 2, 0, 255), (x * y // 50) % 256]
    return np.stack(planes, axis=2).astype(np.uint8)


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_a_picture_shrinks_as_the_reference_preparation_shrinks_it() -> None:
    """Pixels that scikit-image 0.26 gives, cut off after 255 times as the reference does."""
    shrunk = shrink(_pattern(), 96, 96)
    wanted = {
        (0, 0): [29, 0, 0],
        (10, 50): [187, 254, 54],
        (40, 60): [48, 254, 166],
        (48, 48): [89, 245, 109],
        (95, 95): [89, 254, 80],
        (95, 0): [64, 0, 27],
    }
    assert shrunk.shape == (96, 96, 3)
    for (row, column), values in wanted.items():
        # One step may be the last digit of an exponential on another processor.
        assert np.abs(shrunk[row, column].astype(int) - values).max() <= 1
    assert int(shrunk.sum()) == pytest.approx(3_657_438, abs=100)


@pytest.mark.parametrize("shade", [0, 1, 77, 254, 255])
def test_a_picture_of_one_shade_keeps_it(shade: int) -> None:
    """Also one that must be enlarged; the reference cuts fractions off, so one less may come."""
    for height, width in ((480, 640), (96, 96), (60, 50), (1, 1)):
        shrunk = shrink(np.full((height, width, 3), shade, np.uint8), 96, 96)
        assert set(np.unique(shrunk)) <= {shade, max(0, shade - 1)}


@pytest.mark.parametrize("packed", ["", "val2017", "COCO_val2014_", "zip"])
def test_photographs_become_pictures_of_96_by_96(packed: str, tmp_path: Path) -> None:
    """From a folder, from val2017/ in it, from those of 2014, or from the zip as downloaded."""
    source, dataset = tmp_path / "from", load_dataset("vww01")
    source.mkdir()
    photographs = {"000000000285.jpg": _jpeg(_pattern()), "000000343218.jpg": _jpeg(_grey())}
    if packed == "zip":
        with zipfile.ZipFile(source / "val2017.zip", "w") as archive:
            for name, data in photographs.items():
                archive.writestr(f"val2017/{name}", data)
        dataset = _made_here(dataset, source / "val2017.zip")
    else:
        folder = source / packed if packed == "val2017" else source
        folder.mkdir(exist_ok=True)
        prefix = packed if packed.startswith("COCO") else ""
        for name, data in photographs.items():
            (folder / f"{prefix}{name}").write_bytes(data)
    *_, last = prepare(dataset, source, LABELS_VWW, None, tmp_path)
    assert last == (2, 2)
    first, second = read_samples(tmp_path, dataset).samples
    assert (first.name, first.label, first.size_b) == ("000000000285.bin", 0, 27_648)
    found = np.frombuffer(first.read(), np.uint8).reshape(96, 96, 3).astype(int)
    assert np.abs(found - shrink(_pattern(), 96, 96)).mean() < 3  # JPEG loses a little
    grey = np.frombuffer(second.read(), np.uint8).reshape(96, 96, 3)
    assert (grey == grey[:, :, :1]).all()
    assert grey[0, 0, 0] < grey[0, 95, 0]


def _grey() -> np.ndarray:
    return np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a JPEG picture"),
        (_jpeg(_pattern())[:4000], "not a JPEG picture that can be read: .*download it again"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not a JPEG picture"),
        (_jpeg(np.zeros((8, 9000), np.uint8)), "9000x8 pixels: no photograph of COCO"),
    ],
)
def test_a_photograph_that_cannot_be_used_is_named(
    data: bytes, message: str, tmp_path: Path
) -> None:
    """Empty, cut short, of another kind, of a size that no photograph of the set has."""
    (tmp_path / "000000000285.jpg").write_bytes(data)
    with pytest.raises(DatasetError, match=rf"000000000285\.jpg: {message}"):
        list(prepare(load_dataset("vww01"), tmp_path, LABELS_VWW, None, tmp_path / "out"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_damaged_photograph_is_refused_or_read(changes: list[tuple[int, int]]) -> None:
    """With any bytes changed, the picture has its size or the error is one of ours."""
    data = bytearray(_jpeg(_grey()))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        assert len(picture(bytes(data), "x.jpg")) == 27_648
    except DatasetError as error:
        assert "x.jpg" in str(error)


def test_without_pillow_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The extra is named in the line to type."""
    (tmp_path / "000000000285.jpg").write_bytes(_jpeg(_grey()))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ToolMissingError, match=r"install -e '\S*\[prepare\]'"):
        list(prepare(load_dataset("vww01"), tmp_path, LABELS_VWW, None, tmp_path / "out"))


# ------------------------------------------------------------------------------------- downloads


@pytest.mark.parametrize("name", ["vww01", "ic01", "ad01"])
def test_a_download_with_the_wrong_checksum_is_refused(name: str, tmp_path: Path) -> None:
    """The message has both checksums and the address; a damaged zip without one is named too."""
    dataset = load_dataset(name)
    (original,) = dataset.originals
    (tmp_path / original.name).write_bytes(b"cut short")
    labels = {"vww01": LABELS_VWW, "ic01": b"x.bin,10,7\n", "ad01": LABELS_AD}[name]
    with pytest.raises(
        DatasetError, match=f"(?s)wanted .*download it again from {original.address}"
    ):
        list(prepare(dataset, tmp_path, labels, _npy([17]), tmp_path / "out"))
    other = tmp_path / "other.zip"
    other.write_bytes(b"no zip")
    if name != "ic01":
        with pytest.raises(DatasetError, match=r"other\.zip: not a zip file"):
            list(prepare(dataset, other, labels, None, tmp_path / "out"))


def test_every_set_that_is_prepared_says_where_its_originals_are() -> None:
    """An address each, and a checksum where there is one file to download."""
    prepared = [d for d in map(load_dataset, names()) if d.source is not None]
    assert {dataset.name for dataset in prepared} == {"kws01", "vww01", "ic01", "ad01", "sww01"}
    for dataset in prepared:
        assert "://" in where_from(dataset)
        assert all(original.checksum for original in dataset.originals if "." in original.name)


def test_originals_that_are_not_there_are_told_where_to_get(tmp_path: Path) -> None:
    """An empty folder gives the name of a photograph and the address of the archive."""
    with pytest.raises(DatasetError, match=r"such as 000000000285\.jpg;.*zips/val2017\.zip"):
        list(prepare(load_dataset("vww01"), tmp_path, LABELS_VWW, None, tmp_path / "out"))
