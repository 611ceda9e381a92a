/* Copies of whole words, which a C library made small does byte by byte. */
#ifndef TINYBENCH_WORDS_H
#define TINYBENCH_WORDS_H

#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) word;

/* Copy `count` words between addresses that are multiples of four, four at a time as far as they
 * go. */
static inline void copy_words(void *to, const void *from, uint32_t count) {
    const word *first = from;
    word *into = to;
    for (; count >= 4; count -= 4, first += 4, into += 4) {
        const word a = first[0], b = first[1], c = first[2], d = first[3];
        into[0] = a, into[1] = b, into[2] = c, into[3] = d;
        __asm__ volatile(""); /* no call of the library in its place */
    }
    for (; count > 0; count--) {
        *into++ = *first++;
        __asm__ volatile("");
    }
}

#endif
