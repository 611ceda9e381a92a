/* Interference on purpose, in an emulated board alone: what takes the core away from the model. */
#ifndef TINYBENCH_INTERFERENCE_H
#define TINYBENCH_INTERFERENCE_H

#ifdef INTERFERE_EVERY_US

/* Begin; on a board whose port leaves SysTick alone. */
void interference_start(void);

/* Its place is SysTick's in the vector table. */
void interference_interrupt(void);

#endif
#endif
