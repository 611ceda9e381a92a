/* A second core, which computes half of a layer while the first computes the other half. */
#ifndef TINYBENCH_SECOND_CORE_H
#define TINYBENCH_SECOND_CORE_H

/* What model_infer returns when the second core did not finish in time. */
#define SECOND_CORE_SILENT (-20000)

/* Let it start. Called once, after port_init. */
void second_core_start(void);

/* What it runs, on a stack of its own, for good: one job after the other. */
void second_core_serve(void);

/* Let it do a job, which touches nothing that the first core writes until second_core_end. */
void second_core_begin(void (*job)(void));

/* Wait until it has, at most SECOND_CORE_DEADLINE_US. */
void second_core_end(void);

/* 0, or SECOND_CORE_SILENT from a job on that it did not do: what was computed since is nothing. */
int second_core_status(void);

#endif
