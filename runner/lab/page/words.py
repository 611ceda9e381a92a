"""Lengths of time and verdicts, in words for a person."""

VERDICTS = {0: "valid", 1: "a rule is broken"}
"""By the exit status of a run."""
STUDIED = {0: "done", 1: "a board answers otherwise"}
"""By that of a study."""


def verdict(status: int | None, study: str | None = None) -> str:
    """Return what the exit status of a run, or of a study, says."""
    return (STUDIED if study else VERDICTS).get(status or 0, f"status {status}")


def span(seconds: float) -> str:
    """Return a length of time: "8 s", "4 min", "2.5 h", "3 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"
