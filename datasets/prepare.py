"""Make the inputs of a dataset from the public originals: clips, pictures, recordings."""

import hashlib
import io
import tarfile
import wave
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError
from tinybench.files import STREAM_MOST_B, holds, open_regular, open_zip, read_bytes, write_whole

from . import coco, logmel, mfcc
from .declaration import Dataset
from .official import Prepared, known_checksums, note_prepared, read_prepared
from .reader import READ_ERRORS, Label, Location, labels_digest, list_of, opened, parse_labels

Make = Callable[[Label], bytes | None]
"""The input of a label, or None where its original is not there."""

ORIGINAL_LIMIT_B = 1 << 24
"""Larger than any clip, recording or photograph that an input is made from."""
AD_SUFFIX = "_hist_librosa"
CIFAR_RECORD_B = 3073
CIFAR_RECORDS = 10_000
CIFAR_MEMBER = "cifar-10-batches-bin/test_batch.bin"

# The reference takes the middle of each recording, without the frames that reach over its ends.
# Ref: mlcommons/tiny, benchmark/training/anomaly_detection (common.py).
_AD_FIRST_FRAME, _AD_FRAMES = 50, 200


def prepare(
    dataset: Dataset,
    source: Path,
    labels: bytes,
    places: bytes | None,
    out: Path,
    *,
    only_official: bool = False,
) -> Iterator[tuple[int, int]]:
    """Write `out`/<folder> with labels and inputs; yield (inputs made so far, labels looked at).

    `labels` is the official label file, `places` the official list of places in the original set
    (CIFAR-10 only). Only labels whose original is in `source` are written, and never over a file
    that has its official checksum; `only_official`: nor what has it not. Raises DatasetError for an
    original that is not what it should be, or when there is none.
    """
    where = f"official {dataset.labels}"
    wanted = parse_labels(labels, dataset, where)
    make, original = _maker(dataset, source, wanted, places)
    official = _checksums(dataset, wanted, out / dataset.folder)
    made: dict[str, str] = {}
    lines = {line.split(",")[0].strip(): line for line in labels.decode("utf-8-sig").splitlines()}
    folder = out / dataset.folder
    kept: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for looked_at, label in enumerate(wanted, start=1):
            data = make(label)
            if data is not None:
                sha256, wanted_sha256 = _sha256(data), official.get(label.name)
                made[label.name] = sha256
                skipped = only_official and sha256 != wanted_sha256
                if not skipped and not _verified(folder / label.name, wanted_sha256):
                    write_whole(folder / label.name, data)
                kept.append(lines[label.name].strip())
            yield len(kept), looked_at
        if not kept:
            raise DatasetError(
                f"{source}: holds no original of {dataset.name}: wanted one for each of the "
                f"{len(wanted)} labels, such as {_original(dataset, wanted[0])}; give the folder "
                f"that contains them with --from: {where_from(dataset)}"
            )
        if original is not None:
            note_prepared(folder, Prepared(*original, made))
        elif any(official.get(name) != sha256 for name, sha256 in made.items()):
            note_prepared(folder, None)
        if len(kept) == len(wanted):
            write_whole(folder / dataset.labels, labels)
        elif not holds(folder / dataset.labels, labels):  # what is missing may be made later
            write_whole(folder / dataset.labels, "".join(f"{line}\n" for line in kept).encode())
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _checksums(dataset: Dataset, labels: list[Label], folder: Path) -> dict[str, str]:
    """Return {name: SHA-256} of the official inputs, as published or as they were made before."""
    known = list_of(labels_digest(labels), dataset)
    if known is not None and known.sha256 is not None:
        return known_checksums(known)
    before = read_prepared(folder)
    published = [(original.name, original.checksum) for original in dataset.originals]
    if before is None or (before.original, before.checksum) not in published:
        return {}
    return before.inputs_sha256


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _verified(path: Path, sha256: str | None) -> bool:
    """Return whether a file is there with its official checksum."""
    try:
        return sha256 is not None and _sha256(read_bytes(path, ORIGINAL_LIMIT_B)) == sha256
    except OSError:
        return False


def _maker(
    dataset: Dataset, source: Path, labels: list[Label], places: bytes | None
) -> tuple[Make, tuple[str, str] | None]:
    """Return what makes an input, and name and checksum of an original that speaks for all."""
    if dataset.name == "ic01" and places is not None:
        pictures, original = _cifar(dataset, source, labels, places)
        return lambda label: pictures[label.name], original
    make = {"kws01": _keyword, "vww01": _photograph, "ad01": _machine}.get(dataset.name)
    if make is not None:
        folder = _opened(dataset, source)
        return lambda label: make(folder, label), None
    raise DatasetError(
        f"{dataset.name}: its inputs cannot be prepared here; give an EEMBC folder with --data DIR"
    )


def where_from(dataset: Dataset) -> str:
    """Return where the originals of a dataset are published, with their checksums."""
    return "; ".join(
        f"{original.name} from {original.address}"
        + (f" ({original.checksum})" if original.checksum else "")
        for original in dataset.originals
    )


def _opened(dataset: Dataset, source: Path) -> Location:
    """Return the folder of originals, or the inside of the zip file that they come in."""
    candidates = (source, *(source / original.name for original in dataset.originals))
    path = next((path for path in candidates if path.suffix == ".zip" and path.is_file()), None)
    if path is None:
        return source
    _check_download(dataset, path)
    try:
        return zipfile.Path(open_zip(path))
    except READ_ERRORS as error:
        raise DatasetError(f"{path}: not a zip file that can be read: {error}") from error


def _check_download(dataset: Dataset, path: Path) -> tuple[str, str] | None:
    """Return name and checksum of a file as downloaded; None for one that has none declared.

    Raises DatasetError when it has another one.
    """
    original = next((o for o in dataset.originals if o.name == path.name and o.checksum), None)
    if original is None or original.checksum is None:
        return None
    kind, _, wanted = original.checksum.partition(":")
    try:
        with open_regular(path, STREAM_MOST_B) as file:
            found = hashlib.file_digest(file, kind).hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    if found != wanted:
        raise DatasetError(
            f"{path}: its {kind} is {found}, wanted {wanted}: it was cut short or is another "
            f"version; download it again from {original.address}, or unpack it yourself"
        )
    return original.name, original.checksum


def _find(folder: Location, *names: str) -> Location | None:
    """Return the first of the files that is there."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(file: Location) -> bytes:
    """Return an original, on disk or from a zip; raises DatasetError."""
    try:
        with opened(file) as stream:
            data = stream.read(ORIGINAL_LIMIT_B + 1)
    except READ_ERRORS as error:
        raise DatasetError(f"{file}: cannot be read: {error}") from error
    if len(data) > ORIGINAL_LIMIT_B:
        raise DatasetError(
            f"{file}: has more than {ORIGINAL_LIMIT_B} bytes, and no original of this set has"
        )
    return data


def _original(dataset: Dataset, label: Label) -> str:
    """Return the name of the file that a label's input is made from."""
    stem = Path(label.name).stem
    return {
        "vww01": f"{stem}.jpg",
        "ad01": f"{stem.removesuffix(AD_SUFFIX)}.wav",
    }.get(dataset.name, f"{label.name} or {stem}.wav")


def _keyword(folder: Location, label: Label) -> bytes | None:
    """Return the features of a clip `<name>.bin` (int16 LE, 16 kHz) or `<name>.wav`."""
    file = _find(folder, f"{Path(label.name).stem}.wav", label.name)
    if file is None:
        return None
    data = _read(file)
    if file.name.endswith(".wav"):
        samples = _samples(data, file)
    elif len(data) == 2 * mfcc.SAMPLES:
        samples = np.frombuffer(data, dtype="<i2")
    else:
        raise DatasetError(
            f"{file}: a clip has {2 * mfcc.SAMPLES} bytes (1 s of int16 at 16 kHz), this file "
            f"has {len(data)}"
        )
    if len(samples) > mfcc.SAMPLES:
        raise DatasetError(f"{file}: a clip lasts 1 s (16000 samples), this has {len(samples)}")
    padded = np.zeros(mfcc.SAMPLES, dtype=np.int16)
    padded[: len(samples)] = samples
    return mfcc.quantise(mfcc.mfcc(padded)).tobytes()


def _photograph(folder: Location, label: Label) -> bytes | None:
    """Return the picture of a COCO photograph; an input is named by the number of its own."""
    name = f"{Path(label.name).stem}.jpg"
    file = _find(folder, name, f"val2017/{name}", f"COCO_val2014_{name}")
    return None if file is None else coco.picture(_read(file), str(file))


def _machine(folder: Location, label: Label) -> bytes | None:
    """Return 200 frames of a ToyCar recording: `normal_id_01_00000003.wav` and so on."""
    name = f"{Path(label.name).stem.removesuffix(AD_SUFFIX)}.wav"
    file = _find(folder, name, f"test/{name}", f"ToyCar/test/{name}")
    if file is None:
        return None
    frames = logmel.log_mel(_samples(_read(file), file).astype(np.float64) / 32768)
    first = _AD_FIRST_FRAME - 1  # our frame 0 is the reference's frame 1
    middle = frames[first : first + _AD_FRAMES]
    if len(middle) != _AD_FRAMES:
        raise DatasetError(
            f"{file}: a recording has at least {_AD_FIRST_FRAME + _AD_FRAMES} frames (8 s at "
            f"16 kHz), this has {len(frames)}: was it cut short?"
        )
    return middle.astype("<f4").tobytes()


def _samples(wav: bytes, where: Location) -> NDArray[np.int16]:
    """Return the samples of a mono 16-bit 16 kHz wav file; raises DatasetError."""
    try:
        with wave.open(io.BytesIO(wav)) as file:
            kind = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DatasetError(f"{where}: not a wav file that can be read: {error}") from error
    if kind != (1, 2, 16_000):
        raise DatasetError(
            f"{where}: has {kind[0]} channels of {8 * kind[1]} bit at {kind[2]} Hz, wanted one of "
            "16 bit at 16000 Hz"
        )
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")


def _cifar(
    dataset: Dataset, source: Path, labels: list[Label], official: bytes
) -> tuple[dict[str, bytes], tuple[str, str] | None]:
    """Return {name: 32x32 RGB interleaved} from CIFAR-10's binary test batch, and its archive.

    The binary archive has no file names: the official list of places says which record belongs to
    which label, and each record's own class must agree. Ref: CIFAR-10 home page, binary version.
    """
    batch, original = _cifar_batch(dataset, source)
    places = _places(official)
    if len(places) != len(labels):
        raise DatasetError(f"the official list has {len(places)} places, {len(labels)} labels")
    records = np.frombuffer(batch, dtype=np.uint8).reshape(-1, CIFAR_RECORD_B)
    pictures = {}
    for place, label in zip(places, labels, strict=True):
        record = records[place]
        if record[0] != label.label:
            raise DatasetError(
                f"{source}: record {place} is of class {record[0]}, its label {label.name} of "
                f"class {label.label}: is this the test batch of CIFAR-10's binary version?"
            )
        pictures[label.name] = record[1:].reshape(3, 32, 32).transpose(1, 2, 0).tobytes()
    return pictures, original


def _cifar_batch(dataset: Dataset, source: Path) -> tuple[bytes, tuple[str, str] | None]:
    """Return test_batch.bin, from a folder, the file itself, or the archive as downloaded.

    With name and checksum of the archive, where it is from one.
    """
    candidates: Iterable[Path] = (
        source / "cifar-10-binary.tar.gz",  # its checksum speaks for what is made from it
        source / CIFAR_MEMBER,
        source / "test_batch.bin",
        source,
    )
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise DatasetError(
            f"{source}: holds neither test_batch.bin nor cifar-10-binary.tar.gz; give the folder "
            f"with CIFAR-10's binary version: {where_from(dataset)}"
        )
    original = _check_download(dataset, path)
    if path.suffix == ".gz" and original is None:
        # What unpacks to no end is not unpacked: only bytes that are known are.
        raise DatasetError(
            f"{path}: not an archive whose checksum is known; give it under the name it is "
            f"published by, or test_batch.bin from it: {where_from(dataset)}"
        )
    wanted_b = CIFAR_RECORD_B * CIFAR_RECORDS
    try:
        if path.suffix == ".gz":
            # Read as a stream, one member by its name; nothing is unpacked onto the disk.
            with tarfile.open(path, "r:gz") as archive:
                member = archive.extractfile(CIFAR_MEMBER)
                data = member.read(wanted_b + 1) if member is not None else b""
        else:
            with open_regular(path, STREAM_MOST_B) as file:
                data = file.read(wanted_b + 1)
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise DatasetError(f"{path}: {CIFAR_MEMBER} cannot be read: {error}") from error
    if len(data) != wanted_b:
        raise DatasetError(
            f"{path}: the test batch has {wanted_b} bytes (10000 records of 3073), this has "
            f"{'more' if len(data) > wanted_b else len(data)}"
        )
    return data, original


def _places(data: bytes) -> list[int]:
    """Return the places in CIFAR-10's test set from the official .npy file; raises DatasetError."""
    try:
        places = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DatasetError(f"the official list of places cannot be read: {error}") from error
    if places.ndim != 1 or places.dtype.kind not in "iu":
        raise DatasetError("the official list of places is no list of whole numbers")
    if places.size and not (places.min() >= 0 and places.max() < CIFAR_RECORDS):
        raise DatasetError("the official list of places leads out of the test set")
    return [int(place) for place in places]
