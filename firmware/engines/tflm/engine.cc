/* TensorFlow Lite Micro behind core/model.h. `the_model.h` is written for one model: what it takes
 * and gives, the operators that it calls, and how large its arena is. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"

extern "C" {
#include "float32.h"
}
#include "the_model.h"

extern "C" {
extern const char model_id[] = MODEL_ID;
extern const uint32_t model_input_b = INPUT_B;
alignas(16) uint8_t model_input[INPUT_B];
extern const uint8_t model_input_flip = INPUT_FLIP;
extern const uint32_t model_layer_count = LAYERS;
}

namespace {

alignas(16) const uint8_t flatbuffer[] = {
#include "the_model.inc"
};

/* Each registration is handed out with a function of ours in place of its own, so that a pass over
 * the graph can run one layer of it alone. */
enum : int32_t { ALL = -1 };
int32_t wanted = ALL;
int32_t layer;
bool in_layer; /* what a layer calls, of other subgraphs, is a part of it */

TfLiteStatus run_layer(TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *),
                       TfLiteContext *context, TfLiteNode *node) {
    if (in_layer) {
        return invoke(context, node);
    }
    int32_t number = layer++;
    if (wanted != ALL && wanted != number) {
        return kTfLiteOk;
    }
    in_layer = true;
    TfLiteStatus status = invoke(context, node);
    in_layer = false;
    return status;
}

template <int slot> struct Operator {
    static TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
    static TfLiteStatus run(TfLiteContext *context, TfLiteNode *node) {
        return run_layer(invoke, context, node);
    }
    template <typename Resolver, typename Key> static bool wrap(Resolver &resolver, Key key) {
        auto *registration = const_cast<TFLMRegistration *>(resolver.FindOp(key));
        if (registration == nullptr) {
            return false;
        }
        invoke = registration->invoke;
        registration->invoke = run;
        return true;
    }
};
template <int slot> TfLiteStatus (*Operator<slot>::invoke)(TfLiteContext *, TfLiteNode *);

tflite::MicroMutableOpResolver<OPERATORS> resolver;

bool resolved() {
    static bool tried, added;
    if (!tried) {
        tried = added = true;
#define ADD(slot, name, key)                                                                       \
    added = added && resolver.Add##name() == kTfLiteOk && Operator<slot>::wrap(resolver, key);
        EACH_OPERATOR(ADD)
#undef ADD
    }
    return added;
}

/* The engine on an arena. */
struct Engine {
    tflite::MicroAllocator *allocator;
    tflite::MicroResourceVariables *variables;
    tflite::MicroInterpreter interpreter;
    TfLiteStatus status;

    Engine(uint8_t *arena, size_t size)
        : allocator(tflite::MicroAllocator::Create(arena, size)),
          variables(VARIABLES ? tflite::MicroResourceVariables::Create(allocator, VARIABLES)
                              : nullptr),
          interpreter(tflite::GetModel(flatbuffer), resolver, allocator, variables),
          status(resolved() ? interpreter.AllocateTensors() : kTfLiteError) {
    }
};

} // namespace

extern "C" {

#ifndef __unix__
/* What the engine calls where it cannot go on; start-up reports it. */
void abort(void) {
    __builtin_trap();
}
#endif

#if ARENA_B == 0

/* A probe: its only answer is how large an arena the model needs, by trying in all of free RAM. */
const uint32_t model_result_count = 1;
const uint32_t model_result_decimals = 0;
const bool model_result_rounded = true;

static size_t found;

#ifdef __unix__
alignas(16) static uint8_t room[256 << 20];
static uint8_t *const room_ends = room + sizeof room;
#else
extern uint8_t bss_end[], RAM_ORIGIN[], RAM_SIZE_B[];
static uint8_t *const room = (uint8_t *)(((uintptr_t)bss_end + 15) & ~(uintptr_t)15);
static uint8_t *const room_ends = RAM_ORIGIN + (uintptr_t)RAM_SIZE_B;
#endif

static size_t used_of(size_t size) {
    Engine engine(room, size);
    return engine.status == kTfLiteOk ? engine.interpreter.arena_used_bytes() : 0;
}

void model_load(void) {
}

int model_infer(void) {
    size_t high = (size_t)(room_ends - room) & ~(size_t)15;
    size_t low = (used_of(high) + 15) & ~(size_t)15;
    if (low == 0) {
        return -2;
    }
    /* While it allocates, it may need more than it uses in the end. */
    if (used_of(low) != 0) {
        found = low;
        return 0;
    }
    while (high - low > 16) {
        size_t middle = (low + (high - low) / 2) & ~(size_t)15;
        *(used_of(middle) != 0 ? &high : &low) = middle;
    }
    found = high;
    return 0;
}

int model_infer_layer(uint32_t index) {
    (void)index;
    return model_infer();
}

void model_finish(void) {
}

float model_result(uint32_t index) {
    (void)index;
    return (float)found;
}

#else

extern const uint32_t model_result_count = RESULTS;
extern const uint32_t model_result_decimals = DECIMALS;
extern const bool model_result_rounded = ROUNDED;

alignas(16) static uint8_t arena[ARENA_B];
static Engine *engine;
static bool finished;
#if INPUT_FLOATS
static int8_t quantised[INPUT_B / 4];
#endif
#if VARIABLES || STATE
static bool state_kept;

bool model_keep_state(bool kept) {
    state_kept = kept;
    return true;
}
#endif

void model_load(void) {
    static Engine made(arena, sizeof arena);
    engine = &made;
#if INPUT_FLOATS
    quantise_float32(model_input, INPUT_B / 4, inputs[0].scale, inputs[0].zero_point, quantised);
#endif
}

/* The engine's arena holds the inputs as well, and it may write over them. */
static int begin(void) {
    if (engine->status != kTfLiteOk) {
        return -2;
    }
#if VARIABLES || STATE
    if (!state_kept) {
        if (engine->interpreter.Reset() != kTfLiteOk) {
            return -3;
        }
        if (VARIABLES && engine->variables->ResetAll() != kTfLiteOk) {
            return -3;
        }
    }
#endif
    layer = 0;
#if INPUT_FLOATS
    const uint8_t *from = (const uint8_t *)quantised;
#else
    const uint8_t *from = model_input;
#endif
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        memcpy(engine->interpreter.input(i)->data.raw, from, inputs[i].size_b);
        from += inputs[i].size_b;
    }
    return 0;
}

int model_infer(void) {
    wanted = ALL;
    int status = begin();
    return status < 0 ? status : engine->interpreter.Invoke() == kTfLiteOk ? 0 : -1;
}

int model_infer_layer(uint32_t index) {
    int status = index == 0 ? begin() : 0;
    if (status < 0) {
        return status;
    }
    layer = 0;
    wanted = (int32_t)index;
    return engine->interpreter.Invoke() == kTfLiteOk ? 0 : -1;
}

void model_finish(void) {
    finished = true;
}

float model_result(uint32_t index) {
    if (!finished) {
        return 0.0f;
    }
#if RESULT_MSE
    (void)index;
    return mean_squared_error(model_input, engine->interpreter.output(0)->data.int8,
                              outputs[0].elements, outputs[0].scale, outputs[0].zero_point);
#else
    size_t i = 0;
    while (index >= outputs[i].elements) {
        index -= outputs[i++].elements;
    }
    const TfLiteTensor *from = engine->interpreter.output((int)i);
    switch (from->type) {
    case kTfLiteFloat32:
        return from->data.f[index];
    case kTfLiteInt32:
        return (float)from->data.i32[index];
    case kTfLiteInt16:
        return (float)(from->data.i16[index] - outputs[i].zero_point) * outputs[i].scale;
    case kTfLiteUInt8:
        return (float)(from->data.uint8[index] - outputs[i].zero_point) * outputs[i].scale;
    case kTfLiteInt64:
        return (float)from->data.i64[index];
    case kTfLiteBool:
        return from->data.b[index] ? 1.0f : 0.0f;
    default:
        return (float)(from->data.int8[index] - outputs[i].zero_point) * outputs[i].scale;
    }
#endif
}

#endif
}
