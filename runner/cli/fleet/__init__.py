"""The commands of `tinybench fleet`: boards that learn together, and a plan for them."""

from ..tree import Group
from .clients import clients
from .learn import learn
from .plan import plan
from .quality import quality
from .show import show

fleet = Group(
    "fleet",
    default="learn",
    help="Let boards learn together, with the time and energy of stored runs; plan that.",
).add(learn, plan, clients, show)

__all__ = ["fleet", "quality"]
