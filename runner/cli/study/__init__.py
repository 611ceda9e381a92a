"""The commands of `tinybench study`: each asks one question on a model, and answers it."""

from ..tree import Group
from .classic import classic
from .noise import noise
from .show import show

study = Group(
    "study", help="Ask what noise a model survives, or whether a simpler one would do."
).add(noise, classic, show)
