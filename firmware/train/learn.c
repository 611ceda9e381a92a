/* Learning of a dense head, by softmax or by squared error: forward, gradient and step. */
#include "learn.h"

#include <string.h>

#include "exponential.h"
#include "hidden.h"
#include "model.h"
#define TRAIN_HEAD /* with its weights */
#include "train_config.h"

#define ROOM (TRAIN_COLUMNS > 0 ? TRAIN_COLUMNS : 1) /* where none learns, it is left out */

/* No constants to the preprocessor: a compiler objects to `< 0`, which biases alone would give. */
static const uint32_t column_count = TRAIN_COLUMNS;
static const uint32_t weight_count = TRAIN_ROWS * TRAIN_COLUMNS;

static train_weight weights[TRAIN_ROWS][ROOM];
static float biases[TRAIN_ROWS];
static float gathered[TRAIN_ROWS][ROOM];
static float gathered_biases[TRAIN_ROWS];
static uint32_t random_state = 1;

#if TRAIN_HIDDEN > 0
static float body[TRAIN_BODY];
#endif
static float features[TRAIN_FEATURES];
static float outputs[TRAIN_CLASSES]; /* logits, then probabilities, then errors */
static float learning_rate, kept_share, share_of_batch, losses, last_loss;

void learn_begin(float rate, float momentum, uint32_t batch, uint32_t seed) {
    learning_rate = rate;
    kept_share = momentum;
    share_of_batch = 1.0f / (float)batch;
    losses = 0.0f;
    random_state = seed == 0 ? 1 : seed;
    hidden_begin();
    for (uint32_t i = 0; i < TRAIN_ROWS; i++) {
        biases[i] = train_biases[train_rows[i]];
        gathered_biases[i] = 0.0f;
        for (uint32_t j = 0; j < column_count; j++) {
            weights[i][j] = train_weights[train_rows[i]][train_columns[j]];
            gathered[i][j] = 0.0f;
        }
    }
}

/* The weights of a class as they are now; `mixed` is room for those of which a part learns. */
static const train_weight *weights_of(uint32_t class, int32_t row, train_weight *mixed) {
    if (row < 0 || TRAIN_COLUMNS == 0) {
        return train_weights[class];
    }
    if (TRAIN_COLUMNS == TRAIN_FEATURES) {
        return weights[row];
    }
    memcpy(mixed, train_weights[class], TRAIN_FEATURES * sizeof *mixed);
    for (uint32_t j = 0; j < column_count; j++) {
        mixed[train_columns[j]] = weights[row][j];
    }
    return mixed;
}

static bool is_finite(float value) {
    return value - value == 0.0f;
}

/* Work out the logits, and the greatest. Returns false where one is no number. */
static bool logits(float *greatest) {
    static train_weight mixed[TRAIN_FEATURES];
    bool finite = true;
    for (uint32_t class = 0; class < TRAIN_CLASSES; class++) {
        const int32_t row = train_row_of[class];
        const train_weight *own = weights_of(class, row, mixed);
        float sum = 0.0f;
        for (uint32_t f = 0; f < TRAIN_FEATURES; f++) {
            sum += (float)own[f] * features[f];
        }
#if TRAIN_BITS != 32
        sum *= train_scales[class];
#endif
        outputs[class] = sum + (row < 0 ? train_biases[class] : biases[row]);
        finite &= is_finite(outputs[class]);
        if (class == 0 || outputs[class] > *greatest) {
            *greatest = outputs[class];
        }
    }
    return finite;
}

/* Take what the model gives, and what a hidden layer makes of it. */
static void take_features(void) {
#if TRAIN_HIDDEN > 0
    for (uint32_t i = 0; i < TRAIN_BODY; i++) {
        body[i] = model_result(i);
    }
    hidden_forward(body, features);
#else
    for (uint32_t f = 0; f < TRAIN_FEATURES; f++) {
        features[f] = model_result(f);
    }
#endif
}

#if TRAIN_SQUARED
#define OF_ERROR (2.0f / (float)TRAIN_CLASSES)

/* What output `index` should be: the value of the input, as floats, at its place. */
static float wanted(uint32_t index, uint32_t label) {
    (void)label;
    float value;
    memcpy(&value, model_input + index * sizeof value, sizeof value);
    return value;
}

/* Return the mean of the squared differences. */
static float loss_of(uint32_t label, float greatest) {
    (void)greatest;
    float sum = 0.0f;
    for (uint32_t class = 0; class < TRAIN_CLASSES; class++) {
        const float apart = outputs[class] - wanted(class, label);
        sum += apart * apart;
    }
    return sum / (float)TRAIN_CLASSES;
}
#else
#define OF_ERROR 1.0f

static float wanted(uint32_t index, uint32_t label) {
    return index == label ? 1.0f : 0.0f;
}

/* Make probabilities of the logits; return -ln(that of `label`). */
static float loss_of(uint32_t label, float greatest) {
    const float of_label = outputs[label] - greatest;
    float total = 0.0f;
    for (uint32_t class = 0; class < TRAIN_CLASSES; class++) {
        outputs[class] = exponential(outputs[class] - greatest);
        total += outputs[class];
    }
    for (uint32_t class = 0; class < TRAIN_CLASSES; class++) {
        outputs[class] = outputs[class] / total;
    }
    return logarithm(total) - of_label;
}
#endif

/* As learn_forward; returns the loss with `label`, which is no number where a logit is none. */
static float forward(uint32_t label) {
    take_features();
    float greatest = 0.0f;
    if (!logits(&greatest)) {
        memset(outputs, 0, sizeof outputs);
        return logarithm(-1.0f);
    }
    return loss_of(label, greatest);
}

void learn_forward(void) {
    last_loss = forward(0);
}

float learn_feature(uint32_t index) {
#if TRAIN_HIDDEN > 0
    return body[index];
#else
    return features[index];
#endif
}

float learn_output(uint32_t index) {
    return outputs[index];
}

float learn_loss(void) {
    return is_finite(last_loss) ? last_loss : -1.0f;
}

#if TRAIN_HIDDEN > 0
/* Hand the errors of the outputs, which all learn, back through the hidden layer. */
static void add_hidden(void) {
    for (uint32_t unit = 0; unit < TRAIN_HIDDEN; unit++) {
        float slope = 0.0f;
        for (uint32_t class = 0; class < TRAIN_CLASSES; class++) {
            slope += outputs[class] * weights[class][unit];
        }
        if (features[unit] > 0.0f) {
            hidden_add(unit, slope, body);
        }
    }
}
#else
static void add_hidden(void) {
}
#endif

void learn_add(uint32_t label) {
    losses += forward(label);
    const float share = OF_ERROR * share_of_batch;
    for (uint32_t i = 0; i < TRAIN_ROWS; i++) {
        const uint32_t class = train_rows[i];
        const float error = (outputs[class] - wanted(class, label)) * share;
        outputs[class] = error;
        for (uint32_t j = 0; j < column_count; j++) {
            gathered[i][j] += error * features[train_columns[j]];
        }
        gathered_biases[i] += error;
    }
    add_hidden();
}

#if TRAIN_BITS == 32
static bool move(float *weight, float by, uint32_t *saturated) {
    (void)saturated;
    *weight -= by;
    return is_finite(*weight);
}
#else
#define LIMIT ((1 << (TRAIN_BITS - 1)) - 1)

/* In [0, 1), by 24 bits of a xorshift generator. Ref: Marsaglia, Xorshift RNGs, 2003. */
static float random_share(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (float)(random_state >> 8) * 5.9604644775390625e-8f;
}

/* Round up as often as the fraction says: steps of less than one are not lost. */
static bool move(train_weight *weight, float by, uint32_t *saturated) {
    float wanted = ((float)*weight - by) + random_share();
    if (!is_finite(wanted)) {
        return false;
    }
    if (wanted >= (float)(LIMIT + 1) || wanted < (float)-LIMIT) {
        *weight = (train_weight)(wanted < 0.0f ? -LIMIT : LIMIT);
        *saturated += 1;
        return true;
    }
    int32_t whole = (int32_t)wanted;
    if ((float)whole > wanted) {
        whole--; /* the cast rounds toward zero */
    }
    *weight = (train_weight)whole;
    return true;
}
#endif

bool learn_step(struct learned *learned) {
    bool finite = hidden_step(learning_rate, kept_share);
    learned->loss = losses * share_of_batch;
    learned->saturated = 0;
    losses = 0.0f;
    for (uint32_t i = 0; i < TRAIN_ROWS; i++) {
        float rate = learning_rate;
#if TRAIN_BITS != 32
        rate = learning_rate / train_scales[train_rows[i]];
#endif
        for (uint32_t j = 0; j < column_count; j++) {
            finite &= move(&weights[i][j], rate * gathered[i][j], &learned->saturated);
            gathered[i][j] *= kept_share;
        }
        biases[i] -= learning_rate * gathered_biases[i];
        gathered_biases[i] *= kept_share;
        finite &= is_finite(biases[i]);
    }
    return finite && is_finite(learned->loss);
}

uint32_t learn_words(void) {
    return hidden_words() + 2 * (weight_count + TRAIN_ROWS) + 1;
}

/* Where a word of the head lies that has 32 bits; NULL for a weight of fewer. */
static void *place_of(uint32_t index) {
    if (index < weight_count) {
#if TRAIN_BITS == 32
        return &weights[index / ROOM][index % ROOM];
#else
        return NULL;
#endif
    }
    index -= weight_count;
    if (index < TRAIN_ROWS) {
        return &biases[index];
    }
    index -= TRAIN_ROWS;
    if (index < weight_count) {
        return &gathered[index / ROOM][index % ROOM];
    }
    index -= weight_count;
    if (index < TRAIN_ROWS) {
        return &gathered_biases[index];
    }
    return &random_state;
}

uint32_t learn_read(uint32_t index) {
    uint32_t word;
    if (index < hidden_words()) {
        memcpy(&word, hidden_word(index), sizeof word);
        return word;
    }
    index -= hidden_words();
    const void *place = place_of(index);
    if (place == NULL) {
        return (uint32_t)(int32_t)weights[index / ROOM][index % ROOM];
    }
    memcpy(&word, place, sizeof word);
    return word;
}

void learn_write(uint32_t index, uint32_t word) {
    if (index < hidden_words()) {
        memcpy(hidden_word(index), &word, sizeof word);
        return;
    }
    index -= hidden_words();
    void *place = place_of(index);
    if (place == NULL) {
        weights[index / ROOM][index % ROOM] = (train_weight)(int32_t)word;
        return;
    }
    memcpy(place, &word, sizeof word);
}
