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


def test_inputs_without_public_checksums_are_said_to_be_unchecked(
    official: Path, shared_data: Path, tmp_path: Path
) -> None:
    """Of a set that may not be passed on only the label file can be compared."""
    ad = load_task("ad")
    labels = next((shared_data / "mirror/eembc/energyrunner").iterdir()) / "datasets/ad01"
    (tmp_path / "ad01").mkdir()
    shutil.copyfile(labels / "y_labels.csv", tmp_path / "ad01" / "y_labels.csv")
    for line in (labels / "y_labels.csv").read_text().splitlines():
        (tmp_path / "ad01" / line.split(",")[0]).write_bytes(bytes(2560))
    model = shared_data / "mirror" / official_files(ad)[-1].address
    inputs = resolve(ad, data=tmp_path, model=model, cache=official)
    assert (inputs.dataset_origin, inputs.model_origin) == ("official", "official")
    assert "the inputs have no public checksums" in inputs.note


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
