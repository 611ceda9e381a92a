/* What the boot ROM finds of an image in flash ("direct boot"), and its watchdogs. */
#include "start.h"

#include "chip.h"
#include "cpu.h"

#define TIMG_WDTCONFIG0 0x48u
#define TIMG_WDTWPROTECT 0x64u
#define WDT_KEY 0x50D83AA1u

#ifndef TB_FAKE_REGISTERS
/* Ref: "Chip Boot Control", direct boot: two words by which the ROM knows the image; it begins
 * right behind them. */
__attribute__((section(".header"), used)) const uint32_t header[] = {0xAEDB041Du, 0xAEDB041Du};

/* 1.5 "Interrupt Controller": the core jumps to the entry of its interrupt; exceptions are 0. */
__asm(".pushsection .text.trap_vectors, \"ax\"\n"
      ".balign 256\n"
      ".option push\n"
      ".option norvc\n"
      ".globl trap_vectors\n"
      "trap_vectors:\n"
      "    j trap\n"
      "    j line_interrupt\n"
      "    .rept 30\n"
      "    j trap\n"
      "    .endr\n"
      ".option pop\n"
      ".popsection\n");
#endif

static void watchdog_off(uint32_t config, uint32_t protect) {
    register_write(protect, WDT_KEY);
    register_write(config, 0);
    register_write(protect, 0);
}

void watchdogs_off(void) {
    watchdog_off(RTC_WDTCONFIG0, RTC_WDTWPROTECT);
    watchdog_off(TIMG0 + TIMG_WDTCONFIG0, TIMG0 + TIMG_WDTWPROTECT);
    watchdog_off(TIMG1 + TIMG_WDTCONFIG0, TIMG1 + TIMG_WDTWPROTECT);
    /* The super watchdog cannot be switched off, but feeds itself. */
    register_write(RTC_SWD_WPROTECT, SWD_KEY);
    register_set(RTC_SWD_CONF, SWD_AUTO_FEED);
    register_write(RTC_SWD_WPROTECT, 0);
}
