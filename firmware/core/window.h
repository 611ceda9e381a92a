/* What an engine of the th_* API may do inside a timed window, before and after its inferences. In
 * that build alone (TB_TH_API); th_api/ implements it. */
#ifndef TINYBENCH_WINDOW_H
#define TINYBENCH_WINDOW_H

void window_begins(void);
void window_ends(void);

#endif
