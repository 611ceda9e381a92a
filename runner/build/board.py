"""Board declarations: what a board is, how its firmware is built, and how it is reached."""

import difflib
import re
import sys
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from tinybench.declare import Declaration, Name, beside, find, load, named, nearest
from tinybench.errors import DeclarationError, UsageError
from tinybench.expected import like
from tinybench.printable import one_line

from ..results.scenario.interference import Interference
from .clock.tree import Clock, settings, shown
from .tool import Tool, Version, too_old

KERNELS = ("plain", "blocked", "rv32", "thumb2", "dsp", "mve")
Kernels = Annotated[str, like(rf"^({'|'.join(KERNELS)})\Z", f"one of {', '.join(KERNELS)}")]

Constant = Annotated[
    str, like(r"^[a-z][a-z0-9_]*\Z", "a name of lower-case letters, digits and _, a letter first")
]
"""Becomes a C macro, in capitals."""

Address = Annotated[int, Meta(ge=0, lt=2**32)]
Size = Annotated[int, Meta(ge=1, le=2**32)]
FOREIGN = re.compile(
    r"(?i)(nucleo|stm32|b-[lu]|disco|rp2|pico|esp|nrf|arduino|nano|teensy|imx|lpc|frdm|mimxrt|max78|"
    r"apollo|efr32|xiao|rak|sam[dev]|ek-ra|ra[0-9]|psoc|cy8|cc13|cc26|msp|gap[0-9]|k210|ch32|bl[67])"
)
"""How the names of chips and boards begin that there are; most of them have no port here."""
SAME_BOARD = 0.88
"""As alike as a name with a slip of the finger is to the right one."""
QEMU = "qemu-system-"
_SHIFT = re.compile(r"(?:\A|,)shift=([0-9]{1,2})(?:,|\Z)")
BootWait = Annotated[float, Meta(ge=0, le=60)]
Flag = Annotated[
    str, like(r"^[A-Za-z0-9_+,./:=-]+\Z", "one word of letters, digits and _ + , . / : = -")
]
"""One plain word for the compiler: nothing in it means anything to make or to a shell."""


class Toolchain(Declaration, frozen=True, kw_only=True):
    """How the firmware for a board is compiled."""

    prefix: Annotated[str, like(r"^[A-Za-z0-9_+./-]*\Z", "a prefix such as arm-none-eabi-")]
    """Prefix of gcc, objcopy and size: "arm-none-eabi-", or "" for the host's own compiler."""
    cflags: list[Flag] = []
    """Architecture flags, given to the compiler and the linker."""
    kernels: Kernels = "plain"
    """Kernel variant: "plain" (readable C), "blocked" (portable C, fast), "rv32" (RV32IM),
    "thumb2" (Cortex-M3), "dsp" (Armv7E-M and Armv8-M DSP instructions) or "mve" (Armv8.1-M vector
    instructions)."""


class Coupled(Declaration, frozen=True, kw_only=True):
    """Tightly coupled memories of a Cortex-M7, which make it wait for nothing, and are asked to
    hold what a model's inference takes most: [origin, bytes]; None: nothing is placed there."""

    kernels: tuple[Address, Size] | None = None
    """ITCM, for the code of kernels and model; start-up copies it there from flash."""
    tensors: tuple[Address, Size] | None = None
    """DTCM, for the model's tensors."""


class Memory(Declaration, frozen=True, kw_only=True):
    """The two regions the linker script uses, in bytes."""

    flash_origin: Address
    flash_size_b: Size
    ram_origin: Address
    ram_size_b: Size
    vectors_origin: Address | None = None
    """Where the core looks for its vector table at reset; None: at the start of flash."""
    weights: Literal["flash", "ram"] = "flash"
    """Where a compiled model's constants are read from; start-up copies them to RAM, which makes
    no core wait, and has to hold them beside the tensors."""
    constants_origin: Address | None = None
    """Where the same flash is read as data, on a RISC-V; None: where its code is executed."""

    coupled: Coupled = Coupled()

    @property
    def weights_in_ram(self) -> bool:
        """Whether RAM holds the constants of a model."""
        return self.weights == "ram"


class SecondCore(Declaration, frozen=True, kw_only=True):
    """A second core, which can compute half of a layer while the first computes the other half."""

    used: bool = False
    """Whether it does where nobody says: --cores 1 and 2 do."""
    stack_b: Annotated[int, Meta(ge=1024, le=2**16, multiple_of=8)] = 2048


class Only(Declaration, frozen=True, kw_only=True):
    """What a program emulates of a chip's clocks; any other is emulated by a chip of ours."""

    chip: Name
    """Name of `firmware/chips/<chip>.toml`."""
    clocks_hz: list[Annotated[int, Meta(ge=1, lt=2**32)]] = []
    """Of the core; none: all."""
    sources: list[Name] = []
    """Of its PLL; none: all."""

    def holds(self, board: "Board") -> bool:
        """Whether the program makes this board's clock."""
        source = None if board.clock is None else board.clock.source
        right = not self.clocks_hz or board.clock_hz in self.clocks_hz
        return right and (not self.sources or source in self.sources)


class Emulator(Declaration, frozen=True, kw_only=True):
    """How an emulated board is started; the DUT's serial line is the process's stdin and stdout."""

    argv: Annotated[list[str], Meta(min_length=1)] = []
    """Argument list; "{elf}" is replaced by the path of the image."""
    chip: Name | None = None
    """Instead of `argv`: `firmware/chips/<chip>.toml`, emulated by Unicorn in a process of ours."""
    only: Only | None = None
    """Where the program of `argv` does not make every clock that the chip does."""
    version: Version | None = None
    """The oldest version of the program that will do; None: any."""
    instruction_ns: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Emulated time that one instruction takes, exactly; 0 where time is the host's own."""
    flash_size_b: Size | None = None
    """What the emulated chip has, where that is less than the board's; None: as declared."""
    ram_size_b: Size | None = None
    interference: bool = False
    """Whether interference can be built into its firmware: on a Cortex-M whose port leaves SysTick
    alone."""
    timing_pin: list[str] = []
    """Further arguments for the energy build; "{pin}" is replaced by the path of a socket, on which
    an edge of the timing pin is the emulated microsecond: eight hex digits and a newline."""

    def __post_init__(self) -> None:
        """Hold the time of an instruction against what QEMU is told. Ref: QEMU, -icount shift=N."""
        if bool(self.argv) == (self.chip is not None):
            raise ValueError("an emulator has either argv, a program's argument list, or chip")
        if self.chip is not None:
            if not self.instruction_ns:
                raise ValueError("with chip, instruction_ns says how long an instruction takes")
            return
        told = next((two for one, two in pairwise(self.argv) if one == "-icount"), None)
        if told is None:
            if self.instruction_ns and Path(self.argv[0]).name.startswith(QEMU):
                raise ValueError(
                    "with instruction_ns, argv needs '-icount', 'shift=N': without it QEMU's time "
                    "is the host's"
                )
            return
        shift = _SHIFT.search(told)
        if shift is None or self.instruction_ns != 1 << int(shift[1]):
            wanted = f"shift={(self.instruction_ns or 1).bit_length() - 1}"
            raise ValueError(
                f"instruction_ns is {self.instruction_ns}, but '-icount' is '{told}': an "
                f"instruction takes 2^shift ns; did you mean '{wanted}'?"
            )

    @property
    def program(self) -> str:
        """What is started: a program's name, or this Python."""
        return self.argv[0] if self.argv else sys.executable

    def too_old(self, words: str) -> bool:
        """Whether a program that says `words` of its version is older than it must be."""
        return too_old(words, self.version)


class Power(Declaration, frozen=True, kw_only=True):
    """What a board draws, where nothing measures it: a model, from its data sheet."""

    voltage_v: Annotated[float, Meta(gt=0, le=100)]
    idle_a: Annotated[float, Meta(ge=0, le=100)]
    """While it waits for the host."""
    active_a: Annotated[float, Meta(ge=0, le=100)]
    """While it infers."""
    source: str
    """Where the figures come from."""

    @property
    def currents(self) -> tuple[float, float, float]:
        """Voltage in V; current in A while it infers, and while it waits."""
        return self.voltage_v, self.active_a, self.idle_a

    @property
    def active_w(self) -> float:
        """Power in W while it infers."""
        return self.voltage_v * self.active_a


PerMhz = Annotated[float, Meta(gt=0, le=100_000)]


class Running(Declaration, frozen=True, kw_only=True):
    """What a chip draws while it computes, as its data sheet says."""

    voltage_v: Annotated[float, Meta(gt=0, le=100)]
    ua_per_mhz: PerMhz | Annotated[list[PerMhz], Meta(min_length=3, max_length=3)]
    """Microamperes a megahertz: a number, or the lowest, the usual and the highest one."""
    source: str

    def __post_init__(self) -> None:
        """Refuse bounds that are none."""
        if list(self.bounds) != sorted(self.bounds):
            raise ValueError(f"ua_per_mhz is not [lowest, usual, highest]: {list(self.bounds)}")

    @property
    def bounds(self) -> tuple[float, float, float]:
        """The lowest, the usual and the highest figure."""
        one = self.ua_per_mhz
        low, usual, high = one if isinstance(one, list) else (one, one, one)
        return low, usual, high


class Timed(Declaration, frozen=True, kw_only=True):
    """By which declared timings the cycles of a board are estimated."""

    core: str
    """Name of `firmware/cores/<name>.toml`, or the path of such a file."""
    memory: str | None = None
    """Name of `firmware/memories/<name>.toml`, or a path; None: memory lets nothing wait."""
    supply: str | None = None
    """That of the memory's at which the board runs; None: the first that allows its clock."""
    power: Running | None = None
    """For the energy of an estimate; None: there is none."""


VidPid = Annotated[
    str,
    like(r"^[0-9a-f]{4}:[0-9a-f]{4}\Z", "VENDOR:PRODUCT of USB in lower case, such as 0483:374b"),
]


class Attached(Declaration, frozen=True, kw_only=True):
    """How a real board shows on this computer."""

    usb: list[VidPid]
    """VID:PID of what carries its serial port, such as the debug probe on it."""
    energy: bool = True
    """Whether that port reaches the energy build too, which may talk on other pins."""


class ResetLine(Declaration, frozen=True, kw_only=True):
    """A modem line of the board's serial port that is wired to its reset."""

    line: Literal["dtr", "rts"]
    pulse_s: Annotated[float, Meta(gt=0, le=10)] = 0.1
    """It is asserted for so long; released, the board starts."""


L4_MOST_HZ, F405_MOST_HZ = 80_000_000, 168_000_000
FIXED_HZ = {
    "nrf52840": (64_000_000,),
    "nrf5340": (64_000_000, 128_000_000),
    "esp32c3": (80_000_000, 160_000_000),
    "esp32c6": (80_000_000, 160_000_000),
}
"""Families without a table [clock]: all that their ports make."""


class Board(Declaration, frozen=True, kw_only=True):
    """A board, from `firmware/boards/<name>.toml`."""

    name: Name
    description: str
    family: Name
    """Name of the port: `firmware/ports/<family>.c`."""
    core: str
    """Processor core, such as "Cortex-M4F"."""
    clock_hz: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    """Core clock; 0 where it is unknown (the host)."""
    clock: Clock | None = None
    """How the chip makes it; None: its port sees to that, or nobody need."""
    toolchain: Toolchain | None = None
    """None: no firmware is built, the board holds one."""
    port: dict[Constant, Annotated[int, Meta(ge=0, lt=2**32)]] = {}
    """What the port must know of this board, as macros: `fpgaio_origin = 1` is FPGAIO_ORIGIN."""
    second_core: SecondCore | None = None
    """None: there is none, or its port does not start it."""
    memory: Memory | None = None
    emulator: Emulator | None = None
    """None: the board is on a serial port. With `attached`: only where emulation is asked for."""
    attached: Attached | None = None
    """None: no real board, or one of which nothing is known."""
    flash: dict[Name, Tool] = {}
    """Programs that write firmware into it, by name of `firmware/tools/<name>.toml`, the first by
    default; with what this board adds to their declaration, or with all of one of its own."""
    reset: ResetLine | None = None
    """For a board that its flasher cannot reset."""
    dtr: bool | None = None
    """Whether its port is opened with DTR asserted; None: it is, unless it is the line that resets
    the board."""
    rts: bool | None = None
    """The same of RTS."""
    boot_wait_s: BootWait = 0.0
    """Nothing is sent for so long after its port was opened, it was reset or got its supply."""
    cycles: Timed | None = None
    """For the estimate of cycles; None: there is none."""
    power: Power | None = None
    """For modelled energy of an emulated board."""

    @property
    def instruction_ns(self) -> int:
        """Emulated time that one instruction takes, exactly; 0 where it is no emulated board."""
        return 0 if self.emulator is None else self.emulator.instruction_ns

    @property
    def emulated(self) -> bool:
        """Whether time on this board is an instruction count."""
        return self.instruction_ns > 0

    @property
    def counts(self) -> bool:
        """Whether its emulator can be asked for the instructions that it counted: QEMU can."""
        program = Path(self.emulator.program).name if self.emulator else ""
        return self.emulated and program.startswith(QEMU)

    @property
    def cores(self) -> int:
        """How many compute."""
        return 2 if self.second_core is not None and self.second_core.used else 1

    @property
    def plugs(self) -> bool:
        """Whether its emulator takes the plugin that counts cycles: QEMU does, and our chips.

        Of two cores it would count the sum, which is no estimate of anything.
        """
        if self.cores > 1:
            return False
        return self.counts or (self.emulator is not None and self.emulator.chip is not None)

    def on_cores(self, cores: int | None) -> "Board":
        """Return the board on so many cores; None: as it declares. Raises UsageError."""
        if cores is None or cores == self.cores:
            return self
        if self.second_core is None:
            able = [one for one in names() if load_board(one).second_core is not None]
            raise UsageError(
                f"--cores {cores}: board {self.name} declares no second core; these do: "
                f"{', '.join(sorted(able))}"
            )
        return replace(self, second_core=replace(self.second_core, used=cores == 2))

    def interfered(self, with_: Interference | None) -> "Board":
        """Return the board with interference in its firmware, or as it is."""
        if with_ is None:
            return self
        constants = {
            "interfere_every_us": round(with_.every_s * 1e6),
            "interfere_instructions": with_.instructions,
            "interfere_irregular": int(with_.kind == "flash"),
        }
        return replace(self, port=self.port | constants)

    @property
    def constants(self) -> dict[str, int]:
        """What the port must know, as macros: what is declared, and how the clock is made."""
        made = {} if self.clock is None else settings(self.clock, self.clock_hz).macros()
        if self.second_core is not None and self.second_core.used:
            made |= {"TB_SECOND_CORE": 1, "SECOND_CORE_STACK_B": self.second_core.stack_b}
        return {name.upper(): value for name, value in self.port.items()} | made

    def command(self, elf: str, pin: str | None = None) -> list[str]:
        """Return the argument list that starts this board as a child process.

        `pin` is the path of the socket for its timing pin, in the energy build. Raises UsageError
        for a board that is on a serial port.
        """
        if self.emulator is None:
            raise UsageError(
                f"board {self.name} is on a serial port: give it with --port, such as "
                "--port /dev/ttyACM0"
                + ("; or run its firmware in an emulator with --emulate" * bool(self.attached))
            )
        argv = self.emulator.argv or self._chip_argv(self.emulator)
        words = [word.replace("{elf}", elf) for word in argv]
        if pin is not None:
            words += [word.replace("{pin}", pin) for word in self.emulator.timing_pin]
        return words

    def __repr__(self) -> str:
        """Return its name and core: an assertion that fails shows this, not the file."""
        return f"<board {self.name} ({one_line(self.core)})>"

    def _chip_argv(self, emulator: Emulator) -> list[str]:
        """Return what runs the board's chip in a process of ours. Ref: runner/chip/__main__.py."""
        words = [sys.executable, "-m", "tinybench.runner.chip", str(emulator.chip), "{elf}"]
        source_hz = 0 if self.clock is None else self.clock.source_hz
        words += [str(emulator.instruction_ns), str(source_hz)]
        if (memory := self.memory) is not None:
            flash, ram = emulator.flash_size_b, emulator.ram_size_b
            words += [
                f"{memory.flash_origin:#x}:{flash or memory.flash_size_b:#x}:r",
                f"{memory.ram_origin:#x}:{ram or memory.ram_size_b:#x}:rw",
            ]
            if (also := memory.constants_origin) is not None:
                words.append(
                    f"{also:#x}:{flash or memory.flash_size_b:#x}:r@{memory.flash_origin:#x}"
                )
        return words


def names() -> dict[str, Path]:
    """Return all boards in the package as {name: path of the declaration}."""
    return named("firmware", "boards")


def no_board(name: str, valid: Collection[str]) -> str:
    """Say that there is no such board: what was meant, or how one without a port of ours is driven.

    One chip is never proposed for another: their firmware would not run.
    """
    close = difflib.get_close_matches(name.lower(), valid, n=1, cutoff=SAME_BOARD)
    if close or FOREIGN.match(name) is None:
        return f"there is no board '{name}': {nearest(name, valid)}"
    return (
        f"there is no firmware of ours for '{name}'. Any firmware that speaks the MLPerf Tiny API "
        "is driven at its port: tinybench --port /dev/ttyACM0 --task auto (docs/bench.md, Firmware "
        "of others), and written by: tinybench flash --image FILE --flasher NAME "
        "(docs/hardware.md). To have ours there by Arduino, Zephyr or ESP-IDF: tinybench export "
        "(docs/export.md); to port it: docs/add-a-board.md"
    )


def _with_usual_clock(board: Board) -> Board:
    """Return a board with its family's clock, where it was declared when there was no other.

    Of two trees that a chip may have, the one that goes as far; wait states are no fewer than due.
    """
    port, hz = board.port, board.clock_hz
    if board.clock is not None or board.toolchain is None:
        return board
    if board.family == "stm32l4":
        tree = "stm32l4" if hz <= L4_MOST_HZ else "stm32l4plus"
        return replace(board, clock=Clock(tree=tree, source="msi", source_hz=48_000_000))
    if board.family == "stm32f4" and "hse_hz" in port:
        tree = "stm32f405" if hz <= F405_MOST_HZ else "stm32f446"
        left = {name: value for name, value in port.items() if name != "hse_hz"}
        clock = Clock(tree=tree, source="hse", source_hz=port["hse_hz"])
        return replace(board, clock=clock, port=left)
    return board


def _insist_fixed(board: Board, path: Path) -> None:
    """Refuse a clock that a family without a table [clock] has not. Raises DeclarationError."""
    made = FIXED_HZ.get(board.family, ())
    if made and board.toolchain is not None and board.clock_hz not in made:
        near = min(made, key=lambda one: abs(one - board.clock_hz))
        raise DeclarationError(
            f"{path}: key 'clock_hz': an {board.family} cannot run at {shown(board.clock_hz)}; "
            f"the nearest that it can is {shown(near)}"
        )


def load_board(name: str, *, emulate: bool = False) -> Board:
    """Load a board by name, or by the path of a .toml file; it is attached or emulated, not both.

    `emulate`: the emulator of a real board. Raises UsageError for an unknown name, or where there
    is no emulator, DeclarationError for a wrong file.
    """
    if name.endswith(".toml") or name in names():
        path = find("board", name, names())
        board = load(path, Board)
        if (timed := board.cycles) is not None:
            memory = None if timed.memory is None else beside(path, timed.memory)
            timed = replace(timed, core=beside(path, timed.core), memory=memory)
            board = replace(board, cycles=timed)
        board = _with_usual_clock(board)
        _insist_fixed(board, path)
        if board.clock is not None:
            try:
                settings(board.clock, board.clock_hz)
            except DeclarationError as error:
                raise DeclarationError(f"{path}: {error}") from None
    else:
        raise UsageError(no_board(name, names()))
    if emulate and not board.emulated:
        raise UsageError(f"board {board.name} has no emulator: leave --emulate out")
    if board.attached is None or board.emulator is None:
        return board
    if not emulate:
        return replace(board, emulator=None)
    only, step_ns = board.emulator.only, board.emulator.instruction_ns
    if only is not None and not only.holds(board):
        ours = Emulator(chip=only.chip, instruction_ns=step_ns)
        return replace(board, attached=None, emulator=ours)
    return replace(board, attached=None)
