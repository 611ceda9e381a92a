/* Write the outputs of an engine that implements model.h. */
#include "values.h"

#include <stdint.h>

#include "model.h"
#include "text.h"

void values_text(void) {
    for (uint32_t i = 0; i < model_result_count; i++) {
        if (i > 0) {
            text(",");
        }
        text_decimal(model_result(i), model_result_decimals, model_result_rounded);
    }
}
