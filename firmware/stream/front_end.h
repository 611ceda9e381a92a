/* What makes features of sound: chosen when the firmware is built. */
#ifndef TINYBENCH_FRONT_END_H
#define TINYBENCH_FRONT_END_H

#include <stdbool.h>
#include <stdint.h>

/* Rows of features that an inference takes anew. */
#ifndef TB_FRONT_ROWS
#define TB_FRONT_ROWS 1
#endif

#ifdef TB_FRONT_MICRO
#include "micro.h"
typedef Micro FrontEnd;
#define FRONT_STEP MICRO_HOP
#define FRONT_WINDOW MICRO_WINDOW
#define FRONT_BANDS MICRO_BANDS
#else
#include "log_mel.h"
typedef LogMel FrontEnd;
#define FRONT_STEP LOG_MEL_HOP
#define FRONT_WINDOW (2 * LOG_MEL_HOP)
#define FRONT_BANDS LOG_MEL_BANDS
#endif

#define FRONT_HOP (FRONT_STEP * TB_FRONT_ROWS) /* samples of a frame */
#define FRONT_HOP_US (FRONT_HOP * 125u / 2u)   /* at 16 kHz */

/* Begin a stream, whose features become int8 as the model's input is scaled. `wraps`: those beyond
 * go around, where the front end knows that. */
static inline void front_start(FrontEnd *stream, float scale, int32_t zero_point, bool wraps) {
#ifdef TB_FRONT_MICRO
    (void)scale;
    (void)zero_point;
    (void)wraps;
    micro_start(stream);
#else
    log_mel_start(stream, scale, zero_point, wraps);
#endif
}

/* Give the features of the next FRONT_STEP samples. */
static inline void front_next(FrontEnd *stream, const int16_t *samples, int8_t *features) {
#ifdef TB_FRONT_MICRO
    micro_next(stream, samples, features);
#else
    log_mel_next(stream, samples, features);
#endif
}

#endif
