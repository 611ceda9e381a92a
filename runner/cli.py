"""The command line: reads arguments, prints, and exits with a status that means something.

Exit status: 0 valid, 1 a broken rule, 2 usage or configuration, 3 the bench failed, 130
interrupted.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from .errors import TinybenchError, UsageError

if TYPE_CHECKING:
    from ..energy.trace import Trace
    from .session import Outcome

DEFAULT_BOARD = "mps2-an386"
PORT_BOARD = "serial"
DEFAULT_BAUD = 115_200
ENERGY_BAUD = 9600
"""Of a DUT without an interface board. Ref: energyrunner README, energy mode."""
INTERRUPTED = 130
REPORT_WIDTH = 100
"""Columns of a report that goes to no terminal."""
LISTING_WIDTH = 160
"""Columns of a listing that goes to no terminal."""

EXAMPLES = """\
examples:
  tinybench --task kws                        keyword spotting on the emulated default board
  tinybench --board host --task kws           the same C core as a process of this computer
  tinybench --task kws --mode accuracy --limit 20
  tinybench fetch kws                         get the official inputs and reference model
  tinybench check runs/NAME                   judge a stored result again

exit status: 0 valid, 1 a rule is broken, 2 usage or configuration, 3 the bench failed,
130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status; prints errors without a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        arguments = _parser().parse_args(argv)
        status = arguments.do(arguments)
        sys.stdout.flush()
    except TinybenchError as error:
        _note(f"tinybench: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        print("tinybench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has left; say nothing more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _terminated(_signum: int, _frame: FrameType | None) -> NoReturn:
    """Treat SIGTERM as Ctrl-C, so that it too leaves a readable run and no child process."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinybench",
        description="Benchmark TinyML on microcontrollers: accuracy and latency, judged by the "
        "MLPerf Tiny run rules.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    _add_run_options(parser)
    parser.set_defaults(do=_run)

    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    boards = commands.add_parser("boards", help="list the boards")
    boards.add_argument("--json", action="store_true", help="print one JSON document")
    boards.set_defaults(do=_boards)

    tasks = commands.add_parser("tasks", help="list the tasks")
    tasks.add_argument("--json", action="store_true", help="print one JSON document")
    tasks.set_defaults(do=_tasks)

    check = commands.add_parser("check", help="judge a stored result again")
    check.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    check.add_argument("--json", action="store_true", help="print one JSON document")
    check.set_defaults(do=_check)

    _add_result_commands(commands)
    _add_audit(commands)
    _add_line_commands(commands)

    fetch = commands.add_parser("fetch", help="get the official inputs and model of a task")
    fetch.add_argument("task", metavar="TASK", help="such as kws")
    fetch.set_defaults(do=_fetch)

    prepare = commands.add_parser("prepare", help="make official inputs from the public originals")
    prepare.add_argument("task", metavar="TASK", help="kws, vww, ic, ic02 or ad")
    prepare.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="with one-second clips (kws), COCO's val2017.zip or its photographs (vww), CIFAR-10's "
        "binary archive (ic, ic02), dev_data_ToyCar.zip or its wavs (ad); without --from, the "
        "command says where they are published, and their checksums",
    )
    prepare.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="dataset folder (default: the cache)"
    )
    prepare.set_defaults(do=_prepare)

    compile_ = commands.add_parser("compile", help="compile an int8 .tflite to C")
    compile_.add_argument("tflite", type=Path, metavar="MODEL.tflite")
    compile_.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    compile_.add_argument("--model-id", default="custom", help="id that the firmware answers")
    compile_.add_argument(
        "--kernels",
        choices=("plain", "blocked", "dsp", "mve"),
        default="plain",
        help="portable C (plain, blocked), Armv7E-M's DSP or Armv8.1-M's vector instructions",
    )
    compile_.add_argument(
        "--input-format",
        choices=("int8", "uint8", "float32"),
        default="int8",
        help="elements of an upload; floats are quantised on the device (default: int8)",
    )
    compile_.add_argument(
        "--result",
        choices=("output", "mse"),
        default="output",
        help="what is answered: the outputs, or their mean squared error against uploaded floats",
    )
    compile_.add_argument(
        "--decimals",
        type=_count,
        metavar="N",
        help="answer with at least so many (default: as many as tell two outputs apart)",
    )
    compile_.add_argument("--json", action="store_true", help="print the manifest as JSON")
    compile_.set_defaults(do=_compile)

    profile = commands.add_parser("profile", help="time a model layer by layer")
    # By names of their own: the run's options are called the same.
    profile.add_argument("--task", required=True, dest="profiled_task", metavar="TASK")
    profile.add_argument("--board", default=DEFAULT_BOARD, dest="profiled_board", metavar="BOARD")
    profile.add_argument("--json", action="store_true", help="print one JSON document")
    profile.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    profile.add_argument(
        "--perfetto", type=Path, metavar="FILE", help="write a trace for ui.perfetto.dev"
    )
    profile.set_defaults(do=_profile)

    _add_energy_commands(commands)
    _add_monitor_commands(commands)

    doctor = commands.add_parser("doctor", help="say what is installed and what is missing")
    doctor.add_argument("--json", action="store_true", help="print one JSON document")
    doctor.set_defaults(do=_doctor)
    return parser


def _add_result_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="write a report on one or more runs")
    report.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, or with runs below it"
    )
    report.add_argument(
        "--to",
        choices=("terminal", "html", "markdown", "csv", "json", "junit"),
        default="terminal",
        metavar="FORMAT",
        help="terminal (default), html, markdown, csv, json or junit",
    )
    report.add_argument(
        "-o", "--out", dest="report_out", type=Path, metavar="FILE", help="default: standard output"
    )
    report.set_defaults(do=_report)

    # By names of their own: the run's options are called the same.
    results = commands.add_parser("results", help="list the runs below a folder")
    results.add_argument("folder", nargs="?", type=Path, default=Path("runs"), metavar="FOLDER")
    for name in ("task", "board", "mode", "dataset"):
        results.add_argument(f"--{name}", dest=f"only_{name}", metavar=name.upper())
    results.add_argument("--valid", action="store_true", help="only runs that keep every rule")
    results.add_argument("--json", action="store_true", help="print one JSON document")
    results.set_defaults(do=_results)

    compare = commands.add_parser("compare", help="compare runs, and fail on a regression")
    what = "a run, a folder of runs, or a baseline file"
    compare.add_argument("base", type=Path, metavar="BASE", help=what)
    compare.add_argument("head", type=Path, metavar="HEAD", help=what)
    compare.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="CHANGE",
        help="exit 1 on such a change: 'latency>2%%', 'accuracy<-0.5pt', 'flash>1KiB'; repeat it",
    )
    shown = compare.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print one JSON document")
    shown.add_argument("--markdown", action="store_true", help="print Markdown, for a CI job")
    compare.set_defaults(do=_compare)

    baseline = commands.add_parser("baseline", help="keep the figures of runs in a file")
    baseline.set_defaults(do=_command_missing(baseline))
    subcommands = baseline.add_subparsers(title="commands", metavar="COMMAND")
    write = subcommands.add_parser("write", help="write a file to compare later runs with")
    write.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run, or a folder")
    write.add_argument("-o", "--out", dest="report_out", type=Path, required=True, metavar="FILE")
    write.set_defaults(do=_baseline_write)

    schema = commands.add_parser("schema", help="print the JSON Schema of results and reports")
    schema.set_defaults(do=_schema)


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    audit = commands.add_parser("audit", help="check published MLPerf Tiny results")
    audit.add_argument("tree", type=Path, metavar="PATH", help="a tree of published results")
    audit.add_argument("--json", action="store_true", help="print one JSON document")
    audit.add_argument("--html", type=Path, metavar="FILE", help="write a report as one HTML file")
    audit.add_argument(
        "--labels",
        type=Path,
        metavar="DIR",
        help="an EEMBC dataset folder with label files (default: the official ones, fetched)",
    )
    audit.set_defaults(do=_audit)


def _add_energy_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    energy = commands.add_parser("energy", help="analyse and export energy traces")
    energy.set_defaults(do=_command_missing(energy))
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


def _add_monitor_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


def _add_live(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
        "runner's results.json, a table (.csv)",
    )
    said = parser.add_argument_group("what the trace does not say itself")
    said.add_argument("--iterations", type=_positive, metavar="N", help="inferences of a window")
    said.add_argument("--marks", type=int, metavar="N", help="edges before the first window")
    said.add_argument("--voltage", type=float, metavar="V", help="the supply of a trace of current")
    said.add_argument("--rate", type=float, metavar="HZ", help="of a table without times")
    said.add_argument("--channel", metavar="NAME", help="digital input with the timing pin")


def _open_told(arguments: argparse.Namespace) -> "Trace":
    from ..energy.examine import told
    from ..energy.importers import open_any

    for name in ("voltage", "rate"):
        value = getattr(arguments, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"--{name} {value:g}: give a number above 0")
    if arguments.marks is not None and arguments.marks < 0:
        raise UsageError(f"--marks {arguments.marks}: give 0 or more")
    trace = open_any(
        arguments.trace,
        voltage_v=arguments.voltage,
        rate_hz=arguments.rate,
        channel=arguments.channel,
    )
    return told(trace, arguments.iterations, arguments.marks, arguments.voltage)


def _command_missing(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Return what a command does that wants a further word: show its help."""

    def show(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    return show


def _add_line_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    resume = commands.add_parser("resume", help="go on with a run that was interrupted")
    resume.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    resume.add_argument("--json", action="store_true", help="print one JSON document")
    resume.set_defaults(do=_resume)

    link = commands.add_parser("link", help="measure the line to a board")
    link.add_argument("--board", dest="linked_board", metavar="BOARD")
    link.add_argument("--task", default="kws", dest="linked_task", metavar="TASK")
    link.add_argument("--port", dest="linked_port", metavar="PORT")
    link.add_argument("--baud", type=_baud, default=(DEFAULT_BAUD, False), dest="linked_baud")
    link.add_argument("--no-verify", action="store_false", dest="linked_verify")
    link.add_argument("--json", action="store_true", help="print one JSON document")
    link.set_defaults(do=_link)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    run = parser.add_argument_group("run a task")
    run.add_argument(
        "--task", metavar="TASK", help="a task such as kws, or all ('tinybench tasks')"
    )
    run.add_argument(
        "--board",
        metavar="BOARD",
        help=f"name of a board, or a .toml file (default: {DEFAULT_BOARD}; with --port: "
        f"{PORT_BOARD})",
    )
    run.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="PORT",
        help="serial port of the board, or a URL such as rfc2217://host:port; repeat it for "
        "several equal boards",
    )
    run.add_argument(
        "--baud",
        type=_baud,
        metavar="N|auto",
        help=f"rate of the port (default: {DEFAULT_BAUD}, in energy mode {ENERGY_BAUD}); auto: as "
        "fast, and in as long commands, as the firmware takes",
    )
    run.add_argument(
        "--shards", type=_positive, default=1, metavar="N", help="share the set among N emulators"
    )
    run.add_argument(
        "--no-verify",
        action="store_false",
        dest="verify",
        help="do not read back uploads over the stock protocol, which has no check sum",
    )
    run.add_argument(
        "--mode",
        choices=("accuracy", "performance", "energy", "all"),
        default="all",
        help="all: accuracy and performance, and energy with --monitor",
    )
    run.add_argument(
        "--monitor",
        metavar="MONITOR",
        help="energy monitor, such as lpm01a, or its .toml file ('tinybench monitors'); modelled: "
        "a model of an emulated board's power, as in --mode energy without one",
    )
    run.add_argument(
        "--division",
        choices=("closed", "open"),
        default="closed",
        help="closed: reference model and quality target; open: any model (default: closed)",
    )
    run.add_argument(
        "--limit",
        type=_positive,
        metavar="N",
        help="only the first N accuracy inputs; breaks the run rules",
    )
    run.add_argument("--data", type=Path, metavar="DIR", help="an EEMBC dataset folder")
    run.add_argument("--model", type=Path, metavar="FILE", help="an int8 .tflite of your own")
    run.add_argument(
        "--interface-board",
        action="store_true",
        help="in energy mode the --port is that of an interface board, with the DUT behind it",
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/...)")
    run.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def _baud(text: str) -> tuple[int, bool]:
    """Return the rate to begin with, and whether to raise it."""
    if text == "auto":
        return DEFAULT_BAUD, True
    if not text.isdecimal() or not 300 <= int(text) <= 12_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no baud rate such as 115200, and not auto")
    return int(text), False


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 1 or more")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.version:
        from importlib.metadata import version

        print(f"tinybench {version('tinybench-mcu')}")
        return 0
    if arguments.task is None:
        print("tinybench: name a task, such as --task kws; see tinybench --help", file=sys.stderr)
        return 2
    from .report.progress import track_for
    from .session import Request, every_task, run

    bare = arguments.mode == "energy" and not arguments.interface_board
    baud, raise_baud = arguments.baud or (ENERGY_BAUD if bare else DEFAULT_BAUD, False)
    request = Request(
        board=arguments.board or (PORT_BOARD if arguments.port else DEFAULT_BOARD),
        task=arguments.task,
        mode=arguments.mode,
        division=arguments.division,
        limit=arguments.limit,
        data=arguments.data,
        model=arguments.model,
        out=arguments.out,
        ports=tuple(arguments.port),
        baud=baud,
        raise_baud=raise_baud,
        verify=arguments.verify,
        shards=arguments.shards,
        monitor=arguments.monitor,
        interface_board=arguments.interface_board,
    )
    track = track_for(sys.stderr)
    if arguments.task != "all":
        return _show(run(request, track, _note), arguments.json)

    outcomes = []
    for part in every_task(request):
        outcomes.append(run(part, track, _note))
        if not arguments.json:
            _show(outcomes[-1], as_json=False)
    results = [outcome.result for outcome in outcomes]
    if arguments.json:
        from .report.document import suite_document

        _print_json(suite_document([(o.result, o.violations, o.folder) for o in outcomes]))
    else:
        from .report.text import suite

        print(suite(results))
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _resume(arguments: argparse.Namespace) -> int:
    from .report.progress import track_for
    from .session import resume

    return _show(resume(arguments.run, track_for(sys.stderr), _note), arguments.json)


def _link(arguments: argparse.Namespace) -> int:
    from .link import examine

    port = arguments.linked_port
    baud, raise_baud = arguments.linked_baud
    quality = examine(
        arguments.linked_board or (PORT_BOARD if port else DEFAULT_BOARD),
        arguments.linked_task,
        port,
        baud,
        raise_baud=raise_baud,
        verify=arguments.linked_verify,
    )
    if arguments.json:
        _print_json(quality)
    else:
        from rich.console import Console

        from .report.line import table

        width = None if sys.stdout.isatty() else REPORT_WIDTH
        Console(highlight=False, width=width).print(table(quality))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from .session import judge

    return _show(judge(arguments.run), arguments.json)


def _report(arguments: argparse.Namespace) -> int:
    from .report.formats import write
    from .session import judge
    from .store import run_folders

    outcomes = [
        judge(folder)
        for path in arguments.runs
        for folder in (run_folders(path) if path.is_dir() else [path])
    ]
    if arguments.to != "terminal":
        text = write(outcomes, arguments.to)
    else:
        from rich.console import Console

        from .report.text import report

        wide = sys.stdout.isatty() and arguments.report_out is None
        console = Console(highlight=False, width=None if wide else REPORT_WIDTH)
        with console.capture() as capture:
            for outcome in outcomes:
                console.print(report(outcome.result, outcome.violations, outcome.folder))
        text = capture.get()
    if arguments.report_out is None:
        sys.stdout.write(text)
    else:
        from .report.formats import store

        store(arguments.report_out, text)
        _note(f"written to {arguments.report_out}")
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _results(arguments: argparse.Namespace) -> int:
    from .store import find_runs

    found = find_runs(arguments.folder)
    wanted = {name: getattr(arguments, f"only_{name}") for name in ("task", "board")}
    wanted |= {name: getattr(arguments, f"only_{name}") for name in ("mode", "dataset")}
    runs = [
        run
        for run in found.runs
        if all(value in (None, getattr(run, name)) for name, value in wanted.items())
        and (run.valid or not arguments.valid)
    ]
    for words in found.unreadable:
        _note(f"left out: {words}")
    if arguments.json:
        _print_json(runs)
        return 0
    if runs:
        from .report.table import listing

        sys.stdout.write(listing(runs))
    _note(f"{len(runs)} of {len(found.runs)} runs below {arguments.folder}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from .compare import compare

    found = compare(arguments.base, arguments.head, arguments.fail_on)
    if arguments.json:
        _print_json(found)
    elif arguments.markdown:
        from .report.comparison import as_markdown

        print(as_markdown(found), end="")
    else:
        from rich.console import Console

        from .report.comparison import report

        width = None if sys.stdout.isatty() else LISTING_WIDTH
        Console(highlight=False, width=width).print(report(found))
    return 1 if found.failures else 0


def _baseline_write(arguments: argparse.Namespace) -> int:
    from .compare import write_baseline

    count = write_baseline(arguments.runs, arguments.report_out)
    print(f"{count} run{'s' if count != 1 else ''} written to {arguments.report_out}")
    return 0


def _schema(_: argparse.Namespace) -> int:
    from .report.schema import schema

    _print_json(schema())
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from .audit.audit import audit
    from .report.progress import track_for

    found = audit(arguments.tree, arguments.labels, track=track_for(sys.stderr))
    if arguments.html is not None:
        from .report.audit_html import html

        _write(arguments.html, html(found).encode())
    if arguments.json:
        _print_json(found)
    else:
        from rich.console import Console

        from .report.audit import report

        width = None if sys.stdout.isatty() else 2 * REPORT_WIDTH
        Console(highlight=False, width=width).print(report(found))
    return 0 if found.valid else 1


def _show(outcome: "Outcome", as_json: bool) -> int:
    if as_json:
        from .report.document import document

        _print_json(document(outcome.result, outcome.violations, outcome.folder))
    else:
        from rich.console import Console

        from .report.text import report

        console = Console(highlight=False, width=None if sys.stdout.isatty() else REPORT_WIDTH)
        console.print(report(outcome.result, outcome.violations, outcome.folder))
    return 1 if outcome.violations else 0


def _boards(arguments: argparse.Namespace) -> int:
    from .board import load_board, names

    boards = [load_board(name) for name in names()]
    if arguments.json:
        _print_json(boards)
        return 0
    for board in boards:
        default = " (default)" if board.name == DEFAULT_BOARD else ""
        print(f"{board.name:<14} {board.core:<12} {board.description}{default}")
    return 0


def _tasks(arguments: argparse.Namespace) -> int:
    from .task import METRICS, load_task, names

    tasks = [load_task(name) for name in names()]
    if arguments.json:
        _print_json(tasks)
        return 0
    for task in tasks:
        print(
            f"{task.name:<6} {task.model_id:<8} {task.title}: {task.input_b} bytes an input, "
            f"closed division from {METRICS[task.metric]} {task.rules.closed_threshold:.0%}"
            + (f", submitted together with {task.together_with}" if task.together_with else "")
        )
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from .inputs import fetch_official
    from .report.progress import track_for
    from .task import load_task

    cache = fetch_official(load_task(arguments.task), track_for(sys.stderr))
    print(f"the official inputs and model of {arguments.task} are in {cache}, all checksums right")
    return 0


def _prepare(arguments: argparse.Namespace) -> int:
    from .inputs import prepare_official
    from .report.progress import track_for
    from .task import load_task

    task = load_task(arguments.task)
    progress = track_for(sys.stderr)
    folder, made, total = prepare_official(task, arguments.source, arguments.out, progress)
    print(f"{made} of {total} inputs of {task.name} made in {folder}")
    if made < total:
        print(f"use them with: tinybench --task {task.name} --data {folder} (not the whole set)")
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    from ..models.compiler import compile_model
    from .report.model import table

    manifest = compile_model(
        arguments.tflite,
        arguments.out,
        model_id=arguments.model_id,
        kernels=arguments.kernels,
        input_format=arguments.input_format,
        result=arguments.result,
        decimals=arguments.decimals,
    )
    if arguments.json:
        _print_json(manifest)
    else:
        from rich.console import Console

        Console(highlight=False).print(table(manifest, arguments.out))
    return 0


def _profile(arguments: argparse.Namespace) -> int:
    from .profile import profile
    from .report.profile import as_csv, as_trace, table

    found = profile(arguments.profiled_board, arguments.profiled_task)
    if arguments.csv is not None:
        _write(arguments.csv, as_csv(found).encode())
    if arguments.perfetto is not None:
        _write(arguments.perfetto, as_trace(found))
    if arguments.json:
        _print_json(found)
    else:
        from rich.console import Console

        width = None if sys.stdout.isatty() else REPORT_WIDTH
        Console(highlight=False, width=width).print(table(found))
    return 0


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that exists"
        ) from error


def _monitors(arguments: argparse.Namespace) -> int:
    from ..energy.monitor import attached

    found, unseen = attached()
    if arguments.json:
        _print_json(found)
    else:
        for one in found:
            print(f"{one.driver:<11} {one.model:<16} {one.serial:<26} {one.port}")
        if not found:
            print("no energy monitor is attached; an N6705 is named by its VISA resource")
    for why in unseen:
        _note(f"not looked for: {why}")
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    import threading

    from ..energy.simulated.instrument import instrument
    from ..energy.simulated.load import Blinking

    with instrument(arguments.instrument, Blinking(), frozenset(arguments.fault)) as port:
        print(port, flush=True)
        _note(f"a simulated {arguments.instrument}, of a DUT that is active every other second; "
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

    from ..energy.monitor import load_spec, open_monitor
    from .report.live import LiveView

    wanted = {
        "port": arguments.port,
        "serial": arguments.serial,
        "voltage_v": arguments.voltage,
        "rate_hz": arguments.rate,
        "pin": arguments.pin,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    spec = msgspec.structs.replace(load_spec(arguments.monitor), **given)
    with closing(open_monitor(spec)) as monitor:
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
    from ..energy.examine import examine, published_beside, throughput_beside

    with _open_told(arguments) as trace:
        found = examine(
            trace,
            arguments.method,
            published_beside(arguments.trace),
            throughput_beside(arguments.trace),
        )
        if arguments.pictures is not None:
            from ..energy.pictures import draw

            drawn = draw(trace, found.tinybench, arguments.pictures)
            _note(f"{len(drawn)} pictures are in {arguments.pictures}")
    if arguments.json:
        _print_json(found)
    else:
        from rich.console import Console

        from .report.energy import report

        width = None if sys.stdout.isatty() else REPORT_WIDTH
        Console(highlight=False, width=width).print(report(found))
    return 0 if found.tinybench.valid and not found.against_rules else 1


def _energy_export(arguments: argparse.Namespace) -> int:
    from ..energy.export import SUFFIXES, export

    with _open_told(arguments) as trace:
        opened = Path(trace.name)
        out = arguments.out or opened.with_name(opened.stem + SUFFIXES[arguments.to])
        if out.exists() and out.samefile(opened):
            raise UsageError(f"{out} is the trace itself; give another --out")
        export(trace, arguments.to, out)
    print(out)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from .doctor import examine

    findings = examine()
    missing = [finding for finding in findings if finding.required and not finding.found]
    if arguments.json:
        _print_json(findings)
        return 2 if missing else 0
    for finding in findings:
        if finding.found:
            print(f"ok       {finding.name:<18} {finding.found}")
        else:
            word = "MISSING" if finding.required else "absent"
            print(f"{word:<8} {finding.name:<18} for {finding.needed_for}; {finding.remedy}")
    return 2 if missing else 0


def _note(text: str) -> None:
    """Print to standard error; what a board or a file said may not steer the terminal."""
    from .report.printable import printable

    print(printable(text), file=sys.stderr)


def _print_json(document: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
