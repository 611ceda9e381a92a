/* Where a start-up without a framework goes on. A framework calls device_run by itself. */
#include "device.h"

int main(void) {
    device_run();
    return 0;
}
