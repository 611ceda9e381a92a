"""The commands of a lab: who serves it, who works for it, and what is asked of it."""

from ..tree import Group
from . import asking, serving

lab = Group(
    "lab",
    default="here",
    help="Share boards of several computers among several people: one queue, one page.",
).add(
    serving.here,
    serving.serve,
    serving.worker,
    serving.init,
    asking.submit,
    asking.watch,
    asking.queue,
    asking.cancel,
    asking.boards,
    asking.results,
)
