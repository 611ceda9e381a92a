/* A stand-in of ESP-IDF's public API, written from its programming guide. */
#pragma once

#include <stdlib.h>

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_ERROR_CHECK(done)                                                                      \
    do {                                                                                           \
        if ((done) != ESP_OK) {                                                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
