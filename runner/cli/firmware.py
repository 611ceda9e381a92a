"""Firmware and the line to it: compile, profile, link."""

import argparse
from pathlib import Path

from .options import DEFAULT_BAUD, DEFAULT_BOARD, PORT_BOARD, Commands, baud, count, duration
from .output import note, print_json, print_table, write


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

    link = commands.add_parser("link", help="measure the line to a board")
    link.add_argument("--board", dest="linked_board", metavar="BOARD")
    link.add_argument("--task", default="kws", dest="linked_task", metavar="TASK")
    link.add_argument("--port", dest="linked_port", metavar="PORT")
    link.add_argument("--baud", type=baud, default=(DEFAULT_BAUD, False), dest="linked_baud")
    link.add_argument("--wait", type=duration, default=0.0, dest="linked_wait", metavar="TIME")
    link.add_argument("--no-verify", action="store_false", dest="linked_verify")
    link.add_argument("--json", action="store_true", help="print one JSON document")
    link.set_defaults(do=_link)


def _compile(arguments: argparse.Namespace) -> int:
    from ...models.compiler import compile_model
    from ..report.model import table

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


def _profile(arguments: argparse.Namespace) -> int:
    from ..profile import profile
    from ..report.profile import as_csv, as_trace, table

    found = profile(arguments.profiled_board, arguments.profiled_task)
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
    from ..link import examine
    from ..request import Request
    from ..reserve import reserved

    port = arguments.linked_port
    baud, raise_baud = arguments.linked_baud
    asked = Request(
        board=arguments.linked_board or (PORT_BOARD if port else DEFAULT_BOARD),
        task=arguments.linked_task,
        ports=(port,) if port else (),
        baud=baud,
        wait_s=arguments.linked_wait,
    )
    with reserved(asked, note) as (request, _):
        quality = examine(
            request.board,
            request.task,
            request.ports[0] if request.ports else None,
            baud,
            raise_baud=raise_baud,
            verify=arguments.linked_verify,
        )
    if arguments.json:
        print_json(quality)
    else:
        from ..report.line import table

        print_table(table(quality))
    return 0
