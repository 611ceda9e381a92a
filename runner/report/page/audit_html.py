"""What an audit found, as one HTML file: no other file, no script, everything escaped."""

from collections.abc import Iterable
from html import escape

from tinybench.printable import all_printable

from ...audit.result import WORDS, Audit, Run, grade_of
from ...rules import Violation
from ..audit import COUNTED, ROLLED, counted, of_systems, rolled, sentence, word

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --open: #9a6700;
  --bad: #cf222e; }
@media (prefers-color-scheme: dark) {
  :root { --good: #3fb950; --open: #d29922; --bad: #f85149; }
}
body { font: 15px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top; }
td { overflow-wrap: anywhere; min-width: 5rem; }
th, td:first-child { white-space: nowrap; }
.inside { margin-bottom: .8rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0;
  padding: .4rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.good { color: var(--good); } .open { color: var(--open); }
.bad { color: var(--bad); font-weight: 600; }
@media (max-width: 45rem) {
  tr:first-child { display: none; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .3rem 0; }
  td { display: flex; border: 0; padding: .1rem 0; gap: .6rem; }
  td:empty { display: none; }
  td::before { content: attr(data-name); flex: 0 0 6.5rem; opacity: .65; }
}
""".strip()


def html(found: Audit) -> str:
    """Return the whole document."""
    found = all_printable(found)
    body = [
        f"<h1>Audit of {escape(found.path)}</h1>",
        f'<p class="{_kind(found.valid, _unproved(found))}">{escape(sentence(found))}</p>',
        f"<p>{escape(of_systems(found))}</p>",
        *(f"<p>note: {escape(note)}</p>" for note in found.notes),
    ]
    body += ["<h2>Systems</h2>", _table(ROLLED, map(rolled, found.systems))]
    if found.violations:
        body += ["<h2>The tree</h2>", _violations(found.violations)]
    broken = counted(found)
    if broken:
        body += ["<h2>Broken rules</h2>", _table(COUNTED, broken)]
    body.append("<h2>Runs</h2>")
    body += [_run(run) for run in found.runs]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Audit of {escape(found.path)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        "<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _run(run: Run) -> str:
    lacking = sum(figure.reproduced is None for figure in run.figures)
    mark = _kind(run.sound, lacking)
    text = "sound" if run.sound else WORDS[run.grade] if run.violations else "not sound"
    text += ", as far as it can be computed again" if run.sound and lacking else ""
    count = f", {len(run.violations)} broken rules" if run.violations else ""
    parts = [run.task, run.mode, f"{run.inferences} inferences"]
    inside = [f"<p>{escape(', '.join(part for part in parts if part))}</p>"]
    if run.figures:
        rows = (
            (figure.name, f"{figure.published} {figure.unit}", figure.recomputed or "-",
             word(figure), f"{figure.corrected} ({figure.correction})" if figure.corrected else "",
             figure.source)
            for figure in run.figures
        )  # fmt: skip
        heads = ("figure", "published", "recomputed", "outcome", "corrected", "from")
        inside.append(_table(heads, rows))
    if run.violations:
        inside.append(_violations(run.violations))
    inside += [f"<p>note: {escape(note)}</p>" for note in run.notes]
    return (
        f"<details{'' if run.sound else ' open'}><summary>{escape(run.path)} "
        f'<span class="{mark}">{text}</span>{count}</summary>\n'
        + "\n".join(inside)
        + "\n</details>"
    )


def _unproved(found: Audit) -> int:
    return found.not_recomputable + found.as_printed


def _kind(valid: bool, lacking: int) -> str:
    return "bad" if not valid else "open" if lacking else "good"


def _violations(violations: list[Violation]) -> str:
    return _table(
        ("rule", "weighs as", "wanted", "found", "what to change", "clause"),
        ((v.rule, grade_of(v.rule), v.wanted, v.found, v.advice, v.clause) for v in violations),
    )


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    names = [escape(name) for name in heads]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td data-name="{name}">{escape(cell)}</td>'
            for name, cell in zip(names, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll inside"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'
