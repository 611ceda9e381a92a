/* Port for the RP2040, one of its Cortex-M0+: the clock that the board's clock_hz wishes, UART0
 * received by interrupt. The other core stays in the boot ROM.
 *
 * Registers are named as in the RP2040 data sheet, whose sections the comments name. How the PLL is
 * set is computed from clocks/rp2040.toml, and comes as macros. The LED is on until the board is
 * ready: if it stays on, port_init waits for the crystal or the PLL.
 */
#include "port.h"

#include "chip.h"
#include "clocks.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"

#ifndef TB_FAKE_REGISTERS
/* 2.8.1 "Processor controlled boot sequence": the boot ROM copies the first 256 bytes of flash to
 * RAM and runs them there, if the last word is their check sum (CRC-32, polynomial 04C11DB7, not
 * reflected). They let flash be read in place (4.10 SSI) by the command 03h, which every flash
 * knows, one bit at a time and at a quarter of the clock, and go where a reset of any other
 * Cortex-M does. */
__asm(".pushsection .boot2, \"ax\"\n"
      ".syntax unified\n"
      ".thumb_func\n"
      "boot2: ldr r0, =0x18000000\n" /* SSI */
      "movs r1, #0\n"
      "str r1, [r0, #0x08]\n" /* SSIENR: off, as long as it is set up */
      "movs r2, #4\n"
      "str r2, [r0, #0x14]\n" /* BAUDR */
      "ldr r2, =0x001F0300\n" /* frames of 32 bits, read behind a command and an address */
      "str r2, [r0, #0x00]\n" /* CTRLR0 */
      "str r1, [r0, #0x04]\n" /* CTRLR1: one frame */
      "ldr r2, =0x03000218\n" /* command 03h of 8 bits, address of 24, on one wire each */
      "movs r3, #0xF4\n"
      "str r2, [r0, r3]\n" /* SPI_CTRLR0 */
      "movs r1, #1\n"
      "str r1, [r0, #0x08]\n"
      "ldr r0, =vectors\n"
      "ldr r1, =0xE000ED08\n" /* VTOR */
      "str r0, [r1]\n"
      "ldmia r0, {r0, r1}\n"
      "msr msp, r0\n"
      "bx r1\n"
      ".ltorg\n"
      ".org 252\n"
      ".word 0x67628435\n"
      ".popsection\n");
#endif

__attribute__((section(".interrupts"), used)) const Handler rp2040_interrupts[] = {
    [UART0_INTERRUPT] = line_interrupt,
};

void port_init(void) {
    pins_start();
    led_start();
    clocks_start();
    timing_start();
    line_start();
    led_off();
}
