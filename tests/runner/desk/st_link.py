"""A simulated ST-LINK/V2-1 on an STM32L4R5, behind a stlink-server as OpenOCD speaks to one.

What OpenOCD asks of a probe, and what the chip's flash does with it; there is no core that runs.
Ref: OpenOCD 0.12, src/jtag/drivers/stlink_usb.c (commands); RM0432, 3.7 FLASH registers; Arm DDI
0403, C1 (debug registers).
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

SERIAL = "066DFF515049657187212124"
OK = b"\x80\x00"
FAULT = b"\x81\x00"
FLASH_B = 2 << 20
RAM_B = 640 << 10
PAGE_B = 4096
"""Of each of the two banks."""
KEYS = [0x45670123, 0xCDEF89AB]

CPUID, AIRCR, DHCSR, DEMCR = 0xE000ED00, 0xE000ED0C, 0xE000EDF0, 0xE000EDFC
FLASH_KEYR, FLASH_SR, FLASH_CR, FLASH_OPTR = (0x40022000 + at for at in (0x08, 0x10, 0x14, 0x20))
CR_PG, CR_PER, CR_STRT, CR_BKER, CR_LOCK = 1, 2, 1 << 16, 1 << 11, 1 << 31
SR_PROGERR, SR_PGSERR = 1 << 3, 1 << 7


class Stm32L4r5:
    """Memory of the chip, and what writing it does."""

    def __init__(
        self,
        *,
        device: int = 0x470,
        stuck: int | None = None,
        on_start: Callable[[bytes], None] | None = None,
    ) -> None:
        """`device` is its identity; `stuck` the offset in flash of a byte that goes wrong.

        `on_start` is given the flash whenever its core starts from reset.
        """
        self.flash = bytearray(b"\x00" * FLASH_B)  # full of what another program left
        self.ram = bytearray(RAM_B)
        self.resets = 0
        self.running = True
        self._stuck = stuck
        self._on_start = on_start
        self._keys: list[int] = []
        self._reset_seen = False
        self._words = {
            CPUID: 0x410FC241,
            0xE000EF40: 0x10110021,  # MVFR0, MVFR1: single precision
            0xE000EF44: 0x11000011,
            0xE0002000: 0x261,  # FP_CTRL: six breakpoints
            0xE0001000: 0x40000000,  # DWT_CTRL: four watchpoints
            0xE0042000: 0x10010000 | device,  # DBGMCU_IDCODE
            0x1FFF75E0: FLASH_B >> 10,  # flash size in KB
            FLASH_CR: 0xC0000000,
            FLASH_OPTR: 0xFFEFF8AA,  # two banks, no protection
        }

    def reset(self) -> None:
        """Start anew, or stop at the first instruction where a debugger asked for that."""
        self.resets += 1
        self._reset_seen = True
        self.running = not self._words.get(DEMCR, 0) & 1
        self._words[FLASH_CR] = 0xC0000000
        self._keys = []
        if self.running and self._on_start is not None:
            self._on_start(bytes(self.flash))

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of memory."""
        memory, at = self._memory(address)
        if memory is not None:
            return bytes(memory[at : at + size])
        words = range(address & ~3, address + size, 4)
        data = b"".join(struct.pack("<I", self.word(word)) for word in words)
        return data[address % 4 : address % 4 + size]

    def word(self, address: int) -> int:
        """Return a register."""
        if address == DHCSR:
            state = (self._words.get(DHCSR, 0) & 0xF) | 1 << 16 | (0 if self.running else 1 << 17)
            state |= 1 << 25 if self._reset_seen else 0
            self._reset_seen = False
            return state
        return self._words.get(address, 0)

    def write(self, address: int, data: bytes) -> None:
        """Write memory, or registers."""
        memory, at = self._memory(address)
        if memory is self.ram:
            self.ram[at : at + len(data)] = data
        elif memory is self.flash:
            self._program(at, data)
        else:
            for offset in range(0, len(data) - 3, 4):
                self.write_word(address + offset, *struct.unpack_from("<I", data, offset))

    def write_word(self, address: int, value: int) -> None:
        """Write a register."""
        if address == DHCSR:
            if value >> 16 == 0xA05F:
                self.running = not value & 2
                self._words[DHCSR] = value & 0xF
        elif address == AIRCR:
            if value & 4:
                self.reset()
        elif address == FLASH_KEYR:
            self._keys = [*self._keys, value][-2:]
            if self._keys == KEYS:
                self._words[FLASH_CR] &= ~CR_LOCK
        elif address == FLASH_SR:
            self._words[FLASH_SR] = self._words.get(FLASH_SR, 0) & ~value
        elif address == FLASH_CR:
            self._control(value)
        else:
            self._words[address] = value

    def _memory(self, address: int) -> tuple[bytearray | None, int]:
        if 0x0800_0000 <= address < 0x0800_0000 + FLASH_B:
            return self.flash, address - 0x0800_0000
        if 0x2000_0000 <= address < 0x2000_0000 + RAM_B:
            return self.ram, address - 0x2000_0000
        return None, 0

    def _control(self, value: int) -> None:
        if self._words[FLASH_CR] & CR_LOCK:
            return
        if value & CR_STRT and value & CR_PER:
            page = (value >> 3 & 0xFF) + (256 if value & CR_BKER else 0)
            self.flash[page * PAGE_B : (page + 1) * PAGE_B] = b"\xff" * PAGE_B
        self._words[FLASH_CR] = value & ~CR_STRT

    def _program(self, at: int, data: bytes) -> None:
        """Write what is erased, where that is allowed; else note an error, as the chip does."""
        if self._words[FLASH_CR] & CR_LOCK or not self._words[FLASH_CR] & CR_PG:
            self._words[FLASH_SR] = self._words.get(FLASH_SR, 0) | SR_PGSERR
        elif any(byte != 0xFF for byte in self.flash[at : at + len(data)]):
            self._words[FLASH_SR] = self._words.get(FLASH_SR, 0) | SR_PROGERR
        else:
            self.flash[at : at + len(data)] = data
            if self._stuck is not None and at <= self._stuck < at + len(data):
                self.flash[self._stuck] ^= 1


class StLink:
    """The probe: commands of 16 bytes, with data behind them or in the answer."""

    def __init__(self, chip: Stm32L4r5 | None) -> None:
        """`chip` is what is wired to it, None: nothing that answers."""
        self._chip = chip
        self._registers = [0] * 64

    def command(self, command: bytes, data: bytes, size: int) -> bytes:
        """Return `size` bytes of answer."""
        return self._answer(command, data).ljust(size, b"\0")[:size]

    def _answer(self, command: bytes, data: bytes) -> bytes:
        if command[0] == 0xF1:  # version V2J26M16, VID, PID
            return struct.pack(">H", 2 << 12 | 26 << 6 | 16) + struct.pack("<HH", 0x0483, 0x374B)
        if command[0] == 0xF5:  # mode: mass storage
            return b"\x01\x00"
        if command[0] == 0xF7:  # voltage: 2.4 V x second / first
            return struct.pack("<II", 1500, 2062 if self._chip else 1)
        if command[0] != 0xF2:
            return b""
        if self._chip is None:
            return FAULT
        return self._debug(self._chip, command[1], command[2:], data)

    def _debug(self, chip: Stm32L4r5, what: int, words: bytes, data: bytes) -> bytes:
        address, length = struct.unpack_from("<IH", words)
        values: list[int] = []
        match what:
            case 0x07 | 0x0C | 0x47:  # read memory
                return chip.read(address, length)
            case 0x08 | 0x0D | 0x48:  # write memory
                chip.write(address, data)
            case 0x31:  # identity of the debug port
                values = [0x2BA01477, 0]
            case 0x33:  # read a register of the core
                values = [self._registers[words[0] % 64]]
            case 0x34:
                (self._registers[words[0] % 64],) = struct.unpack_from("<I", words, 1)
            case 0x35:  # write a debug register
                chip.write_word(address, struct.unpack_from("<I", words, 4)[0])
            case 0x36:
                values = [chip.word(address)]
            case 0x3A:  # all registers of the core
                values = self._registers[:21]
            case 0x32:
                chip.reset()
            case 0x3C if words[0]:  # the reset line is let go
                chip.reset()
        return OK + b"\0\0" + struct.pack(f"<{len(values)}I", *values)


@contextmanager
def stlink_server(chip: Stm32L4r5 | None, serials: tuple[str, ...] = (SERIAL,)) -> Iterator[int]:
    """Yield the TCP port of a server of ST-LINKs, all on one chip."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listener, StLink(chip), serials), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


def _serve(listener: socket.socket, probe: StLink, serials: tuple[str, ...]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with closing(connection):
            while message := connection.recv(16384):
                connection.sendall(_reply(message, connection, probe, serials))


def _reply(
    message: bytes, connection: socket.socket, probe: StLink, serials: tuple[str, ...]
) -> bytes:
    done = struct.pack("<I", 1)
    if message[0] == 0x01:  # how many
        return struct.pack("<I", len(serials))
    if message[0] == 0x02:  # which
        serial = serials[message[1]].encode().ljust(32, b"\0")
        return (
            done + struct.pack("<I", message[1]) + serial + struct.pack("<HHB", 0x0483, 0x374B, 0)
        )
    if message[0] == 0x03:  # open
        return done + struct.pack("<I", 1)
    if message[0] == 0x06:  # version of the server
        return struct.pack("<4I", 1, 2, 1, 1)
    if message[0] != 0x05:
        return done
    to_host, size = message[24], struct.unpack_from("<I", message, 28)[0]
    while not to_host and len(message) < 32 + size:
        message += connection.recv(16384)
    answer = probe.command(message[8:24], message[32:], size if to_host else 0)
    return done + answer
