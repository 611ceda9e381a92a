/* The fast link: inputs and inferences as binary frames. Ref: docs/link.md. */
#ifndef TINYBENCH_FRAMES_H
#define TINYBENCH_FRAMES_H

#include <stdbool.h>

/* Whether port and model allow the fast link. */
bool frames_offered(void);

/* Write the words of `caps`: frames-VERSION-PAYLOAD-WINDOW, slide, and, by the port, ahead. */
void frames_caps(void);

/* `frames`: answer m-ready, then take frames until LEAVE, the end of the line, or its return to
 * the first rate. The m-ready that answers LEAVE is the caller's. */
void frames_run(void);

#endif
