/* Write what the head makes of the last inference, in place of core/values.c. */
#include "values.h"

#include <stdint.h>

#include "learn.h"
#include "text.h"
#include "train_config.h"

#define DECIMALS 6

void values_text(void) {
    learn_forward();
#if TRAIN_SQUARED
    text_decimal(learn_loss(), DECIMALS, true);
#else
    for (uint32_t i = 0; i < TRAIN_CLASSES; i++) {
        if (i > 0) {
            text(",");
        }
        text_decimal(learn_output(i), DECIMALS, true);
    }
#endif
}
