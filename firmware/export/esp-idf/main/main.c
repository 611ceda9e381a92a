#include <tinybench.h>

void app_main(void);

void app_main(void) {
    device_run();
}
