/* The device as a process: on its standard input and output, or on a terminal of its own. */
#define _XOPEN_SOURCE 600 /* posix_openpt and its kin */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

/* Become a pseudo-terminal, and print the name of its other end. Returns false with errno set. */
static int on_terminal(void) {
    const int own = posix_openpt(O_RDWR | O_NOCTTY);
    if (own < 0 || grantpt(own) != 0 || unlockpt(own) != 0) {
        return 0;
    }
    const char *const name = ptsname(own);
    /* Held open, so that one host may leave and another come. */
    if (name == NULL || open(name, O_RDWR | O_NOCTTY) < 0) {
        return 0;
    }
    printf("%s\n", name);
    fflush(stdout);
    return dup2(own, STDIN_FILENO) >= 0 && dup2(own, STDOUT_FILENO) >= 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--pty") == 0) {
        if (!on_terminal()) {
            perror("no pseudo-terminal");
            return 1;
        }
    } else if (argc > 1) {
        fprintf(stderr, "usage: %s [--pty]\n", argv[0]);
        return 2;
    }
    device_run();
    return 0;
}
