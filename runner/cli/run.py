"""The run of a task, and what goes on with one: resume, check."""

import argparse
import sys
from pathlib import Path

from ..results.request import DEFAULT_BAUD
from ..results.words import (
    DEFAULT_BOARD,
    DIVISIONS,
    ENERGY_BAUD,
    MODES,
    PORT_BOARD,
    request_of,
)
from .options import Commands, baud, duration, positive
from .output import note, print_json, show


def add(commands: Commands) -> None:
    """Add the commands."""
    resume = commands.add_parser("resume", help="go on with a run that was interrupted")
    resume.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    resume.add_argument("--json", action="store_true", help="print one JSON document")
    resume.set_defaults(do=_resume)

    check = commands.add_parser("check", help="judge a stored result again")
    check.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    check.add_argument(
        "--profile",
        dest="judge_profile",
        metavar="PROFILE",
        help="mlperf-tiny, quick, normal, submission, or a .toml file (default: the run's own)",
    )
    check.add_argument(
        "--rules", action="store_true", help="show every rule, also those that are kept"
    )
    check.add_argument("--json", action="store_true", help="print one JSON document")
    check.set_defaults(do=_check)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run, and make it what is done without a command."""
    run = parser.add_argument_group("run a task")
    run.add_argument(
        "--task",
        metavar="TASK",
        help="a task such as kws, or all ('tinybench tasks'); auto: that of the model which the "
        "board on the port holds",
    )
    run.add_argument(
        "--board",
        metavar="BOARD",
        help="name of a board or of one in bench.toml, or a .toml file (default: "
        f"{DEFAULT_BOARD}; with --port: {PORT_BOARD})",
    )
    run.add_argument(
        "--emulate", action="store_true", help="run a real board's firmware in an emulator"
    )
    run.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="PORT",
        help="serial port of the board, or a URL such as rfc2217://host:port; repeat it for "
        "several equal boards",
    )
    run.add_argument("--probe", metavar="SERIAL", help="serial number of the board's debug probe")
    run.add_argument(
        "--hub", metavar="HUB:PORT", help="hub port that switches the board's power, as 1-1.4:2"
    )
    run.add_argument(
        "--wait",
        type=duration,
        default=0.0,
        metavar="TIME",
        help="wait so long, such as 10m, for a board that another run has (default: not at all)",
    )
    run.add_argument(
        "--baud",
        type=baud,
        metavar="N|auto",
        help=f"rate of the port (default: {DEFAULT_BAUD}, in energy mode {ENERGY_BAUD}); auto: as "
        "fast, and in as long commands, as the firmware takes",
    )
    run.add_argument(
        "--flasher", metavar="NAME", help="such as st-flash (default: the first the board declares)"
    )
    run.add_argument(
        "--no-flash",
        action="store_false",
        dest="flash",
        help="leave the firmware of the board as it is",
    )
    run.add_argument(
        "--shards", type=positive, default=1, metavar="N", help="share the set among N emulators"
    )
    run.add_argument(
        "--no-verify",
        action="store_false",
        dest="verify",
        help="do not read back uploads over the stock protocol, which has no check sum",
    )
    run.add_argument(
        "--mode",
        choices=MODES,
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
        choices=DIVISIONS,
        default="closed",
        help="closed: reference model and quality target; open: any model (default: closed)",
    )
    run.add_argument(
        "--profile",
        default="mlperf-tiny",
        metavar="PROFILE",
        help="how much is measured, and what judges it: mlperf-tiny (default), quick, normal, "
        "submission, or a .toml file",
    )
    run.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="only the first N accuracy inputs; breaks the run rules",
    )
    run.add_argument(
        "--iterations",
        type=positive,
        metavar="N",
        help="inferences of a window (default: calibrated); a short one is timed again with more",
    )
    run.add_argument("--data", type=Path, metavar="DIR", help="an EEMBC dataset folder")
    run.add_argument("--model", type=Path, metavar="FILE", help="an int8 .tflite of your own")
    run.add_argument(
        "--engine",
        type=Path,
        metavar="DIR",
        help="build the firmware with an inference engine of your own, by core/model.h or th_*; "
        "--model then names the model it runs",
    )
    run.add_argument(
        "--interface-board",
        action="store_true",
        help="in energy mode the --port is that of an interface board, with the DUT behind it",
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/...)")
    run.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.set_defaults(do=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.version:
        from importlib.metadata import version

        print(f"tinybench {version('tinybench-mcu')}")
        return 0
    from ..report.terminal.progress import track_for
    from ..session.run import run, run_all

    rate, raise_baud = arguments.baud or (None, False)
    request = request_of(
        task=arguments.task,
        board=arguments.board,
        mode=arguments.mode,
        division=arguments.division,
        profile=arguments.profile,
        emulate=arguments.emulate,
        limit=arguments.limit,
        iterations=arguments.iterations,
        data=arguments.data,
        model=arguments.model,
        engine=arguments.engine,
        out=arguments.out,
        port=arguments.port,
        flasher=arguments.flasher,
        flash=arguments.flash,
        baud="auto" if raise_baud else rate,
        verify=arguments.verify,
        shards=arguments.shards,
        monitor=arguments.monitor,
        interface_board=arguments.interface_board,
        probe=arguments.probe,
        hub=arguments.hub,
        wait=arguments.wait,
    )
    track = track_for(sys.stderr)
    if request.task != "all":
        return show(run(request, track, note), arguments.json)

    outcomes = []
    for outcome in run_all(request, track, note):
        outcomes.append(outcome)
        if not arguments.json:
            show(outcome, as_json=False)
    results = [outcome.result for outcome in outcomes]
    if arguments.json:
        from ..report.document import suite_document

        print_json(suite_document([(o.result, o.verdict, o.folder) for o in outcomes]))
    else:
        from ..report.terminal.text import suite

        print(suite(results))
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _resume(arguments: argparse.Namespace) -> int:
    from ..report.terminal.progress import track_for
    from ..session.run import resume

    return show(resume(arguments.run, track_for(sys.stderr), note), arguments.json)


def _check(arguments: argparse.Namespace) -> int:
    from ..rules.judge import judge

    outcome = judge(arguments.run, arguments.judge_profile, thorough=True)
    return show(outcome, arguments.json, rules=arguments.rules)
