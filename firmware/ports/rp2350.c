/* Port for the RP2350, one of its Cortex-M33: the clock that the board's clock_hz wishes, UART0
 * received by interrupt. The other core stays in the boot ROM, the RISC-V cores are off.
 *
 * Registers are named as in the RP2350 data sheet, whose sections the comments name. How the PLL is
 * set is computed from clocks/rp2350.toml, and comes as macros. The LED is on until the board is
 * ready: if it stays on, port_init waits for the crystal or the PLL.
 */
#include "port.h"

#include "chip.h"
#include "clocks.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"

/* 5.9.5.1 "Minimum Arm IMAGE_DEF": the boot ROM looks for it in the first 4 KB, and starts what has
 * its vectors at the start of flash. */
#define BLOCK_START 0xFFFFDED3u
#define ITEM_IMAGE_TYPE 0x10210142u /* one word; an executable, secure, Arm, RP2350 */
#define ITEM_LAST 0x000001FFu       /* one word came before */
#define BLOCK_END 0xAB123579u

__attribute__((section(".interrupts"), used)) const struct {
    Handler handlers[UART0_INTERRUPT + 1];
    uint32_t image_def[5];
} rp2350_interrupts = {
    .handlers = {[UART0_INTERRUPT] = line_interrupt},
    .image_def = {BLOCK_START, ITEM_IMAGE_TYPE, ITEM_LAST, 0 /* no other block */, BLOCK_END},
};

void port_init(void) {
    pins_start();
    led_start();
    clocks_start();
    timing_start();
    line_start();
    led_off();
}
