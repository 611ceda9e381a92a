/* Run inferences on the uploaded input, time them and answer their results. */
#ifndef TINYBENCH_INFER_H
#define TINYBENCH_INFER_H

#include <stdint.h>

/* `infer N W`: run `warmups` untimed inferences, then `iterations` timed ones, and answer both time
 * stamps and the results. Answers an error and no results when the input is incomplete or the
 * engine fails. */
void infer_window(uint32_t iterations, uint32_t warmups);

/* `profile-layers N`: run `iterations` inferences layer by layer, and answer the time each layer
 * took in all of them together, from its start to the next one's: `m-layer-INDEX-MICROSECONDS`, one
 * line a layer. Answers errors as `infer`, and no result. */
void infer_layers(uint32_t iterations);

/* Run `count` inferences; stop at the first that fails. Returns what the engine returned last:
 * negative when it failed. */
int infer_untimed(uint32_t count);

/* Run a timed window of `iterations` inferences and store its time stamps. Returns as above. */
int infer_timed(uint32_t iterations, uint32_t *start_us, uint32_t *end_us);

/* `results`: answer the outputs of the last window. */
void infer_results(void);

#endif
