"""The process in which the genuine LoadGen runs: it asks on one pipe, and hears on the other.

A line of numbers out is a query: those of its inputs; `done` in is its answer. The first line in is
what is asked for, the last line out is `end`. LoadGen ends its process by a fault when its callback
raises, and has no way to stop a test: so it has this one for itself, which whoever gives up ends.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Sequence
from typing import Any

GIVEN_UP = 3
"""Status when the other side is gone, or gave up."""


def main() -> None:
    """Run one test; ends the process, for LoadGen's own end is not to be trusted."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what LoadGen itself prints
    line = threading.Lock()
    told = json.loads(sys.stdin.readline())

    def say(words: str) -> None:
        out.write(words + "\n")
        out.flush()

    def ask(numbers: Sequence[int]) -> None:
        """Return when the inputs are answered."""
        with line:
            try:
                say(" ".join(map(str, numbers)))
                answered = sys.stdin.readline() == "done\n"
            except OSError:
                answered = False
        if not answered:
            os._exit(GIVEN_UP)

    _test(told, ask)
    say("end")
    os._exit(0)


def _test(told: dict[str, Any], ask: Any) -> None:
    import mlperf_loadgen as loadgen

    def answer(asked: Sequence[Any]) -> None:
        loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(one.id, 0, 0) for one in asked])

    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def serve() -> None:
        while True:
            one = waiting.get()
            ask([one.index])
            answer([one])

    def issue(asked: Sequence[Any]) -> None:
        if told["scenario"] == "Server":  # it goes on sending: what it sent waits for its turn
            for one in asked:
                waiting.put(one)
        elif told["scenario"] == "Offline":
            for one in asked:
                ask([one.index])
                answer([one])
        else:
            ask([one.index for one in asked])
            answer(asked)

    threading.Thread(target=serve, daemon=True).start()
    settings, log = loadgen.TestSettings(), loadgen.LogSettings()
    settings.scenario = getattr(loadgen.TestScenario, told["scenario"])
    settings.mode = loadgen.TestMode.PerformanceOnly
    for name, value in told["settings"].items():
        setattr(settings, name, value)
    log.log_output.outdir = told["folder"]
    log.log_output.copy_summary_to_stdout = False
    log.enable_trace = False
    sut = loadgen.ConstructSUT(issue, lambda: None)
    count = told["count"]
    inputs = loadgen.ConstructQSL(count, count, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(sut, inputs, settings, log)


if __name__ == "__main__":
    main()
