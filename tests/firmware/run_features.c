/* Read int16 samples, hop by hop, and write their int8 features: a row of log-mel, and three of
 * micro of the first samples of the hop. At the end, as int32, how many were beyond int8, of each.
 * The streams are those of run_model.c. */
#include "streams.h"

#include "log_mel.h"
#include "micro.h"

int main(void) {
    static LogMel stream;
    static Micro micro;
    static int16_t samples[LOG_MEL_HOP];
    log_mel_start(&stream, 0x1.e51a62p-9f, -128, false);
    micro_start(&micro);
    while (read_exactly(samples, sizeof samples)) {
        int8_t features[LOG_MEL_BANDS];
        log_mel_next(&stream, samples, features);
        write_exactly(features, sizeof features);
        for (uint32_t at = 0; at + MICRO_HOP <= LOG_MEL_HOP; at += MICRO_HOP) {
            micro_next(&micro, samples + at, features);
            write_exactly(features, sizeof features);
        }
    }
    const int32_t outside[2] = {(int32_t)stream.outside, (int32_t)micro.outside};
    write_exactly(outside, sizeof outside);
    return 0;
}
