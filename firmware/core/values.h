/* The outputs of an engine, as they are answered: values.c writes those of model.h, th_api/ what an
 * engine of the th_* API printed. */
#ifndef TINYBENCH_VALUES_H
#define TINYBENCH_VALUES_H

/* Write the outputs of the last window, with commas between. */
void values_text(void);

#endif
