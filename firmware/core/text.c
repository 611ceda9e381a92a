/* Write text to the serial line, or elsewhere: strings, integers, hex and truncated decimals,
 * without printf. */
#include "text.h"

#include "port.h"

static void (*put)(char c) = port_putc;

void text_to(void (*sink)(char c)) {
    put = sink;
}

void text(const char *string) {
    while (*string != '\0') {
        put(*string++);
    }
}

bool text_equals(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++, b++;
    }
    return *a == *b;
}

void text_u32(uint32_t value) {
    char digits[10];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) {
        put(digits[--count]);
    }
}

void text_i32(int32_t value) {
    if (value < 0) {
        put('-');
        text_u32(0u - (uint32_t)value);
    } else {
        text_u32((uint32_t)value);
    }
}

void text_hex(uint8_t value) {
    static const char digits[] = "0123456789abcdef";
    put(digits[value >> 4]);
    put(digits[value & 0xF]);
}

/* x / 10 of less than 2^60, rounded up, by words: a C library's division of 64 bits is large. */
static uint64_t tenth(uint64_t x) {
    uint64_t quotient = 0;
    uint32_t rest = 0;
    x += 9;
    for (int32_t shift = 48; shift >= 0; shift -= 16, x <<= 16) {
        rest = rest << 16 | (uint32_t)(x >> 48);
        quotient = quotient << 16 | rest / 10;
        rest %= 10;
    }
    return quotient;
}

/* Half of the last of so many decimals, with 60 fractional bits: rounded up, so that a value that
 * lies exactly halfway goes up too. */
static uint64_t half_of_last_place(uint32_t decimals) {
    uint64_t half = 1ull << 59;
    if (decimals > 17) {
        return 0; /* finer than the fraction itself */
    }
    while (decimals-- > 0) {
        half = tenth(half);
    }
    return half;
}

/* From the bits of the float, so that a core without a unit for them needs no library to add some:
 * exact, where float * 1000 would round 0.7f up to 0.700. */
void text_decimal(float value, uint32_t decimals, bool rounded) {
    const union {
        float value;
        uint32_t bits;
    } number = {value};
    const uint32_t magnitude = number.bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
        text("nan");
        return;
    }
    if (number.bits > 0x80000000u) {
        put('-');
    }
    if (magnitude >= 0x4F800000u) { /* 2^32 */
        text("inf");
        return;
    }
    /* significand * 2^-places is the value. */
    const uint32_t exponent = magnitude >> 23;
    uint32_t significand = (magnitude & 0x7FFFFFu) | (exponent > 0 ? 0x800000u : 0);
    const int32_t places = 150 - (int32_t)(exponent > 0 ? exponent : 1);
    uint32_t whole = 0;
    if (places <= 0) {
        whole = significand << -places;
    } else if (places < 32) {
        whole = significand >> places;
        significand &= (1u << places) - 1;
    }
    /* Fixed point with 60 fractional bits, in two words of 30. The four bits above hold one decimal
     * digit. */
    uint32_t high = 0, low = 0;
    if (places > 0 && places <= 30) {
        high = significand << (30 - places);
    } else if (places > 30 && places <= 60) {
        high = significand >> (places - 30);
        low = significand << (60 - places) & 0x3FFFFFFFu;
    } else if (places > 60 && places < 92) {
        low = significand >> (places - 60);
    }
    uint64_t fraction = ((uint64_t)high << 30) | low;
    if (rounded) {
        fraction += half_of_last_place(decimals);
        whole += (uint32_t)(fraction >> 60);
        fraction &= (1ull << 60) - 1;
    }
    text_u32(whole);
    if (decimals == 0) {
        return;
    }
    put('.');
    while (decimals-- > 0) {
        fraction *= 10;
        put((char)('0' + (fraction >> 60)));
        fraction &= (1ull << 60) - 1;
    }
}
