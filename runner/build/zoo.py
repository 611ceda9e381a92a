"""The models of the zoo: where each is public, brought into the cache, taken from a folder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tinybench.cache import cache_folder
from tinybench.datasets.fetch import RAW_ADDRESS, Pinned, fetch, mirror_folder, missing
from tinybench.errors import FetchError, ModelError, UsageError
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.models.declaration import ZooModel, load_zoo_model, zoo_names
from tinybench.track import Track, silent

from .official import plain_files, put_file, read_plain


def load_zoo(names: Sequence[str]) -> list[ZooModel]:
    """Return models by their names, each once; all of them where none is named."""
    return [load_zoo_model(name) for name in dict.fromkeys(names or zoo_names())]


def addresses(zoo: Sequence[ZooModel]) -> list[str]:
    """Return a line "SHA-256  address" for each model, as those of the official files."""
    return [f"{one.sha256}  {RAW_ADDRESS}/{one.source.address}" for one in zoo]


def is_here(model: ZooModel, cache: Path | None = None) -> bool:
    """Return whether a model is in the cache."""
    return missing([_pinned(model)], cache or cache_folder()) == 0


def bring(
    zoo: Sequence[ZooModel],
    track: Track,
    cache: Path | None = None,
    raw_address: str = RAW_ADDRESS,
) -> dict[str, str]:
    """Fetch what is not in the cache, or damaged there; return {name: why} of what cannot be had.

    Each is fetched by itself, so that a mirror may hold some of them only; where a network fails
    for one, the others that are not there are not asked for.
    """
    cache, lost, mirror = cache or cache_folder(), dict[str, str](), mirror_folder()
    for one in track(zoo, "fetch", len(zoo)):
        if lost and mirror is None and not is_here(one, cache):
            lost[one.name] = "not asked for: the network failed for another one"
            continue
        try:
            fetch([_pinned(one)], cache, silent, label="", mirror=mirror, raw_address=raw_address)
        except FetchError as error:
            lost[one.name] = str(error)
    return lost


def model_file(model: ZooModel, cache: Path | None = None) -> Path:
    """Return where a model lies in the cache. Raises ModelError where it was damaged there."""
    path = (cache or cache_folder()) / model.source.address
    try:
        found = hashlib.sha256(read_bytes(path, WHOLE_MOST_B)).hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}; type: tinybench zoo fetch {model.name}"
        ) from error
    if found != model.sha256:
        raise ModelError(
            f"{path}: the model in the cache is damaged: its SHA-256 is {found}, wanted "
            f"{model.sha256}; remove it and type: tinybench zoo fetch {model.name}"
        )
    return path


def import_zoo(folder: Path, track: Track, cache: Path | None = None) -> list[str]:
    """Copy the models below a folder into the cache, known by their bytes alone; return names.

    Regular files only, and no link is followed. Raises UsageError for a folder without any,
    FetchError when the cache cannot be written.
    """
    cache, zoo = cache or cache_folder(), load_zoo(())
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; give one with models below it")
    wanted = {one.sha256: one for one in zoo}
    sizes = {one.size_b for one in zoo}
    paths = [path for path in plain_files(folder, max(sizes)) if path.stat().st_size in sizes]
    found = set[str]()
    for path in track(paths, "import", len(paths)):
        data = read_plain(path, max(sizes))
        one = wanted.get(hashlib.sha256(data).hexdigest())
        if one is not None:
            put_file(cache / one.source.address, data)
            found.add(one.name)
    if not found:
        raise UsageError(
            f"{folder}: holds no model of the zoo, by their SHA-256; what they are and where they "
            "are public: tinybench zoo fetch --list"
        )
    return sorted(found)


def _pinned(model: ZooModel) -> Pinned:
    return Pinned(model.source.address, model.sha256)
