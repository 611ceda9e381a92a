"""The commands of `tinybench study`: each asks one question on a model, and answers it."""

from ..tree import Group
from .classic import classic
from .compress import compress
from .noise import noise
from .quantisation import quantisation
from .show import show
from .sparsity import sparsity
from .sweep import sweep

study = Group(
    "study",
    help="Ask what a model survives, what it may shrink to, what would do, or what options change. "
    "Which is for what, and what all have in common: docs/studies.md.",
).add(noise, classic, compress, sparsity, quantisation, sweep, show)
