"""lab.toml, in a lab's folder: whom it tells when a job ends, which results it shows beside."""

import hashlib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, field

from tinybench.declare import Declaration, load
from tinybench.errors import DeclarationError, UsageError

from ..results.defaults import seconds
from .safety import is_loopback
from .store import ENDED

FILE = "lab.toml"
SILENT_S = (2.0, 600.0)
"""Of `silent`, the least and the most."""
Url = Annotated[str, Meta(min_length=8, max_length=2000)]


class Hook(Declaration, frozen=True, kw_only=True):
    """An address that is told when a job ends."""

    url: Url
    states: Annotated[list[str], Meta(min_length=1, max_length=len(ENDED))] = field(
        default_factory=lambda: [*ENDED]
    )
    """Of the ends that there are, those that it is told of."""

    def __post_init__(self) -> None:
        said = urlsplit(self.url)
        safe = said.scheme == "https" or (
            said.scheme == "http" and is_loopback(said.hostname or "")
        )
        if not (safe and said.hostname):
            raise ValueError("url is neither https://HOST/... nor http:// on loopback")
        if said.username or said.password:
            raise ValueError("url holds no password: what is sent is signed by the lab's key")
        if wrong := next((one for one in self.states if one not in ENDED), None):
            raise ValueError(f"states: '{wrong}' is no end of a job: {', '.join(ENDED)}")

    @property
    def id(self) -> str:
        """What it is kept by: its address may be a secret."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    @property
    def host(self) -> str:
        """Whom it is of; the rest of an address may be a secret, and is told to nobody."""
        return urlsplit(self.url).hostname or ""


class Settings(Declaration, frozen=True, kw_only=True):
    """What a lab.toml says."""

    published: Annotated[list[str], Meta(max_length=32)] = []
    """Trees of published results, such as clones of mlcommons/tiny_results_v1.3, from the folder of
    the file: they are audited for the page."""
    webhooks: Annotated[list[Hook], Meta(max_length=16)] = []
    silent: Annotated[str, Meta(max_length=20)] = "10s"
    """A worker that says nothing for so long is gone, and its jobs run elsewhere."""

    def __post_init__(self) -> None:
        least_s, most_s = SILENT_S
        if not least_s <= self.silent_s <= most_s:
            raise ValueError(f"silent is not from {least_s:g}s to {most_s / 60:g}m")

    @property
    def silent_s(self) -> float:
        """... in seconds."""
        try:
            return seconds(self.silent)
        except UsageError as error:
            raise ValueError(f"silent: {error}") from error


def read(folder: Path) -> Settings:
    """Return the settings of a lab. Raises DeclarationError for a wrong file."""
    path = folder / FILE
    if not path.is_file():
        return Settings()
    found = load(path, Settings)
    for name in found.published:
        if not (folder / Path(name).expanduser()).is_dir():
            raise DeclarationError(f"{path}: key 'published': there is no folder {name}")
    return found
