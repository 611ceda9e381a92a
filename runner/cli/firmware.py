"""Firmware and the way to it: compile, flash, reset, profile, link."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..results.request import DEFAULT_BAUD
from ..results.words import DEFAULT_BOARD, ENERGY_BAUD, PORT_BOARD
from .options import Commands, baud, count, duration, positive
from .output import note, print_json, print_table, write

if TYPE_CHECKING:
    from ..build.board import Board
    from ..desk.flash import Site
    from ..results.request import Request


def add(commands: Commands) -> None:
    """Add the commands."""
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
        type=count,
        metavar="N",
        help="answer with at least so many (default: as many as tell two outputs apart)",
    )
    compile_.add_argument("--json", action="store_true", help="print the manifest as JSON")
    compile_.set_defaults(do=_compile)

    # By names of their own: the run's options are called the same.
    flash = commands.add_parser("flash", help="write a task's firmware into a board")
    flash.add_argument("--board", required=True, dest="flashed_board", metavar="BOARD")
    flash.add_argument("--task", required=True, dest="flashed_task", metavar="TASK")
    flash.add_argument("--energy", action="store_true", help="the energy build")
    flash.add_argument(
        "--data", type=Path, dest="flashed_data", metavar="DIR", help="an EEMBC dataset folder"
    )
    flash.add_argument(
        "--model", type=Path, dest="flashed_model", metavar="FILE", help="an int8 .tflite"
    )
    _add_site(flash, "its serial port: it is asked first, and must answer with this build then")
    flash.add_argument(
        "--again", action="store_true", help="write also when it holds this build already"
    )
    flash.set_defaults(do=_flash)

    reset = commands.add_parser("reset", help="reset a board, or switch it off and on")
    reset.add_argument("--board", required=True, dest="flashed_board", metavar="BOARD")
    _add_site(reset, "its serial port, where a line of that resets it")
    reset.add_argument(
        "--by", choices=("flasher", "line", "hub"), help="default: the first of these there is"
    )
    reset.set_defaults(do=_reset)

    profile = commands.add_parser("profile", help="time a model layer by layer")
    profile.add_argument("--task", required=True, dest="profiled_task", metavar="TASK")
    profile.add_argument("--board", default=DEFAULT_BOARD, dest="profiled_board", metavar="BOARD")
    place = profile.add_mutually_exclusive_group()
    place.add_argument("--port", dest="profiled_port", metavar="PORT")
    place.add_argument("--emulate", action="store_true", dest="profile_emulated")
    profile.add_argument("--baud", type=positive, default=DEFAULT_BAUD, dest="profiled_baud")
    profile.add_argument("--wait", type=duration, default=0.0, dest="profiled_wait", metavar="TIME")
    profile.add_argument("--json", action="store_true", help="print one JSON document")
    profile.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    profile.add_argument(
        "--perfetto", type=Path, metavar="FILE", help="write a trace for ui.perfetto.dev"
    )
    profile.set_defaults(do=_profile)

    link = commands.add_parser("link", help="measure the line to a board")
    link.add_argument("--board", dest="linked_board", metavar="BOARD")
    link.add_argument("--task", default="kws", dest="linked_task", metavar="TASK")
    place = link.add_mutually_exclusive_group()
    place.add_argument("--port", dest="linked_port", metavar="PORT")
    place.add_argument("--emulate", action="store_true", dest="link_emulated")
    link.add_argument("--baud", type=baud, default=(DEFAULT_BAUD, False), dest="linked_baud")
    link.add_argument("--wait", type=duration, default=0.0, dest="linked_wait", metavar="TIME")
    link.add_argument("--no-verify", action="store_false", dest="linked_verify")
    link.add_argument("--json", action="store_true", help="print one JSON document")
    link.set_defaults(do=_link)


def _add_site(parser: argparse.ArgumentParser, port: str) -> None:
    parser.add_argument("--port", dest="flashed_port", metavar="PORT", help=port)
    parser.add_argument("--baud", type=positive, dest="flashed_baud", metavar="N")
    parser.add_argument(
        "--probe", dest="flashed_probe", metavar="SERIAL", help="serial number of its debug probe"
    )
    parser.add_argument(
        "--flasher", dest="flashed_by", metavar="NAME", help="default: the first it declares"
    )
    parser.add_argument(
        "--hub", dest="flashed_hub", metavar="HUB:PORT", help="hub port that switches its power"
    )
    parser.add_argument("--wait", type=duration, default=0.0, dest="flashed_wait", metavar="TIME")


@contextlib.contextmanager
def _board(arguments: argparse.Namespace, baud: int) -> "Iterator[tuple[Board, Site]]":
    """Yield the board that is meant and where it is, while no other run has it."""
    from ..desk.reserve import reserved
    from ..results.request import Request

    asked = Request(
        board=arguments.flashed_board,
        task="",
        ports=(arguments.flashed_port,) if arguments.flashed_port else (),
        baud=arguments.flashed_baud or baud,
        probe=arguments.flashed_probe,
        flasher=arguments.flashed_by,
        hub=arguments.flashed_hub,
        wait_s=arguments.flashed_wait,
    )
    with reserved(asked, note, port_needed=False) as (station, _):
        yield station.board, station.sites[0]


def _flash(arguments: argparse.Namespace) -> int:
    from ..build.firmware import build
    from ..build.inputs import resolve
    from ..build.task import load_task
    from ..desk.flash import flasher_of, load, write_image

    task = load_task(arguments.flashed_task)
    with _board(arguments, ENERGY_BAUD if arguments.energy else DEFAULT_BAUD) as (board, site):
        flasher_of(board, site.flasher)  # what is wrong with it is said before anything is built
        model = resolve(task, arguments.flashed_data, arguments.flashed_model).model
        image = build(board, task, model, energy=arguments.energy)
        # The energy build may talk on other pins than those of the port that was found.
        if site.port is None or (arguments.energy and not arguments.flashed_port):
            print(write_image(board, image, site))
        else:
            load(board, image, site, note, write=True, again=arguments.again)
            print(f"{board.name} on {site.port} holds build-{image.build_id}")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from ..desk.flash import reset

    with _board(arguments, DEFAULT_BAUD) as (board, site):
        print(reset(board, site, arguments.by))
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    from tinybench.models.compiler import compile_model

    from ..report.terminal.model import table

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
        print_json(manifest)
    else:
        from rich.console import Console

        Console(highlight=False).print(table(manifest, arguments.out))
    return 0


@contextlib.contextmanager
def _meant(
    board: str, task: str, port: str | None, baud: int, wait_s: float, emulate: bool
) -> "Iterator[Request]":
    """Yield what these words mean on this desk, while no other run has the board."""
    from ..desk.reserve import reserved
    from ..results.request import Request

    asked = Request(
        board=board,
        task=task,
        emulate=emulate,
        ports=(port,) if port else (),
        baud=baud,
        wait_s=wait_s,
    )
    with reserved(asked, note) as (station, _):
        yield station.asked


def _profile(arguments: argparse.Namespace) -> int:
    from ..measure.profile import profile
    from ..report.terminal.profile import as_csv, as_trace, table

    with _meant(
        arguments.profiled_board,
        arguments.profiled_task,
        arguments.profiled_port,
        arguments.profiled_baud,
        arguments.profiled_wait,
        arguments.profile_emulated,
    ) as request:
        found = profile(
            request.board,
            request.task,
            request.ports[0] if request.ports else None,
            request.baud,
            emulate=request.emulate,
        )
    if arguments.csv is not None:
        write(arguments.csv, as_csv(found).encode())
    if arguments.perfetto is not None:
        write(arguments.perfetto, as_trace(found))
    if arguments.json:
        print_json(found)
    else:
        print_table(table(found))
    return 0


def _link(arguments: argparse.Namespace) -> int:
    from ..measure.link import examine

    port = arguments.linked_port
    baud, raise_baud = arguments.linked_baud
    with _meant(
        arguments.linked_board or (PORT_BOARD if port else DEFAULT_BOARD),
        arguments.linked_task,
        port,
        baud,
        arguments.linked_wait,
        arguments.link_emulated,
    ) as request:
        quality = examine(
            request.board,
            request.task,
            request.ports[0] if request.ports else None,
            baud,
            raise_baud=raise_baud,
            verify=arguments.linked_verify,
            emulate=request.emulate,
        )
    if arguments.json:
        print_json(quality)
    else:
        from ..report.terminal.line import table

        print_table(table(quality))
    return 0
