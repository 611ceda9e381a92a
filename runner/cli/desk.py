"""What stands on this desk: what is attached, its bench file, what plays; simulated instruments."""

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.scratch import scratch

from ..results.defaults import DEFAULT_BAUD, PORT_BOARD
from .options import PATH, baud, command, into_file, positive, wait
from .output import Voice, document, put
from .tree import Argument, Group, Option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..measure.playing import Playing, Recording
    from ..streaming.summary import Summary

LOOK_S = 0.5
"""Between two looks whether a DUT still runs."""


def put_attached(voice: Voice, to: str, out: Path | None) -> int:
    """Show what is attached; `tinybench boards --attached`."""
    from ..desk.attached import look
    from ..report.terminal.attached import table

    found = look()
    put(voice, to, out, {"terminal": lambda: table(found), "json": lambda: found})
    for why in found.unseen if to == "terminal" else ():
        voice.note(why)
    return 0


@command(
    "show",
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench bench", "tinybench bench --json"),
)
def show(voice: Voice, to: str, out: Path | None) -> int:
    """Show the bench file, which names what is attached."""
    from tinybench.printable import printable

    from ..desk.bench import find_bench, load_bench

    path = find_bench()
    if path is None:
        raise UsageError(
            "there is no bench.toml here or above; write one with: tinybench bench init"
        )
    known = load_bench(path)

    def terminal() -> str:
        return f"{path.absolute()}\n{printable(path.read_text(encoding='utf-8'))}"

    def filled() -> dict[str, Any]:
        import msgspec

        return {"file": str(path.absolute()), **msgspec.to_builtins(known)}

    put(voice, to, out, {"terminal": terminal, "json": filled})
    return 0


@command(
    "init",
    Option(
        "-o",
        "--out",
        type=PATH,
        metavar="FILE",
        help="default: bench.toml in this folder",
    ),
    Option("--user", is_flag=True, help="write the user's own bench file"),
    Option("--yes", is_flag=True, help="take every proposed answer"),
    examples=("tinybench bench init", "tinybench bench init --user --yes"),
    exclusive=(("user", "out"),),
)
def init(voice: Voice, out: Path | None, user: bool, yes: bool) -> int:
    """Write a bench file by asking."""
    from ..desk.attached import look
    from ..desk.bench import load_bench, user_bench
    from ..desk.bench_file import compose, store

    path: Path = user_bench() if user else out or Path("bench.toml")
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "`tinybench bench init` asks, but its input is no terminal; --yes takes every proposed "
            "answer"
        )
    if path.exists() and (yes or _ask(f"{path} exists; replace it", "no") != "yes"):
        raise UsageError(f"{path} exists and was left as it is; name another file with --out")
    text = compose(look(), (lambda _, guess: guess) if yes else _ask)
    store(path, text)
    load_bench(path)
    voice.note(f"written to {path}; show it with: tinybench bench")
    return 0


def _ask(question: str, guess: str) -> str:
    from tinybench.printable import printable

    try:
        return input(printable(f"{question} [{guess}]: ")).strip() or guess
    except EOFError:
        raise UsageError("the answers ended; nothing was written") from None


@command(
    "play",
    Argument("recording", type=PATH, metavar="WAV",
             help="a file on the interface board's card: its name, or a copy of it here"),
    Option("--port", required=True, metavar="PORT", help="serial port of the interface board"),
    Option("--words", type=PATH, metavar="FILE",
           help="when the words are: the list beside a recording (prepare sww), or the public "
           "sww_long_test.json; then the score is shown, too"),
    Option("--dut-port", metavar="PORT",
           help="serial port of the DUT, where it is not behind the interface board"),
    Option("--dut-baud", type=baud, default=str(DEFAULT_BAUD), metavar="N",
           help=f"rate of the DUT (default: {DEFAULT_BAUD}; energy builds have 9600)"),
    Option("--monitor", metavar="MONITOR",
           help="energy monitor that supplies the DUT: a driver such as lpm01a, or a .toml file"),
    Option("--trace", type=PATH, metavar="FOLDER", help="keep the monitor's trace there"),
    Option("--compatible", is_flag=True,
           help="of firmware of ours: features beyond int8 go around, as in the reference"),
    wait(),
    into_file(),
    formats=("terminal", "json"),
    examples=(
        "tinybench play long_wav.wav --words sww_long_test.json --port /dev/ttyACM0",
        "tinybench play long_wav.wav --words sww_long_test.json --port /dev/ttyACM0 --dut-baud "
        "9600 --monitor lpm01a --trace trace",
    ),
)  # fmt: skip
def play(
    voice: Voice,
    recording: Path,
    port: str,
    words: Path | None,
    dut_port: str | None,
    dut_baud: int,
    monitor: str | None,
    trace: Path | None,
    compatible: bool,
    wait: float,
    to: str,
    out: Path | None,
) -> int:
    """Let an interface board play a recording to a streaming wake word.

    By the official protocol: detections and duty cycle are what the board notes of the DUT's pins;
    under a monitor also the mean power. The format json is that of the public runner's
    results.json, which `tinybench score` reads.
    """
    from ..desk.reserve import reserved
    from ..measure.playing import hear_played
    from ..report.score import told as scored
    from ..report.terminal.playing import told
    from ..results.request import Request

    if trace is not None and monitor is None:
        raise UsageError("--trace keeps what a monitor measures: name one with --monitor")
    played, judged = _recording(recording, words)
    asked = Request(
        board=PORT_BOARD,
        task="",
        mode="energy",
        ports=(port,) if dut_port is None else (port, dut_port),
        interface_board=True,
        dut_baud=dut_baud,
        baud=DEFAULT_BAUD,
        monitor=monitor,
        wait_s=wait,
    )
    with reserved(asked, voice.note) as (station, _), scratch() as own:
        sites = [station.sites[0], *(replace(one, baud=dut_baud) for one in station.sites[1:])]
        folder = own if trace is None else _folder(trace)
        found = hear_played(
            sites, played, station.monitor, folder, wraps=compatible, say=voice.note
        )
    summary = judged(found) if played.windows_s and found.infer.detections else None

    def terminal() -> "RenderableType":
        from rich.console import Group as Parts

        return told(found) if summary is None else Parts(told(found), scored(summary))

    put(voice, to, out, {"terminal": terminal, "json": lambda: [found]})
    return int(bool(found.doubts) or (summary is not None and not summary.valid))


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror or error}") from error
    return path


def _recording(path: Path, words: Path | None) -> "tuple[Recording, Callable[[Playing], Summary]]":
    """Return what is played, and what scores it."""
    from tinybench.datasets.wake.features import SAMPLE_RATE_HZ
    from tinybench.datasets.wake.official import windows_of
    from tinybench.datasets.wake.wav import read_wav_file

    from ..measure.playing import Recording
    from ..streaming.summary import summarise
    from ..streaming.verdict import judge

    windows_s: tuple[tuple[float, float], ...] = ()
    length_s = None
    if words is not None:
        said = windows_of(document(words), str(words))
        windows_s, length_s = tuple(said.detection_windows), said.length_sec
    if path.is_file():
        length_s = len(read_wav_file(path)) / SAMPLE_RATE_HZ
    if length_s is None:
        raise UsageError(
            f"{path} is not here, and nothing says how long it is: give a copy of it, or the list "
            "of its words with --words"
        )

    def judged(found: "Playing") -> "Summary":
        heard = found.infer.detections
        period_s = found.dutycycle.period
        return summarise(judge(heard, windows_s, length_s=length_s, period_s=period_s), windows_s)

    return Recording(path.name, length_s, windows_s), judged


bench = Group(
    "bench", default="show", help="Show the bench file, which names what is attached, or write one."
).add(show, init)


@command(
    "simulate",
    Argument("instruments", metavar="INSTRUMENT...", nargs=-1, required=True,
             help="lpm01a, ppk2 or otii; with --dut also interface-board, io-manager"),
    Option("--dut", metavar="COMMAND|PORT",
           help="the DUT that is supplied and measured: a program, with {pin} for the socket of "
           "its timing pin and {wires} for that of its sound, or a port (default: one that is "
           "active every other second)"),
    Option("--card", type=PATH, metavar="FOLDER", help="wav files that the interface board plays"),
    Option("--pin", type=PATH, metavar="PATH",
           help="where the DUT marks time: a pipe, a terminal, or a socket that is made there"),
    Option("--baud", type=positive, metavar="N", default="9600", help="rate of the DUT's port"),
    Option(
        "--fault",
        multiple=True,
        metavar="NAME",
        help="a fault it shows; a wrong name lists those there are; repeat it for several",
    ),
    examples=(
        "tinybench simulate lpm01a",
        "tinybench simulate lpm01a interface-board --dut './my-dut {pin}'",
    ),
)  # fmt: skip
def simulate(
    voice: Voice,
    instruments: tuple[str, ...],
    dut: str | None,
    pin: Path | None,
    card: Path | None,
    baud: int,
    fault: tuple[str, ...],
) -> int:
    """Run simulated energy monitors and interface boards, and print their ports."""
    from contextlib import ExitStack

    from tinybench.energy.simulated import instrument as simulated
    from tinybench.energy.simulated.foreign import foreign_dut
    from tinybench.energy.simulated.load import Blinking
    from tinybench.energy.simulated.studio import read_card

    from ..report.terminal.energy import simulated_bench

    boards = [name for name in instruments if name in simulated.BETWEEN]
    if dut is None and (boards or pin is not None):
        raise UsageError(f"{boards[0] if boards else '--pin'} needs the DUT behind it: --dut")
    files = read_card(card, boards)
    known = {**simulated.FAULTS, **simulated.BETWEEN}
    if len(instruments) > 1 and (
        no := [one for one in fault if one not in sum(known.values(), ())]
    ):
        raise UsageError(f"no simulated instrument has the fault '{no[0]}'")
    ended: Callable[[], str] = str
    with ExitStack() as stack:
        ports: dict[str, str] = {}
        if dut is None:
            for name in instruments:
                faults = _own(fault, name, instruments, known)
                ports[name] = stack.enter_context(simulated.instrument(name, Blinking(), faults))
        else:
            foreign = stack.enter_context(foreign_dut(dut, baud, pin))
            supplied, ended = False, foreign.ended
            for name in instruments:
                faults = _own(fault, name, instruments, known)
                if name in simulated.BETWEEN:
                    way = simulated.between(name, foreign, faults, files)
                else:
                    supplied = True
                    way = simulated.instrument(
                        name, foreign.load, faults, foreign.power, real_time=False
                    )
                ports[name] = stack.enter_context(way)
            if not supplied:
                foreign.power(True)
            if not boards:
                ports["dut"] = stack.enter_context(simulated.between("dut", foreign))
        for name, port_path in ports.items():
            print(port_path if len(ports) == 1 else f"{name} {port_path}", flush=True)
        voice.note(simulated_bench(ports, dut, next(iter(files), None)))
        with contextlib.suppress(KeyboardInterrupt):
            _tell_ended(voice, ended)
    return 0


def _tell_ended(voice: Voice, ended: Callable[[], str]) -> None:
    """Say it when the DUT ends by itself; return never."""
    told = ""
    while True:
        said = ended()
        if said and said != told:
            voice.note(f"the DUT is gone: {said}")
        told = said
        time.sleep(LOOK_S)


def _own(
    fault: tuple[str, ...],
    name: str,
    instruments: tuple[str, ...],
    known: dict[str, tuple[str, ...]],
) -> frozenset[str]:
    """Return the faults that are meant for one instrument: of several, those that it has."""
    return frozenset(one for one in fault if len(instruments) == 1 or one in known.get(name, ()))
