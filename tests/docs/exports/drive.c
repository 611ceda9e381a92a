/* Two inferences of an engine, and what it answers before and after. */
#include "model.h"

#include <stdio.h>

int main(void) {
    printf("%.3f", (double)model_result(0));
    for (uint32_t i = 0; i < model_input_b; i++) {
        model_input[i] = (uint8_t)i;
    }
    model_load();
    int status = model_infer();
    model_input[0] = 7;
    status |= model_infer_layer(0);
    model_finish();
    for (uint32_t i = 0; i < model_result_count; i++) {
        printf(" %.3f", (double)model_result(i));
    }
    printf(" %d %d\n", status, model_input[1]);
    return 0;
}
