"""The page of many runs: one table, and for each task what trades against what."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import RunFolderError
from tinybench.plural import counted
from tinybench.printable import all_printable
from tinybench.uncertain import bounded

from ...compare.published.standing import Standing
from ...compare.store import Summary
from ...results.result import read_result
from ..table import accuracy, instructions, microjoules, milliseconds, verdict
from ..terminal.published import placed, value, whose
from . import plots
from .parts import SWITCH, Behind, Html, badge, card, figure, note, table, text
from .run import kind_of

BARS = 24
"""Runs of a picture of bars, the fastest; and rows of the table behind a picture."""
GROUPS = 6
"""That the beginning of the page leads to."""
RULES = 2
"""Broken ones that are named in the row of a run."""
RANKED = 24
"""Runs held against the published ones: the fastest of each task and board."""
SCORES = ("top1", "auc", "f1", "exact", "iou", "r2")
"""Columns of which more is better, the first that a run has."""
HEAD = (
    *("task", "board", "is", "accuracy", "ms", "instructions", "uJ", "flash, B", "RAM, B"),
    *("verdict", "started", "run folder"),
)


class Timed(NamedTuple):
    """A run with a latency, and how sure that is."""

    number: int
    run: Summary
    ms: float
    low_ms: float
    high_ms: float


def comparison(runs: Sequence[Summary]) -> str:
    """Return the page: a table of all, then each task with each kind of time by itself."""
    rows = sorted(map(all_printable, runs), key=lambda one: (one.task, one.board, one.started_at))
    kinds = [kind_of(run.emulated, run.board) for run in rows]
    groups: dict[tuple[str, str], list[Timed]] = {}
    for number, (run, kind) in enumerate(zip(rows, kinds, strict=True)):
        timed = _timed(number, run)
        if timed is not None:
            of = "estimated" if run.emulated else kind
            groups.setdefault((run.task, of), []).append(timed)
    sections = "".join(
        _group(f"g{number}", task, kind, members)
        for number, ((task, kind), members) in enumerate(groups.items())
    )
    return (
        f"<h1>{counted(len(runs), 'run')}</h1>"
        + _banner(rows, kinds, groups)
        + _all(rows, kinds)
        + (SWITCH if groups else "")
        + sections
        + _published(rows)
    )


def _timed(number: int, run: Summary) -> Timed | None:
    """Return the latency of a run with its bounds: an estimate's, or an uncertainty's."""
    if run.emulated:
        usual_s = run.estimated_latency_s
        low_s, high_s = run.estimated_latency_low_s, run.estimated_latency_high_s
    else:
        usual_s = run.latency_s
        low_s = high_s = None
    if usual_s is None or not 0 < usual_s < float("inf"):
        return None
    spread_s = run.latency_uncertainty_s or 0.0
    low_s = max(0.0, usual_s - spread_s) if low_s is None else low_s
    high_s = usual_s + spread_s if high_s is None else high_s
    return Timed(number, run, usual_s * 1e3, low_s * 1e3, high_s * 1e3)


def _banner(
    rows: Sequence[Summary], kinds: Sequence[str], groups: dict[tuple[str, str], list[Timed]]
) -> str:
    valid = sum(run.valid for run in rows)
    kind = "valid" if valid == len(rows) else "broken"
    counts = {one: kinds.count(one) for one in dict.fromkeys(kinds)}
    said = ", ".join(f"{count} {one}" for one, count in counts.items())
    limits = [
        "compared are runs of one task whose times are of one kind: measured ones, or estimates"
    ]
    if counts.get("emulated"):
        limits.append("emulated: instructions are exact; milliseconds are an estimate with bounds")
    if len({run.profile for run in rows}) > 1:
        limits.append("they were judged by several profiles: a verdict is of its own profile")
    leads = "".join(
        f'<li><a href="#g{number}">{text(_title(task, of))}</a></li>'
        for number, (task, of) in enumerate(groups)
    )
    shown = f'<nav aria-label="tasks"><ul class="leads">{leads}</ul></nav>'
    return (
        f'<div class="banner"><p><span class="verdict {kind}">{valid} of {len(rows)} valid</span> '
        + "".join(map(badge, counts))
        + f"</p><p>{text(said)}</p>"
        + f'<div class="caveats">{"".join(f"<p>{text(words)}</p>" for words in limits)}</div>'
        + (shown if 0 < len(groups) <= GROUPS else "")
        + "</div>"
    )


def _title(task: str, kind: str) -> str:
    return f"{task}, time {kind}"


def _all(rows: Sequence[Summary], kinds: Sequence[str]) -> str:
    """Return the table of all runs, which the script sorts and filters."""
    head = "".join(
        f'<th scope="col"><button type="button" data-column="{number}">{name}</button></th>'
        for number, name in enumerate(HEAD)
    )
    body = "".join(
        _row(n, run, kind) for n, (run, kind) in enumerate(zip(rows, kinds, strict=True))
    )
    return (
        '<div class="card"><h2>All runs</h2><p class="control"><label>only runs with '
        '<input class="only" type="search"></label> <output class="hits"></output></p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="all runs">'
        f'<table class="cells runs"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f"</div>{note('the page of one run: tinybench report RUN --to html')}</div>"
    )


def _row(number: int, run: Summary, kind: str) -> str:
    latency_s = run.estimated_latency_s if run.emulated else run.latency_s
    energy_j = run.energy_per_inference_j
    energy_j = run.estimated_energy_j if energy_j is None else energy_j
    cells: tuple[tuple[object, float | int | None], ...] = (
        (run.task, None),
        (run.board, None),
        (Html(badge(kind)), None),
        (accuracy(run), _score(run)),
        (milliseconds(run), latency_s),
        (instructions(run), run.instructions_per_inference),
        (microjoules(run), energy_j),
        ("-" if run.flash_b is None else f"{run.flash_b:,}", run.flash_b),
        ("-" if run.ram_b is None else f"{run.ram_b:,}", run.ram_b),
        (_verdict(run), int(run.valid)),
        (run.started_at[:16].replace("T", " "), None),
        (run.run, None),
    )  # fmt: skip
    shown = "".join(
        f'<td data-name="{name}"'
        + ("" if key is None else f' data-v="{key:.9g}"')
        + f">{text(cell)}</td>"
        for name, (cell, key) in zip(HEAD, cells, strict=True)
    )
    return f'<tr data-run="{number}">{shown}</tr>'


def _verdict(run: Summary) -> Html:
    """Return whether a run is valid, the first rules it breaks; the filter finds the others."""
    rules = list(dict.fromkeys(run.broken_rules))
    words, rest = verdict(run), rules[RULES:]
    if rest:
        words = words.replace(", ".join(rules), ", ".join(rules[:RULES]) + f", {len(rest)} more", 1)
    more = f"<span hidden> {text(' '.join(rest))}</span>" if rest else ""
    return Html(f'<span class="{"kept" if run.valid else "broken"}">{text(words)}</span>{more}')


def _score(run: Summary) -> float | None:
    """Return the score of a run, of which more is better."""
    return next((found for name in SCORES if (found := getattr(run, name)) is not None), None)


def _energy_uj(run: Summary) -> float | None:
    """Return what an inference takes: measured, modelled or estimated."""
    each_j = run.energy_per_inference_j
    each_j = run.estimated_energy_j if each_j is None else each_j
    return None if each_j is None or each_j <= 0 else each_j * 1e6


def _flash_kb(run: Summary) -> float | None:
    return run.flash_b / 1000 if run.flash_b else None


def _group(anchor: str, task: str, kind: str, members: list[Timed]) -> str:
    """Return the pictures of one task, of times of one kind."""
    cards = [_bars(members, task, kind)]
    for title, unit, read, more_is_better in (
        ("Accuracy against latency", "score", _score, True),
        ("Energy against latency", "uJ an inference", _energy_uj, False),
        ("Flash against latency", "kB of flash", _flash_kb, False),
    ):
        cards += _against(members, f"{title}, {task}", unit, read, more_is_better, kind)
    title = f'<h2 id="{anchor}">{text(_title(task, kind))}</h2>'
    return f'{title}<div class="cards">{"".join(cards)}</div>'


def _bars(members: list[Timed], task: str, kind: str) -> str:
    fastest = sorted(members, key=lambda one: one.ms)[:BARS]
    shown = [bounded(one.low_ms, one.ms, one.high_ms) for one in fastest]
    tips = [
        f"{one.run.board}: {usual} ms ({low} to {high})\n{one.run.run}"
        for one, (low, usual, high) in zip(fastest, shown, strict=True)
    ]
    picture = plots.ranges(
        [one.run.board for one in fastest],
        [(one.low_ms, one.ms, one.high_ms) for one in fastest],
        tips,
        "ms an inference",
        [f' data-run="{one.number}"' for one in fastest],
    )
    rows = [
        (one.run.board, usual, low, high, one.run.run)
        for one, (low, usual, high) in zip(fastest, shown, strict=True)
    ]
    said = "whiskers: " + ("the bounds of the estimate" if kind == "estimated" else "k = 2")
    if len(members) > BARS:
        said += f"; the {BARS} fastest of {len(members)}"
    behind = Behind(("board", "ms", "from", "to", "run folder"), rows)
    return figure(f"Latency, {task}", picture, behind, kind, note=said)


def _against(
    members: list[Timed],
    title: str,
    unit: str,
    read: Callable[[Summary], float | None],
    more_is_better: bool,
    kind: str,
) -> list[str]:
    """Return a scatter plot with the runs that no other beats in both; none of one run."""
    found = [(one, figure_of) for one in members if (figure_of := read(one.run)) is not None]
    if len(found) < 2:
        return []
    front = pareto([(one.ms, each) for one, each in found], more_is_better=more_is_better)
    best = set(front)
    marks = [
        plots.Mark(
            one.ms, each,
            f"{one.run.board}: {one.ms:.4g} ms, {each:.4g} {unit}\n{one.run.run}",
            kind="best" if (one.ms, each) in best else "",
            data=f' data-run="{one.number}"',
        )
        for one, each in found
    ]  # fmt: skip
    shown = sorted((o for o in found if (o[0].ms, o[1]) in best), key=lambda o: o[0].ms)
    rows = [(o.run.board, f"{o.ms:.6g}", f"{each:.6g}", o.run.run) for o, each in shown[:BARS]]
    picture = plots.scatter(marks, "ms an inference", unit, front=front, log=not more_is_better)
    behind = Behind(("not beaten in both", "ms", unit, "run folder"), rows)
    said = "dotted: runs that no other beats in both (Pareto front)"
    return [figure(title, picture, behind, kind, note=said)]


def pareto(
    points: Sequence[tuple[float, float]], *, more_is_better: bool
) -> list[tuple[float, float]]:
    """Return the points that no other beats in both, of which the first is better where less."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda p: (p[0], -p[1] if more_is_better else p[1])):
        if not front or (y > front[-1][1] if more_is_better else y < front[-1][1]):
            front.append((x, y))
    return front


def _published(runs: Sequence[Summary]) -> str:
    """Return where the fastest run of each task and board stands among the published ones."""
    fastest: dict[tuple[str, str], Summary] = {}
    for run in sorted(runs, key=lambda one: one.latency_s or float("inf")):
        fastest.setdefault((run.task, run.board), run)
    rows = []
    for run in list(fastest.values())[:RANKED]:
        with contextlib.suppress(RunFolderError):  # it may be gone since it was judged
            rows += [_place(run, one) for one in placed(read_result(Path(run.run))) or []]
    if not rows:
        return ""
    head = ("task", "board", "figure", "this run", "among the published", "core", "best of it")
    said = "MLPerf Tiny, closed division, all rounds; of each task and board the fastest run"
    return "<h2>Published results</h2>" + card("Where they stand", table(head, rows) + note(said))


def _place(run: Summary, one: Standing) -> tuple[str, ...]:
    same = one.best_per_core.get(one.core)
    place = f"not comparable: {one.not_comparable}"
    if one.better_than is not None:
        place = f"better than {one.better_than:.0%} of {one.count}"
    beside = "-" if same is None else f"{value(one, same.value)} ({whose(same)})"
    ours = value(one, one.value)
    return (run.task, run.board, one.metric, ours, place, one.core or "-", beside)
