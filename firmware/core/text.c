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

/* Half of the last of so many decimals, with 60 fractional bits: rounded up, so that a value that
 * lies exactly halfway goes up too. */
static uint64_t half_of_last_place(uint32_t decimals) {
    uint64_t places = 1;
    while (decimals-- > 0) {
        if (places > (1ull << 59) / 10) {
            return 0; /* finer than the fraction itself */
        }
        places *= 10;
    }
    return ((1ull << 59) + places - 1) / places;
}

void text_decimal(float value, uint32_t decimals, bool rounded) {
    if (value != value) {
        text("nan");
        return;
    }
    if (value < 0.0f) {
        put('-');
        value = -value;
    }
    if (value >= 4294967296.0f) {
        text("inf");
        return;
    }
    uint32_t whole = (uint32_t)value;
    /* Fixed point with 60 fractional bits, in two steps of 30: exact, where float * 1000 would
     * round 0.7f up to 0.700. The four bits above hold one decimal digit. */
    float scaled = (value - (float)whole) * 0x1p30f;
    uint32_t high = (uint32_t)scaled;
    uint32_t low = (uint32_t)((scaled - (float)high) * 0x1p30f);
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
