/* The commands of learning. Each may be sent again when its answer was lost: what it did, it does
 * not do twice. Commands may end with a checksum, answers do. */
#include "train.h"

#include <stdbool.h>
#include <stdint.h>

#include "command_words.h"
#include "crc32.h"
#include "infer.h"
#include "learn.h"
#include "model.h"
#include "port.h"
#include "samples.h"
#include "stamp.h"
#include "text.h"
#include "train_config.h"
#include "upload.h"

#define WORD_DIGITS 8
#define WORDS_AT_ONCE 64

static bool begun, diverged;
static uint32_t batch, added, steps, order_seed;
static uint32_t add_us, step_us, run_steps, run_us;
static struct learned learned;

void train_caps(void) {
    text(" train-1");
}

static void text_word(uint32_t word) {
    for (int32_t shift = 24; shift >= 0; shift -= 8) {
        text_hex((uint8_t)(word >> shift));
    }
}

static uint32_t answer_sum;

static void summed(char c) {
    const uint8_t byte = (uint8_t)c;
    answer_sum = crc32(answer_sum, &byte, 1, 0);
    port_putc(c);
}

/* What is written between these two is the answer, and its CRC-32 comes behind it. */
static void answer_begins(const char *what) {
    text("m-train-");
    text(what);
    text("-[");
    answer_sum = 0;
    text_to(summed);
}

static void answer_ends(void) {
    text_to(port_putc);
    text(",");
    text_word(answer_sum);
    text("]\r\n");
}

/* Read 8 hex digits. Returns false for anything else. */
static bool read_word(const char *digits, uint32_t *word) {
    *word = 0;
    for (uint32_t i = 0; i < WORD_DIGITS; i++) {
        const char digit = digits[i];
        uint32_t value = 0;
        if (digit >= '0' && digit <= '9') {
            value = (uint32_t)(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            value = (uint32_t)(digit - 'a') + 10;
        } else {
            return false;
        }
        *word = *word << 4 | value;
    }
    return true;
}

static bool read_real(const char *digits, float *real) {
    union {
        uint32_t word;
        float real;
    } bits;
    if (digits == NULL || !read_word(digits, &bits.word) || digits[WORD_DIGITS] != '\0') {
        return false;
    }
    *real = bits.real;
    return *real - *real == 0.0f && *real >= 0.0f;
}

/* Read the next word as a number of 0 .. most. Returns false for anything else. */
static bool read_number(char **rest, uint32_t most, uint32_t *number) {
    const char *word = words_next(rest);
    const int32_t value = word == NULL ? -1 : words_integer(word, -1);
    *number = (uint32_t)value;
    return value >= 0 && *number <= most;
}

static void train_begin(char *rest) {
    float rate, momentum;
    uint32_t seed, wanted;
    if (!read_real(words_next(&rest), &rate) || !read_real(words_next(&rest), &momentum) ||
        !read_number(&rest, INT32_MAX, &wanted) || wanted == 0 ||
        !read_number(&rest, INT32_MAX, &seed)) {
        text("e-[Command 'train begin' requires RATE MOMENTUM BATCH SEED]\r\n");
        return;
    }
    learn_begin(rate, momentum, wanted, seed);
    batch = wanted;
    added = steps = run_steps = 0;
    order_seed = seed;
    begun = true;
    diverged = false;
    const uint32_t told[] = {TRAIN_BODY, TRAIN_CLASSES, TRAIN_ROWS,     TRAIN_COLUMNS,
                             TRAIN_BITS, learn_words(), samples_count()};
    answer_begins("begin");
    for (uint32_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        text(i == 0 ? "" : ",");
        text_u32(told[i]);
    }
    answer_ends();
}

/* Whether learning can go on; else answer why not. */
static bool learns(void) {
    if (!begun) {
        text("e-[Command 'train begin' comes first]\r\n");
    } else if (diverged) {
        text("e-[Training has diverged: 'train begin' anew]\r\n");
    }
    return begun && !diverged;
}

static void train_add(char *rest) {
    uint32_t label, number;
    if (!learns()) {
        return;
    }
    if (!read_number(&rest, INT32_MAX, &label) || !read_number(&rest, INT32_MAX, &number)) {
        text("e-[Command 'train add' requires LABEL NUMBER]\r\n");
    } else if (label >= TRAIN_CLASSES) {
        text("e-[Command 'train add' has no such label]\r\n");
    } else if (number != added && number + 1 != added) {
        text("e-[Command 'train add' is out of order]\r\n");
    } else if (number == batch) {
        text("e-[Command 'train add': the batch is full]\r\n");
    } else if (number == added && upload_received_b() != model_input_b) {
        text("e-[Command 'train add' requires an inference first]\r\n");
    } else {
        if (number == added) {
            port_flush();
            port_align();
            const uint32_t start_us = port_micros();
            learn_add(label);
            add_us = port_micros() - start_us;
            added++;
        }
        answer_begins("add");
        text_u32(number);
        text(",");
        text_u32(add_us);
        answer_ends();
    }
}

/* What a step or a run of steps says; a number or a count comes before. */
static void answer_learned(uint32_t elapsed_us) {
    union {
        float real;
        uint32_t word;
    } loss = {.real = learned.loss};
    text(",");
    text_u32(elapsed_us);
    text(",");
    text_word(loss.word);
    text(",");
    text_u32(learned.saturated);
    answer_ends();
}

static void train_step(char *rest) {
    uint32_t number;
    if (!learns()) {
        return;
    }
    if (!read_number(&rest, INT32_MAX, &number) || (number != steps && number + 1 != steps)) {
        text("e-[Command 'train step' is out of order]\r\n");
        return;
    }
    if (number == steps && added != batch) {
        text("e-[Command 'train step' requires a full batch]\r\n");
        return;
    }
    if (number == steps) {
        port_flush();
        port_align();
        const uint32_t start_us = port_micros();
        diverged = !learn_step(&learned);
        step_us = port_micros() - start_us;
        added = 0;
        steps++;
    }
    if (diverged) {
        text("e-[Training has diverged: 'train begin' anew]\r\n");
        return;
    }
    answer_begins("step");
    text_u32(number);
    answer_learned(step_us);
}

/* Take the samples of step `step`, whole batches of each epoch alone, and change the weights.
 * Returns false where the engine failed. */
static bool step_on_samples(uint32_t step) {
    const uint32_t steps_an_epoch = samples_count() / batch;
    const uint32_t epoch = step / steps_an_epoch;
    const uint32_t first = step % steps_an_epoch * batch;
    for (uint32_t i = 0; i < batch; i++) {
        const int32_t label = samples_infer(samples_at(order_seed, epoch, first + i));
        if (label < 0) {
            return false;
        }
        learn_add((uint32_t)label);
    }
    diverged = !learn_step(&learned);
    steps++;
    return true;
}

static void train_run_steps(char *rest) {
    uint32_t number, first, count;
    if (!learns()) {
        return;
    }
    if (!read_number(&rest, INT32_MAX, &number) || !read_number(&rest, INT32_MAX, &first) ||
        !read_number(&rest, INT32_MAX, &count) || count == 0) {
        text("e-[Command 'train run' requires NUMBER FIRST COUNT]\r\n");
        return;
    }
    if (samples_count() < batch) {
        text("e-[Command 'train run' requires samples in flash, a batch of them at least]\r\n");
        return;
    }
    const bool again = run_steps == count && number + count == steps;
    if (!again && (number != steps || added != 0)) {
        text("e-[Command 'train run' is out of order]\r\n");
        return;
    }
    if (!again) {
        bool went = true;
        run_steps = count;
        port_flush();
        port_align();
        stamp_edge();
        const uint32_t start_us = port_micros();
        for (uint32_t i = 0; i < count && went && !diverged; i++) {
            went = step_on_samples(first + i);
        }
        run_us = port_micros() - start_us;
        stamp_edge();
        if (!went) {
            begun = false;
            text("e-[Inference failed]\r\n");
            return;
        }
    }
    if (diverged) {
        text("e-[Training has diverged: 'train begin' anew]\r\n");
        return;
    }
    answer_begins("run");
    text_u32(number);
    text(",");
    text_u32(count);
    answer_learned(run_us);
}

static void train_sample(char *rest) {
    uint32_t index;
    if (!read_number(&rest, INT32_MAX, &index) || index >= samples_count()) {
        text("e-[Command 'train sample' has no such sample in flash]\r\n");
        return;
    }
    const int32_t label = samples_infer(index);
    if (label < 0) {
        text("e-[Inference failed]\r\n");
        return;
    }
    answer_begins("sample");
    text_u32(index);
    text(",");
    text_u32((uint32_t)label);
    answer_ends();
}

static void train_features(char *rest) {
    (void)rest;
    learn_forward();
    answer_begins("features");
    for (uint32_t i = 0; i < TRAIN_BODY; i++) {
        union {
            float real;
            uint32_t word;
        } bits = {.real = learn_feature(i)};
        text_word(bits.word);
    }
    answer_ends();
}

static void train_read(char *rest) {
    uint32_t at, count;
    if (!read_number(&rest, learn_words(), &at) || !read_number(&rest, WORDS_AT_ONCE, &count) ||
        count > learn_words() - at) {
        text("e-[Command 'train read' requires AT COUNT, at most 64 of the words there are]\r\n");
        return;
    }
    answer_begins("read");
    text_u32(at);
    text(",");
    while (count-- > 0) {
        text_word(learn_read(at++));
    }
    answer_ends();
}

static void train_write(char *rest) {
    uint32_t at, word;
    if (!learns()) {
        return;
    }
    if (!read_number(&rest, learn_words(), &at)) {
        text("e-[Command 'train write' requires AT HEX]\r\n");
        return;
    }
    uint32_t count = 0;
    const char *digits = words_next(&rest);
    for (; digits != NULL && *digits != '\0'; digits += WORD_DIGITS, count++) {
        if (!read_word(digits, &word) || at + count >= learn_words()) {
            text("e-[Command 'train write' requires words of 8 hex digits, where there are any]"
                 "\r\n");
            return;
        }
        learn_write(at + count, word);
    }
    answer_begins("write");
    text_u32(at);
    text(",");
    text_u32(count);
    answer_ends();
}

static void train_sum(char *rest) {
    (void)rest;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < learn_words(); i++) {
        const uint32_t word = learn_read(i);
        const uint8_t bytes[] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                                 (uint8_t)(word >> 24)};
        sum = crc32(sum, bytes, sizeof bytes, 0);
    }
    answer_begins("sum");
    text_u32(learn_words());
    text(",");
    text_word(sum);
    answer_ends();
}

static void train_end(char *rest) {
    (void)rest;
    begun = false;
    answer_begins("end");
    text_u32(steps);
    answer_ends();
}

static const struct {
    const char *name;
    void (*run)(char *rest);
} commands[] = {
    {"begin", train_begin},   {"add", train_add},       {"step", train_step},
    {"run", train_run_steps}, {"sample", train_sample}, {"features", train_features},
    {"read", train_read},     {"write", train_write},   {"sum", train_sum},
    {"end", train_end},
};

/* Cut a checksum off a command, "#" and 8 hex digits. Returns false where it is not that of what is
 * before it. */
static bool came_whole(char *rest) {
    for (char *at = rest; *at != '\0'; at++) {
        uint32_t wanted;
        if (*at == '#') {
            const uint32_t count = (uint32_t)(at - rest);
            const bool whole = read_word(at + 1, &wanted) && at[1 + WORD_DIGITS] == '\0';
            *at = '\0';
            return whole && wanted == crc32(0, (const uint8_t *)rest, count, 0);
        }
    }
    return true;
}

void train_run(char *rest) {
    if (!came_whole(rest)) {
        text("e-[Command 'train' came damaged]\r\n");
        return;
    }
    const char *what = words_next(&rest);
    for (uint32_t i = 0; what != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (text_equals(what, commands[i].name)) {
            commands[i].run(rest);
            return;
        }
    }
    text("e-[Command 'train' requires begin, add, step, run, sample, features, read, write, sum or "
         "end]\r\n");
}
