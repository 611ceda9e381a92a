/* Run a compiled model on every input of a stream and write its outputs, as float32.
 *
 * The stream is stdin and stdout on the host, input.bin and output.bin under semihosting. With
 * KEEP_STATE, the inputs are one stream: a state lasts from one to the next; with STREAM_FRAMES, a
 * new stream begins after so many.
 */
#include "streams.h"

#include "model.h"

int main(void) {
#ifdef KEEP_STATE
    if (!model_keep_state(true)) {
        return 2;
    }
#endif
    for (uint32_t frame = 0; read_exactly(model_input, model_input_b); frame++) {
#ifdef STREAM_FRAMES
        if (frame % STREAM_FRAMES == 0) {
            model_keep_state(true);
        }
#endif
        for (uint32_t i = 0; i < model_input_b; i++) {
            model_input[i] ^= model_input_flip;
        }
        model_load();
        if (model_infer() != 0) {
            return 1;
        }
        model_finish();
        for (uint32_t i = 0; i < model_result_count; i++) {
            const float value = model_result(i);
            write_exactly(&value, sizeof value);
        }
    }
    return 0;
}
