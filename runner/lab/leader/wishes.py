"""Which boards a job may wish for: those that the lab has, or has had; why none of them fits."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from tinybench.declare import nearest
from tinybench.errors import UsageError

from ...build import board as boards
from ..policy import Place, Want, fits


def insist(wants: Iterable[tuple[str, Want]], places: Collection[Place]) -> None:
    """Raise UsageError for the first job, by its name, that no board of the lab ever fitted."""
    for name, want in wants:
        if not any(fits(want, one) for one in places):
            raise UsageError(f"job '{name}': {refusal(want, places)}")


def refusal(want: Want, places: Collection[Place]) -> str:
    """Say why none of these boards will do, and which is meant if one is near."""
    if not places:
        return "this lab has had no board yet: start a worker that has one (tinybench lab worker)"
    return next(_refusals(want, places), f"no board of this lab has all of it: {want.words}")


def _refusals(want: Want, places: Collection[Place]) -> Iterator[str]:
    kinds = {name for one in places for name in (one.kind, one.name, one.name.rpartition("/")[2])}
    if want.board is not None and want.board not in kinds:
        if want.board in boards.names():
            near = nearest(want.board, kinds)
            yield f"no worker of this lab has had a board {want.board}: {near}"
        yield boards.no_board(want.board, [*boards.names(), *sorted(kinds - {*boards.names()})])
    cores = {one.core for one in places}
    if want.core is not None and want.core not in cores:
        yield f"no board of this lab has had the core '{want.core}': {nearest(want.core, cores)}"
    tags = {tag for one in places for tag in one.tags}
    for tag in sorted(want.tags - tags):
        yield f"no board of this lab has had the tag '{tag}': {nearest(tag, tags)}"
    without = replace(want, energy=False)
    if any(fits(without, one) for one in places):
        able = sorted({name for one in places for name in one.monitors})
        yield (
            f"the energy of no such board can be measured by {want.monitor or 'a monitor'}: its "
            "bench.toml names none for it (monitor = ...), or its line does not reach the energy "
            f"build; monitors of this lab: {', '.join(able) or 'none'}"
        )
    if want.as_asked and any(fits(replace(want, as_asked=False), one) for one in places):
        yield (
            f"board {want.board} is emulated alone in this lab, and a study says whether its board "
            "was: ask for the emulator, by emulate = true"
        )
    if any(fits(replace(without, emulate=False, as_asked=False), one) for one in places):
        able = {one.kind for one in places if one.emulated}
        yield (
            f"no worker of this lab emulates {want.board or 'such a board'}, by its kind: "
            f"{nearest(want.board or '', able)}"
        )
