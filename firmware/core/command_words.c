/* Cut a command into its words, and read integers among them. */
#include "command_words.h"

#include <stdbool.h>
#include <stddef.h>

char *words_next(char **rest) {
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word == end ? NULL : word;
}

int32_t words_integer(const char *word, int32_t otherwise) {
    bool negative = *word == '-';
    if (negative) {
        word++;
    }
    if (*word == '\0') {
        return otherwise;
    }
    int64_t value = 0;
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9') {
            return otherwise;
        }
        value = value * 10 + (*word - '0');
        if (value > INT32_MAX) {
            value = INT32_MAX;
        }
    }
    return (int32_t)(negative ? -value : value);
}
