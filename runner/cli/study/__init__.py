"""The commands of `tinybench study`: each asks one question on a model, and answers it."""

from ..tree import Group
from .classic import classic
from .compress import compress
from .noise import noise
from .show import show
from .sparsity import sparsity

study = Group(
    "study",
    help="Ask what noise a model survives, what it may shrink to, or what simpler would do.",
).add(noise, classic, compress, sparsity, show)
