"""Energy traces and monitors: energy analyse, export, live, view; monitors."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.plural import counted
from tinybench.scratch import scratch

from .options import PATH, OneOf, command, count, instant, into_file, port, positive, quantity
from .output import Voice, put, put_bytes
from .tree import Argument, Group, Option

if TYPE_CHECKING:
    from tinybench.energy.monitor import Monitor
    from tinybench.energy.trace import Trace

    from ..report.live.recording import Recording
    from ..report.live.view import LiveView

TOLD = "what the trace does not say itself"
NO_PIN = "without a timing pin (never an MLPerf result)"


def _trace() -> list[Any]:
    """Return the trace and what may be said about it."""
    return [
        Argument(
            "trace",
            type=PATH,
            metavar="TRACE",
            help="a trace, or a folder that holds one: .jls, EEMBC's trace1-energy.bin, the v1.3 "
            "runner's results.json, a .ppk2, a .dlog, a log of an LPM01A, a table (.csv)",
        ),
        Option("--iterations", type=positive, metavar="N", section=TOLD,
               help="inferences of a window"),
        Option("--marks", type=count, metavar="N", section=TOLD,
               help="edges before the first window"),
        Option("--voltage", type=quantity, metavar="V", section=TOLD,
               help="the supply of a trace of current"),
        Option("--rate", metavar="HZ", section=TOLD,
               help="of a table without times, such as 2MHz"),
        Option("--columns", metavar="NAMES", section=TOLD,
               help="of a table, such as t,i,v in SI, or t[ms],i[ua],d0,edge"),
        Option("--edges", type=PATH, metavar="FILE", section=TOLD,
               help="of a logic analyser, with the timing pin: Saleae (CSV, binary), sigrok (.sr, "
               "CSV), .vcd; its first edge is that of the trace, or its first rise"),
        Option("--edges-at", type=instant, metavar="S", section=TOLD,
               help="where the first edge of --edges is, in s since the first sample"),
        Option("--channel", metavar="NAME", section=TOLD, help="digital input with the timing pin"),
    ]  # fmt: skip


def _open_told(trace: Path, told_of: dict[str, Any]) -> "Trace":
    from tinybench.energy.examine import parse_window, told
    from tinybench.energy.importers import open_any
    from tinybench.energy.importers.header import parse_rate_hz
    from tinybench.energy.importers.logic import with_edges
    from tinybench.energy.segments import parse_level, segmented

    rate = told_of["rate"]
    by_hand = [parse_window(text) for text in told_of.get("window", ())]
    level = None if told_of.get("threshold") is None else parse_level(told_of["threshold"])
    segments = told_of.get("segments", False)
    if level is not None and not segments:
        raise UsageError("--threshold is what parts segments: give --segments, too")
    if segments and by_hand:
        raise UsageError("windows are by hand (--window) or by threshold (--segments), not both")

    edges: Path | None = told_of["edges"]
    if edges is None and told_of["edges_at"] is not None:
        raise UsageError("--edges-at is of --edges FILE: give it, too")
    opened = open_any(
        trace,
        voltage_v=told_of["voltage"],
        rate_hz=None if rate is None else parse_rate_hz(rate),
        channel=None if edges else told_of["channel"],
        columns=told_of["columns"],
    )
    if edges is not None:
        opened = with_edges(
            opened, edges, channel=told_of["channel"], first_at_s=told_of["edges_at"]
        )
    if segments:
        opened = segmented(opened, level)
    return told(opened, told_of["iterations"], told_of["marks"], told_of["voltage"], by_hand)


@command(
    "monitors",
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench monitors", "tinybench monitors --json"),
)
def monitors(voice: Voice, to: str, out: Path | None) -> int:
    """List the energy monitors that are attached."""
    from tinybench.energy.monitor import attached
    from tinybench.printable import one_line

    found, unseen = attached()

    def lines() -> str:
        rows = [f"{o.driver:<11} {o.model:<16} {o.serial:<26} {o.port}" for o in found]
        listed = [f"{one_line(row)}\n" for row in rows]
        none = "no energy monitor is attached; an N6705 is named by its VISA resource\n"
        return "".join(listed) or none

    put(voice, to, out, {"terminal": lines, "json": lambda: found})
    for why in unseen:
        voice.note(f"not looked for: {why}")
    return 0


@command(
    "live",
    Option("--monitor", required=True, metavar="MONITOR",
           help="a driver such as lpm01a, or a .toml file"),
    port("serial port, host:port, VISA resource or file of the monitor", shared=False),
    Option("--serial", metavar="SERIAL", help="its serial number, where two are attached"),
    Option("--voltage", type=quantity, metavar="V", help="supply of the DUT in V"),
    Option("--rate", type=quantity, metavar="HZ", help="samples a second"),
    Option("--pin", type=count, metavar="N", help="input of the timing pin"),
    Option("--no-power", is_flag=True, help="leave the DUT without supply"),
    Option("--seconds", type=quantity, metavar="S", help="how long (default: until Ctrl-C)"),
    Option("-o", "--out", type=PATH, metavar="FILE", help="record a trace, such as trace.jls"),
    examples=("tinybench energy live --monitor lpm01a --voltage 3.0 -o trace.jls",),
)  # fmt: skip
def live(
    voice: Voice,
    monitor: str,
    no_power: bool,
    seconds: float | None,
    out: Path | None,
    **said: Any,
) -> int:
    """Show current, power, edges and their sums as they come.

    The key r begins to record into a trace, and ends that; q ends it all, and any other key sets a
    marker, which has that key's name. Of a pipe, each line is a marker with that name. At the end
    charge and energy are summed up, from each marker to the next.
    """
    from contextlib import ExitStack, closing

    import msgspec

    from tinybench.energy.monitor import open_monitor, supply_of

    from ..desk.attached import look
    from ..desk.bench import find_bench, load_bench, monitor_spec
    from ..desk.lock_keys import monitor_keys
    from ..desk.locks import hold
    from ..report.live.recording import Recording
    from ..report.live.view import LiveView

    if out is not None:
        _insist_new_trace(out)
    wanted = {
        "port": said["port"],
        "serial": said["serial"],
        "voltage_v": said["voltage"],
        "rate_hz": said["rate"],
        "pin": said["pin"],
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    known = monitor_spec(monitor, load_bench(find_bench()))
    spec = msgspec.structs.replace(known, **given)
    with ExitStack() as stack:
        stack.enter_context(hold(monitor_keys(spec, look().things), 0.0, voice.note))
        opened = stack.enter_context(closing(open_monitor(spec)))
        if not no_power:
            voice.note(supply_of(spec))
            opened.power_on()
        opened.start()
        view = LiveView(opened.head)
        recording = Recording(opened.head, out)
        stack.callback(lambda: [voice.note(f"recorded in {path}") for path in recording.files])
        stack.callback(lambda: [voice.note(line) for line in view.summary()])
        stack.enter_context(recording)
        _watch(opened, view, recording, seconds)
    return 0


def _watch(
    opened: "Monitor", view: "LiveView", recording: "Recording", seconds: float | None
) -> None:
    """Show and store what comes, until it is asked to end."""
    import time
    from contextlib import ExitStack

    from rich.console import Console
    from rich.live import Live

    from ..report.live.keys import typed

    start_s = shown_s = time.monotonic()
    console = Console(highlight=False, markup=False, emoji=False)
    screen = None
    with ExitStack() as stack:
        if console.is_terminal and not console.is_dumb_terminal:
            screen = stack.enter_context(Live(refresh_per_second=8, console=console))
        keys = stack.enter_context(typed())
        stack.enter_context(_ended_by_signal(opened.stop))
        for chunk in opened.chunks():
            view.feed(chunk)
            recording.write(chunk)
            for name in keys.taken():
                if keys.single and name == "q":
                    opened.stop()
                elif keys.single and name == "r":
                    recording.toggle()
                else:
                    recording.mark(view.mark(name))
            now_s = time.monotonic()
            if screen is not None:
                screen.update(view.table(recording.words(), keys=keys.single))
            elif view.ready and now_s >= shown_s + 1:
                shown_s = now_s
                print(view.line(), flush=True)
            if seconds is not None and now_s >= start_s + seconds:
                opened.stop()


def _insist_new_trace(out: Path) -> None:
    """Raise UsageError for a file that cannot be a trace, or is one already."""
    if out.suffix != ".jls":
        raise UsageError(f"--out {out}: a trace is a .jls; name it {out.name or 'trace'}.jls")
    for file in (out, out.with_suffix(".json")):
        if file.exists() or file.is_symlink():
            raise UsageError(f"--out {out}: {file} is there already; give another name")


@contextlib.contextmanager
def _ended_by_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at Ctrl-C, so that what came is finished; the second time it ends at once."""
    import signal

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(*_: object) -> None:
        restore()
        stop()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, first)
        yield
    finally:
        restore()


@command(
    "analyse",
    *_trace(),
    Option(
        "--window",
        multiple=True,
        metavar="FROM:TO",
        section=NO_PIN,
        help="a window by hand, in s since the first sample; repeat it for several",
    ),
    Option(
        "--segments", is_flag=True, section=NO_PIN, help="a window wherever the current is high"
    ),
    Option(
        "--threshold",
        metavar="LEVEL",
        section=NO_PIN,
        help="what --segments are above, such as 8.5mA (default: halfway between the two "
        "levels that the trace shows)",
    ),
    Option(
        "--method",
        multiple=True,
        metavar="METHOD",
        help="besides ours, compute as eembc or v1.3 did (default: as the trace was published)",
    ),
    Option(
        "-o",
        "--out",
        type=PATH,
        metavar="FILE",
        section="output",
        help="write it into a file, png into a folder (default, and with -: standard output)",
    ),
    formats=("terminal", "json", "png"),
    examples=("tinybench energy analyse RUN", "tinybench energy analyse trace.jls --to png -o DIR"),
)
def analyse(
    voice: Voice, trace: Path, method: tuple[str, ...], to: str, out: Path | None, **said: Any
) -> int:
    """Compute the energy per inference of a recorded trace.

    The format png draws the windows, as pictures in a folder.
    """
    from tinybench.energy.examine import examine, published_beside, throughput_beside

    if to == "png" and (out is None or str(out) == "-"):
        raise UsageError("--to png draws several pictures: name a folder for them with -o DIR")
    with _open_told(trace, said) as opened:
        found = examine(opened, list(method), published_beside(trace), throughput_beside(trace))
        if to == "png" and out is not None:
            from tinybench.energy.pictures import draw

            drawn = draw(opened, found.tinybench, out)
            voice.note(f"in {out}: {counted(len(drawn), 'picture')}")
    if to != "png":
        from ..report.terminal.energy import report

        put(voice, to, out, {"terminal": lambda: report(found), "json": lambda: found})
    return 0 if found.tinybench.valid and not found.against_rules else 1


@command(
    "export",
    *_trace(),
    Option(
        "--to",
        required=True,
        type=OneOf(("csv", "parquet", "sr", "perfetto")),
        metavar="FORMAT",
        section="output",
        help="csv, parquet, sr (sigrok, for PulseView) or perfetto (for ui.perfetto.dev)",
    ),
    Option(
        "-o",
        "--out",
        type=PATH,
        metavar="FILE",
        section="output",
        help="default: beside the trace; -: standard output",
    ),
    examples=("tinybench energy export RUN --to perfetto -o trace.json",),
)
def export(voice: Voice, trace: Path, to: str, out: Path | None, **said: Any) -> int:  # noqa: ARG001
    """Write a trace for other programs."""

    from tinybench.energy.export import SUFFIXES
    from tinybench.energy.export import export as exported

    with _open_told(trace, said) as opened:
        if out is not None and str(out) == "-":
            with scratch() as folder:
                made = Path(folder, "trace" + SUFFIXES[to])
                exported(opened, to, made)
                put_bytes(made.read_bytes())
            return 0
        source = Path(opened.name)
        out = out or source.with_name(source.stem + SUFFIXES[to])
        if out.exists() and out.samefile(source):
            raise UsageError(f"{out} is the trace itself; give another --out")
        exported(opened, to, out)
    print(out)
    return 0


@command(
    "view",
    *_trace(),
    Option("--tcp-port", type=count, metavar="N", default="0", help="default: a free one"),
    Option("--seconds", type=quantity, metavar="S", help="how long (default: until Ctrl-C)"),
    examples=("tinybench energy view RUN", "tinybench energy view trace.jls"),
)
def view(voice: Voice, trace: Path, tcp_port: int, seconds: float | None, **said: Any) -> int:
    """Show a trace in a browser of this computer: zoom, markers, sums, inferences overlaid.

    The page is served to this computer alone, at an address that is printed.
    """
    from contextlib import suppress

    from tinybench.energy.analysis import analyse as found_in
    from tinybench.energy.view.pyramid import Pyramid
    from tinybench.energy.view.served import TraceServer, serve
    from tinybench.errors import TraceError

    with _open_told(trace, said) as opened:
        pyramid = Pyramid(opened)
        for _ in voice.track(pyramid.build(), "read", pyramid.pieces):
            pass
        found = None
        with suppress(TraceError):  # without windows it is still a trace
            found = found_in(opened)
        with TraceServer(tcp_port, opened, pyramid, found) as server:
            print(server.address, flush=True)
            voice.note("open it in a browser of this computer; stop with Ctrl-C")
            serve(server, seconds)
    return 0


energy = Group("energy", help="Analyse, export and watch energy traces.").add(
    analyse, export, live, view
)
