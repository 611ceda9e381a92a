/* Cut a command into its words, and read integers among them. */
#ifndef TINYBENCH_COMMAND_WORDS_H
#define TINYBENCH_COMMAND_WORDS_H

#include <stdint.h>

/* Cut the next word off *rest and return it, or NULL when there is none left. */
char *words_next(char **rest);

/* Return the integer in `word`, saturated to 32 bits, or `otherwise` when it holds anything else.
 * Stock firmware takes the leading digits: of a damaged "1?0" it would make 1. */
int32_t words_integer(const char *word, int32_t otherwise);

#endif
