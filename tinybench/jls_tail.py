"""How many samples more make the JLS library see all that a file has.

pyjls 0.17 does not count a tail that is shorter than an entry of a summary and comes directly
behind a full one: samples 163,841 to 163,967 of a file, or 1,638,401 to 1,640,959, are as if not
written.
"""

ENTRY, FULL, LEVEL = 128, 640 * 128, 20
"""Samples of an entry and of a full summary of the first level, and how many times as many those of
each next level are: what the library takes where nothing is asked for."""


def short_of(count: int) -> int:
    """Return how many samples more make `count` samples a file whose end is seen."""
    missing, entry, full = 0, ENTRY, FULL
    while count > full:
        if 0 < count % full < entry:
            missing = entry - count % full
        entry, full = entry * LEVEL, full * LEVEL
    return missing
