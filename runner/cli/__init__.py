"""The command line: reads arguments, prints, and exits with a status that means something.

Exit status: 0 valid, 1 a broken rule, 2 usage or configuration, 3 the bench failed, 130
interrupted.
"""

import argparse
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from tinybench.errors import TinybenchError

from . import declared, desk, energy, firmware, results, run, submission
from .output import note

INTERRUPTED = 130

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
        note(f"tinybench: {error}")
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
    run.add_options(parser)

    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (declared, desk, run, results, submission, firmware, energy):
        module.add(commands)
    return parser
