"""The energy mode: five windows between the edges of the timing pin, under an energy monitor.

In the order of EEMBC's runner: the monitor supplies the DUT, which boots; the trace begins; the DUT
marks its beginning by an edge (`timestamp`); a second passes; each `infer` has two edges; a second
passes; the trace ends. It is stored beside the result, and judged from there.
Ref: energyrunner README, energy mode; scripts of published energy results of rounds v0.5 to v1.1.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from tinybench.datasets.reader import Sample
from tinybench.energy.analysis import Analysis, analyse
from tinybench.energy.monitor import Capture, Monitor, MonitorSpec, open_monitor
from tinybench.energy.pairing import DEBOUNCE_S, debounced
from tinybench.energy.pictures import draw
from tinybench.energy.simulated.emulated import EmulatedLoad, timing_pin
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import Chunk, Edge, Infer, TraceHead, TraceWriter, open_trace
from tinybench.errors import BenchError, MonitorError
from tinybench.scratch import scratch

from ..build.board import Power
from ..dut.client import Dut
from ..results.defaults import WARMUP
from ..results.names import TRACE_FILE
from ..results.result import Energy, EnergyWindow
from .modes import RETIMED, WindowLength

CALIBRATION_S, CALIBRATION_SAMPLES = 0.2, 100
"""A window that lasts both tells how long an inference takes, to a hundredth."""
STEPS = 10
"""Windows that are tried at most: an inference of 10 ns takes 6, by samples of 10 ms."""
GROWTH = 64
"""Times as many inferences as before, at most: what is doubtful is no reason for hours."""
AIM = 1.25
"""Times the length that is enough, where the next window aims."""
MERGED_MAX_S = 3.0
"""An `infer` that the host has waited for longer has edges that every monitor tells apart."""
EDGE_TIMEOUT_S = 10.0
"""How long an edge may take from the DUT's pin to the runner ..."""
BLOCK = 1000
"""... besides so many samples, by which monitors tell of them at most."""
MARGIN_S = 1.0
"""Of the trace, before the first window and after the last."""
MODEL_RATE_HZ = 5000.0
PHASE_REST_S = 0.01
"""Between two phases: edges that are too close are one."""
T = TypeVar("T")
Ran = Callable[[str, int], None]
"""Is told of a phase of so many steps, which the DUT marks by two edges, once it has ended."""
Watch = Callable[[float, bool], None]
"""Takes the mean power of the latest samples in W, and whether it is modelled."""


@dataclass(frozen=True)
class Bench:
    """An energy monitor, and how the DUT behind it is reached once it has its supply."""

    spec: MonitorSpec
    connect: Callable[[], AbstractContextManager[Dut]]
    """Open the line, shake hands, and close it on the way out."""
    model_source: str = ""
    """Where the modelled power comes from; empty for a real monitor."""
    rest: Callable[[float], None] = time.sleep
    """Let so many seconds pass for the monitor."""
    now_s: Callable[[], float] | None = None
    """Time since the monitor began to sample, where that is none of the host's."""
    watch: "Watch | None" = None
    """Is told, while it is measured, what the DUT draws: by another thread."""


class Seen(NamedTuple):
    """What the monitor showed of one `infer`."""

    edges_s: Sequence[float]
    """Its edges, by the monitor's clock: two, or fewer where they are too near, or more."""
    host_s: float
    """How long the host waited for it; for the first one, with its input's upload."""


@contextmanager
def modelled_monitor(power: Power) -> Iterator[tuple[MonitorSpec, str, EmulatedLoad]]:
    """Run a simulated LPM01A that sees an emulated board.

    Yields its spec, the pin's socket, and the load, whose time is the monitor's.
    """
    load = EmulatedLoad(power.idle_a, power.active_a)
    device = SimulatedLpm01a(Scene(load, real_time=False), voltage_v=power.voltage_v)
    with timing_pin(load) as pin, PseudoPort(device, real_time=False) as port:
        spec = MonitorSpec(
            driver="lpm01a", port=port.path, voltage_v=power.voltage_v, rate_hz=MODEL_RATE_HZ
        )
        yield spec, pin, load


def measure(
    bench: Bench,
    samples: Sequence[Sample],
    length: WindowLength,
    folder: Path,
    iterations: int | None = None,
) -> Iterator[Energy]:
    """Measure a window on each sample, store the trace in `folder`, yield its energy.

    Unless given, the iterations are calibrated on the first sample, by the monitor's clock. A
    window that comes out short is timed again with more; its edges stay in the trace.
    Yields once, so that a progress display can go around it. The supply is off and the line closed
    on every way out. Raises BenchError when the monitor or the DUT fails, or an edge is missing.
    """
    with ExitStack() as stack:
        monitor = open_monitor(bench.spec)
        stack.callback(monitor.close)
        iterations = iterations or _calibrated(bench, monitor, samples[0], length)
        head = _head(bench, monitor)
        if bench.model_source:
            head = msgspec.structs.replace(head, note=f"modelled power: {bench.model_source}")
        results: list[str] = []
        with TraceWriter(folder / TRACE_FILE, head) as writer:
            infers: list[Infer] = []
            with _Session(bench, monitor, writer) as session:
                session.margin()
                for sample in samples:
                    timed = list(session.long_enough(sample, iterations, length))
                    infers += [infer for infer, _ in timed]
                    iterations = infers[-1].iterations
                    results.append(timed[-1][1])
                session.margin()
            for infer in infers:
                writer.infer(infer)
    with open_trace(folder / TRACE_FILE) as trace:
        yield _energy(analyse(trace), trace.head, results, bench.model_source)


def _head(bench: Bench, monitor: Monitor) -> TraceHead:
    """Return what a trace that begins now says of itself."""
    return msgspec.structs.replace(
        monitor.head,
        marks=1,
        start=datetime.now(UTC).isoformat(),
        modelled=bool(bench.model_source),
    )


def measure_once(
    bench: Bench, run: Callable[[Dut], T], name: str, folder: Path
) -> tuple[Energy, T]:
    """Measure the one window that the DUT marks by two edges while `run` runs, such as a stream's.

    The trace is stored in `folder`. Returns the energy, of one window, and what `run` returns.
    Raises as `measure`, and what `run` raises.
    """
    with ExitStack() as stack:
        monitor = open_monitor(bench.spec)
        stack.callback(monitor.close)
        with TraceWriter(folder / TRACE_FILE, _head(bench, monitor)) as writer:
            with _Session(bench, monitor, writer) as session:
                session.margin()
                found = session.once(run)
                session.saw(2, name)
                session.margin()
            writer.infer(Infer(iterations=1, input=name))
    with open_trace(folder / TRACE_FILE) as trace:
        return _energy(analyse(trace), trace.head, [""], bench.model_source), found


def measure_phases(bench: Bench, run: Callable[[Dut, Ran], T], folder: Path) -> tuple[Energy, T]:
    """Measure the windows that the DUT marks while `run` runs, such as the phases of a training.

    `run` says of each what it was, and how many iterations, as soon as it has ended. The trace is
    stored in `folder`. Returns the energy, a window a phase, and what `run` returns. Raises as
    `measure`, and what `run` raises.
    """
    with ExitStack() as stack:
        monitor = open_monitor(bench.spec)
        stack.callback(monitor.close)
        infers = list[Infer]()
        with TraceWriter(folder / TRACE_FILE, _head(bench, monitor)) as writer:
            with _Session(bench, monitor, writer) as session:

                def ran(name: str, iterations: int) -> None:
                    session.saw(2, name)
                    infers.append(Infer(iterations=iterations, input=name))
                    bench.rest(PHASE_REST_S)

                session.margin()
                found = session.once(lambda dut: run(dut, ran))
                session.margin()
            writer.infers += infers[:-1]
            for infer in infers[-1:]:
                writer.infer(infer)
    with open_trace(folder / TRACE_FILE) as trace:
        analysed = analyse(trace)
        answers = [""] * len(analysed.windows)
        return _energy(analysed, trace.head, answers, bench.model_source), found


def draw_pictures(folder: Path) -> None:
    """Draw the windows of the trace in a run folder. Raises ToolMissingError, TraceError."""
    with open_trace(folder / TRACE_FILE) as trace:
        draw(trace, analyse(trace), folder)


class _Session:
    """The DUT under the monitor, from its supply on to its supply off."""

    def __init__(self, bench: Bench, monitor: Monitor, writer: TraceWriter) -> None:
        self._bench = bench
        self._monitor = monitor
        self._writer = writer
        self._seen = 0
        """Edges that are accounted for."""
        self._block_s = BLOCK / writer.head.rate_hz

    def __enter__(self) -> "_Session":
        with ExitStack() as stack:
            stack.callback(_power_off, self._monitor)
            self._monitor.power_on()
            self._dut = stack.enter_context(self._bench.connect())
            self._began_s = time.monotonic()
            self._capture = stack.enter_context(Capture(self._monitor, self._take))
            self._await_trace(0.0)  # what is marked before it begins is lost
            self._dut.mark()
            self._await_edges(1, "the edge of 'timestamp'")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *what: object) -> bool | None:
        return self._stack.__exit__(*what)  # pyright: ignore[reportArgumentType]

    def _take(self, chunk: Chunk) -> None:
        """Keep a chunk, and tell who watches."""
        self._writer.write(chunk)
        if self._bench.watch is not None and (power_w := _power_w(self._writer.head, chunk)):
            self._bench.watch(power_w, bool(self._bench.model_source))

    def margin(self) -> None:
        """Let the trace go on for `MARGIN_S` after the last edge."""
        self._bench.rest(MARGIN_S)
        self._await_trace(self._writer.edges[-1].time_s + MARGIN_S)

    def probe(self, sample: Sample, iterations: int) -> Seen:
        """Run a window that may be too short for the monitor; return what was seen of it."""
        first = self._seen = len(self._edges())
        _, _, host_s = self._infer(sample, iterations, 0)
        self._wait(lambda: len(self._edges()) >= first + 2, MARGIN_S)
        self._settle()
        return Seen([edge.time_s for edge in self._edges()[first:]], host_s)

    def _infer(self, sample: Sample, iterations: int, warmup: int) -> tuple[Infer, str, float]:
        """Run a window on the first input of a sample.

        Returns it, with the DUT's answer, and how long the host has waited for that, in s.
        """
        data = sample.windows()[0]
        retries = self._dut.tally.retries
        start_s = time.monotonic()
        inference = self._dut.infer(data, iterations, warmup)
        stop_s = time.monotonic()
        if self._dut.tally.retries != retries:
            raise MonitorError(
                f"the window on {sample.name} had to be repeated after a fault on the line: its "
                "edges are not two any more. Run the energy mode again"
            )
        infer = Infer(
            iterations=iterations,
            input=sample.name,
            dut_s=inference.elapsed_us * 1e-6 or None,
            host_s=None if self._bench.model_source else stop_s - start_s,
            host_stop_s=None if self._bench.model_source else stop_s,
        )
        return infer, inference.results, stop_s - start_s

    def once(self, run: Callable[[Dut], T]) -> T:
        """Let the DUT do something."""
        return run(self._dut)

    def saw(self, count: int, name: str) -> None:
        """Wait for the edges by which the DUT has marked it."""
        self._await_edges(count, f"the edges of '{name}'")

    def long_enough(
        self, sample: Sample, iterations: int, length: WindowLength
    ) -> Iterator[tuple[Infer, str]]:
        """Yield windows on a sample until one lasts as long as it is to, with the DUT's answers."""
        for margin in (*RETIMED, None):
            self._seen = len(self._edges())
            infer, answer, _ = self._infer(sample, iterations, WARMUP)
            what = f"the edges of 'infer {iterations}' on {sample.name}"
            self._await_edges(2, what, ": without --iterations a window is made long enough")
            lasted_s = length.min_s if margin is None else self._lasted_s(length.min_s)
            if margin is None or lasted_s >= length.min_s:
                yield infer, answer
                return
            yield msgspec.structs.replace(infer, again=True), answer
            iterations = length.iterations(iterations, lasted_s, margin)

    def _edges(self) -> list[Edge]:
        """Return the edges that have come, a pulse that bounces as one."""
        return debounced(list(self._writer.edges))

    def _lasted_s(self, enough_s: float) -> float:
        """Return how long the window lasted whose two edges have come.

        Of one with false edges that is `enough_s`: to time it anew does not mend it, and what it
        is worth is for the analysis to say.
        """
        first = self._seen - 2
        start, stop = self._edges()[first:][:2]
        if stop.time_s - start.time_s < enough_s:
            self._settle()
            if len(self._edges()) != self._seen:
                return enough_s
        return stop.time_s - start.time_s

    def _settle(self) -> None:
        """Let the trace go on until it has all that was marked so far, however late it comes."""
        so_far_s = self._writer.count / self._writer.head.rate_hz
        self._bench.rest(MARGIN_S)
        since_s = time.monotonic() - self._began_s
        now_s = since_s if self._bench.now_s is None else self._bench.now_s()
        self._await_trace(max(now_s, so_far_s + MARGIN_S + self._block_s))

    def _await_trace(self, until_s: float) -> None:
        """Wait until the trace is longer than that, by the monitor's clock, at the rate it says."""
        rate_hz = self._writer.head.rate_hz
        first, since_s = self._writer.count, time.monotonic()
        missing_s = max(0.0, until_s - first / rate_hz)
        if not self._wait(
            lambda: self._writer.count > until_s * rate_hz, missing_s + EDGE_TIMEOUT_S
        ):
            took_s = time.monotonic() - since_s
            came_hz = (self._writer.count - first) / took_s
            raise MonitorError(
                f"the monitor says that it takes {rate_hz:g} samples a second, and {came_hz:.0f} a "
                f"second came for {took_s:.0f} s: unplug it and plug it in again, look whether "
                "this computer is too busy, or set a lower rate_hz"
            )

    def _await_edges(self, count: int, what: str, near: str = "") -> None:
        """Wait until the monitor has shown so many more edges; `near` helps where they are near."""
        self._seen += count
        if not self._wait(lambda: len(self._edges()) >= self._seen, EDGE_TIMEOUT_S):
            missing = self._seen - len(self._edges())
            apart_s = max(DEBOUNCE_S, 1 / self._writer.head.rate_hz)
            apart = f" Edges closer than {apart_s * 1e6:.0f} us are one to it{near}"
            raise MonitorError(
                f"{missing} of {count} edges missing: the monitor did not see {what} within "
                f"{EDGE_TIMEOUT_S + self._block_s:.0f} s. Is the timing pin wired to it, and the "
                f"energy build on the board?{apart if count > 1 else ''}"
            )

    def _wait(self, come: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something has come from the monitor; return whether it has in time.

        Raises what ended the capture.
        """
        deadline_s = time.monotonic() + timeout_s + self._block_s
        while not come():
            self._capture.check()
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.01)
        return True


def _power_w(head: TraceHead, chunk: Chunk) -> float | None:
    """Return the mean power of a chunk; None where none of it is known."""
    power = chunk.samples
    if head.unit == "A":
        voltage_v = head.voltage_v if chunk.voltage_v is None else chunk.voltage_v
        if voltage_v is None:
            return None
        power = power * voltage_v
    there = power[np.isfinite(power)]
    return float(there.mean()) if len(there) else None


def _power_off(monitor: Monitor) -> None:
    """Take the supply from the DUT; a monitor that has died must not hide what it died of."""
    with contextlib.suppress(BenchError):
        monitor.power_off()


def _calibrated(bench: Bench, monitor: Monitor, sample: Sample, length: WindowLength) -> int:
    """Return how many iterations last a window, by the monitor's clock."""
    head = msgspec.structs.replace(monitor.head, modelled=bool(bench.model_source))
    with (
        scratch() as own,
        TraceWriter(own / TRACE_FILE, head) as writer,
        _Session(bench, monitor, writer) as session,
    ):
        enough_s = max(CALIBRATION_S, CALIBRATION_SAMPLES / head.rate_hz)
        return find_iterations(partial(session.probe, sample), length, enough_s)


def find_iterations(probe: Callable[[int], Seen], length: WindowLength, enough_s: float) -> int:
    """Return how many inferences make a window of that length.

    `probe` runs a window of so many. One whose edges are fewer than two was too short for the
    monitor; or one is lost, where the host has waited for it longer than for those before, or at
    first: then it is tried again, once. One with more edges is tried again. The first that lasts
    `enough_s` tells. Raises MonitorError after STEPS windows, or once edges are missing that cannot
    be one.
    """
    iterations = 1
    again = False
    line_s = 0.0
    tried: list[str] = []
    while len(tried) < STEPS:
        edges_s, host_s = probe(iterations)
        tried.append(f"{iterations} ({len(edges_s)} edge{'s' * (len(edges_s) != 1)})")
        growth = 1
        if len(edges_s) == 2:
            lasted_s = edges_s[1] - edges_s[0]
            if lasted_s >= enough_s:
                return length.iterations(iterations, lasted_s)
            growth = min(GROWTH, int(AIM * enough_s / lasted_s) + 1)
        elif len(edges_s) < 2:
            again = not again and host_s - line_s >= enough_s
            if not again and host_s >= MERGED_MAX_S:
                break
            growth = 1 if again else GROWTH
        line_s = min(line_s or host_s, host_s)
        iterations *= growth
    raise MonitorError(
        f"no number of inferences for a window of {length.min_s:g} s is found by the monitor's "
        f"clock; tried, with the edges it saw of two: {', '.join(tried)}. Fewer edges of a long "
        "window are lost, more are false: look at the wire of the timing pin ('tinybench energy "
        "live' shows its edges), or tell the number: --iterations N"
    )


def _energy(found: Analysis, head: TraceHead, results: Sequence[str], model_source: str) -> Energy:
    return Energy(
        per_inference_j=found.median_j,
        uncertainty_j=found.uncertainty_j,
        terms_j=found.terms_j,
        not_stated=found.not_stated,
        modelled=found.modelled,
        model_source=model_source,
        monitor=head.monitor + (" (simulated)" if model_source else ""),
        monitor_serial=head.serial,
        monitor_firmware=head.firmware,
        voltage_v=head.voltage_v,
        rate_hz=head.rate_hz,
        edges=found.edges,
        lost=found.lost,
        warnings=found.warnings,
        faults=found.faults,
        windows=[
            EnergyWindow(
                input=window.input,
                iterations=window.iterations or 0,
                results=answer,
                start_s=window.start_s,
                stop_s=window.stop_s,
                energy_j=window.energy_j,
                uncertainty_j=window.uncertainty_j,
                power_w=window.power_w,
                monitor_s=window.monitor_s,
                dut_s=window.dut_s,
                host_s=window.host_s,
                lost=window.lost,
                clipped=window.clipped,
                faults=window.faults,
                warnings=window.warnings,
            )
            for window, answer in zip(found.windows, results, strict=True)
        ],
    )
