"""Dataset and model declarations: those in the package, and wrong ones."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.datasets import declaration as datasets
from tinybench.errors import DeclarationError, UsageError
from tinybench.models import declaration as models
from tinybench.runner.build import task as tasks

SOURCE = '[source]\nrepository = "a/b"\ncommit = "' + "0" * 40 + '"\npath = "x/y"\n'
DATASET = (
    'name = "x"\ntitle = "x"\ncount = 1\ninput_b = 1\nclasses = 2\nfolder = "x"\n'
    'labels = "y.csv"\nlicence = "x"\ncitation = "x"\n'
)


@pytest.mark.parametrize("name", datasets.names())
def test_every_dataset_declaration_loads(name: str) -> None:
    """Each dataset in the package is named as its file, and its checksum list covers it."""
    dataset = datasets.load_dataset(name)
    assert dataset.name == name
    if dataset.checksums is not None:
        checksums = datasets.load_checksums(datasets.package_folder() / dataset.checksums)
        assert dataset.labels in checksums
        assert dataset.lists[0].source == dataset.source
    for one in dataset.lists:
        checksums = datasets.load_checksums(datasets.package_folder() / one.checksums)
        inputs = set(checksums) - set(dataset.label_files)
        assert one.labels in checksums
        assert len(inputs) == (0 if one.sha256 is None else dataset.count)
        assert (one.sha256 is None) == (one.made_from in [o.name for o in dataset.originals])


@pytest.mark.parametrize("name", models.names())
def test_every_model_declaration_loads(name: str) -> None:
    """Each model in the package is named as its file."""
    assert models.load_model(name).name == name


@pytest.mark.parametrize("name", tasks.names())
def test_tasks_agree_with_their_datasets_and_models(name: str) -> None:
    """A task's input size, classes and model id are those of both its datasets and models."""
    task = tasks.load_task(name)
    for dataset in map(datasets.load_dataset, (task.dataset, task.embedded_dataset)):
        assert (dataset.input_b, dataset.classes) == (task.input_b, len(task.classes))
    for model in map(models.load_model, (task.model, task.embedded_model)):
        assert model.model_id == task.model_id
    assert datasets.load_dataset(task.dataset).count in task.rules.accuracy_count
    assert datasets.load_dataset(task.embedded_dataset).embedded


def test_checksums_are_those_of_the_official_files(shared_data: Path) -> None:
    """Every declared checksum is that of the file at the pinned commit."""
    for name in models.names():
        model = models.load_model(name)
        if model.source is not None:
            data = (shared_data / "mirror" / model.source.address).read_bytes()
            assert hashlib.sha256(data).hexdigest() == model.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DATASET, "either the keys 'source' and 'checksums', or 'archive'"),
        (DATASET + SOURCE, "either the keys"),
        (DATASET + 'checksums = "x.sha256"\narchive = "x.zip"\n', "either the keys"),
        (DATASET + 'checksums = "x.sha256"\narchive = "x.zip"\n' + SOURCE, "either the keys"),
        (DATASET + 'archive = "../x.zip"\n', "key 'archive'"),
        (DATASET + 'archive = "/x.zip"\n', "key 'archive'"),
        (DATASET + 'archives = "x.zip"\n', "unknown key 'archives': did you mean 'archive'"),
        (DATASET + SOURCE.replace("a/b", "a/../b"), "key 'source.repository'"),
        (DATASET + SOURCE.replace("a/b", "a/.."), "key 'source.repository'"),
        (DATASET + SOURCE.replace("x/y", "x/../../y"), "key 'source.path'"),
        (DATASET + SOURCE.replace("00", "main"), "key 'source.commit'"),
    ],
)
def test_wrong_dataset_declarations_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """A declaration that is contradictory or leads out of its folder names the file and the key."""
    path = tmp_path / "x.toml"
    path.write_text(text)
    monkeypatch.setattr(datasets, "names", lambda: {"x": path})
    with pytest.raises(DeclarationError, match=message) as caught:
        datasets.load_dataset("x")
    assert str(path) in str(caught.value)


def test_unknown_names_suggest_the_nearest() -> None:
    """A misspelt dataset or model suggests what was meant."""
    with pytest.raises(UsageError, match="no dataset 'kws1': did you mean 'kws01'"):
        datasets.load_dataset("kws1")
    with pytest.raises(UsageError, match="no model 'kws1': did you mean 'kws01'"):
        models.load_model("kws1")


@pytest.mark.parametrize(
    "line",
    ["", "xyz  a", "0" * 63 + "  a", "0" * 64 + "  ../a", "0" * 64 + "  ", "1" * 64 + "  twice"],
)
def test_wrong_checksum_lists_name_the_line(tmp_path: Path, line: str) -> None:
    """A checksum list holds digests and distinct plain file names, and nothing else."""
    path = tmp_path / "x.sha256"
    path.write_text("0" * 64 + "  twice\n" + line + "\n")
    with pytest.raises(DeclarationError, match=r"x\.sha256, line 2"):
        datasets.load_checksums(path)


@given(st.text())
def test_a_file_name_stays_in_its_folder(name: str) -> None:
    """What passes as a file name is one component and neither the folder nor its parent."""
    if datasets.is_file_name(name):
        assert Path("/folder", name).parent == Path("/folder")
        assert Path("/folder", name).name == name
        assert not re.search(r"[/\\:\x00]", name)
