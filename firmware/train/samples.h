/* Samples kept in flash (train_config.h: TRAIN_SAMPLES of them, 0: none), and the order in which an
 * epoch takes them: that of runner/train/samples.py. */
#ifndef TINYBENCH_SAMPLES_H
#define TINYBENCH_SAMPLES_H

#include <stdint.h>

uint32_t samples_count(void);

/* Put a sample in the place of an upload, and run an inference on it. Returns its label, or a
 * negative number where the engine failed. */
int32_t samples_infer(uint32_t index);

/* Which sample comes at `place`, 0 .. samples_count() - 1, of an epoch. */
uint32_t samples_at(uint32_t seed, uint32_t epoch, uint32_t place);

#endif
