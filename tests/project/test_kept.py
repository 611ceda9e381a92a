"""What tests compile is kept under all that it is made of, and no more than there is room for."""

import os
from pathlib import Path

import pytest

from tests import kept


def test_what_is_the_same_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another word, other bytes behind it, another source or another compiler: it is made anew."""
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    makes: list[Path] = []

    def make(into: Path) -> None:
        makes.append(into)
        (into / "made").write_text(str(len(makes)))

    first = kept.made(["gcc", "-O2"], [b"a", b"b"], make)
    assert kept.made(["gcc", "-O2"], [b"a", b"b"], make) == first
    assert first.read_text() == "1"
    assert kept.made(["gcc", "-O3"], [b"a", b"b"], make) != first
    assert kept.made(["gcc", "-O2"], [b"ab", b""], make) != first
    with monkeypatch.context() as patch:
        patch.setattr(kept, "sources", lambda: "others")
        assert kept.made(["gcc", "-O2"], [b"a", b"b"], make) != first
    with monkeypatch.context() as patch:
        patch.setattr(kept, "version", lambda _: "a newer one")
        assert kept.made(["gcc", "-O2"], [b"a", b"b"], make) != first
    assert len(makes) == 5
    assert not any(into.exists() for into in makes)


def test_what_is_not_made_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that fails, or is killed half way, leaves nothing for the next run."""
    monkeypatch.setattr(kept, "FOLDER", tmp_path)

    def fail(into: Path) -> None:
        (into / "made").write_text("half")
        raise AssertionError("does not compile")

    with pytest.raises(AssertionError, match="does not compile"):
        kept.made(["gcc"], [], fail)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_was_used_longest_ago_is_removed(tmp_path: Path) -> None:
    """Until the rest has room."""
    for age, name in enumerate(("new", "old", "oldest")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    kept.prune(tmp_path, 250)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old"}
    kept.prune(tmp_path / "not there", 0)


def test_a_changed_source_is_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the firmware, or of what the tests compile with it."""
    before = kept.sources.__wrapped__()
    assert before == kept.sources()
    with monkeypatch.context() as patch:
        patch.setattr(kept, "sources_sha256", lambda: "other firmware")
        assert kept.sources.__wrapped__() != before
    folder = tmp_path / "tests" / "firmware"
    folder.mkdir(parents=True)
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    for name in ("one.c", "one.h", "one.ld", "one.S"):
        (folder / name).write_bytes(b"a")
    for name in ("one.c", "one.h", "one.ld", "one.S"):
        same = kept.sources.__wrapped__()
        (folder / name).write_bytes(b"b")
        assert kept.sources.__wrapped__() != same
