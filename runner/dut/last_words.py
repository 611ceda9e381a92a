"""What firmware says when it dies, so that nobody waits for what will not come.

The words are those of the systems themselves. What many print and survive is not among them, such
as ESP-IDF's task watchdog, which long inferences set off.
Ref: mbed-os platform/source/mbed_fault_handler.c, mbed_error.c, mbed_assert.c; Zephyr
kernel/fatal.c, lib/os/assert.c, arch/arm/core/cortex_m/fault.c; ESP-IDF
components/esp_system/panic.c, port/panic_handler.c and brownout.c, freertos/port.c; arduino-esp8266
core_esp8266_postmortem.cpp; pico-sdk panic.c; newlib assert.c; tflite-micro micro_allocator.cc.
"""

import re

CRASH_S = 2.0
"""What follows the first word of a fault is collected for so long: the dump of the registers."""

_FATAL = re.compile(
    r"\+\+ MbedOS (?:Fault Handler|Error Info) \+\+|mbed assertation failed: "
    r"|>>> ZEPHYR FATAL ERROR|\*{5} [A-Z ]*FAULT \*{5}|ASSERTION FAIL \[|(?:os|E): Halting system"
    r"|Guru Meditation Error: |abort\(\) was called at PC |\bassert failed: "
    r"|Brownout detector was triggered|Stack smashing protect failure!"
    r"|\*{3}ERROR\*{3} A stack overflow in task "
    r"|--------------- CUT HERE FOR EXC"
    r"|\*{3} PANIC \*{3}|assertion \".*\" failed: file |: Assertion `.*' failed"
    r"|\bASSERT! Line |\bvAssertCalled\b|e-\[Hard fault"
    r"|FaultType: |\b[Hh]ard ?[Ff]ault\b|\bHARD FAULT\b"
    r"|AllocateTensors(?:\(\))? failed|Arena size is too small for all buffers"
    r"|Didn't find op for builtin opcode|Failed to allocate .*tensor"
)
_BOOT = re.compile(r"\bets [A-Z][a-z]{2} +[0-9]{1,2} 20[0-9]{2}|\bESP-ROM:|\brst:0x[0-9a-f]+ \(")


def is_boot(line: str) -> bool:
    """Return whether a line is the first that a chip's own loader says, after any reset."""
    return _BOOT.search(line) is not None


def is_fatal(line: str) -> bool:
    """Return whether a line is what firmware says at its end."""
    return _FATAL.search(line) is not None
