"""The figure of a scenario in words, wherever it is told."""

from . import Scenario


def figure(found: Scenario, *, emulated: bool) -> str:
    """Return the one figure of a scenario, labelled where its time is emulated."""
    unit = "emulated ms" if emulated else "ms"
    asked = found.asked
    if asked.name == "server":
        within = f"{asked.share:.0%} within {asked.deadline_s or 0.0:g} s"
        if found.rate_per_s is None:
            return f"no rate of arrivals has {within}"
        whose = "asked for" if asked.target_qps else "the most"
        return f"{found.rate_per_s:.4g} queries/s, {whose} with {within}; the queue is computed"
    if asked.name == "offline":
        return "no time" if found.rate_per_s is None else f"{found.rate_per_s:.4g} inferences/s"
    return f"p{asked.share * 100:g} {_percentile_s(found) * 1e3:.3f} {unit}"


def _percentile_s(found: Scenario) -> float:
    return {0.9: found.latency.p90_s, 0.99: found.latency.p99_s}[found.asked.share]
