"""Official lists: pinned, checked, and which of them a run has used."""

from pathlib import Path

import pytest

from tinybench.datasets.declaration import load_dataset, title_of
from tinybench.datasets.official import known_checksums
from tinybench.runner.audit.evidence import Inferred
from tinybench.runner.audit.figures import best_list
from tinybench.runner.audit.labels import LISTS, LabelList, Labels, label_in_name


def _inferred(names: list[str]) -> list[Inferred]:
    return [Inferred(name, 0, 1, None, (0.0,), 3) for name in names]


def test_the_list_that_a_run_has_used_is_found() -> None:
    """A short list within a long one, its beginning, or most of it."""
    names = [f"{n}.bin" for n in range(20)]
    long = LabelList("long", dict.fromkeys(names, 0))
    short = LabelList("short", dict.fromkeys(names[10:15], 0))
    other = LabelList("other", {"x.bin": 0})
    lists = (long, short, other)
    assert best_list(_inferred(names), lists) == long
    assert best_list(_inferred(names[10:15]), lists) == short
    assert best_list(_inferred(names[:5]), lists) == long
    assert best_list(_inferred(names[10:13]), lists) == short
    assert best_list(_inferred(["x.bin"]), lists) == other
    assert best_list(_inferred(["y.bin"]), lists) == long
    assert best_list(_inferred(["y.bin"]), ()) is None


def test_every_official_list_is_fetched_with_its_checksum(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1000, 1000, 200 twice, 248 and 72 inputs, and 50 wake words."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))
    labels = Labels(None, tmp_path / "cache")
    counts = {model_id: [len(one.labels) for one in labels.lists(model_id)] for model_id in LISTS}
    assert counts == {"kws01": [1000], "vww01": [1000], "ic01": [200, 200], "ad01": [248, 72]}
    assert labels.lists("ic02") == labels.lists("ic01")
    assert len(labels.stream_windows()) == 50
    assert labels.notes == []
    for one in (*labels.lists("kws01"), *labels.lists("ad01")):
        assert all(label_in_name(name) == label for name, label in one.labels.items())


def test_the_lists_are_those_of_the_datasets() -> None:
    """By the same names and checksums; a run and an audit of it speak of the same list."""
    for name, lists in LISTS.items():
        dataset = load_dataset(name)
        declared = {
            title_of(dataset, one): known_checksums(one)[one.labels] for one in dataset.lists
        }
        assert {title: sha256 for title, _, sha256 in lists} == declared


def test_a_list_that_cannot_be_fetched_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit goes on without it; a damaged one in the cache is not used."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path))
    cache = tmp_path / "cache"
    labels = Labels(None, cache)
    assert labels.lists("vww01") == ()
    assert labels.stream_windows() == ()
    assert len(labels.notes) == 2
    damaged = cache / LISTS["vww01"][0][1]
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_text("000000343218.bin,2,1\n")
    labels = Labels(None, cache)
    assert labels.lists("vww01") == ()
    assert "damaged in the cache" in labels.notes[0]


def test_lists_that_are_not_at_hand_are_noted_with_what_the_audit_can_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own option, not that of the commands which run."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path))
    labels = Labels(None, tmp_path / "cache")
    assert labels.lists("kws01") == ()
    (note,) = labels.notes
    assert note.endswith("or give label files of your own: --labels DIR")
    assert "--data" not in note
