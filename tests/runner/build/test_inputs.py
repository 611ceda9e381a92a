"""What a run uses: official, embedded or the user's inputs and model, and what the note says."""

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import pytest

from tinybench.errors import DatasetError, DeclarationError, ModelError
from tinybench.models.declaration import load_model
from tinybench.models.declaration import package_folder as models_folder
from tinybench.runner.build.inputs import fetch_official, official_files, resolve
from tinybench.runner.build.task import Task, load_task
from tinybench.track import silent

T = TypeVar("T")


@pytest.fixture(scope="module")
def kws() -> Task:
    """The keyword task."""
    return load_task("kws")


@pytest.fixture(scope="module")
def official(kws: Task, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with everything official, fetched from a mirror."""
    cache = tmp_path_factory.mktemp("official")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYBENCH_MIRROR", str(shared_data / "mirror"))
        fetch_official(kws, silent, cache)
    return cache


@pytest.fixture
def cache(official: Path, tmp_path: Path) -> Path:
    """A copy of that cache, to be damaged."""
    return Path(shutil.copytree(official, tmp_path / "cache"))


def test_the_cached_official_set_is_used(kws: Task, official: Path) -> None:
    """With everything in the cache, inputs and model are the official ones, all of them."""
    inputs = resolve(kws, cache=official)
    assert (inputs.dataset_origin, inputs.model_origin) == ("official", "official")
    assert len(inputs.samples.samples) == 1000
    assert inputs.model_sha256 == load_model("kws01").sha256
    assert inputs.note == "1000 official inputs (kws01), official model (kws_ref_model.tflite)"


def test_without_a_cache_the_embedded_set_is_used(kws: Task, tmp_path: Path) -> None:
    """With nothing fetched, the package's own inputs and model; the note says how to go on."""
    inputs = resolve(kws, cache=tmp_path)
    assert (inputs.dataset_origin, inputs.model_origin) == ("embedded", "embedded")
    assert len(inputs.samples.samples) == inputs.dataset.count >= 240
    assert {s.label for s in inputs.samples.samples} == set(range(12))
    assert inputs.note.endswith("to use the official ones type: tinybench fetch kws")


def test_a_half_filled_cache_is_not_used(kws: Task, cache: Path) -> None:
    """With one official file missing the embedded set is used; the note says how much is there."""
    (cache / official_files(kws)[0].address).unlink()
    inputs = resolve(kws, cache=cache)
    assert inputs.dataset_origin == "embedded"
    assert inputs.note.endswith("tinybench fetch kws (1001 of 1002 are there)")


@pytest.mark.parametrize("index", [0, 500, 1000, 1001])
def test_a_damaged_cache_is_never_used(kws: Task, cache: Path, index: int) -> None:
    """An input, label file or model in the cache with one byte changed is named, not used."""
    path = cache / official_files(kws)[index].address
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises((DatasetError, ModelError), match="tinybench fetch kws") as caught:
        resolve(kws, cache=cache)
    assert path.name in str(caught.value)


def test_a_damaged_cache_is_mended_by_a_fetch(
    kws: Task, cache: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fetch, what was damaged or removed is right again."""
    (cache / official_files(kws)[3].address).write_bytes(b"short")
    (cache / official_files(kws)[4].address).unlink()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(shared_data / "mirror"))
    assert fetch_official(kws, silent, cache) == cache
    assert resolve(kws, cache=cache).dataset_origin == "official"


def test_a_data_folder_with_the_official_bytes_is_official(
    kws: Task, official: Path, shared_data: Path
) -> None:
    """--data counts as official when every byte is, and hashes as the cached set does."""
    data = next((shared_data / "mirror/eembc/energyrunner").iterdir()) / "datasets"
    inputs = resolve(kws, data=data, cache=official)
    assert inputs.dataset_origin == "official"
    assert inputs.samples.sha256 == resolve(kws, cache=official).samples.sha256


def test_a_data_folder_with_other_inputs_is_custom(
    kws: Task, official: Path, tmp_path: Path
) -> None:
    """--data with the user's own inputs is custom; the note says how to use the official ones."""
    (tmp_path / "kws01").mkdir()
    (tmp_path / "kws01" / "y_labels.csv").write_text("mine.bin,12,3\n")
    (tmp_path / "kws01" / "mine.bin").write_bytes(bytes(490))
    inputs = resolve(kws, data=tmp_path, cache=official)
    assert (inputs.dataset_origin, inputs.model_origin) == ("custom", "official")
    assert inputs.note.startswith(f"1 custom inputs ({tmp_path.name}), official model")
    assert "used without --data and --model" in inputs.note
    with pytest.raises(ModelError, match=r"tinybench fetch kws, or give one with --model FILE"):
        resolve(kws, data=tmp_path, cache=tmp_path)


def _eembc_folder(labels: Path, folder: Path, name: str, size_b: int, fill: int | None) -> Path:
    """Make a dataset folder with official labels and inputs of a test's own."""
    (folder / name).mkdir(parents=True)
    shutil.copyfile(labels, folder / name / labels.name)
    for number, line in enumerate(labels.read_text().splitlines()):
        value = number if fill is None else fill
        data = value.to_bytes(2, "little") + bytes(size_b - 2)
        (folder / name / line.split(",")[0]).write_bytes(data)
    return folder


def _labels(shared_data: Path, repository: str, name: str) -> Path:
    (found,) = (shared_data / "mirror" / repository).rglob(name)
    return found


@pytest.mark.parametrize(
    ("task", "size_b", "fill"), [("vww", 27_648, 0), ("ad", 2560, 0), ("ic", 3072, None)]
)
def test_official_names_and_labels_do_not_make_inputs_official(
    official: Path, shared_data: Path, tmp_path: Path, task: str, size_b: int, fill: int | None
) -> None:
    """All zero, or one unlike the other: the labels are official, the bytes are unverified."""
    wanted = load_task(task)
    labels = _labels(shared_data, "eembc", f"datasets/{wanted.dataset}/y_labels.csv")
    data = _eembc_folder(labels, tmp_path, wanted.dataset, size_b, fill)
    model = shared_data / "mirror" / official_files(wanted)[-1].address
    inputs = resolve(wanted, data=data, model=model, cache=official)
    assert (inputs.dataset_origin, inputs.model_origin) == ("unverified", "official")
    count = len(inputs.samples.samples)
    assert f"{count} unverified inputs ({inputs.name})" in inputs.note
    assert f"{count}, such as" in inputs.note
    assert ("are the bytes of another one" in inputs.note) == (fill == 0)
    assert "tinybench prepare" in inputs.note


def test_the_list_of_inputs_is_named(official: Path, shared_data: Path, tmp_path: Path) -> None:
    """ic01 has had two lists; ad01 has a second one of 72 files, known by its own file name."""
    seen = {}
    for repository, name, task in (
        ("eembc", "datasets/ic01/y_labels.csv", "ic"),
        ("mlcommons", "datasets/ic01/y_labels.csv", "ic"),
        ("mlcommons", "ad01/y_labels_alt.csv", "ad"),
    ):
        wanted = load_task(task)
        labels = _labels(shared_data, repository, name)
        size_b = 2560 if task == "ad" else 3072
        data = _eembc_folder(labels, tmp_path / repository / task, wanted.dataset, size_b, None)
        model = shared_data / "mirror" / official_files(wanted)[-1].address
        inputs = resolve(wanted, data=data, model=model, cache=official)
        seen[inputs.name] = len(inputs.samples.samples)
    assert seen == {
        "ic01 (list of round v0.5)": 200,
        "ic01 (list since round v0.7)": 200,
        "ad01 (72 files)": 72,
    }


def test_labels_are_compared_as_they_are_read(kws: Task, official: Path, tmp_path: Path) -> None:
    """Spaces, CRLF and a byte order mark are no other labels; one other class is."""
    inputs = resolve(kws, cache=official)
    folder = Path(shutil.copytree(str(inputs.samples.folder), tmp_path / "kws01"))
    text = (folder / "y_labels.csv").read_text()
    spaced = "\ufeff" + text.replace(",", ", ").replace("\n", "\r\n")
    (folder / "y_labels.csv").write_bytes(spaced.encode())
    again = resolve(kws, data=tmp_path, cache=official)
    assert again.dataset_origin == "official"
    assert again.samples.sha256 == inputs.samples.sha256
    (folder / "y_labels.csv").write_text(text.replace("Stop_7.bin,12,7", "Stop_7.bin,12,6", 1))
    assert resolve(kws, data=tmp_path, cache=official).dataset_origin == "custom"


def test_one_official_input_with_another_bit_is_named(
    kws: Task, official: Path, tmp_path: Path
) -> None:
    """999 official inputs and one that is not are unverified inputs; the one is named."""
    inputs = resolve(kws, cache=official)
    folder = Path(shutil.copytree(str(inputs.samples.folder), tmp_path / "kws01"))
    path = folder / inputs.samples.samples[7].name
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    again = resolve(kws, data=tmp_path, cache=official)
    assert again.dataset_origin == "unverified"
    assert f"; {path.name} has not the official bytes" in again.note


def test_a_missing_input_says_of_which_list_it_is(
    official: Path, shared_data: Path, tmp_path: Path
) -> None:
    """The labels of one list over the files of the other one: both are named."""
    task = load_task("ic")
    old = _labels(shared_data, "eembc", "datasets/ic01/y_labels.csv")
    data = _eembc_folder(old, tmp_path, "ic01", 3072, None)
    new = _labels(shared_data, "mlcommons", "datasets/ic01/y_labels.csv")
    shutil.copyfile(new, data / "ic01" / "y_labels.csv")
    model = shared_data / "mirror" / official_files(task)[-1].address
    other = _eembc_folder(new, tmp_path / "other", "ic01", 3072, None)
    shutil.copyfile(old, other / "ic01" / "y_labels.csv")
    with pytest.raises(
        DatasetError,
        match=r"round v0\.5\); are the files here those of ic01 \(list since round v0\.7\)\?",
    ):
        resolve(task, data=other, model=model, cache=official)
    with pytest.raises(
        DatasetError,
        match=r"that of ic01 \(list since round v0\.7\), and the files here are those of ic01 "
        r"\(list of round v0\.5\)",
    ):
        resolve(task, data=data, model=model, cache=official)


def test_a_model_is_known_by_its_bytes(kws: Task, official: Path, tmp_path: Path) -> None:
    """--model counts as official or embedded when its bytes are, else it is custom."""
    model = tmp_path / "model.tflite"
    model.write_bytes((official / official_files(kws)[-1].address).read_bytes())
    assert resolve(kws, model=model, cache=official).model_origin == "official"
    assert resolve(kws, model=model, cache=tmp_path).dataset_origin == "embedded"
    embedded = models_folder() / (load_model(kws.embedded_model).file or "")
    assert resolve(kws, model=embedded, cache=official).model_origin == "embedded"
    model.write_bytes(b"mine")
    assert resolve(kws, model=model, cache=official).model_origin == "custom"
    with pytest.raises(ModelError, match=r"gone\.tflite: the model cannot be read"):
        resolve(kws, model=tmp_path / "gone.tflite", cache=official)


def _own_task(folder: Path, name: str = "mine") -> Task:
    """Write a task of a user's own, its dataset and model, without inputs and model."""
    for kind, name_here in (("datasets", "inputs.toml"), ("models", "model.toml")):
        text = (files(f"tinybench.{kind}") / "kws01-embedded.toml").read_text()
        (folder / name_here).write_text(text.replace("embedded/kws01", "mine"))
    task = (files("tinybench.runner.build") / "tasks" / "kws.toml").read_text()
    for key, value in (("dataset", "inputs.toml"), ("model", "model.toml"), ("name", name)):
        task = re.sub(rf'^((?:embedded_)?{key} = )".*"', rf'\g<1>"{value}"', task, flags=re.M)
    (folder / "task.toml").write_text(task)
    return load_task(str(folder / "task.toml"))


def test_a_task_of_ones_own_has_its_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command is typed; it is custom, even with the package's inputs and model."""
    monkeypatch.chdir("/")
    task = _own_task(tmp_path)
    with pytest.raises(DatasetError, match=rf"{tmp_path}/mine\.zip: the inputs cannot be read"):
        resolve(task)
    shutil.copy(str(files("tinybench.datasets") / "embedded" / "kws01.zip"), tmp_path / "mine.zip")
    with pytest.raises(ModelError, match=rf"{tmp_path}/mine\.tflite: the model is not there"):
        resolve(task)
    model = files("tinybench.models") / "embedded" / "kws01.tflite"
    shutil.copy(str(model), tmp_path / "mine.tflite")
    inputs = resolve(task)
    assert (inputs.dataset_origin, inputs.model_origin) == ("custom", "custom")
    assert "fetch" not in inputs.note
    assert len(inputs.samples.samples) == 300


@pytest.mark.parametrize("name", ["../up", "a b", "", "Mine"])
def test_a_task_whose_name_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    """A run folder is called by it."""
    with pytest.raises(DeclarationError, match=r"task\.toml: .*name"):
        _own_task(tmp_path, name)
