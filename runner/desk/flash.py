"""Put an image into a board: asked first, written, verified, asked again; and reset it."""

import getpass
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from tinybench.energy.monitor import Monitor
from tinybench.errors import (
    DeadlineError,
    FlashError,
    ProtocolError,
    TinybenchError,
    TransportError,
    UsageError,
)
from tinybench.files import read_bytes
from tinybench.transport import serial_port
from tinybench.transport.transport import Transport

from ..build import board as boards
from ..build import tool
from ..build.board import Board
from ..build.firmware import Image, converted
from ..build.tool import Tool
from ..dut.client import Dut
from ..dut.identity import Identity
from ..dut.interface_board import InterfaceBoard
from ..dut.line import Patience
from . import uf2
from .attached import Attached, look, thing_at
from .identity import holds
from .line import open_line
from .station import Site
from .volume import copy, find_drive

FORMS = {"elf", "bin", "hex"}
"""Formats of an image, and the placeholders of its path."""
UF2 = "uf2"
"""One more, of the raw image."""
HUB_TOOL = "uhubctl"
PATIENCE = Patience(name_s=1.0, name_tries=3)
"""For a board that may be empty: silence is an answer here."""
RETURN_S = 10.0
"""For a port to come back after a reset."""
RETRY_S = 0.3
OFF_S = 1.0
"""Without supply, capacitors run empty."""


def load(
    board: Board,
    image: Image,
    site: Site,
    say: Callable[[str], None],
    *,
    write: bool,
    again: bool = False,
    supply: Monitor | None = None,
) -> None:
    """Make sure that the board on a port holds an image; `say` is told what was done.

    A board that answers with this build is left as it is; a silent one is reset, and asked again.
    `write`: then the image is written, and must answer; else what is wrong is left to the
    handshake of the run. `again`: also when it holds this image. `supply`: the monitor that the
    board is supplied by. Raises any TinybenchError.
    """
    ways = resets(board, site)
    if supply is not None:
        ways["monitor"] = lambda: _switch(supply)
    if not again:
        found = ask(site, say) or _ask_after_resets(board, site, ways, say)
        if (found and holds(found, image)) or not (write and board.flash):
            return
    say(write_image(board, image, site))
    found = _ask_started(site)
    if found is None or not holds(found, image):
        answer = f"says '{' '.join(found.caps)}'" if found else "does not answer"
        raise FlashError(
            f"the image was written, but the board {answer} on {site.port} at {site.baud} baud, "
            f"where build-{image.build_id} was due: is that the port of the board that was "
            "written, and does it boot from its flash?"
        )


def ask(site: Site, say: Callable[[str], None] = lambda _: None) -> Identity | None:
    """Return who answers on the port; None when nobody who speaks the protocol does.

    `say` takes a sentence for the user. Raises UsageError or TransportError when the port cannot be
    opened.
    """
    with closing(open_line(site, say=say)) as port:
        try:
            line: Transport = port
            if site.interface_board:
                line = InterfaceBoard(port, site.dut_baud)
                line.prepare()
            return Dut(line, verify=False, fast=False, patience=PATIENCE).handshake()
        except (DeadlineError, ProtocolError):
            return None


def write_image(board: Board, image: Image, site: Site) -> str:
    """Write an image into a board, verified, and start it; return a sentence that says so.

    Raises UsageError when it is not clear how, or into which board, ToolMissingError, FlashError.
    """
    name, flasher = flasher_of(board, site.flasher)
    wanted = tool.placeholders([*flasher.write, *flasher.verify, flasher.copy])
    probe = _serial(board, flasher, site)
    words = _words(board, flasher, probe)
    words |= port_of(flasher, site.port) if "port" in wanted else {}
    for form in sorted(wanted & FORMS):
        words[form] = str(converted(board, image, form))
    if "image" in wanted:
        form = next(end[1:] for end in flasher.takes if end[1:] in FORMS)
        words["image"] = str(converted(board, image, form))
    if UF2 in wanted:
        raw = read_bytes(converted(board, image, "bin"), uf2.FILE_MOST_B)
        data = uf2.packed(raw, int(words["address"], 0), int(words["family"], 0))
        drive = uf2.find_drive(words["board_id"], probe)
        uf2.copy(data, f"{image.build_id}.uf2", drive, flasher.timeout_s)
        return f"{board.name}: build-{image.build_id} was copied to its boot loader's drive"
    if flasher.copy:
        volume, file = tool.filled([flasher.volume, flasher.copy], [], words)
        copy(Path(file), find_drive(volume, probe, getpass.getuser()), flasher.timeout_s)
        return f"{board.name}: build-{image.build_id} was copied to its drive"
    what = f"write the flash of {board.name}"
    tool.call(flasher, flasher.write, words, what, "" if flasher.verify else flasher.written)
    if flasher.verify:
        tool.call(flasher, flasher.verify, words, what, flasher.written)
    return f"{board.name}: build-{image.build_id} was written and verified by {name}"


def write_file(file: Path, name: str, given: Mapping[str, str]) -> str:
    """Write a file that was not built here, by a flasher of the package; return what was done.

    `given`: words for its argument lists, such as probe, port, address. Raises UsageError for a
    file that it does not take or a word that it lacks, ToolMissingError, FlashError.
    """
    flasher = tool.tool(name)
    if UF2 in tool.placeholders([flasher.copy]):
        return _write_uf2(file, flasher, {**flasher.words, **given})
    if not flasher.write:
        raise UsageError(f"{name} writes no file by itself; others: {', '.join(_writers())}")
    forms = sorted(tool.placeholders([*flasher.write, *flasher.verify]) & FORMS)
    takes = flasher.takes or [f".{form}" for form in forms]
    if file.suffix.lower() not in takes:
        raise UsageError(
            f"{name} takes {', '.join(takes)}; {file} is none. Convert it, as by objcopy, or take "
            f"another --flasher: {', '.join(_writers())}"
        )
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    words = _with_usb(flasher, {**flasher.words, **given}) | dict.fromkeys(
        (*FORMS, "image"), str(file.resolve())
    )
    known = {*words, "script"}
    lines = [*flasher.write, *flasher.verify, *flasher.script]
    if lacking := sorted(tool.placeholders(lines) - known - {"select"}):
        raise UsageError(
            f"{name} needs to know {', '.join(lacking)}: "
            + " ".join(f"--word {word}:..." if word != "port" else "--port ..." for word in lacking)
        )
    what = f"write {file.name}"
    tool.call(flasher, flasher.write, words, what, "" if flasher.verify else flasher.written)
    if flasher.verify:
        tool.call(flasher, flasher.verify, words, what, flasher.written)
    return f"{file.name} was written by {name}"


def _write_uf2(file: Path, flasher: Tool, words: Mapping[str, str]) -> str:
    """Copy a UF2 file to the drive of the one boot loader there is, if it is for its board."""
    if file.suffix.lower() != f".{UF2}":
        raise UsageError(f"uf2 takes a .uf2; {file} is none: another --flasher may take it")
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    families = uf2.families_of(file)
    drive = uf2.find_drive(words["board_id"], words.get("probe"))
    name = uf2.board_id_of(drive) or ""
    takes = {
        int(words["family"], 0): board
        for board, words in _uf2_boards().items()
        if re.fullmatch(words["board_id"], name)
    }
    if takes and not families & {0, *takes}:
        named = ", ".join(f"{family:#010x}" for family in sorted(families))
        raise UsageError(
            f"{file} is for chips of family {named}, and the drive {drive} is of a board '{name}', "
            f"which takes {', '.join(f'{family:#010x}' for family in takes)}: it is another chip's"
        )
    uf2.copy(read_bytes(file, uf2.FILE_MOST_B), file.name, drive, flasher.timeout_s)
    return f"{file.name} was copied to {drive}, and its boot loader started it"


def _uf2_boards() -> dict[str, dict[str, str]]:
    """Return the words of each declared board that has a UF2 boot loader."""
    found = {name: boards.load_board(name).flash for name in boards.names()}
    return {name: flashers[UF2].words for name, flashers in found.items() if UF2 in flashers}


def port_of(
    flasher: Tool, port: str | None, looking: Callable[[], Attached] = look
) -> dict[str, str]:
    """Return the serial port that a flasher writes by: the board's, or that of its boot loader.

    Raises FlashError where no boot loader is attached, UsageError where several are.
    """
    if not flasher.boot_loader:
        return {} if port is None else {"port": port}
    waiting = [thing for thing in looking().things if thing.usb in flasher.boot_loader]
    there = [thing for thing in waiting if thing.ports]
    if len(there) > 1:
        listed = ", ".join(port for thing in there for port in thing.ports)
        raise UsageError(
            f"there are {len(there)} boards in their boot loader ({listed}): unplug all but one"
        )
    if not there:
        raise FlashError(
            "no board is in its boot loader: press reset twice, and look for it with 'tinybench "
            "boards --attached'"
        )
    return {"port": there[0].ports[0]}


def _writers() -> list[str]:
    return [name for name in tool.packaged() if tool.tool(name).write or name == UF2]


def flasher_of(board: Board, name: str | None) -> tuple[str, Tool]:
    """Return the flasher of that name, or the board's first, as it is declared.

    Raises UsageError when the board has none, or not that one, DeclarationError when a word of its
    argument lists is not declared.
    """
    if not board.flash:
        raise UsageError(
            f"board {board.name} declares no flasher: write its firmware by hand, or add a table "
            "[flash.openocd] to its declaration"
        )
    if name is not None and name not in board.flash:
        raise UsageError(f"board {board.name} has no flasher '{name}': {', '.join(board.flash)}")
    chosen = name or next(iter(board.flash))
    flasher = tool.tool(chosen, board.flash[chosen])
    words = _words(board, flasher, "") | dict.fromkeys((*FORMS, UF2, "image", "script", "port"), "")
    for argv in (flasher.write, flasher.verify, flasher.reset, [flasher.copy, flasher.volume]):
        tool.filled(argv, flasher.select, words)
    return chosen, flasher


def probe_of(board: Board, site: Site, looking: Callable[[], Attached] = look) -> str | None:
    """Return the serial number of the board's probe, None where nothing can be known of it.

    A probe that also carries the board's port has that port's. Raises UsageError when there are
    several of the kind and none is chosen.
    """
    if site.probe is not None or board.attached is None:
        return site.probe
    usb = board.attached.usb  # empty: any probe may be wired to it
    probes = [thing for thing in looking().things if thing.probe]
    there = [thing for thing in probes if thing.usb in usb or not usb]
    if site.port is not None and (carrier := thing_at(site.port, there)) is not None:
        there = [carrier]
    if len(there) > 1:
        listed = "; ".join(f"{thing.serial} at {thing.location}" for thing in there)
        raise UsageError(
            f"{len(there)} probes are attached that may be that of {board.name} ({listed}); choose "
            "one by --probe with its serial number, or by the --port it carries"
        )
    return (there[0].serial or None) if there else None


def resets(board: Board, site: Site) -> dict[str, Callable[[], None]]:
    """Return the ways to reset a board that there are here, the gentlest first."""
    ways: dict[str, Callable[[], None]] = {}
    if board.flash and (flasher := flasher_of(board, site.flasher)[1]).reset:

        def by_flasher() -> None:
            words = _words(board, flasher, _serial(board, flasher, site))
            if "port" in tool.placeholders(flasher.reset):
                words |= port_of(flasher, site.port)
            tool.call(flasher, flasher.reset, words, f"reset {board.name}")

        ways["flasher"] = by_flasher
    if (line := board.reset) is not None and (port := site.port) is not None:
        ways["line"] = lambda: serial_port.pulse(port, line.line, line.pulse_s, site.opening)
    if (hub := site.hub) is not None:
        ways["hub"] = lambda: power_cycle(hub)
    return ways


def reset(board: Board, site: Site, by: str | None) -> str:
    """Reset a board in the way that is named, or the gentlest; return a sentence that says so.

    Raises UsageError when there is no such way, else as the way itself.
    """
    ways = resets(board, site)
    if by is None and ways:
        by = next(iter(ways))
    if by not in ways:
        raise UsageError(
            f"there is no way to reset {board.name} "
            + (f"by {by}; there is: {', '.join(ways)}. " if ways else "here. ")
            + "By flasher: its declaration has a flasher that can; by line: it has [reset], and "
            "--port is given; by hub: --hub is given"
        )
    ways[by]()
    return f"{board.name} was reset by {by}"


def power_cycle(hub: str) -> None:
    """Take the supply from a port of a USB hub and give it back.

    Raises UsageError for what is no "HUB:PORT", ToolMissingError, FlashError.
    """
    location, colon, port = hub.rpartition(":")
    if not colon or not location or not port.isdecimal():
        raise UsageError(
            f"--hub {hub}: give the location of the hub and its port as 'uhubctl' lists them, such "
            "as 1-1.4:2"
        )
    switch = tool.tool(HUB_TOOL)
    words = {"location": location, "hub_port": port}
    tool.call(switch, switch.cycle, words, f"switch port {port} of hub {location}", switch.written)


def _serial(board: Board, flasher: Tool, site: Site) -> str | None:
    """Return the serial number of what a flasher writes by: a boot loader's, or a probe's."""
    boot_loader = flasher.boot_loader or UF2 in tool.placeholders([flasher.copy])
    return site.probe if boot_loader else probe_of(board, site)


def _words(board: Board, flasher: Tool, probe: str | None) -> dict[str, str]:
    words = dict(flasher.words)
    if board.memory is not None:
        words["address"] = hex(board.memory.flash_origin)
    if probe is not None:
        words["probe"] = probe
    return _with_usb(flasher, words)


def _with_usb(
    flasher: Tool, words: dict[str, str], looking: Callable[[], Attached] = look
) -> dict[str, str]:
    """Return the words with the VID:PID of the probe, for a flasher that names probes by it.

    Raises UsageError where the probe is not attached, and not given as VID:PID:SERIAL.
    """
    if "probe_usb" not in tool.placeholders(flasher.select) or not words.get("probe"):
        return words | ({"probe_usb": ""} if "probe" in words else {})
    if whole := re.fullmatch(r"([0-9a-fA-F]{4}:[0-9a-fA-F]{4}):(.+)", words["probe"]):
        return words | {"probe_usb": whole[1], "probe": whole[2]}
    found = [thing.usb for thing in looking().things if thing.serial == words["probe"]]
    if not any(found):
        raise UsageError(
            f"no probe has the serial number {words['probe']}, and this flasher also needs its USB "
            "number: plug it in, or give --probe VID:PID:SERIAL"
        )
    return words | {"probe_usb": found[0]}


def _switch(supply: Monitor) -> None:
    supply.power_off()
    time.sleep(OFF_S)
    supply.power_on()


def _ask_after_resets(
    board: Board,
    site: Site,
    ways: dict[str, Callable[[], None]],
    say: Callable[[str], None],
) -> Identity | None:
    """Reset a silent board in every way there is, until it answers."""
    for name, way in ways.items():
        try:
            way()
        except TinybenchError as error:
            say(f"{board.name} does not answer, and could not be reset by {name}: {error}")
            continue
        if found := _ask_started(site):
            say(f"{board.name} did not answer until it was reset by {name}")
            return found
    return None


def _ask_started(site: Site) -> Identity | None:
    """Ask a board that has just started; its port may come back only after a while."""
    deadline_s = time.monotonic() + RETURN_S
    while True:
        try:
            return ask(site)
        except TransportError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(RETRY_S)
