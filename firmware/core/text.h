/* Write text to the serial line, or elsewhere: strings, integers, hex and truncated decimals,
 * without printf; and compare it. */
#ifndef TINYBENCH_TEXT_H
#define TINYBENCH_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Give all text from now on to `sink`; at first it is port_putc. */
void text_to(void (*sink)(char c));

/* Write a string as it is. */
void text(const char *string);

/* Whether two strings are the same: a C library's strcmp takes 700 bytes to be fast. */
bool text_equals(const char *a, const char *b);

/* Write a decimal integer. */
void text_u32(uint32_t value);
void text_i32(int32_t value);

/* Write a byte as two lower-case hex digits. */
void text_hex(uint8_t value);

/* Write `value` with `decimals` digits after the point, truncated toward zero, or rounded with
 * halves away from zero: 0.0078125 with 3 is "0.007", or "0.008". -0.5 with 1 is "-0.5", and
 * without decimals there is no point. "nan", "inf" and "-inf" are written as such; so is a
 * magnitude of 2^32 or more, as infinite. */
void text_decimal(float value, uint32_t decimals, bool rounded);

#endif
