/* The pins of a stream: processing, and wake word. Implements port_busy and port_detected where the
 * board declares both. */
#ifndef TINYBENCH_WAKE_H
#define TINYBENCH_WAKE_H

/* Bring them to rest: nothing is processed, no word was heard. */
void wake_start(void);

#endif
