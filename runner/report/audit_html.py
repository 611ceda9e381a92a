"""What an audit found, as one HTML file: no other file, no script, everything escaped."""

from collections.abc import Iterable
from html import escape

from ..audit.result import Audit, Run
from ..rules import Violation
from .audit import sentence, word

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0;
  padding: .4rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
""".strip()


def html(found: Audit) -> str:
    """Return the whole document."""
    body = [
        f"<h1>Audit of {escape(found.path)}</h1>",
        f'<p class="{"good" if found.valid else "bad"}">{escape(sentence(found))}</p>',
        *(f"<p>note: {escape(note)}</p>" for note in found.notes),
    ]
    if found.violations:
        body += ["<h2>The tree</h2>", _violations(found.violations)]
    body.append("<h2>Runs</h2>")
    body += [_run(run) for run in found.runs]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Audit of {escape(found.path)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        "<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _run(run: Run) -> str:
    mark, text = ("good", "sound") if run.sound else ("bad", "not sound")
    count = f", {len(run.violations)} broken rules" if run.violations else ""
    parts = [run.task, run.mode, f"{run.inferences} inferences"]
    inside = [f"<p>{escape(', '.join(part for part in parts if part))}</p>"]
    if run.figures:
        rows = (
            (figure.name, f"{figure.published} {figure.unit}", figure.recomputed or "-",
             word(figure), figure.source)
            for figure in run.figures
        )  # fmt: skip
        inside.append(_table(("figure", "published", "recomputed", "", "from"), rows))
    if run.violations:
        inside.append(_violations(run.violations))
    inside += [f"<p>note: {escape(note)}</p>" for note in run.notes]
    return (
        f"<details{'' if run.sound else ' open'}><summary>{escape(run.path)} "
        f'<span class="{mark}">{text}</span>{count}</summary>\n'
        + "\n".join(inside)
        + "\n</details>"
    )


def _violations(violations: list[Violation]) -> str:
    return _table(
        ("rule", "wanted", "found", "what to change", "clause"),
        ((v.rule, v.wanted, v.found, v.advice, v.clause) for v in violations),
    )


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'
