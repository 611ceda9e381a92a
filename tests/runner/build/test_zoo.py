"""The zoo: what its declarations say, and how a model comes into the cache."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tinybench.errors import DeclarationError, ModelError, UsageError
from tinybench.models.declaration import ZooModel, load_zoo_model, zoo_names
from tinybench.runner.build.zoo import (
    addresses,
    bring,
    import_zoo,
    is_here,
    load_zoo,
    model_file,
)
from tinybench.track import silent

ZOO = load_zoo(())
DECLARATION = """\
name = "small"
title = "a few bytes"
licence = "none"
citation = "none"
sha256 = "{sha256}"
size_b = {size_b}

[source]
repository = "owner/models"
commit = "{commit}"
path = "deep/{name}.tflite"
"""


def declared(folder: Path, data: bytes, name: str = "small") -> ZooModel:
    """Return a model of the zoo that is `data`, declared in a folder."""
    sha256 = hashlib.sha256(data).hexdigest()
    text = DECLARATION.format(sha256=sha256, size_b=len(data), commit="0" * 40, name=name)
    path = folder / f"{name}.toml"
    path.write_text(text.replace('"small"', f'"{name}"'), encoding="utf-8")
    return load_zoo_model(str(path))


def put(folder: Path, model: ZooModel, data: bytes) -> Path:
    """Write a file at a model's address below a folder."""
    path = folder / model.source.address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_each_model_is_declared_once_and_pinned() -> None:
    """Another file each, at a commit, under a licence that names itself; most have outputs."""
    assert len(ZOO) == len(zoo_names()) > 20
    for what in ("sha256", "source", "title"):
        assert len({getattr(one, what) for one in ZOO}) == len(ZOO)
    assert {one.licence for one in ZOO} == {"Apache-2.0", "MIT", "Zlib"}
    assert sum(one.outputs_sha256 is not None for one in ZOO) > len(ZOO) // 2
    assert [line[:64] for line in addresses(ZOO)] == [one.sha256 for one in ZOO]


def test_a_wrong_declaration_names_itself(tmp_path: Path) -> None:
    """Another name than its file has; a name that is none."""
    declared(tmp_path, b"x")
    (tmp_path / "small.toml").rename(tmp_path / "other.toml")
    with pytest.raises(DeclarationError, match="its name is 'small'"):
        load_zoo_model(str(tmp_path / "other.toml"))
    with pytest.raises(UsageError, match="did you mean 'person-detect'"):
        load_zoo_model("person-detekt")


def test_what_the_mirror_lacks_is_named_and_the_rest_had(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by itself: the official ones are there, the others are lost with a reason."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))
    zoo = load_zoo(["hello-world", "kws01", "sww01", "kws01"])
    assert [one.name for one in zoo] == ["hello-world", "kws01", "sww01"]
    lost = bring(zoo, silent, tmp_path)
    assert list(lost) == ["hello-world"]
    assert "cannot be read from the mirror" in lost["hello-world"]
    assert [is_here(one, tmp_path) for one in zoo] == [False, True, True]


def test_a_damaged_model_is_found_out_and_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its bytes, before it is used."""
    model, cache = declared(tmp_path, b"right"), tmp_path / "cache"
    put(tmp_path / "mirror", model, b"right")
    path = put(cache, model, b"wrong")
    with pytest.raises(ModelError, match="damaged: its SHA-256 is"):
        model_file(model, cache)
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))
    assert bring([model], silent, cache) == {}
    assert model_file(model, cache) == path
    assert path.read_bytes() == b"right"


def test_without_a_network_only_the_first_is_asked_for(tmp_path: Path) -> None:
    """What is in the cache is had all the same, though it comes later."""
    gone, here, more = (
        declared(tmp_path, name.encode(), name) for name in ("gone", "here", "more")
    )
    put(tmp_path / "cache", here, b"here")
    lost = bring([gone, more, here], silent, tmp_path / "cache", "http://127.0.0.1:9")
    assert list(lost) == ["gone", "more"]
    assert "tinybench zoo import DIR" in lost["gone"]
    assert lost["more"].startswith("not asked for")


def test_models_are_taken_from_a_folder_by_their_bytes(mirror: Path, tmp_path: Path) -> None:
    """By any name; a link is not followed, a folder without any is refused."""
    kws, sww = load_zoo(["kws01", "sww01"])
    (tmp_path / "mine").mkdir()
    shutil.copyfile(mirror / kws.source.address, tmp_path / "mine" / "a.bin")
    (tmp_path / "mine" / "b.bin").symlink_to(mirror / sww.source.address)
    assert import_zoo(tmp_path / "mine", silent, tmp_path / "cache") == ["kws01"]
    assert model_file(kws, tmp_path / "cache").is_file()
    assert len(import_zoo(mirror / "mlcommons", silent, tmp_path / "cache")) > 5
    (tmp_path / "mine" / "a.bin").write_bytes(b"")
    with pytest.raises(UsageError, match="no model of the zoo"):
        import_zoo(tmp_path / "mine", silent, tmp_path / "cache")
    with pytest.raises(UsageError, match="no such folder"):
        import_zoo(tmp_path / "none", silent, tmp_path / "cache")
