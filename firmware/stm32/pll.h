/* How the chip makes its clock: the settings that the runner computes from clocks/NAME.toml and
 * hands over as macros.
 *
 *   PLL_FROM_NAME, PLL_SOURCE_HZ   what feeds the PLL
 *   PLL_M, PLL_N, PLL_DIVIDE       source / M is the VCO's input, * N its output, / DIVIDE the
 * core's SUPPLY                         the place of the voltage in the tree, from 0 on WAIT_STATES
 * of flash at this clock and voltage SOURCE_WAIT_STATES             of flash while the core runs by
 * the source
 */
#ifndef TINYBENCH_PLL_H
#define TINYBENCH_PLL_H

#if !defined PLL_SOURCE_HZ || !defined PLL_M || !defined PLL_N || !defined PLL_DIVIDE ||           \
    !defined SUPPLY || !defined WAIT_STATES || !defined SOURCE_WAIT_STATES
#error "the board's declaration lacks its table [clock], from which the PLL's settings come"
#endif

_Static_assert(1ull * PLL_SOURCE_HZ * PLL_N == 1ull * CLOCK_HZ * PLL_M * PLL_DIVIDE,
               "the PLL makes the board's clock_hz");

#endif
