"""Energy traces and monitors: energy analyse, export, live; monitors, simulate."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tinybench.errors import UsageError

from .options import Commands, command_missing, positive
from .output import note, print_json, print_table

if TYPE_CHECKING:
    from tinybench.energy.trace import Trace


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_monitors(commands)
    energy = commands.add_parser("energy", help="analyse and export energy traces")
    energy.set_defaults(do=command_missing(energy))
    subcommands = energy.add_subparsers(title="commands", metavar="COMMAND")

    analyse = subcommands.add_parser("analyse", help="energy per inference of a recorded trace")
    _add_trace_options(analyse)
    analyse.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="METHOD",
        help="besides ours, compute as eembc or v1.3 did (default: as the trace was published)",
    )
    analyse.add_argument("--json", action="store_true", help="print one JSON document")
    analyse.add_argument(
        "--pictures", type=Path, metavar="DIR", help="draw the windows as PNG into a folder"
    )
    analyse.set_defaults(do=_energy_analyse)

    export = subcommands.add_parser("export", help="write a trace for other programs")
    _add_trace_options(export)
    export.add_argument(
        "--to",
        required=True,
        choices=("csv", "parquet", "sr", "perfetto"),
        help="sr: sigrok, for PulseView; perfetto: for ui.perfetto.dev",
    )
    export.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: beside the trace")
    export.set_defaults(do=_energy_export)
    _add_live(subcommands)


def _add_monitors(commands: Commands) -> None:
    monitors = commands.add_parser("monitors", help="list the energy monitors that are attached")
    monitors.add_argument("--json", action="store_true", help="print one JSON document")
    monitors.set_defaults(do=_monitors)

    simulate = commands.add_parser(
        "simulate", help="run a simulated energy monitor and print its port"
    )
    simulate.add_argument("instrument", metavar="INSTRUMENT", help="lpm01a, ppk2 or otii")
    simulate.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="a fault it shows; a wrong name lists those there are",
    )
    simulate.set_defaults(do=_simulate)


def _add_live(subcommands: Commands) -> None:
    live = subcommands.add_parser("live", help="show current, power and edges as they come")
    live.add_argument(
        "--monitor", required=True, metavar="NAME", help="a driver such as lpm01a, or a .toml file"
    )
    live.add_argument("--port", help="serial port, host:port, VISA resource or file")
    live.add_argument("--serial", help="serial number, where two are attached")
    live.add_argument("--voltage", type=float, metavar="V", help="supply of the DUT in V")
    live.add_argument("--rate", type=float, metavar="HZ", help="samples a second")
    live.add_argument("--pin", type=int, metavar="N", help="input of the timing pin")
    live.add_argument("--no-power", action="store_true", help="leave the DUT without supply")
    live.add_argument("--seconds", type=float, metavar="S", help="how long (default: until Ctrl-C)")
    live.set_defaults(do=_energy_live)


def _add_trace_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "trace",
        type=Path,
        metavar="TRACE",
        help="a trace, or a folder that holds one: .jls, EEMBC's trace1-energy.bin, the v1.3 "
        "runner's results.json, a .ppk2, a log of an LPM01A, a table (.csv)",
    )
    said = parser.add_argument_group("what the trace does not say itself")
    said.add_argument("--iterations", type=positive, metavar="N", help="inferences of a window")
    said.add_argument("--marks", type=int, metavar="N", help="edges before the first window")
    said.add_argument("--voltage", type=float, metavar="V", help="the supply of a trace of current")
    said.add_argument("--rate", metavar="HZ", help="of a table without times, such as 2MHz")
    said.add_argument(
        "--columns", metavar="NAMES", help="of a table, such as t,i,v in SI, or t[ms],i[ua],d0,edge"
    )
    said.add_argument(
        "--window",
        action="append",
        default=[],
        metavar="FROM:TO",
        help="a window by hand where there are no edges, in s since the first sample; repeatable",
    )
    said.add_argument("--channel", metavar="NAME", help="digital input with the timing pin")


def _open_told(arguments: argparse.Namespace) -> "Trace":
    from tinybench.energy.examine import parse_window, told
    from tinybench.energy.importers import open_any
    from tinybench.energy.importers.header import parse_rate_hz

    if arguments.voltage is not None and not 0 < arguments.voltage < float("inf"):
        raise UsageError(f"--voltage {arguments.voltage:g}: give a number above 0")
    if arguments.marks is not None and arguments.marks < 0:
        raise UsageError(f"--marks {arguments.marks}: give 0 or more")
    trace = open_any(
        arguments.trace,
        voltage_v=arguments.voltage,
        rate_hz=None if arguments.rate is None else parse_rate_hz(arguments.rate),
        channel=arguments.channel,
        columns=arguments.columns,
    )
    windows = [parse_window(text) for text in arguments.window]
    return told(trace, arguments.iterations, arguments.marks, arguments.voltage, windows)


def _monitors(arguments: argparse.Namespace) -> int:
    from tinybench.energy.monitor import attached

    found, unseen = attached()
    if arguments.json:
        print_json(found)
    else:
        for one in found:
            print(f"{one.driver:<11} {one.model:<16} {one.serial:<26} {one.port}")
        if not found:
            print("no energy monitor is attached; an N6705 is named by its VISA resource")
    for why in unseen:
        note(f"not looked for: {why}")
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    import threading

    from tinybench.energy.simulated.instrument import instrument
    from tinybench.energy.simulated.load import Blinking

    with instrument(arguments.instrument, Blinking(), frozenset(arguments.fault)) as port:
        print(port, flush=True)
        note(f"a simulated {arguments.instrument}, of a DUT that is active every other second; "
              f"stop with Ctrl-C. In another terminal: tinybench energy live --monitor "
              f"{arguments.instrument} --port {port}")  # fmt: skip
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


def _energy_live(arguments: argparse.Namespace) -> int:
    import time
    from contextlib import closing, nullcontext

    import msgspec
    from rich.live import Live

    from tinybench.energy.monitor import open_monitor

    from ..desk.attached import look
    from ..desk.bench import find_bench, load_bench, monitor_spec
    from ..desk.lock_keys import monitor_keys
    from ..desk.locks import hold
    from ..report.terminal.live import LiveView

    wanted = {
        "port": arguments.port,
        "serial": arguments.serial,
        "voltage_v": arguments.voltage,
        "rate_hz": arguments.rate,
        "pin": arguments.pin,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    known = monitor_spec(arguments.monitor, load_bench(find_bench()))
    spec = msgspec.structs.replace(known, **given)
    held = hold(monitor_keys(spec, look().things), 0.0, note)
    with held, closing(open_monitor(spec)) as monitor:
        if not arguments.no_power:
            monitor.power_on()
        monitor.start()
        view = LiveView(monitor.head)
        start_s = shown_s = time.monotonic()
        terminal = sys.stdout.isatty()
        with Live(refresh_per_second=8) if terminal else nullcontext() as screen:
            try:
                for chunk in monitor.chunks():
                    view.feed(chunk)
                    now_s = time.monotonic()
                    if screen is not None:
                        screen.update(view.table())
                    elif view.ready and now_s >= shown_s + 1:
                        shown_s = now_s
                        print(view.line(), flush=True)
                    if arguments.seconds is not None and now_s >= start_s + arguments.seconds:
                        monitor.stop()
            except KeyboardInterrupt:
                return 0
    return 0


def _energy_analyse(arguments: argparse.Namespace) -> int:
    from tinybench.energy.examine import examine, published_beside, throughput_beside

    with _open_told(arguments) as trace:
        found = examine(
            trace,
            arguments.method,
            published_beside(arguments.trace),
            throughput_beside(arguments.trace),
        )
        if arguments.pictures is not None:
            from tinybench.energy.pictures import draw

            drawn = draw(trace, found.tinybench, arguments.pictures)
            note(f"{len(drawn)} pictures are in {arguments.pictures}")
    if arguments.json:
        print_json(found)
    else:
        from ..report.terminal.energy import report

        print_table(report(found))
    return 0 if found.tinybench.valid and not found.against_rules else 1


def _energy_export(arguments: argparse.Namespace) -> int:
    from tinybench.energy.export import SUFFIXES, export

    with _open_told(arguments) as trace:
        opened = Path(trace.name)
        out = arguments.out or opened.with_name(opened.stem + SUFFIXES[arguments.to])
        if out.exists() and out.samefile(opened):
            raise UsageError(f"{out} is the trace itself; give another --out")
        export(trace, arguments.to, out)
    print(out)
    return 0
