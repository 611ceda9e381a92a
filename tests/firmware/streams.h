/* The streams of the test drivers: one implementation for the host, one for semihosting. */
#ifndef TINYBENCH_TESTS_STREAMS_H
#define TINYBENCH_TESTS_STREAMS_H

#include <stddef.h>

/* Read `size` bytes and return 1, or return 0 at the end of the stream. */
int read_exactly(void *data, size_t size);

/* Write `size` bytes. */
void write_exactly(const void *data, size_t size);

#endif
