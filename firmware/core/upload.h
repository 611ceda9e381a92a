/* The upload buffer: fill model_input through `db`, and know whether it is complete. */
#ifndef TINYBENCH_UPLOAD_H
#define TINYBENCH_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* `db load N`: announce size_b bytes and start over. */
void upload_load(int32_t size_b);

/* `db HEX`: append bytes given as hex digits. Appends all of them, or answers an error and appends
 * none, so that a host may send a refused command again. */
void upload_append(const char *hex);

/* `db print`: answer the bytes received since the last `db load`. */
void upload_print(void);

/* Bytes received since the last `db load`. */
uint32_t upload_received_b(void);

#endif
