/* All that the device under test does. */
#ifndef TINYBENCH_DEVICE_H
#define TINYBENCH_DEVICE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Bring up the port and answer the host, until the line is closed for good: on most chips never. */
void device_run(void);

#ifdef __cplusplus
}
#endif

#endif
