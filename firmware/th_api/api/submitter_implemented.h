/* The public MLPerf Tiny API: what an engine implements, and what it finds.
 *
 * The serial line, the clock and the timing pin are the port's here, and the functions of the API
 * that are for them are given to the engine. TINYBENCH is defined, for an engine that brings its
 * own elsewhere.
 *
 * Ref: mlcommons/tiny, benchmark/api/submitter_implemented.h.
 */
#ifndef TINYBENCH_SUBMITTER_IMPLEMENTED_H
#define TINYBENCH_SUBMITTER_IMPLEMENTED_H

#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EE_MSG_TIMESTAMP "m-lap-us-%lu\r\n"
#ifdef TB_ENERGY
#define EE_CFG_ENERGY_MODE 1
#else
#define EE_CFG_ENERGY_MODE 0
#endif

/* --- Implemented by the engine --- */

/* Take the uploaded input, by ee_get_buffer. Called before every window, untimed. */
void th_load_tensor(void);

/* Run one inference on it. */
void th_infer(void);

/* Print "m-results-[", the outputs of the last inference with commas between, and "]\r\n". */
void th_results(void);

/* Optional. Once, before the first input is taken. */
void th_final_initialize(void);

/* Optional. Around the inferences of a window, between its time stamps. */
void th_pre(void);
void th_post(void);

/* --- Given to the engine --- */

/* %d %i %u %x %c %s %f %% with flag 0, width, precision and length modifiers; %f of any length. A
 * line printed by th_load_tensor or th_infer says that they failed: the inference is then answered
 * as an error, and not as a result. What th_final_initialize prints goes nowhere. */
void th_printf(const char *format, ...);
int th_vprintf(const char *format, va_list arguments);

void th_timestamp(void);
char th_getchar(void);

int th_strncmp(const char *left, const char *right, size_t count);
char *th_strncpy(char *to, const char *from, size_t count);
size_t th_strnlen(const char *string, size_t count);
char *th_strcat(char *to, const char *from);
void *th_memset(void *to, int byte, size_t count);
void *th_memcpy(void *to, const void *from, size_t count);

#ifdef __cplusplus
}
#endif

#endif
