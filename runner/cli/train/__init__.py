"""The commands of learning on a board."""

from .training import go_on, train

__all__ = ["go_on", "train"]
