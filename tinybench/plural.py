"""One thing or several, as a person says it."""


def counted(number: int, what: str, many: str | None = None) -> str:
    """Return a number of things: "1 job", "1,200 jobs"; `many`: where it is not just an s more."""
    return f"{number:,} {what if number == 1 else many or f'{what}s'}"
