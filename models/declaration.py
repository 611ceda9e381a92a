"""Model declarations: which .tflite it is, and where it comes from."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tinybench.datasets.declaration import RelativePath, Sha256, Source
from tinybench.declare import Declaration, Name, fetched_or_packaged, find, load, named
from tinybench.errors import DeclarationError


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


class ZooModel(Declaration, frozen=True, kw_only=True):
    """A public model that boards are compared by, from `models/zoo/<name>.toml`."""

    name: Name
    title: str
    """What it is."""
    licence: str
    citation: str
    source: Source
    sha256: Sha256
    size_b: Annotated[int, Meta(ge=1, le=1 << 26)]
    outputs_sha256: Sha256 | None = None
    """Of what the reference kernels answer to the seeded inputs, each inference by itself: the
    bytes of all outputs, one input after the other. None where floats are answered, which are not
    the same to the bit everywhere; and where the reference has no kernels for it."""


ZOO_INPUTS, ZOO_SEED = 20, 1
"""The seeded inputs of `outputs_sha256`: those of `tinybench model` by default."""


def zoo_names() -> dict[str, Path]:
    """Return all models of the zoo as {name: path of the declaration}."""
    return named("models", "zoo")


def load_zoo_model(name: str) -> ZooModel:
    """Load the declaration of a model of the zoo, by its name or by the path of a .toml file.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    path = find("model of the zoo", name, zoo_names())
    model = load(path, ZooModel)
    if path.stem != model.name:
        raise DeclarationError(f"{path}: its name is '{model.name}'; wanted that of the file")
    return model
