"""What an audit found, as one HTML file: no other file, no script, everything escaped."""

from tinybench.plural import counted
from tinybench.printable import all_printable

from ...audit.result import WORDS, Audit, Run, grade_of
from ...rules import Violation
from ..audit import COUNTED, ROLLED, of_systems, rolled, sentence, tallied, word
from .parts import Html, card, document, note, table, text

FIGURES = ("figure", "published", "recomputed", "outcome", "corrected", "from")


def html(found: Audit) -> str:
    """Return the whole document: what is wrong first, each run that is not sound by itself."""
    found = all_printable(found)
    kind = _kind(found.valid, _unproved(found))
    body = [
        f"<h1>Audit of {text(found.path)}</h1>",
        f'<div class="banner"><p class="{kind}">{text(sentence(found))}</p>',
        f"<p>{text(of_systems(found))}</p>{''.join(map(note, _notes(found.notes)))}</div>",
        "<h2>Systems</h2>",
        _card(table(ROLLED, map(rolled, found.systems))),
    ]
    if found.violations:
        body += ["<h2>The tree</h2>", _card(_violations(found.violations))]
    broken = tallied(found)
    if broken:
        body += ["<h2>Broken rules</h2>", _card(table(COUNTED, broken))]
    wrong = [run for run in found.runs if not run.sound]
    if wrong:
        body += ["<h2>Runs that are not sound</h2>", *map(_run, wrong)]
    sound = [run for run in found.runs if run.sound]
    if sound:
        body += ["<h2>Sound runs</h2>", _card(_sound(sound))]
    return document(f"Audit of {found.path}", "\n".join(body), scripted=False)


def _card(body: str) -> str:
    return f'<div class="card">{body}</div>'


def _notes(notes: list[str]) -> list[str]:
    return [f"note: {words}" for words in notes]


def _said(run: Run) -> str:
    """Return what is said of a run, in the words of its worst rule."""
    lacking = sum(figure.reproduced is None for figure in run.figures)
    said = "sound" if run.sound else WORDS[run.grade] if run.violations else "not sound"
    return said + (", as far as it can be computed again" if run.sound and lacking else "")


def _run(run: Run) -> str:
    parts = [run.task, run.mode, counted(run.inferences, "inference")]
    count = f", {counted(len(run.violations), 'broken rule')}" if run.violations else ""
    inside = [note(", ".join(part for part in parts if part))]
    if run.figures:
        inside.append(table(FIGURES, _figures(run)))
    if run.violations:
        inside.append(_violations(run.violations))
    inside += map(note, _notes(run.notes))
    mark = f'<span class="broken">{text(_said(run))}</span>{count}'
    return card(run.path, "\n".join(inside), mark=mark)


def _figures(run: Run) -> list[tuple[str, ...]]:
    return [
        (figure.name, f"{figure.published} {figure.unit}", figure.recomputed or "-", word(figure),
         f"{figure.corrected} ({figure.correction})" if figure.corrected else "", figure.source)
        for figure in run.figures
    ]  # fmt: skip


def _sound(runs: list[Run]) -> str:
    """Return a row for each figure of the sound runs."""
    rows = []
    for run in runs:
        lacking = sum(figure.reproduced is None for figure in run.figures)
        said = Html(f'<span class="{_kind(True, lacking)}">{text(_said(run))}</span>')
        each = _figures(run) or [("-",) * len(FIGURES)]
        rows += [(run.path, said, "; ".join(run.notes), *figures) for figures in each]
    return table(("run", "verdict", "notes", *FIGURES), rows)


def _unproved(found: Audit) -> int:
    return found.not_recomputable + found.as_printed


def _kind(valid: bool, lacking: int) -> str:
    return "broken" if not valid else "undecided" if lacking else "valid"


def _violations(violations: list[Violation]) -> str:
    return table(
        ("rule", "weighs as", "wanted", "found", "what to change", "clause"),
        ((v.rule, grade_of(v.rule), v.wanted, v.found, v.advice, v.clause) for v in violations),
        kind="rules",
    )
