/* Stands before the clock of the C++ library: time is what a script says, and nothing else. */
#include <stdint.h>

static int64_t now_ns = 1000000000;

void advance(int64_t ns) {
    __atomic_fetch_add(&now_ns, ns, __ATOMIC_SEQ_CST);
}

/* std::chrono::system_clock::now(), by its name to the linker; a time point is its nanoseconds. */
int64_t _ZNSt6chrono3_V212system_clock3nowEv(void) {
    return __atomic_load_n(&now_ns, __ATOMIC_SEQ_CST);
}
