/* What the harness gives to an engine of the public MLPerf Tiny API: names, and the uploaded input.
 *
 * Ref: mlcommons/tiny, benchmark/api/internally_implemented.h.
 */
#ifndef TINYBENCH_INTERNALLY_IMPLEMENTED_H
#define TINYBENCH_INTERNALLY_IMPLEMENTED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EE_MODEL_VERSION_KWS01 "kws01"
#define EE_MODEL_VERSION_VWW01 "vww01"
#define EE_MODEL_VERSION_AD01 "ad01"
#define EE_MODEL_VERSION_IC01 "ic01"

/* Copy the uploaded input, at most `max_len` bytes of it; returns how many it has. `buffer` may be
 * NULL. */
size_t ee_get_buffer(uint8_t *buffer, size_t max_len);

/* The uploaded input itself, MAX_DB_INPUT_SIZE bytes. To be read only: an engine that writes to it
 * is found out by the check sum of its input. */
uint8_t *ee_get_buffer_pointer(void);

#ifdef __cplusplus
}
#endif

#endif
