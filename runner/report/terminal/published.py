"""Where a result stands among the published ones, in words."""

from collections.abc import Sequence

from tinybench.printable import one_line

from ...compare.published.standing import Beside, Standing, standings
from ...compare.published.table import load
from ...results.result import Result

HINT = "not compared with published results: type tinybench fetch published"


def placed(result: Result) -> list[Standing] | None:
    """Return the standings of a result; None where the published results are not at hand."""
    table = load()
    return None if table is None else standings(result, table)


def words(found: Sequence[Standing] | None) -> list[str]:
    """Return a sentence for each figure, or how to get what it is compared with."""
    return [HINT] if found is None else [_sentence(one) for one in found]


def _sentence(one: Standing) -> str:
    if one.better_than is None:
        text = f"{one.metric} not comparable ({one.not_comparable}); published"
    else:
        text = (
            f"{one.metric} {value(one, one.value)} is better than {one.better_than:.0%} of "
            f"{one.count} published"
        )
        if one.as_good_as:
            text += f" and as good as {one.as_good_as}"
    beside = [("reference board", one.reference)]
    if one.core:
        beside.append((f"best {one.core}", one.best_per_core.get(one.core)))
    beside.append(("best of all", one.best))
    said = [f"{name} {_whose(one, which)}" for name, which in beside if which is not None]
    return one_line(f"{text}: {', '.join(said)}")


def ranking(one: Standing) -> list[tuple[str, str, str]]:
    """Return who, figure and whose: the best of each kind of core, reference and ours, in order."""
    rows = [(kind, which.value, whose(which)) for kind, which in one.best_per_core.items()]
    rows.append(("best of all", one.best.value, whose(one.best)))
    if one.reference is not None:
        rows.append(("reference board", one.reference.value, whose(one.reference)))
    if not one.not_comparable:
        rows.append(("this result", one.value, ""))
    high_is_good = one.metric in ("top-1", "AUC", "F1")
    rows.sort(key=lambda row: row[1], reverse=high_is_good)
    return [(name, value(one, figure), by) for name, figure, by in rows]


def whose(which: Beside) -> str:
    """Return whose result a published figure is."""
    return f"{which.submitter} {which.system}, v{which.round}"


def value(one: Standing, figure: float) -> str:
    """Return a figure in the unit that reports use."""
    if one.unit == "s":
        return f"{figure * 1e3:.4g} ms"
    if one.unit == "J":
        return f"{figure * 1e6:.4g} uJ"
    if one.unit == "W":
        return f"{figure * 1e3:.4g} mW"
    return f"{figure:.1%}" if one.metric == "top-1" else f"{figure:.3g}"


def _whose(one: Standing, which: Beside) -> str:
    return f"{value(one, which.value)} ({whose(which)})"
