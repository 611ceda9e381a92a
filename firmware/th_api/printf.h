/* Format text without the library's printf, which wants memory to allocate. */
#ifndef TINYBENCH_PRINTF_H
#define TINYBENCH_PRINTF_H

#include <stdarg.h>

/* Give `put` each character of the text. Of the formats of C: d i u x c s f and %, with flag 0,
 * width, precision of f and length modifiers; halves are rounded away from zero. Any other one
 * stands in the text as it is. */
void format_text(void (*put)(char c), const char *format, va_list arguments);

#endif
