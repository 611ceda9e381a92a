/* The registers of a port that is built for the host: each access is a call of the test's. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include "cpu.h"
#include "port.h"

/* Return 0, or anything else to leave the port where it is. */
typedef int (*Read)(uint32_t address, uint32_t *value);
typedef int (*Write)(uint32_t address, uint32_t value);

static Read on_read;
static Write on_write;
static jmp_buf start;

/* Call a function of the port by its name; return 0, or what made it stop. */
int fake_call(const char *name, uint32_t argument, Read read, Write write) {
    on_read = read;
    on_write = write;
    int stopped = setjmp(start);
    if (stopped != 0) {
        return stopped;
    }
    if (strcmp(name, "port_init") == 0) {
        port_init();
    } else if (strcmp(name, "port_putc") == 0) {
        port_putc((char)argument);
    } else if (strcmp(name, "port_micros") == 0) {
        (void)port_micros();
    } else if (strcmp(name, "port_set_baud") == 0) {
        port_set_baud(argument);
#ifdef TB_ENERGY
    } else if (strcmp(name, "port_mark") == 0) {
        port_mark();
#endif
#ifdef TB_STREAM
    } else if (strcmp(name, "port_busy") == 0) {
        port_busy(argument != 0);
    } else if (strcmp(name, "port_detected") == 0) {
        port_detected();
    } else if (strcmp(name, "port_sound_start") == 0) {
        (void)port_sound_start();
    } else if (strcmp(name, "port_sound_stop") == 0) {
        port_sound_stop();
#endif
    } else {
        return -1;
    }
    return 0;
}

uint32_t register_read(uint32_t address) {
    uint32_t value = 0;
    int stop = on_read(address, &value);
    if (stop != 0) {
        longjmp(start, stop);
    }
    return value;
}

void register_write(uint32_t address, uint32_t value) {
    int stop = on_write(address, value);
    if (stop != 0) {
        longjmp(start, stop);
    }
}

void interrupts_off(void) {
}

void interrupts_on(void) {
}

void interrupt_wait(void) {
}
