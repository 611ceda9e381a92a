"""An estimate of cycles, as a person reads it: always called one."""

from ...results.cycles import Cycles


def estimated(found: Cycles) -> str:
    """Return the cycles with their bounds, and the time that they take at the clock."""
    usual, low, high = (found.milliseconds(n) for n in (found.usual, found.low, found.high))
    where = f"{found.clock_hz / 1e6:g} MHz"
    if found.memory:
        where += f", {found.wait_states} wait states"
    return (
        f"estimated {found.usual:,} cycles ({found.low:,} to {found.high:,}), {usual:.3f} ms "
        f"({low:.3f} to {high:.3f}) at {where}: a model of {found.core}"
        + f" and {found.memory}" * bool(found.memory)
        + ", not a measurement"
    )
