"""A report in any format but the terminal's: which function writes it."""

from collections.abc import Sequence

import msgspec

from ..compare.store import summary
from ..rules.judge import Outcome
from .document import document, suite_document


def write(outcomes: Sequence[Outcome], form: str) -> str | bytes:
    """Return the report on the runs as html, markdown, csv, json, junit, png or of MLPerf Mobile.

    Raises UsageError where a format has no place for such runs; ToolMissingError, for png.
    """
    if form == "png":
        from .picture import as_png

        return as_png([outcome.result for outcome in outcomes])
    return text(outcomes, form)


def text(outcomes: Sequence[Outcome], form: str) -> str:
    """Return the report in any of these formats but png, as `write`."""
    if form.endswith("json"):
        told = _document(outcomes, form)
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


def _document(outcomes: Sequence[Outcome], form: str) -> dict[str, object]:
    """Return the document that is written as JSON: ours, or that of MLPerf Mobile."""
    if form == "mlperf-mobile-json":
        from .mobile import as_mobile

        return as_mobile(outcomes)
    runs = [(o.result, o.verdict, o.folder) for o in outcomes]
    return document(*runs[0]) if len(runs) == 1 else suite_document(runs)
