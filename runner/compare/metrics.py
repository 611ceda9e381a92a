"""The figures of a run by which it is compared, with their units and labels."""

import msgspec

from ..results.result import Result
from ..results.score import figures, instruction_ns
from ..results.stream import Stream

UNITS = {
    "share": {"pt": 0.01},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6},
    "J": {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6},
    "B": {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MiB": 1024.0**2},
    "1/s": {"/s": 1.0},
    "W": {"W": 1.0, "mW": 1e-3, "uW": 1e-6},
    "1": {"": 1.0},
}
"""Units of a threshold by the unit of its metric, besides %."""

METRICS = {
    "accuracy": "share",
    **dict.fromkeys(("top5", "recall", "exact", "iou", "r2"), "share"),
    **dict.fromkeys(("mae", "rmse"), "1"),
    "f1": "share",
    **dict.fromkeys(("words_missed", "false_alarms"), "1"),
    **dict.fromkeys(("duty", "estimated_duty"), "share"),
    "power": "W",
    "latency": "s",
    "throughput": "1/s",
    **dict.fromkeys(("instructions", "cycles"), "1"),
    "estimated_latency": "s",
    "estimated_energy": "J",
    "energy": "J",
    **dict.fromkeys(("query_p50", "query_p90", "query_p99", "query_p99_9"), "s"),
    "query_rate": "1/s",
    **dict.fromkeys(("flash", "code_flash", "weights", "ram", "tensor_ram"), "B"),
    "macs": "1",
}
"""Every metric with its unit: accuracy is top-1 or AUC, latency the median of windows; the others
of answers are those of `results.score.figures`; from f1 to power of a stream;
those of queries, of a scenario."""

TIMES = ("latency", "throughput")
ESTIMATED = ("cycles", "estimated_latency", "estimated_energy", "estimated_duty")
LABELS = {"instructions": "emulated", "power": "modelled"} | dict.fromkeys(ESTIMATED, "estimated")
QUERIES = {"query_p50": 0.5, "query_p90": 0.9, "query_p99": 0.99, "query_p99_9": 0.999}
"""Percentiles of the queries of a scenario."""
OF_QUERIES = (*QUERIES, "query_rate")


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a run, in the SI unit of METRICS."""

    value: float
    exact: bool = True
    """Whether any difference counts: sizes, instruction counts, scores of the same inputs."""
    samples: list[float] = []
    """Of each window, where it is not exact."""
    uncertainty: float | None = None
    """k = 2, where it is stated."""
    priced_by: str = ""
    """SHA-256 of the timings behind an estimate."""


def metrics_of(result: Result) -> dict[str, Metric]:
    """Return the metrics of a result, in the order of METRICS."""
    metrics: dict[str, Metric] = {}
    accuracy, performance, energy = result.accuracy, result.performance, result.energy
    if accuracy is not None:
        metrics |= {name: Metric(value=value) for name, value in figures(accuracy).items()}
    if performance is not None and performance.windows:
        count = performance.instructions_per_inference
        timed = [w for w in performance.windows if count is None and w.elapsed_us and w.iterations]
        each_s, exact = [w.elapsed_us * 1e-6 / w.iterations for w in timed], count is not None
        metrics["latency"] = Metric(value=performance.latency_s, exact=exact, samples=each_s)
        metrics["throughput"] = Metric(
            value=performance.throughput_per_s, exact=exact, samples=[1 / s for s in each_s]
        )
        if count is not None:
            metrics["instructions"] = Metric(value=count)
    if result.stream is not None:
        metrics |= _of_stream(result, result.stream)
    if (cycles := result.cycles) is not None:
        by = cycles.timings_sha256
        metrics["cycles"] = Metric(value=cycles.usual, priced_by=by)
        metrics["estimated_latency"] = Metric(value=cycles.bounds_s[1], priced_by=by)
        if cycles.energy is not None:
            metrics["estimated_energy"] = Metric(value=cycles.energy.usual_j, priced_by=by)
    if energy is not None and energy.per_inference_j is not None:
        metrics["energy"] = Metric(
            value=energy.per_inference_j,
            exact=False,
            samples=[
                w.energy_j / w.iterations for w in energy.windows if w.energy_j and w.iterations
            ],
            uncertainty=energy.uncertainty_j,
        )
    if (scenario := result.scenario) is not None:
        tail = scenario.latency
        tails_s = (tail.p50_s, tail.p90_s, tail.p99_s, tail.p99_9_s)
        metrics |= {
            name: Metric(value=value_s, exact=False)
            for name, value_s in zip(QUERIES, tails_s, strict=True)
        }
        if scenario.rate_per_s is not None:
            metrics["query_rate"] = Metric(value=scenario.rate_per_s, exact=False)
    sizes = {
        "flash": result.firmware and result.firmware.flash_b,
        "code_flash": result.firmware and result.firmware.code_flash_b,
        "weights": result.model.weights_b,
        "ram": result.firmware and result.firmware.ram_b,
        "tensor_ram": result.model.tensor_ram_b,
        "macs": result.model.macs,
    }
    metrics |= {name: Metric(value=size) for name, size in sizes.items() if size is not None}
    return {name: metrics[name] for name in METRICS if name in metrics}


def _of_stream(result: Result, stream: Stream) -> dict[str, Metric]:
    """Return the metrics of a stream; what is priced by an estimate names its timings."""
    first, each_ns = stream.first, instruction_ns(result.time_base)
    by = result.cycles.timings_sha256 if result.cycles else ""
    metrics = {
        "f1": Metric(value=first.f1),
        "words_missed": Metric(value=first.missed),
        "false_alarms": Metric(value=first.false),
        "latency": Metric(value=stream.busy.p50_s, exact=result.emulated),
    }
    if each_ns:
        metrics["instructions"] = Metric(value=round(stream.busy.p50_s * 1e9 / each_ns))
    else:
        metrics["duty"] = Metric(value=stream.busy.duty, exact=False)
    if stream.estimated is not None:
        metrics["estimated_duty"] = Metric(value=stream.estimated.duty, priced_by=by)
    if stream.power_w is not None:
        metrics["power"] = Metric(value=stream.power_w, priced_by=by)
    return metrics
