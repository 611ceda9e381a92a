/* What C++ asks of its surroundings where nothing ever ends: destructors of statics never run. A
 * heap is there only where the engine declares one (ENGINE_HEAP_B); without it, `new` and malloc
 * are not there, and the link says so. Ref: Itanium C++ ABI, 3.2.6 and 3.3.6, names in 5.1. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *__dso_handle;

int __cxa_atexit(void (*destroy)(void *), void *object, void *library);
int __aeabi_atexit(void *object, void (*destroy)(void *), void *library);
void __cxa_pure_virtual(void);
void _ZdlPv(void *memory);
void _ZdlPvj(void *memory, size_t size);
void _ZdaPv(void *memory);
void _ZdaPvj(void *memory, size_t size);

int __cxa_atexit(void (*destroy)(void *), void *object, void *library) {
    (void)destroy, (void)object, (void)library;
    return 0;
}

int __aeabi_atexit(void *object, void (*destroy)(void *), void *library) {
    (void)object, (void)destroy, (void)library;
    return 0;
}

void __cxa_pure_virtual(void) {
    __builtin_trap(); /* start-up reports it */
}

#ifdef TB_HEAP_B
static uint8_t heap[TB_HEAP_B] __attribute__((aligned(16)));

void *_sbrk(ptrdiff_t more);
void *sbrk(ptrdiff_t more);
void *_Znwj(size_t size);
void *_Znaj(size_t size);

/* newlib's name and picolibc's. */
void *_sbrk(ptrdiff_t more) {
    static ptrdiff_t used;
    if (more > (ptrdiff_t)sizeof heap - used || more < -used) {
        return (void *)-1;
    }
    used += more;
    return heap + (used - more);
}

void *sbrk(ptrdiff_t more) {
    return _sbrk(more);
}

void *_Znwj(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        __builtin_trap();
    }
    return memory;
}

void *_Znaj(size_t size) {
    return _Znwj(size);
}

void _ZdlPv(void *memory) {
    free(memory);
}
#else
void _ZdlPv(void *memory) {
    (void)memory; /* a virtual destructor names it; there is nothing to give back */
}
#endif

void _ZdlPvj(void *memory, size_t size) {
    (void)size;
    _ZdlPv(memory);
}

void _ZdaPv(void *memory) {
    _ZdlPv(memory);
}

void _ZdaPvj(void *memory, size_t size) {
    (void)size;
    _ZdlPv(memory);
}
