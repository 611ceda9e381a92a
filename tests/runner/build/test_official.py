"""What is said of the cache: what is there, what is missing, where it is public; and imports."""

import os
import shutil
from pathlib import Path

import pytest

from tinybench.datasets.declaration import load_dataset
from tinybench.datasets.fetch import RAW_ADDRESS
from tinybench.errors import FetchError, UsageError
from tinybench.runner.build.inputs import fetch_official, prepare_official, resolve
from tinybench.runner.build.official import (
    addresses,
    fetched,
    import_folder,
    imported_words,
    prepared,
)
from tinybench.runner.build.task import load_task
from tinybench.track import silent


@pytest.fixture(autouse=True)
def _mirrored(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))


def test_a_fetch_says_what_there_is_and_what_is_missing(tmp_path: Path) -> None:
    """Of kws everything; of vww the labels and the model, and the two ways to its inputs."""
    kws, vww = load_task("kws"), load_task("vww")
    assert "the 1000 official inputs and the model" in fetched(
        kws, fetch_official(kws, silent, tmp_path)
    )
    said = fetched(vww, fetch_official(vww, silent, tmp_path))
    assert said.startswith(
        f"the labels and the model of vww are in {tmp_path}, all checksums right"
    )
    assert "its 1000 inputs are not" in said
    assert "tinybench prepare vww --from FOLDER" in said
    assert "val2017.zip" in said
    assert "tinybench import DIR" in said


def test_a_fetch_says_of_inputs_whose_they_are(tmp_path: Path) -> None:
    """What lies in the cache under official names is unverified, until it is official."""
    ic = load_task("ic")
    cache = fetch_official(ic, silent, tmp_path)
    one = load_dataset("ic01").lists[1]
    folder = cache / one.source.address
    for line in (folder / one.labels).read_text().split():
        (folder / line.split(",")[0]).write_bytes(bytes(3072))
    said = fetched(ic, cache)
    assert (
        "200 inputs of ic01 (list of round v0.5) are there, too, unverified: 200, such as" in said
    )
    inputs = resolve(ic, cache=cache)
    assert (inputs.dataset_origin, inputs.name) == ("unverified", "ic01 (list of round v0.5)")
    assert "200 inputs are the bytes of another one" in inputs.note


def test_what_was_prepared_is_said(shared_data: Path, tmp_path: Path) -> None:
    """Of a part: not whole in the cache, a set of its own elsewhere; beside the rest: official."""
    kws = load_task("kws")
    clips = shared_data / "samples" / "kws01-open"
    cache = tmp_path / "cache"
    source = load_dataset("kws01").source
    assert source is not None
    fetch_official(kws, silent, tmp_path / "whole")
    labels = tmp_path / "whole" / source.address / "y_labels.csv"
    (cache / source.address).mkdir(parents=True)
    shutil.copyfile(labels, cache / source.address / "y_labels.csv")

    folder, made, total = prepare_official(kws, clips, None, silent, cache)
    assert (made, total) == (50, 1000)
    assert prepared(kws, folder).startswith("the set is not whole yet: ")
    folder, _, _ = prepare_official(kws, clips, tmp_path / "out", silent, cache)
    said = prepared(kws, folder)
    assert said.startswith("49 of 50 are official to the byte; use them with: ")
    assert said.endswith(f"--data {folder} (not the whole set)")
    folder, _, _ = prepare_official(kws, clips, None, silent, tmp_path / "whole")
    assert prepared(kws, folder) == "kws01: official"
    assert resolve(kws, cache=tmp_path / "whole").dataset_origin == "official"


def test_the_list_of_addresses_makes_a_mirror(mirror: Path) -> None:
    """Each line is a SHA-256 and an address; the file is in a mirror at the path behind it."""
    whole = addresses(None)
    assert len(whole) == len(set(whole)) > 1000
    assert set(addresses("vww")) < set(whole)
    for line in whole:
        sha256, address = line.split("  ")
        assert len(sha256) == 64
        assert (mirror / address.removeprefix(RAW_ADDRESS + "/")).is_file()
    with pytest.raises(UsageError, match="no task 'kwss'"):
        addresses("kwss")


def test_an_import_knows_files_by_their_bytes(mirror: Path, tmp_path: Path) -> None:
    """In other folders, by other names; one that differs is not taken, nor is a link followed."""
    source = load_dataset("kws01").source
    assert source is not None
    folder = tmp_path / "eembc" / "deep" / "er"
    folder.mkdir(parents=True)
    for number, path in enumerate(sorted((mirror / source.address).iterdir())):
        shutil.copyfile(path, folder / f"{number}.anything")
    os.mkfifo(folder / "pipe.bin")
    (folder / "endless.bin").symlink_to("/dev/zero")
    cache = tmp_path / "cache"
    (found,) = import_folder(tmp_path / "eembc", silent, cache)
    assert (found.title, found.whole) == ("kws01", True)
    assert imported_words([found]) == ["kws01: 1001 of 1001 files are in the cache"]
    fetch_official(load_task("kws"), silent, cache)  # for the model
    assert resolve(load_task("kws"), cache=cache).dataset_origin == "official"

    changed = folder / "7.anything"
    changed.write_bytes(changed.read_bytes()[::-1])
    (again,) = import_folder(tmp_path / "eembc", silent, tmp_path / "other")
    assert not again.whole
    assert imported_words([again])[0].endswith("; 1 not found")


@pytest.mark.parametrize("task", ["kws", "vww", "ic", "ad"])
def test_an_import_takes_labels_however_they_are_written(
    task: str, mirror: Path, tmp_path: Path
) -> None:
    """As another system or editor saved them; in the cache they are as published."""
    lists = load_dataset(load_task(task).dataset).lists
    known = next(one for one in lists if one.sha256 is not None)
    address, folder = f"{known.source.address}/{known.labels}", tmp_path / "eembc"
    folder.mkdir()
    published = (mirror / address).read_bytes()
    saved = published.replace(b",", b", ").replace(b"\n", b" \r\n").rstrip()
    (folder / "mine.csv").write_bytes(b"\xef\xbb\xbf" + saved)
    assert len(import_folder(folder, silent, tmp_path / "cache")) == 1
    assert (tmp_path / "cache" / address).read_bytes() == published


def test_an_import_of_something_else_changes_nothing(tmp_path: Path) -> None:
    """Official names with other bytes; a folder that is none; a cache that cannot be written."""
    (tmp_path / "vww01").mkdir()
    (tmp_path / "vww01" / "000000343218.bin").write_bytes(bytes(27_648))
    with pytest.raises(UsageError, match="holds no official input or label file"):
        import_folder(tmp_path, silent, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    with pytest.raises(UsageError, match="there is no such folder"):
        import_folder(tmp_path / "gone", silent, tmp_path / "cache")


def test_an_import_into_what_is_no_cache_is_named(mirror: Path, tmp_path: Path) -> None:
    """The file that could not be written, and what to do."""
    source = load_dataset("ad01").source
    assert source is not None
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(FetchError, match=r"y_labels\.csv: cannot be written: .*TINYBENCH_CACHE"):
        import_folder(mirror / source.address, silent, tmp_path / "cache")
