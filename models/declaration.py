"""Model declarations: which .tflite it is, and where it comes from."""

from pathlib import Path

from tinybench.datasets.declaration import RelativePath, Sha256, Source
from tinybench.declare import Declaration, fetched_or_packaged, find, load, named


class Model(Declaration, frozen=True, kw_only=True):
    """A model, from `models/<name>.toml`: either fetched (source) or in the package (file)."""

    name: str
    title: str
    model_id: str
    """What a DUT with this model answers to `profile`, such as "kws01"."""
    licence: str
    citation: str
    source: Source | None = None
    sha256: Sha256 | None = None
    """SHA-256 of the source."""
    file: RelativePath | None = None
    """The .tflite, beside this declaration."""
    float_source: Source | None = None
    """The float model it was quantised from, where that is published."""
    float_sha256: Sha256 | None = None


def package_folder() -> Path:
    """Return the folder that the declarations of models lie in."""
    return Path(__file__).parent


def names() -> dict[str, Path]:
    """Return all models in the package as {name: path of the declaration}."""
    return named("models", "")


def load_model(name: str) -> Model:
    """Load a model's declaration by name.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    path = find("model", name, names())
    model = load(path, Model)
    fetched_or_packaged(path, model, ("source", "sha256"), "file")
    return model
