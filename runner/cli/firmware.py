"""Firmware and the way to it: compile, flash, reset, profile, listen, link."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError

from ..results.defaults import DEFAULT_BAUD, DEFAULT_BOARD, ENERGY_BAUD, PORT_BOARD
from . import options
from .options import BOARD, PATH, PORT_OR, OneOf, as_typed, command, count, into_file
from .output import Voice, put
from .tree import Argument, Option

if TYPE_CHECKING:
    from ..build.board import Board
    from ..build.task import FrontEnd, Task
    from ..desk.station import Site
    from ..results.request import Request

EXCLUSIVE = (("port", "emulate"),)
STEPS = 256
"""Of a probability, which an output is in."""


@command(
    "compile",
    Argument("tflite", type=PATH, metavar="MODEL", help="an int8 .tflite, or ONNX (QDQ)"),
    Option("-o", "--out", type=PATH, required=True, metavar="DIR", section="output",
           help="folder of the C files"),
    Option("--model-id", default="custom", metavar="ID",
           help="id that the firmware answers (default: custom)"),
    Option(
        "--kernels",
        type=OneOf(("plain", "blocked", "rv32", "thumb2", "dsp", "mve")),
        default="plain",
        metavar="KIND",
        help="portable C: plain (default) or blocked; rv32: RV32IM, thumb2: Cortex-M3, dsp: "
        "Armv7E-M's DSP, mve: Armv8.1-M's vector instructions",
    ),
    Option(
        "--input-format",
        type=OneOf(("int8", "uint8", "int16", "int32", "float32")),
        default="int8",
        metavar="TYPE",
        help="elements of an upload: int8 (default), uint8, int16, int32, or float32, quantised on "
        "the device",
    ),
    Option(
        "--result",
        type=OneOf(("output", "mse")),
        default="output",
        metavar="WHAT",
        help="what is answered: output (default), or mse, their mean squared error against "
        "uploaded floats",
    ),
    Option(
        "--decimals",
        type=count,
        metavar="N",
        help="answer with at least so many (default: as many as tell two outputs apart)",
    ),
    options.no_prune(),
    options.no_strips(),
    options.stream(),
    formats=("terminal", "json"),
    examples=("tinybench compile mine.tflite -o mine --kernels dsp",),
)  # fmt: skip
def compile_(
    voice: Voice, tflite: Path, out: Path, to: str, no_prune: bool, no_strips: bool, **said: Any
) -> int:
    """Compile a model of int8 to C."""
    from tinybench.models.compiler import compile_model

    from ..report.terminal.model import table

    manifest = compile_model(tflite, out, prune=not no_prune, strips=not no_strips, **said)
    put(voice, to, None, {"terminal": lambda: table(manifest, out), "json": lambda: manifest})
    return 0


def _site(port: str) -> list[Option]:
    """Return the options that say where a board is."""
    return [
        options.port(port, section="the board"),
        Option("--baud", type=options.baud, metavar="N", shared=True, section="the board",
               help=f"rate of the port (default: {DEFAULT_BAUD}, of an energy build "
               f"{ENERGY_BAUD})"),
        options.probe(section="the board"),
        options.flasher(section="the board"),
        options.hub(section="the board"),
        options.wait(section="the board"),
    ]  # fmt: skip


def _request(said: dict[str, Any], board: str, task: str, baud: int) -> "Request":
    """Return what these words ask for."""
    from ..results.request import Request

    return Request(
        board=board,
        task=task,
        emulate=said.get("emulate", False),
        cores=said.get("cores"),
        ports=(said["port"],) if said["port"] else (),
        baud=baud,
        probe=said.get("probe"),
        flasher=said.get("flasher"),
        hub=said.get("hub"),
        wait_s=said["wait"],
    )


@contextlib.contextmanager
def _board(voice: Voice, said: dict[str, Any], baud: int) -> "Iterator[tuple[Board, Site]]":
    """Yield the board that is meant and where it is, while no other run has it."""
    from ..desk.reserve import reserved

    asked = _request(said, said["board"], "", said["baud"] or baud)
    with reserved(asked, voice.note, port_needed=False) as (station, _):
        yield station.board, station.sites[0]


@command(
    "flash",
    options.board("a board, one of bench.toml, or a .toml file", section="the board"),
    options.cores(section="the board"),
    options.task(),
    Option("--energy", is_flag=True, help="the energy build"),
    Option("--image", type=options.PATH, metavar="FILE",
           help="instead of a task's firmware: a file that was built elsewhere, by --flasher"),
    Option("--word", multiple=True, metavar="KEY:VALUE",
           help="with --image: what the flasher must know, such as address:0x08000000, chip, "
           "device, config or target; repeat it for several"),
    options.data(),
    options.model(),
    options.no_prune(),
    options.no_strips(),
    *_site("its serial port: it is asked first, and must answer with this build then"),
    Option("--again", is_flag=True, help="write also when it holds this build already"),
    examples=(
        "tinybench flash --board nucleo-l4r5 --task kws",
        "tinybench flash --image fw.uf2 --flasher picotool",
    ),
)  # fmt: skip
def flash(
    voice: Voice,
    task: str | None,
    energy: bool,
    image: Path | None,
    word: tuple[str, ...],
    data: Path | None,
    model: Path | None,
    no_prune: bool,
    no_strips: bool,
    again: bool,
    **said: Any,
) -> int:
    """Write a task's firmware, or any image, into a board."""
    if image is not None:
        for option, meant in (("--no-prune", no_prune), ("--no-strips", no_strips)):
            if meant:
                raise UsageError(f"{option} is about a task's model; --image is built already")
        return _flash_file(image, word, said)
    if word:
        raise UsageError("--word is for --image")
    if said["board"] is None or task is None:
        raise UsageError("--board and --task say which firmware is built; or name a file: --image")
    from ..build.firmware import build
    from ..build.inputs import resolve
    from ..build.task import load_task
    from ..desk.flash import flasher_of, load, write_image

    wanted = load_task(task)
    with _board(voice, said, ENERGY_BAUD if energy else DEFAULT_BAUD) as (board, site):
        flasher_of(board, site.flasher)  # what is wrong with it is said before anything is built
        file = resolve(wanted, data, model).model
        built = build(board, wanted, file, energy=energy, prune=not no_prune, strips=not no_strips)
        # The energy build may talk on other pins than those of the port that was found.
        if site.port is None or (energy and not said["port"]):
            print(write_image(board, built, site))
        else:
            load(board, built, site, voice.note, write=True, again=again)
            print(f"{board.name} on {site.port} holds build-{built.build_id}")
    return 0


def _flash_file(image: Path, word: tuple[str, ...], said: dict[str, Any]) -> int:
    """Write a file that was not built here."""
    from ..desk.flash import write_file

    if said["flasher"] is None:
        raise UsageError("--image needs the --flasher that writes it, such as openocd or esptool")
    words = {key: said[key] for key in ("port", "probe") if said[key]}
    for one in word:
        key, colon, value = one.partition(":")
        if not (key and colon and value):
            raise UsageError(f"--word {one}: give it as KEY:VALUE, such as address:0x08000000")
        words[key] = value
    print(write_file(image, said["flasher"], words))
    return 0


@command(
    "reset",
    options.board("a board, one of bench.toml, or a .toml file", required=True,
                  section="the board"),
    *_site("its serial port, where a line of that resets it"),
    Option("--by", type=OneOf(("flasher", "line", "hub")), metavar="WAY",
           help="flasher, line or hub (default: the first of these there is)"),
    examples=("tinybench reset --board nucleo-l4r5", "tinybench reset --board left --by hub"),
)  # fmt: skip
def reset(voice: Voice, by: str | None, **said: Any) -> int:
    """Reset a board, or switch it off and on."""
    from ..desk.flash import reset as reset_board

    with _board(voice, said, DEFAULT_BAUD) as (board, site):
        print(reset_board(board, site, by))
    return 0


@contextlib.contextmanager
def _meant(
    voice: Voice, said: dict[str, Any], board: str | None, task: str, baud: int
) -> "Iterator[tuple[Board, Task, Site | None]]":
    """Yield the board, the task and where the board is, while no other run has it."""
    from ..desk.reserve import reserved

    said = as_typed({"board": board, "baud": baud, **said})
    named = board or (PORT_BOARD if said["port"] else DEFAULT_BOARD)
    asked = _request(said, named, task, said["baud"] or DEFAULT_BAUD)
    with reserved(asked, voice.note) as (station, _):
        if station.task is None:
            raise UsageError("name a task, such as --task kws")
        yield station.board, station.task, station.sites[0] if station.sites else None


@command(
    "profile",
    options.task(required=True),
    options.board(BOARD, section="the board"),
    options.port("serial port of that board, or a URL such as rfc2217://host:port; it must hold "
                 "this build", section="the board"),
    options.emulate(section="the board"),
    options.cores(section="the board"),
    Option("--baud", type=options.baud, default=str(DEFAULT_BAUD), metavar="N", shared=True,
           section="the board", help=f"rate of the port (default: {DEFAULT_BAUD})"),
    options.wait(section="the board"),
    options.no_prune(),
    options.no_strips(),
    into_file(),
    formats=("terminal", "json", "csv", "perfetto"),
    examples=(
        "tinybench profile --task kws",
        "tinybench profile --task kws --to perfetto -o layers.json",
    ),
    exclusive=EXCLUSIVE,
)  # fmt: skip
def profile(
    voice: Voice,
    board: str | None,
    task: str,
    baud: int,
    no_prune: bool,
    no_strips: bool,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Time a model layer by layer.

    The format perfetto is a trace for ui.perfetto.dev.
    """
    from ..measure.profile import profile as profiled
    from ..report.terminal.profile import as_csv, as_trace, table

    with _meant(voice, said, board, task, baud) as station:
        found = profiled(*station, prune=not no_prune, strips=not no_strips)
    forms = {
        "terminal": lambda: table(found),
        "json": lambda: found,
        "csv": lambda: as_csv(found),
        "perfetto": lambda: as_trace(found),
    }
    put(voice, to, out, forms)
    return 0


@command(
    "link",
    options.board(PORT_OR, section="the board"),
    options.task("whose firmware and inputs: a task, such as kws (default)", default="kws"),
    options.port(section="the board"),
    options.emulate(section="the board"),
    Option("--baud", type=options.baud_or_auto, default=str(DEFAULT_BAUD), metavar="N|auto",
           shared=True, section="the board",
           help=f"rate of the port (default: {DEFAULT_BAUD}); auto: as fast, and in as long "
           "commands, as the firmware takes"),
    options.wait(section="the board"),
    options.no_verify(section="the board"),
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench link", "tinybench link --port /dev/ttyACM0 --baud auto"),
    exclusive=EXCLUSIVE,
)  # fmt: skip
def link(
    voice: Voice,
    board: str | None,
    task: str,
    baud: tuple[int, bool],
    no_verify: bool,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Measure the line to a board."""
    from ..measure.link import examine
    from ..report.terminal.line import table

    with _meant(voice, said, board, task, baud[0]) as station:
        quality = examine(*station, raise_baud=baud[1], verify=not no_verify, say=voice.note)
    put(voice, to, out, {"terminal": lambda: table(quality), "json": lambda: quality})
    return 0


@command(
    "calibrate",
    Argument("board", metavar="BOARD", help="a board with an emulator, or a .toml file"),
    Argument(
        "run",
        type=PATH,
        required=False,
        metavar="[RUN]",
        help="folder of a run that measured it, a published results.txt, or a calibration file",
    ),
    Option("--latency-ms", type=options.quantity, metavar="MS", section="what was measured",
           help="instead of RUN: how long one inference takes"),
    options.task("with a log or --latency-ms: which task", section="what was measured"),
    options.model(section="what was measured"),
    Option("--engine", metavar="NAME", section="what was measured",
           help="what its firmware was built with, if not with ours: tflm, tflm-cmsis-nn"),
    options.engine_source(section="what was measured"),
    examples=(
        "tinybench calibrate nucleo-l4r5 runs/NAME",
        "tinybench calibrate nucleo-l4r5 --latency-ms 41.3 --task kws",
        "tinybench calibrate nucleo-l4r5 theirs.toml",
    ),
)  # fmt: skip
def calibrate(
    voice: Voice,
    board: str,
    run: Path | None,
    latency_ms: float | None,
    task: str | None,
    **built: Any,
) -> int:
    """Narrow the model of a board's cycles by one measurement of a real one."""
    from ..build.board import load_board
    from ..measure import calibrate as by
    from ..report.terminal.cycles import calibrated

    there = load_board(board, emulate=True)
    if (run is None) == (latency_ms is None):
        raise UsageError("calibrate: give either RUN, or --latency-ms MS with --task TASK")
    if run is not None and run.suffix == ".toml":
        found = by.adopt(run, there)
    else:
        if run is not None and run.is_dir():
            measured = by.of_run(run, there)
        elif task is None:
            raise UsageError("calibrate: name what was measured: --task kws")
        elif run is not None:
            measured = by.of_log(run, task)
        else:
            assert latency_ms is not None  # noqa: S101 - one of the two
            measured = by.Measured(task, latency_ms * 1e-3, by.UNSURE, "a time given by hand")
        found = by.calibrate(there, measured, voice.track, voice.note, **built)
    print(calibrated(found.calibration, found.before, found.after, found.path))
    return 0


def _probability(text: str) -> int:
    """Return the greatest output that is not above a probability."""
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError
    return int(value * STEPS) - STEPS // 2


@command(
    "listen",
    Argument("recording", type=options.PATH, metavar="WAV", help="16 kHz, 16 bits"),
    Option("--model", type=options.PATH, required=True, metavar="FILE",
           help="a .tflite of a history of frames of 40 features"),
    Option("--front-end", type=OneOf(("log-mel", "micro")), default="log-mel", metavar="NAME",
           help="what makes features of sound: log-mel (default), as the reference model takes "
           "them, or micro, as models of microWakeWord do"),
    Option("--whole", is_flag=True,
           help="infer on the whole history for each frame, not on the newest frame alone"),
    Option("--compatible", is_flag=True,
           help="features beyond int8 go around, as in the reference firmware; else they are "
           "saturated, and counted either way"),
    Option("--paced", is_flag=True,
           help="send each frame when it is due by the sample clock, not when the one before is "
           "answered; a frame that is too late is one lost, and makes it no result"),
    Option("--threshold", type=_probability, default="0.95", metavar="P",
           help="of output 0, above which a frame is a detection (default: 0.95)"),
    options.board(BOARD, section="the board"),
    options.port("serial port of that board, which gets the firmware if it can be flashed",
                 section="the board"),
    options.emulate(section="the board"),
    Option("--baud", type=options.baud, default=str(DEFAULT_BAUD), metavar="N", shared=True,
           section="the board", help=f"rate of the port (default: {DEFAULT_BAUD})"),
    options.wait(section="the board"),
    into_file(),
    formats=("terminal", "json"),
    examples=(
        "tinybench listen words.wav --model wake.tflite",
        "tinybench listen words.wav --model wake.tflite --board nucleo-l4r5 --emulate --json",
    ),
    exclusive=EXCLUSIVE,
)  # fmt: skip
def listen(
    voice: Voice,
    recording: Path,
    model: Path,
    front_end: "FrontEnd",
    whole: bool,
    compatible: bool,
    paced: bool,
    threshold: int,
    board: str | None,
    baud: int,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Let a board hear a recording: what it detects, and how busy it is.

    Features and model run on the board, which gets a frame of 512 samples when it has answered the
    one before. The format json has the outputs of each frame.
    """
    from tinybench.datasets.wake.wav import read_wav_file

    from ..desk.reserve import reserved
    from ..measure.listening import hear
    from ..report.terminal.listening import told
    from ..results.request import Request

    samples = read_wav_file(recording)
    said = as_typed({"board": board, "baud": baud, **said})
    asked = Request(
        board=board or (PORT_BOARD if said["port"] else DEFAULT_BOARD),
        task="",
        emulate=said.get("emulate") or False,
        ports=(said["port"],) if said["port"] else (),
        baud=said["baud"] or DEFAULT_BAUD,
        wait_s=said["wait"],
    )
    with reserved(asked, voice.note) as (station, _):
        found = hear(
            station.board,
            model,
            samples,
            station.sites[0] if station.sites else None,
            threshold=threshold,
            whole=whole,
            front_end=front_end,
            wraps=compatible,
            paced=paced,
            track=voice.track,
            say=voice.note,
        )
    put(voice, to, out, {"terminal": lambda: told(found), "json": lambda: found})
    return 1 if found.overruns else 0
