"""A report in any format but the terminal's: which function writes it."""

from collections.abc import Sequence

import msgspec

from ..compare.store import Summary, summary
from ..rules.judge import Outcome
from .document import document, suite_document

PICTURES = ("svg", "png")
"""Formats that are pictures: one that sums up, or a folder of all."""


def pictures(page: str, of: str, summaries: Sequence[Summary], form: str) -> dict[str, bytes]:
    """Return the plots of a page and the card that sums it up, as files by their names.

    Raises ToolMissingError, for png.
    """
    from .card import card
    from .pictures import Drawn, encoded, plots

    summing = [Drawn("summary", card(summaries))] if summaries else []
    return encoded([*summing, *plots(page, of)], form)


def summed_up(summaries: Sequence[Summary], form: str) -> str | bytes:
    """Return the card that sums runs up, as svg or png. Raises ToolMissingError, for png."""
    from .card import card
    from .pictures import as_png

    drawn = card(summaries)
    return as_png(drawn, 1.0) if form == "png" else drawn


def text(outcomes: Sequence[Outcome], form: str) -> str:
    """Return the report on the runs as html, markdown, csv, json, junit or of MLPerf Mobile.

    Raises UsageError where a format has no place for such runs.
    """
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
