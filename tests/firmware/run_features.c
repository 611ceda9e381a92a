/* Read int16 samples, hop by hop, and write their int8 features; at the end, as int32, how many
 * were beyond int8. The streams are those of run_model.c. */
#include "streams.h"

#include "log_mel.h"

int main(void) {
    static LogMel stream;
    static int16_t samples[LOG_MEL_HOP];
    log_mel_start(&stream, 0x1.e51a62p-9f, -128, false);
    while (read_exactly(samples, sizeof samples)) {
        int8_t features[LOG_MEL_BANDS];
        log_mel_next(&stream, samples, features);
        write_exactly(features, sizeof features);
    }
    const int32_t outside = (int32_t)stream.outside;
    write_exactly(&outside, sizeof outside);
    return 0;
}
