/* Port for the RP2350, one of its Cortex-M33: the clock that the board's clock_hz wishes, UART0
 * received by interrupt; or one of its Hazard3, which are RISC-V (hazard3 in [port]). The other
 * core stays in the boot ROM, unless it is asked for.
 *
 * Registers are named as in the RP2350 data sheet, whose sections the comments name. How the PLL is
 * set is computed from clocks/rp2350.toml, and comes as macros. The LED is on until the board is
 * ready: if it stays on, port_init waits for the crystal or the PLL.
 */
#include "port.h"

#include "chip.h"
#include "clocks.h"
#include "core.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"

/* 5.9.5 "Minimum Viable Image Metadata": the boot ROM looks for it in the first 4 KB; it starts
 * what has its vectors at the start of flash, and by a Hazard3 what is there. */
#define BLOCK_START 0xFFFFDED3u
#ifdef HAZARD3
#define ITEM_IMAGE_TYPE 0x11010142u /* one word; an executable, RISC-V, RP2350 */
#else
#define ITEM_IMAGE_TYPE 0x10210142u /* one word; an executable, secure, Arm, RP2350 */
#endif
#define ITEM_LAST 0x000001FFu /* one word came before */
#define BLOCK_END 0xAB123579u
#define IMAGE_DEF {BLOCK_START, ITEM_IMAGE_TYPE, ITEM_LAST, 0 /* no other block */, BLOCK_END}

#if defined HAZARD3 && !defined TB_FAKE_REGISTERS
__attribute__((section(".image_def"), used)) const uint32_t rp2350_image_def[5] = IMAGE_DEF;

/* Privileged Architecture, 3.1.15: an interrupt has the highest bit of mcause. There is one. */
__asm(".pushsection .text.trap_vectors, \"ax\"\n"
      ".option push\n"
      ".option arch, +zicsr\n"
      ".balign 4\n"
      ".globl trap_vectors\n"
      "trap_vectors:\n"
      "    csrw mscratch, t0\n"
      "    csrr t0, mcause\n"
      "    bltz t0, 1f\n"
      "    csrr t0, mscratch\n"
      "    j trap\n"
      "1:  csrr t0, mscratch\n"
      "    j line_interrupt\n"
      ".option pop\n"
      ".popsection\n");
#else
__attribute__((section(".interrupts"), used)) const struct {
    Handler handlers[UART0_INTERRUPT + 1];
    uint32_t image_def[5];
} rp2350_interrupts = {
    .handlers = {[UART0_INTERRUPT] = line_interrupt},
    .image_def = IMAGE_DEF,
};
#endif

void port_init(void) {
    pins_start();
    led_start();
    clocks_start();
    timing_start();
    line_start();
    led_off();
}
