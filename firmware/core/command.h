/* Receive one command from the host, and carry it out. Ref: mlcommons/tiny, benchmark/api. */
#ifndef TINYBENCH_COMMAND_H
#define TINYBENCH_COMMAND_H

#include <stdbool.h>

/* Characters of a command that are kept, as in stock firmware; the rest is dropped. */
#ifdef TB_STREAM
#define COMMAND_SIZE 1028 /* as the reference submission: half a frame of samples in hex */
#else
#define COMMAND_SIZE 80
#endif

/* Wait for a command, ended by '%', and store it with a terminating zero. Returns false when the
 * line is closed for good. */
bool command_receive(char command[COMMAND_SIZE + 1]);

/* Carry out a command and answer it, all but the final m-ready. Cuts the command into its words. */
void command_run(char *command);

#endif
