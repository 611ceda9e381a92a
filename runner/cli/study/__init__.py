"""The commands of `tinybench study`: each asks one question on a model, and answers it."""

from ..tree import Group
from .noise import noise, show

study = Group("study", help="Ask of a model: how much noise does it survive, ...").add(noise, show)
