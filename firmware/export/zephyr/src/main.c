#include <tinybench.h>

int main(void) {
    device_run();
    return 0;
}
