/* The device under test, from power-up on: say hello, then answer one command after the other. */
#include "device.h"

#include "command.h"
#include "port.h"
#ifdef TB_SECOND_CORE
#include "second_core.h"
#endif
#include "stamp.h"
#include "text.h"

static void ready(void) {
    text("m-ready\r\n");
    port_flush();
}

#ifdef TB_ENERGY
#define MODE "energy"
#else
#define MODE "performance"
#endif

static void hello(void) {
    text("m-timestamp-mode-" MODE "\r\n");
    stamp_now();
    text("m-init-done\r\n");
    ready();
}

void device_run(void) {
    static char command[COMMAND_SIZE + 1];

    port_init();
#ifdef TB_SECOND_CORE
    second_core_start();
#endif
    hello();
    while (command_receive(command)) {
        command_run(command);
        ready();
    }
}
