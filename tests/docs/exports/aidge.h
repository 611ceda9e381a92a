// A stand-in for what Aidge exports: a network that adds one.
#pragma once
#include <cstdint>

extern "C" inline void model_forward(const int8_t *input, int8_t **output) {
    static int8_t values[12];
    for (int i = 0; i < 12; i++) {
        values[i] = static_cast<int8_t>(input[i] + 1);
    }
    *output = values;
}
