/* Hand a second core one job after the other, and wait for it, but not for ever.
 *
 * Each core writes one counter, which the other reads: as many jobs as were asked for, and as many
 * as are done. What was written before a counter is there for whoever has read it.
 */
#include "second_core.h"

#ifdef TB_SECOND_CORE
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* Beyond the time that the first core takes for its own half. */
#ifndef SECOND_CORE_DEADLINE_US
#define SECOND_CORE_DEADLINE_US 1000000u
#endif

static void (*asked_job)(void);
static _Atomic uint32_t asked, done;
static bool silent;

void second_core_start(void) {
    port_second_core_start();
}

void second_core_serve(void) {
    for (uint32_t jobs = 0;;) {
        while (atomic_load_explicit(&asked, memory_order_acquire) == jobs) {
            port_core_wait();
        }
        asked_job();
        jobs++;
        atomic_store_explicit(&done, jobs, memory_order_release);
        port_core_signal();
    }
}

static bool is_done(void) {
    return atomic_load_explicit(&done, memory_order_acquire) ==
           atomic_load_explicit(&asked, memory_order_relaxed);
}

void second_core_begin(void (*job)(void)) {
    if (silent) {
        return; /* it may still be at an older job, or nowhere */
    }
    asked_job = job;
    uint32_t jobs = atomic_load_explicit(&asked, memory_order_relaxed) + 1;
    atomic_store_explicit(&asked, jobs, memory_order_release);
    port_core_signal();
}

void second_core_end(void) {
    uint32_t began_us = port_micros();
    while (!silent && !is_done()) {
        port_core_wait();
        silent = port_micros() - began_us > SECOND_CORE_DEADLINE_US && !is_done();
    }
}

int second_core_status(void) {
    return silent ? SECOND_CORE_SILENT : 0;
}
#endif
