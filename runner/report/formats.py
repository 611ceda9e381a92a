"""A report in any format that is a text: which function writes it."""

from collections.abc import Sequence

import msgspec

from ..compare.store import summary
from ..rules.judge import Outcome
from .document import document, suite_document


def write(outcomes: Sequence[Outcome], form: str) -> str:
    """Return the report on the runs as html, markdown, csv, json or junit."""
    if form == "json":
        runs = [(o.result, o.verdict, o.folder) for o in outcomes]
        told = document(*runs[0]) if len(runs) == 1 else suite_document(runs)
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
    judged = [(o.result, o.verdict, summary(o.result, o.verdict, o.folder)) for o in outcomes]
    if form == "csv":
        from .table import as_csv

        return as_csv([row for _, _, row in judged])
    if form == "junit":
        from .junit import as_junit

        return as_junit(judged)
    if form == "markdown":
        from .markdown import as_markdown

        return as_markdown(judged)
    from .page.html import as_html

    return as_html(judged)
