/* The clocks of the RP2040 and RP2350: the board's clock_hz, from its crystal by the PLL.
 *
 * Ref: RP2040 data sheet, 2.15 Clocks, 2.16 Crystal oscillator, 2.18 PLL; RP2350 data sheet, 8.
 */
#include "clocks.h"

#include "chip.h"
#include "cpu.h"
#include "resets.h"

#if !defined PLL_SOURCE_HZ || !defined PLL_M || !defined PLL_N || !defined PLL_DIVIDE
#error "the board's declaration lacks its table [clock], from which the PLL's settings come"
#endif
_Static_assert(1ull * PLL_SOURCE_HZ * PLL_N == 1ull * CLOCK_HZ * PLL_M * PLL_DIVIDE,
               "the PLL makes the board's clock_hz");

#define XOSC_CTRL (XOSC + 0x00)
#define XOSC_CTRL_1_15_MHZ_ENABLE (0xFABu << 12 | 0xAA0u)
#define XOSC_STATUS (XOSC + 0x04)
#define XOSC_STATUS_STABLE (1u << 31)
#define XOSC_STARTUP (XOSC + 0x0C)
#define XOSC_STARTUP_DELAY (PLL_SOURCE_HZ / 1000u * 50u / 256u) /* 50 ms, for slow crystals */
#define CLK_REF_CTRL (CLOCKS + 0x30)
#define CLK_REF_XOSC 2u
#define CLK_REF_SELECTED (CLOCKS + 0x38)
#define CLK_SYS_CTRL (CLOCKS + 0x3C)
#define CLK_SYS_SRC_AUX 1u
#define CLK_SYS_AUXSRC (7u << 5) /* 0: the PLL */
#define CLK_SYS_SELECTED (CLOCKS + 0x44)
#define CLK_PERI_CTRL (CLOCKS + 0x48)
#define CLK_PERI_ENABLE (1u << 11) /* of clk_sys */
#define PLL_CS (PLL_SYS + 0x0)
#define PLL_CS_LOCK (1u << 31)
#define PLL_PWR (PLL_SYS + 0x4)
#define PLL_PWR_DSMPD (1u << 2)
#define PLL_PWR_POSTDIVPD (1u << 3)
#define PLL_FBDIV_INT (PLL_SYS + 0x8)
#define PLL_PRIM (PLL_SYS + 0xC)
#define POST_DIVIDER_MOST 7u

/* PLL_DIVIDE by two dividers, the first the larger one. */
static uint32_t post_dividers(void) {
    uint32_t first = POST_DIVIDER_MOST;
    while (PLL_DIVIDE % first != 0) {
        first--;
    }
    return first << 16 | PLL_DIVIDE / first << 12;
}

void clocks_start(void) {
    register_write(XOSC_STARTUP, XOSC_STARTUP_DELAY);
    register_write(XOSC_CTRL, XOSC_CTRL_1_15_MHZ_ENABLE);
    register_wait(XOSC_STATUS, XOSC_STATUS_STABLE, XOSC_STATUS_STABLE);

    /* Away from a PLL that a boot loader or debugger may have left on, to the crystal. */
    register_change(CLK_SYS_CTRL, CLK_SYS_SRC_AUX, 0);
    register_wait(CLK_SYS_SELECTED, 3, 1u << 0);
    register_write(CLK_REF_CTRL, CLK_REF_XOSC);
    register_wait(CLK_REF_SELECTED, 0xF, 1u << CLK_REF_XOSC);

    restart(RESETS_PLL_SYS);
    register_write(PLL_CS, PLL_M);
    register_write(PLL_FBDIV_INT, PLL_N);
    register_write(PLL_PWR, PLL_PWR_DSMPD | PLL_PWR_POSTDIVPD);
    register_wait(PLL_CS, PLL_CS_LOCK, PLL_CS_LOCK);
    register_write(PLL_PRIM, post_dividers());
    register_write(PLL_PWR, PLL_PWR_DSMPD);

    /* The auxiliary source is chosen while it is not in use. */
    register_change(CLK_SYS_CTRL, CLK_SYS_AUXSRC, 0);
    register_set(CLK_SYS_CTRL, CLK_SYS_SRC_AUX);
    register_wait(CLK_SYS_SELECTED, 3, 1u << CLK_SYS_SRC_AUX);

    register_write(CLK_PERI_CTRL, 0);
    register_write(CLK_PERI_CTRL, CLK_PERI_ENABLE);
}
