"""What the queries of a scenario say: their tail, the highest rate, and what audits saw."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ...dut.inference import answered
from ...scenario import queue, tail
from ..score import correct
from . import Asked, Audit, LoadGen, Query, Scenario, Tail


def score(
    asked: Asked,
    queries: Sequence[Query],
    labels: Sequence[int] | None,
    *,
    emulated: bool,
    loadgen: LoadGen | None = None,
) -> Scenario | None:
    """Return what the queries of a scenario say; None without one.

    `labels`: the class of each input of the set; None where inputs have none. `loadgen`: what its
    summary says, where it asked the queries.
    """
    plain = [query for query in queries if query.kind == "query"]
    if not plain:
        return None
    services_s = [sum(query.device_us) * 1e-6 for query in plain]
    busy_s = sum(services_s)
    latencies_s, duration_s = services_s, busy_s
    rate_per_s: float | None = len(plain) * asked.samples / busy_s if busy_s else None
    over = None
    if asked.name == "server":
        server = _server(asked, services_s)
        rate_per_s = asked.target_qps or server.highest_rate()
        if rate_per_s is not None:
            found, duration_s = server.at(rate_per_s)
            latencies_s = found.tolist()
        over = sum(latency_s > (asked.deadline_s or math.inf) for latency_s in latencies_s)
    ordered = sorted(latencies_s)
    estimate = tail.estimate(ordered, asked.share)
    host_s = [query.host_us * 1e-6 for query in plain]
    line_s = [host - device for host, device in zip(host_s, services_s, strict=True)]
    apart = not emulated and asked.name != "server"
    answers = [pair for query in plain for pair in zip(query.samples, query.results, strict=True)]
    return Scenario(
        asked=asked,
        count=len(latencies_s),
        duration_s=duration_s,
        latency=_tail(ordered),
        end_to_end=_tail(sorted(host_s)) if apart else None,
        link_s=None if emulated else statistics.median(line_s),
        estimate_s=estimate and estimate.value,
        discarded=estimate.discarded if estimate else 0,
        needed=tail.queries_needed(1, asked.share),
        over=over,
        rate_per_s=rate_per_s,
        right=None if labels is None else _right(answers, labels),
        inputs=len({number for number, _ in answers}),
        answers=len({text for _, text in answers}),
        samples=[number for query in plain for number in query.samples],
        device_us=[us for query in plain for us in query.device_us],
        host_us=[query.host_us for query in plain],
        audits=_audits(queries, plain),
        loadgen=loadgen,
    )


def _server(asked: Asked, services_s: Sequence[float]) -> queue.Server:
    load = queue.Load(
        min_queries=asked.min_queries or 1,
        min_s=asked.min_duration_s or 0.0,
        deadline_s=asked.deadline_s or math.inf,
        share=asked.share,
    )
    return queue.Server(services_s, asked.seed, load)


def _tail(ordered: Sequence[float]) -> Tail:
    p50_s, p90_s, p97_s, p99_s, p99_9_s = (
        tail.percentile(ordered, share) for share in tail.PERCENTILES
    )
    return Tail(p50_s=p50_s, p90_s=p90_s, p97_s=p97_s, p99_s=p99_s, p99_9_s=p99_9_s)


def _right(answers: Sequence[tuple[int, str]], labels: Sequence[int]) -> int:
    values = {text: answered(text) for _, text in answers}
    return correct([values[text] for _, text in answers], [labels[n] for n, _ in answers])


def _audits(queries: Sequence[Query], plain: Sequence[Query]) -> list[Audit]:
    """Return what each audit found, in the order in which they were asked."""
    usual_s = statistics.median(us for query in plain for us in query.device_us) * 1e-6
    before = {
        number: text
        for query in plain
        for number, text in zip(query.samples, query.results, strict=True)
    }
    found: dict[str, list[Query]] = {}
    for query in queries:
        if query.kind != "query":
            found.setdefault(query.kind, []).append(query)
    return [_audit(kind, asked, usual_s, before) for kind, asked in found.items()]


def _audit(kind: Any, asked: Sequence[Query], usual_s: float, before: Mapping[int, str]) -> Audit:
    times_us = [us for query in asked for us in query.device_us]
    differing = 0
    if kind == "answer":
        differing = sum(
            before.get(number, text) != text
            for query in asked
            for number, text in zip(query.samples, query.results, strict=True)
        )
    return Audit(
        name=kind,
        count=len(times_us),
        usual_s=usual_s,
        found_s=statistics.median(times_us) * 1e-6,
        differing=differing,
    )
