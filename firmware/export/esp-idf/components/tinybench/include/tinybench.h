/* What an application calls: device_run. */
#include "../src/device.h"
