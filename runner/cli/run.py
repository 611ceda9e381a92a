"""The run of a task, and what goes on with one: resume, check."""

from pathlib import Path
from typing import Any

import click

from tinybench.errors import UsageError

from ..results.defaults import DEFAULT_BAUD, DIVISIONS, ENERGY_BAUD, MODES, SCENARIOS
from . import options
from .options import (
    PATH,
    PORT_OR,
    REPORTS,
    OneOf,
    as_typed,
    command,
    into_file,
    positive,
    run_word,
)
from .output import Voice, put
from .results import put_report
from .submission import insist_runs
from .tree import Option, typed

WHAT, QUERIES = "what is measured", "queries of a scenario"
BOARD, MODEL = "the board", "the model and its inputs"
REPORT_SUFFIXES = (".html", ".md", ".csv", ".json", ".xml", ".txt", ".svg", ".png")


@command(
    "run",
    options.task("a task such as kws, or all ('tinybench tasks'); auto: that of the model which "
                 "the board on the port holds", section=WHAT),
    Option("--mode", type=OneOf(MODES), default="all",
           metavar="MODE", shared=True, section=WHAT,
           help="accuracy, performance, energy or all (default): accuracy and performance, and "
           "energy with --monitor"),
    Option("--profile", default="mlperf-tiny", metavar="PROFILE", shared=True, section=WHAT,
           help="how much is measured, and what judges it: mlperf-tiny (default), rapid, quick, "
           "normal, submission, or a .toml file"),
    Option("--division", type=OneOf(DIVISIONS), default="closed", metavar="DIVISION",
           section=WHAT,
           help="closed (default): reference model and quality target; open: any model"),
    Option("--limit", type=positive, metavar="N", section=WHAT,
           help="only the first N accuracy inputs; breaks the run rules"),
    Option("--iterations", type=positive, metavar="N", section=WHAT,
           help="inferences of a window (default: calibrated); a short one is timed again with "
           "more"),
    Option("--scenario", type=OneOf(SCENARIOS), metavar="SCENARIO", section=QUERIES,
           help="queries of MLPerf Inference instead of --mode: single-stream, multi-stream, "
           "server or offline"),
    Option("--min-queries", type=positive, metavar="N", section=QUERIES,
           help="at least so many (default: the profile's, or as many as the percentile takes)"),
    Option("--min-duration", type=options.duration, metavar="TIME", section=QUERIES,
           help="... and so long, such as 60s, on the DUT's clock (default: the profile's)"),
    Option("--seed", type=options.count, metavar="N", section=QUERIES,
           help="of the order of the inputs and of arrivals, as LoadGen draws them (default: 0)"),
    Option("--deadline", type=options.quantity, metavar="S", section=QUERIES,
           help="seconds in which a server answers 99 % of its queries"),
    Option("--target-qps", type=options.quantity, metavar="QPS", section=QUERIES,
           help="queries that arrive at a server in a second (default: the most that it can keep "
           "its --deadline at)"),
    Option("--streams", type=positive, metavar="N", section=QUERIES,
           help="inputs of a query, of multi-stream (default: 8)"),
    Option("--audits", is_flag=True, section=QUERIES,
           help="audit the DUT as well: does it compute every answer, or look some up?"),
    Option("--engine-loadgen", is_flag=True, section=QUERIES,
           help="let the genuine LoadGen say which input is next and when to stop (extra loadgen)"),
    Option("--interference", metavar="KIND:EVERY:N", section=QUERIES,
           help="let the firmware of an emulated board be disturbed for N instructions, such as "
           "interrupt:50ms:100000, or flash:2s:600000 at irregular times"),
    options.board(PORT_OR, section=BOARD),
    options.emulate(section=BOARD),
    Option("--clock", type=options.clock, metavar="CLOCK", section=BOARD,
           help="such as 80MHz, of a board of the package: its firmware is built for it"),
    options.cores(section=BOARD),
    options.port("serial port of the board, or a URL such as rfc2217://host:port; repeat it for "
                 "several equal boards", multiple=True, section=BOARD),
    Option("--baud", type=options.baud_or_auto, metavar="N|auto", shared=True, section=BOARD,
           help=f"rate of the port (default: {DEFAULT_BAUD}, in energy mode {ENERGY_BAUD}); auto: "
           "as fast, and in as long commands, as the firmware takes"),
    options.no_verify(section=BOARD),
    options.probe(section=BOARD),
    options.hub(section=BOARD),
    options.flasher(section=BOARD),
    Option("--no-flash", is_flag=True, section=BOARD,
           help="leave the firmware of the board as it is"),
    Option("--ambient", type=options.degrees, metavar="C", shared=True, section=BOARD,
           help="temperature of the room in degrees Celsius, to be recorded"),
    Option("--supply", type=options.quantity, metavar="V", section=BOARD,
           help="supply of the board in volts, to be recorded"),
    options.wait(section=BOARD),
    Option("--shards", type=positive, default="1", metavar="N", section=BOARD,
           help="share the set among N emulators (default: 1)"),
    Option("--monitor", metavar="MONITOR", shared=True, section=BOARD,
           help="energy monitor, such as lpm01a, or its .toml file ('tinybench monitors'); "
           "modelled: a model of an emulated board's power, as in --mode energy without one"),
    Option("--interface-board", is_flag=True, section=BOARD,
           help="in energy mode the --port is that of an interface board, with the DUT behind it"),
    options.data(section=MODEL),
    options.model(section=MODEL),
    options.no_prune(section=MODEL),
    options.no_strips(section=MODEL),
    Option("--whole", is_flag=True, section=MODEL,
           help="of a stream (sww): infer on the whole history at each frame, not on what is new"),
    Option("--compatible", is_flag=True, section=MODEL,
           help="of a stream: features beyond int8 go around, as in the reference firmware; else "
           "they are saturated, and counted either way"),
    Option("--engine", metavar="NAME|DIR", section=MODEL,
           help="build the firmware with another engine: tflm, tflm-cmsis-nn, cmsis-nn, or the "
           "folder of your own, by core/model.h or th_*; --model then names the model it runs"),
    options.engine_source(section=MODEL),
    Option("-o", "--out", type=PATH, metavar="DIR", section="output",
           help="run folder (default: runs/...); the report goes to standard output"),
    formats=REPORTS,
    examples=(
        "tinybench --task kws                        keyword spotting, on the default board",
        "tinybench --board nucleo-l4r5 --task kws    the same on a real one",
        "tinybench --port /dev/ttyACM0 --task auto   whatever model a board holds",
        "tinybench --task all --to json > all.json   every task, with the suite's score",
        "tinybench --task kws --scenario server --deadline 0.5 --profile quick",
    ),
)  # fmt: skip
def run(
    voice: Voice,
    port: tuple[str, ...],
    baud: tuple[int, bool] | None,
    no_flash: bool,
    no_verify: bool,
    no_prune: bool,
    no_strips: bool,
    audits: bool,
    engine_loadgen: bool,
    wait: float,
    to: str,
    **asked: Any,
) -> int:
    """Run a task on a board, store what was measured, judge it, and report.

    Options without a command mean this one.
    """
    out: Path | None = asked["out"]
    if out is not None and (out.suffix in REPORT_SUFFIXES or str(out) == "-"):
        raise UsageError(
            f"--out names the run folder, a new one, not the file {out}; for a file: > FILE, or "
            f"afterwards tinybench report RUN --to {to} -o FILE"
        )
    from ..results.words import request_of
    from ..session.run import run as run_one
    from ..session.run import run_all

    said = as_typed({"port": port, "baud": baud, "no_flash": no_flash, **asked})
    rate, raise_baud = said.pop("baud") or (None, False)
    if said["scenario"] and not typed(click.get_current_context(), "mode"):
        said["mode"] = None
    request = request_of(
        port=said.pop("port") or (),
        baud="auto" if raise_baud else rate,
        flash=not said.pop("no_flash"),
        verify=not no_verify,
        prune=not no_prune,
        strips=not no_strips,
        audits=audits or None,
        engine_loadgen=engine_loadgen or None,
        wait=wait,
        **said,
    )
    if request.task != "all":
        outcome = run_one(request, voice.track, voice.note)
        put_report(voice, [outcome], to, None)
        return 1 if outcome.violations else 0

    outcomes = []
    for outcome in run_all(request, voice.track, voice.note):
        outcomes.append(outcome)
        if to == "terminal":
            put_report(voice, [outcome], to, None)
    if to == "terminal":
        from ..report.terminal.text import suite

        print(suite([outcome.result for outcome in outcomes]))
    elif to == "json":
        from ..report.document import suite_document

        told = [(o.result, o.verdict, o.folder) for o in outcomes]
        put(voice, to, None, {to: lambda: suite_document(told)})
    else:
        put_report(voice, outcomes, to, None)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


@command(
    "resume",
    run_word("folder of the run that was interrupted"),
    into_file(),
    formats=REPORTS,
    examples=("tinybench resume runs/NAME",),
)
def resume(voice: Voice, run: Path, to: str, out: Path | None) -> int:
    """Go on with a run that was interrupted, or with a training."""
    from ..session.run import resume as go_on
    from ..train.kept import is_training

    if is_training(run):
        from .train import go_on as go_on_training

        return go_on_training(voice, run, to, out)

    outcome = go_on(run, voice.track, voice.note)
    put_report(voice, [outcome], to, out)
    return 1 if outcome.violations else 0


@command(
    "check",
    run_word(),
    Option("--profile", metavar="PROFILE",
           help="mlperf-tiny, rapid, quick, normal, submission, or a .toml file (default: the "
           "run's own)"),
    Option("--rules", is_flag=True, help="show every rule, also those that are kept"),
    into_file(),
    formats=REPORTS,
    examples=("tinybench check runs/NAME --rules", "tinybench check runs/NAME --profile quick"),
)  # fmt: skip
def check(
    voice: Voice, run: Path, profile: str | None, rules: bool, to: str, out: Path | None
) -> int:
    """Judge a stored result again."""
    from ..rules.judge import judge

    insist_runs(run)
    outcome = judge(run, profile, thorough=True)
    put_report(voice, [outcome], to, out, rules=rules)
    return 1 if outcome.violations else 0
