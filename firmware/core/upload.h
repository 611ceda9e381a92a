/* The upload buffer: fill model_input through `db` or frames, and know whether it is complete. */
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

/* Forget the upload, whichever way it came: no byte is received, none is announced. */
void upload_forget(void);

/* Write `count` bytes of the input at byte `at`, in any order and each byte once; no `db load` goes
 * before. All of them must lie within the input. */
void upload_write(uint32_t at, const uint8_t *bytes, uint32_t count);

/* Move a complete input down by `count` bytes, fewer than it has, and let these be its end: the
 * next one of windows that slide over a recording. */
void upload_slide(const uint8_t *bytes, uint32_t count);

/* CRC-32 of the input as the host sent it; the upload must be complete. */
uint32_t upload_crc32(void);

/* Bytes received since the upload began. */
uint32_t upload_received_b(void);

#endif
