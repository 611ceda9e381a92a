"""The order of queries and their arrivals: those of LoadGen 6.0.17 for the same seed."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from tinybench.runner.scenario.order import arrivals_s, gaps, samples

SINGLE = [207, 212, 68, 91, 44, 218, 243, 25, 200, 109, 262, 7, 238, 237, 144, 194]
SEVERAL = [[3, 0, 7, 2], [3, 0, 7, 2], [2, 8, 4, 5], [7, 2, 8, 4]]
ARRIVALS_NS = [0, 9065637, 22893825, 23045258, 30647765, 30915995]
LOADGEN = """
import json, sys, tempfile
import mlperf_loadgen as loadgen
scenario, seed, count, queries, streams = sys.argv[1], *map(int, sys.argv[2:])
order = []
def issue(asked):
    order.append([one.index for one in asked])
    loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(one.id, 0, 0) for one in asked])
sut = loadgen.ConstructSUT(issue, lambda: None)
qsl = loadgen.ConstructQSL(count, count, lambda _: None, lambda _: None)
settings = loadgen.TestSettings()
settings.scenario = getattr(loadgen.TestScenario, scenario)
settings.mode = loadgen.TestMode.PerformanceOnly
settings.min_duration_ms = 0
settings.min_query_count = settings.max_query_count = queries
settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = seed
settings.multi_stream_samples_per_query = streams
settings.single_stream_expected_latency_ns = 1_000_000
log = loadgen.LogSettings()
log.log_output.outdir = tempfile.mkdtemp()
log.log_output.copy_summary_to_stdout = False
log.enable_trace = False
loadgen.StartTestWithLogSettings(sut, qsl, settings, log)
print(json.dumps(order))
"""


def test_queries_ask_for_what_loadgen_asks_for() -> None:
    """Golden order: what LoadGen's wheel drew, one input a query and several."""
    drawn = itertools.islice(samples(300, 1, 64, 42), 16)
    assert [first for (first,) in drawn] == SINGLE
    assert list(itertools.islice(samples(9, 4, 20, 7), 4)) == SEVERAL


def test_queries_arrive_when_loadgen_sends_them() -> None:
    """Golden times, in ns after the first, of 50 queries a second with seed 9."""
    at_ns = np.round(arrivals_s(gaps(6, 9), 50.0) * 1e9).astype(int)
    assert at_ns.tolist() == ARRIVALS_NS


def test_arrivals_come_at_their_rate() -> None:
    """Of many, as many a second as asked for, and as irregular as a Poisson process is."""
    between = gaps(20_000, 1)
    assert abs(between.mean() - 1) < 0.03
    assert abs(between.std() - 1) < 0.03


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
@pytest.mark.parametrize(("scenario", "streams"), [("SingleStream", 1), ("MultiStream", 3)])
def test_the_genuine_loadgen_agrees(seed: int, scenario: str, streams: int) -> None:
    """Where its wheel is installed, it draws the same, from small sets and large ones."""
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen is not installed")
    for count, queries in ((1, 10), (2, 30), (300, 100), (70_000, 40)):
        words = [scenario, str(seed), str(count), str(queries), str(streams)]
        said = subprocess.run(
            [sys.executable, "-c", LOADGEN, *words], capture_output=True, check=True, timeout=60
        )
        wanted = json.loads(said.stdout)
        assert list(itertools.islice(samples(count, streams, queries, seed), queries)) == wanted
