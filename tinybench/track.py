"""How a long piece of work shows its progress: one function around what it iterates over."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Yields the items of an iterable, and shows how far it is and how long the rest takes."""

    def __call__(self, items: Iterable[T], label: str, total: int) -> Iterator[T]: ...


def silent(items: Iterable[T], label: str, total: int) -> Iterator[T]:  # noqa: ARG001
    """Yield the items and show nothing."""
    yield from items
