"""Programs of others that write, reset or switch a board: declared as argument lists, run here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from tinybench.declare import Declaration, load, named, nearest
from tinybench.errors import (
    DeclarationError,
    FlashError,
    TinybenchError,
    ToolMissingError,
    UsageError,
)
from tinybench.expected import like
from tinybench.scratch import scratch

SELECT = "{select}"
"""Word that stands for those of `Tool.select`, where a probe was named, and else for none."""
EXCERPT = 600
"""Characters of a program's last words that an error quotes."""
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_BRACED = re.compile(r"\{\{([a-z_]+)\}\}")
"""A placeholder that braces quote for Tcl."""
_UNQUOTABLE = re.compile(r"[{}\n]|\\\Z")
"""What would end those braces, or keep them from ending. Ref: Tcl(n), rule 6, Braces."""

Version = Annotated[str, like(r"^[0-9]{1,9}(\.[0-9]{1,9})*\Z", "a version such as 1.2.3")]

Fault = Literal[
    "no_probe",
    "other_probe",
    "several_probes",
    "no_access",
    "busy",
    "no_chip",
    "wrong_chip",
    "not_written",
    "not_verified",
    "not_known",
    "no_hub",
]
"""What a program can say went wrong."""

REMEDIES: dict[Fault, tuple[type[TinybenchError], str]] = {
    "no_probe": (
        FlashError,
        "there is no debug probe: is the board's cable in the socket of its probe, and does "
        "'tinybench boards --attached' show it?",
    ),
    "other_probe": (
        UsageError,
        "no probe has the serial number {probe}: 'tinybench boards --attached' shows those there "
        "are",
    ),
    "several_probes": (
        UsageError,
        "there are several probes: name one by its serial number with --probe ('tinybench boards "
        "--attached' shows them)",
    ),
    "no_access": (
        FlashError,
        "this user may not open the USB device: 'tinybench doctor --udev' prints the rule that is "
        "missing",
    ),
    "busy": (FlashError, "another program holds the probe: close debuggers and other runs"),
    "no_chip": (
        FlashError,
        "the probe is there, but the chip does not answer: is the board supplied, and the jumper "
        "in its supply (IDD) closed?",
    ),
    "wrong_chip": (UsageError, "the chip is another one than this board's: is --board right?"),
    "not_written": (FlashError, "the flash was not written: is the chip protected?"),
    "not_verified": (
        FlashError,
        "what was read back is not what was written: try again, with another cable",
    ),
    "not_known": (
        ToolMissingError,
        "this version does not know the board: install a newer one, or take another --flasher",
    ),
    "no_hub": (
        UsageError,
        "no hub at {location} can switch its ports: 'uhubctl' lists those that can",
    ),
}
"""The error that each fault becomes, and what to try next."""


class Tool(Declaration, frozen=True, kw_only=True):
    """A program, from `firmware/tools/<name>.toml` or a board's own declaration.

    Each word of an argument list may hold placeholders: {elf}, {bin}, {hex} and {uf2} are the image
    in that format, {address} is where flash begins, {probe} the serial number of the debug probe
    and {probe_usb} its VID:PID, {port} a serial port; any other is one of the board's `words`.
    """

    description: str = ""
    """What it is for."""
    install: str = ""
    """What to type when it is not installed."""
    version: Version | None = None
    """The oldest version that can do all that is declared here; None: any."""
    newer: str = ""
    """What an older one cannot."""
    select: list[str] = []
    """What takes the place of the word "{select}" when a probe was named."""
    takes: list[str] = []
    """How names of files end that it takes; none: as its placeholders say."""
    script: list[str] = []
    """Lines of a file that it reads: its path is the placeholder {script}."""
    write: list[str] = []
    """Writes an image, verifies it and starts it."""
    verify: list[str] = []
    """Does so in a second call, where `write` does not verify."""
    reset: list[str] = []
    """Starts the image that the board holds."""
    cycle: list[str] = []
    """Takes the supply away and gives it back."""
    copy: str = ""
    """Instead of a program: the file to copy to the drive `volume`."""
    volume: str = ""
    """Label of the drive, or its path."""
    boot_loader: list[str] = []
    """VID:PID of the boot loaders by which it writes, not by a probe; {port} is one's, not the
    board's."""
    written: str = ""
    """Regular expression: what it says when it is done. Without these words it has failed."""
    failed: str = ""
    """Regular expression: what it says when it has failed, whatever its exit status."""
    seen: dict[Fault, str] = {}
    """Regular expressions by which its words are understood; the first that fits."""
    remedies: dict[Fault, str] = {}
    """What to try next, where the tool knows better."""
    words: dict[Annotated[str, like(r"^[a-z_]+\Z", "a name of lower-case letters and _")], str] = {}
    """Placeholders; what a board says of one goes before what the tool says."""
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60

    def __post_init__(self) -> None:
        for pattern in (self.written, self.failed, *self.seen.values()):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"'{pattern}' is no regular expression: {error}") from None


def packaged() -> dict[str, Path]:
    """Return all tools in the package as {name: path of the declaration}."""
    return named("firmware", "tools")


def tool(name: str, own: Tool | None = None) -> Tool:
    """Return the tool of that name; what a board's declaration says about it, `own`, goes before.

    Of `words` name by name.

    Raises UsageError for a name that neither the package nor the board explains.
    """
    if name not in packaged():
        if own is None or not (own.write or own.copy):
            raise UsageError(f"there is no tool '{name}': {nearest(name, packaged())}")
        return own
    known = load(packaged()[name], Tool)
    if own is None:
        return known
    fields = {
        field: getattr(own if getattr(own, field) != getattr(_NOTHING, field) else known, field)
        for field in Tool.__struct_fields__
    }
    return Tool(**{**fields, "words": {**known.words, **own.words}})


_NOTHING = Tool()


def too_old(words: str, version: str | None) -> bool:
    """Return whether a program that says `words` of its version is older than it must be."""
    found = re.search(r"[0-9]{1,9}(\.[0-9]{1,9})+", words)
    return version is not None and found is not None and _number(found[0]) < _number(version)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in version.split("."))


def placeholders(argv: Sequence[str]) -> set[str]:
    """Return the names of the placeholders in an argument list."""
    return {name for word in argv for name in _PLACEHOLDER.findall(word)}


def filled(argv: Sequence[str], select: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """Return an argument list with its placeholders filled.

    `select` is put where SELECT stands when `words` has a probe. Raises DeclarationError for a
    placeholder that has no word, UsageError for a word that the program's language cannot quote:
    a serial number is what a device says, and must not become a command.
    """
    spread: list[str] = []
    for word in argv:
        if word == SELECT:
            spread += select if "probe" in words else []
        else:
            spread.append(word)
    for name in sorted(placeholders(spread)):
        if name not in words:
            raise DeclarationError(
                f"'{' '.join(argv)}': there is no word for {{{name}}}: {nearest(name, words)}"
            )
    for name in (name for word in spread for name in _BRACED.findall(word)):
        if _UNQUOTABLE.search(words[name]):
            raise UsageError(
                f"{spread[0]} takes no braces, and no backslash at the end, in its {{{name}}}: "
                f"{words[name]!r}; take another --flasher"
            )
    return [_PLACEHOLDER.sub(lambda found: words[found[1]], word) for word in spread]


def program_path(program: str) -> str | None:
    """Return where a program is: on PATH, beside this Python, or among those for administrators."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), "/usr/sbin"))
    return shutil.which(program) or shutil.which(program, path=beside)


def call(
    declared: Tool,
    argv: Sequence[str],
    words: Mapping[str, str],
    what: str,
    done: str = "",
) -> str:
    """Run a program by its declared argument list; return what it said.

    `what` says in words what it does, `done` is the regular expression of what it must say.
    Raises ToolMissingError when it is not installed, UsageError or FlashError with its own last
    words when it fails, says nothing of `done`, or takes too long.
    """
    with scratch() as own:
        path = own / "script"
        if declared.script:
            lines = filled(declared.script, [], words)
            if any(mark in line for line in lines for mark in "\r\n") or any(
                '"' in word for name, word in words.items() if name in placeholders(declared.script)
            ):
                raise UsageError(f"{argv[0]} takes no quotes or line ends: {lines}")
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return _run(
            declared,
            filled(argv, declared.select, {**words, "script": str(path)}),
            words,
            what,
            done,
        )


def _run(declared: Tool, command: list[str], words: Mapping[str, str], what: str, done: str) -> str:
    """Run a whole command line; see `call`."""
    program = command[0]
    path = program_path(program)
    if path is None:
        raise ToolMissingError(
            f"cannot {what}: '{program}' is not installed or not on PATH; {declared.install}"
        )
    with tempfile.TemporaryFile() as output:
        # Into a file: a pipe would be waited for as long as any child of the program holds it.
        try:
            status = subprocess.run(  # noqa: S603 - an argument list of a declaration
                [path, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=declared.timeout_s,
                check=False,
            ).returncode
            ended = f"ended with exit status {status}"
        except subprocess.TimeoutExpired:
            status, ended = 1, f"was not done within {declared.timeout_s:.0f} s"
        except OSError as error:
            raise FlashError(f"cannot {what}: cannot run {program}: {error}") from error
        output.seek(0)
        said = output.read().decode(errors="replace")
    if (
        status == 0
        and re.search(done, said)
        and not (declared.failed and re.search(declared.failed, said))
    ):
        return said
    kind, remedy = _remedy(declared, said, words)
    last = _last(said)
    raise kind(
        f"cannot {what}: {remedy}; tried: {shlex.join(command)}; it {ended}"
        + (f", its last words:\n{last}" if last else "")
    )


def _remedy(
    declared: Tool, said: str, words: Mapping[str, str]
) -> tuple[type[TinybenchError], str]:
    """Return the error that a program's words mean, and what to try next."""
    for fault, pattern in declared.seen.items():
        if re.search(pattern, said):
            kind, remedy = REMEDIES[fault]
            remedy = declared.remedies.get(fault, remedy)
            return kind, _PLACEHOLDER.sub(lambda found: words.get(found[1], "given"), remedy)
    if not said.strip():
        return FlashError, "the program failed, and said nothing: try the command by hand"
    return FlashError, "the program failed, and says why below"


def _last(said: str) -> str:
    """Return the end of what a program said, without empty lines and overwritten ones."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in said.split("\n")]
    last = "\n".join(f"    {line}" for line in lines if line)
    return last if len(last) <= EXCERPT else "    ..." + last[-EXCERPT:].partition("\n")[2]
