"""What the queries of a scenario say: their tail, the highest rate, and what audits saw."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dut.inference import answered
from ...scenario import queue, tail
from ..score import arg_max
from . import Asked, Audit, LoadGen, Query, Scenario, Tail
from .queries import KINDS, Columns, Queries


def score(
    asked: Asked,
    queries: Iterable[Query],
    labels: Sequence[int] | None,
    *,
    emulated: bool,
    loadgen: LoadGen | None = None,
) -> Scenario | None:
    """Return what the queries of a scenario say; None without one.

    `labels`: the class of each input of the set; None where inputs have none. `loadgen`: what its
    summary says, where it asked the queries.
    """
    kept = queries if isinstance(queries, Queries) else Queries(queries)
    plain = kept.columns("query")
    if not len(plain.counts):
        return None
    services_us = plain.query_us
    services_s = services_us * 1e-6
    latencies_s: NDArray[np.floating[Any]] = services_s
    duration_s = int(services_us.sum()) * 1e-6
    rate_per_s = len(services_us) * asked.samples / duration_s if duration_s else None
    over = None
    if asked.name == "server":
        server = _server(asked, services_s)
        rate_per_s = asked.target_qps or server.highest_rate()
        if rate_per_s is not None:
            latencies_s, duration_s = server.at(rate_per_s)
        over = int((latencies_s > (asked.deadline_s or math.inf)).sum())
    ordered = _in_order(latencies_s)
    estimate = tail.estimate(ordered, asked.share)
    apart = not emulated and asked.name != "server"
    return Scenario(
        asked=asked,
        count=len(ordered),
        duration_s=duration_s,
        latency=_tail(ordered),
        end_to_end=_tail(_in_order(plain.host_us * 1e-6)) if apart else None,
        link_s=None if emulated else float(np.median(plain.host_us - services_us)) * 1e-6,
        estimate_s=estimate and estimate.value,
        discarded=estimate.discarded if estimate else 0,
        needed=tail.queries_needed(1, asked.share),
        over=over,
        rate_per_s=rate_per_s,
        right=None if labels is None else _right(plain, kept.texts, labels),
        inputs=len(np.unique(plain.samples)),
        answers=len(np.unique(plain.answers)),
        samples=plain.samples.tolist(),
        device_us=plain.device_us.tolist(),
        host_us=plain.host_us.tolist(),
        audits=list(_audits(kept, plain)),
        loadgen=loadgen,
    )


def _server(asked: Asked, services_s: NDArray[np.floating[Any]]) -> queue.Server:
    load = queue.Load(
        min_queries=asked.min_queries or 1,
        min_s=asked.min_duration_s or 0.0,
        deadline_s=asked.deadline_s or math.inf,
        share=asked.share,
    )
    return queue.Server(services_s.tolist(), asked.seed, load)


def _in_order(latencies_s: NDArray[np.floating[Any]]) -> list[float]:
    return np.sort(latencies_s).tolist()


def _tail(ordered: Sequence[float]) -> Tail:
    p50_s, p90_s, p97_s, p99_s, p99_9_s = (
        tail.percentile(ordered, share) for share in tail.PERCENTILES
    )
    return Tail(p50_s=p50_s, p90_s=p90_s, p97_s=p97_s, p99_s=p99_s, p99_9_s=p99_9_s)


def _right(plain: Columns, texts: Sequence[str], labels: Sequence[int]) -> int:
    """Return how many inferences have their largest value at the class of their input.

    Ref: MLPerf Tiny Rules, accuracy metric top-1.
    """
    used = np.unique(plain.answers)
    classes = np.full(len(texts), -1)
    for number in map(int, used):
        out = answered(texts[number])
        classes[number] = arg_max(out) if out else -1
    return int((classes[plain.answers] == np.array(labels)[plain.samples]).sum())


def _audits(kept: Queries, plain: Columns) -> Iterable[Audit]:
    """Yield what each audit found, in the order in which they are asked."""
    usual_s = float(np.median(plain.device_us)) * 1e-6
    last = dict(zip(plain.samples.tolist(), plain.answers.tolist(), strict=True))
    for kind in KINDS:
        if kind == "query":
            continue
        found = kept.columns(kind)
        if not len(found.counts):
            continue
        asked_again = zip(found.samples.tolist(), found.answers.tolist(), strict=True)
        differing = 0
        if kind == "answer":
            differing = sum(last.get(number, text) != text for number, text in asked_again)
        yield Audit(
            name=kind,
            count=len(found.device_us),
            usual_s=usual_s,
            found_s=float(np.median(found.device_us)) * 1e-6,
            differing=differing,
        )
