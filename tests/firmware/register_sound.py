"""What RM0432 demands of a port that takes sound over I2S, and of the pins of a stream, as checks.

Ref: RM0432, "Serial audio interface", "Direct memory access controller", "DMA request multiplexer".
"""

from collections.abc import Iterator

from tests.firmware.register_order import BSRR, MODER, Check, Family, Log, is_gpio, named, steps

SAI, DMA, MUX = 0x40015400, 0x40020000, 0x40020800
ACR1, ACR2, AFRCR, ASLOTR, ADR = (SAI + at for at in (0x04, 0x08, 0x0C, 0x10, 0x20))
IFCR, CCR, CNDTR, CPAR, CMAR = (DMA + at for at in (0x04, 0x08, 0x0C, 0x10, 0x14))
AHB1ENR, APB2ENR, APB2RSTR = (0x40021000 + at for at in (0x48, 0x60, 0x40))
SAI1, SAIEN, DMAEN, EN = 1 << 21, 1 << 16, 1 << 17, 1
RECEIVES = 1 << 9 | 4 << 5 | 3
"""A slave that receives 16 bits, sampled at the rising edge."""
FRAME = 1 << 18 | 1 << 16 | 15 << 8 | 31
"""Philips I2S: 32 bits, FS low for the left half, one bit early."""
SLOTS = 3 << 16 | 1 << 8
CIRCULAR = 1 << 10 | 1 << 8 | 1 << 7 | 1 << 5 | 1 << 3 | 1 << 2 | 1 << 1
"""Half-words from a peripheral around a buffer; half, whole and error interrupt."""
SAI1_A = 36
NVIC_ISER, DMA1_CHANNEL_1 = 0xE000E100, 11
SOUND_CALLS = [
    *(("port_busy", 1), ("port_detected", 0), ("port_busy", 0)),
    *(("port_sound_start", 0), ("port_sound_stop", 0)),
]


def clocked(family: Family, log: Log) -> Iterator[str]:
    """SAI1, DMA1 and DMAMUX1 have their clocks, read back, before their registers are used."""
    running = {SAI: False, DMA: False, MUX: False}
    bits = {SAI: (APB2ENR, SAI1), DMA: (AHB1ENR, 1), MUX: (AHB1ENR, 4)}
    for _, access, after in steps(family, log):
        for origin, (enable, bit) in bits.items():
            if access.address == enable:
                on = bool(after[enable] & bit)
                running[origin] = on and (running[origin] or not access.write)
        for origin, on in running.items():
            if access.address in range(origin, origin + 0x400) and not on:
                yield f"{named(access)} without its clock"
                return


def channel(family: Family, log: Log) -> Iterator[str]:
    """The channel and its request are set up while it is off, and the flags of before cleared."""
    began = False
    for before, access, after in steps(family, log):
        if not access.write:
            continue
        on = before.get(CCR, 0) & EN
        if access.address in (CNDTR, CPAR, CMAR, MUX) and on:
            yield f"{named(access)} while the channel is on"
        if access.address == CCR and access.value & EN:
            began = True
            if access.value & ~EN != CIRCULAR or before.get(CCR, 0) & ~EN != CIRCULAR:
                yield f"{named(access)}: not a channel as it must be, before it is on"
            wanted = {CNDTR: 4 * 512, CPAR: ADR, MUX: SAI1_A, IFCR: 0xF}
            for address, value in wanted.items():
                if after.get(address) != value:
                    yield f"{named(access)} while {address:#x} is {after.get(address, 0):#x}"
            if not after.get(CMAR, 0):
                yield f"{named(access)} without a buffer"
    if not began:
        yield "no channel is on"


def let_through(family: Family, log: Log) -> Iterator[str]:
    """The channel's interrupt is let through before the SAI is on."""
    lines = 0
    for _, access, _ in steps(family, log):
        if access.write and access.address == NVIC_ISER:
            lines |= access.value
        if access.write and access.address == ACR1 and access.value & SAIEN:
            if not lines & 1 << DMA1_CHANNEL_1:
                yield f"{named(access)} while the channel's interrupt is off"
            return


def receiver(family: Family, log: Log) -> Iterator[str]:
    """The SAI is set up while it is off and its FIFO flushed; the channel is on, then DMAEN."""
    began = flushed = False
    for before, access, after in steps(family, log):
        if not access.write:
            continue
        on = before.get(ACR1, 0) & SAIEN
        if access.address in (ACR2, AFRCR, ASLOTR) and on:
            yield f"{named(access)} while the SAI is on"
        flushed |= access.address == ACR2 and bool(access.value & 1 << 3)
        if access.address != ACR1:
            continue
        if access.value & DMAEN and not after.get(CCR, 0) & EN:
            yield f"{named(access)} asks a channel that is off"
        if access.value & SAIEN:
            began = True
            if access.value != RECEIVES | DMAEN | SAIEN or before.get(ACR1, 0) != RECEIVES | DMAEN:
                yield f"{named(access)}: not a receiver as it must be, before it is on"
            if (after.get(AFRCR), after.get(ASLOTR)) != (FRAME, SLOTS) or not flushed:
                yield f"{named(access)} with another frame, or an old FIFO"
    if not began:
        yield "the SAI is never on"


def set_up_first(family: Family, log: Log) -> Iterator[str]:
    """Mode and size are written before anything is asked of the channel."""
    writes = [access.value for access in log if access.write and access.address == ACR1]
    if writes[:1] != [RECEIVES] or len(writes) != 3:
        yield f"CR1 is written {len(writes)} times, not as mode, DMAEN and SAIEN"


def stopped(family: Family, log: Log) -> Iterator[str]:
    """The channel is off before the SAI is reset, which needs no clock; the reset is released."""
    levels: list[int] = []
    for before, access, _ in steps(family, log):
        if access.write and access.address == APB2RSTR:
            levels.append(access.value & SAI1)
            if before.get(CCR, 0) & EN:
                yield f"{named(access)} while the channel is on"
    if levels != [SAI1, 0]:
        yield f"the SAI's reset is written as {levels}"


def pins(family: Family, log: Log) -> Iterator[str]:
    """The wake-word pin is high before it is an output; then busy, one pulse low, not busy."""
    levels = [access for access in log if access.write and is_gpio(family, access, BSRR)]
    last = [(access.address - BSRR, access.value) for access in levels[-4:]]
    (busy_at, busy), (wake_at, _), (_, high), _ = last or [(0, 0)] * 4
    pulse = [(busy_at, busy), (wake_at, high << 16), (wake_at, high), (busy_at, busy << 16)]
    if last != pulse or busy > 0xFFFF or high > 0xFFFF or (wake_at, high) == (busy_at, busy):
        yield f"levels {[named(access) for access in levels[-4:]]}: not busy around one pulse low"
        return
    driven = dict.fromkeys(((busy_at, busy), (wake_at, high)), False)
    raised = False
    for _, access, _ in steps(family, log):
        raised |= access.write and (access.address - BSRR, access.value) == (wake_at, high)
        for origin, bit in driven:
            pin = bit.bit_length() - 1
            if access.write and access.address == origin + MODER:
                driven[origin, bit] |= access.value >> pin * 2 & 3 == 1
                if driven[origin, bit] and (origin, bit) == (wake_at, high) and not raised:
                    yield f"{named(access)} pulls the wake-word pin low"
                    return
    if not all(driven.values()):
        yield "a pin of the stream is no output"


SOUND = (
    Check("a peripheral's clock before its use: SAI, DMA", "Peripheral clock enable", clocked),
    Check("the DMA channel set up while it is off", "DMA channel configuration", channel),
    Check("the channel's interrupt before the SAI", "DMA interrupts", let_through),
    Check("the SAI set up before it is on", "SAI slave mode", receiver),
    Check("the SAI's mode before its requests", "SAI DMA interface", set_up_first),
    Check("the SAI reset when the channel is off", "APB2 peripheral reset register", stopped),
    Check("the pins of a stream at rest, then driven", "GPIO port bit set/reset register", pins),
)
