/* Format text without the library's printf. */
#include "printf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "text.h"

#define DECIMALS 6 /* of %f without a precision, as in C */

static uint32_t number(const char **at) {
    uint32_t value = 0;
    while (**at >= '0' && **at <= '9') {
        value = value * 10 + (uint32_t)(*(*at)++ - '0');
    }
    return value;
}

static void put_integer(unsigned long value, unsigned base, bool negative, uint32_t width,
                        char pad) {
    char digits[24];
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    uint32_t long_enough = count + negative;
    if (negative && pad == '0') {
        text("-");
    }
    for (; width > long_enough; width--) {
        text((const char[]){pad, '\0'});
    }
    if (negative && pad != '0') {
        text("-");
    }
    while (count > 0) {
        text((const char[]){digits[--count], '\0'});
    }
}

void format_text(void (*put)(char c), const char *format, va_list arguments) {
    text_to(put);
    while (*format != '\0') {
        if (*format != '%') {
            put(*format++);
            continue;
        }
        const char *start = format++;
        char pad = *format == '0' ? '0' : ' ';
        uint32_t width = number(&format);
        uint32_t decimals = DECIMALS;
        if (*format == '.') {
            format++;
            decimals = number(&format);
        }
        bool wide = false;
        while (*format != '\0' && strchr("hlz", *format) != NULL) {
            wide |= *format++ != 'h'; /* long and size_t are of one width wherever this runs */
        }
        long value;
        switch (*format) {
        case 'd':
        case 'i':
            value = wide ? va_arg(arguments, long) : va_arg(arguments, int);
            put_integer(value < 0 ? 0 - (unsigned long)value : (unsigned long)value, 10, value < 0,
                        width, pad);
            break;
        case 'u':
        case 'x':
            put_integer(wide ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned),
                        *format == 'x' ? 16 : 10, false, width, pad);
            break;
        case 'c':
            put((char)va_arg(arguments, int));
            break;
        case 's':
            text(va_arg(arguments, const char *));
            break;
        case 'f':
            text_decimal((float)va_arg(arguments, double), decimals, true);
            break;
        case '%':
            put('%');
            break;
        default:
            while (start < format) {
                put(*start++);
            }
            continue;
        }
        format++;
    }
    text_to(port_putc);
}
