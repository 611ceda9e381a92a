/* Write each number of stdin as the firmware does: lines "VALUE DECIMALS ROUNDED". */
#include <stdio.h>

#include "port.h"
#include "text.h"

void port_putc(char c) {
    putchar(c);
}

int main(void) {
    float value;
    unsigned decimals, rounded;
    while (scanf("%a %u %u", &value, &decimals, &rounded) == 3) {
        text_decimal(value, decimals, rounded != 0);
        putchar('\n');
    }
    return 0;
}
