/* Receive one command from the host, and carry it out. Ref: mlcommons/tiny, benchmark/api. */
#include "command.h"

#include <stddef.h>
#include <stdint.h>

#include "baud.h"
#include "command_words.h"
#include "frames.h"
#include "infer.h"
#include "model.h"
#include "port.h"
#include "stamp.h"
#include "text.h"
#include "upload.h"
#ifdef TB_STREAM
#include "stream.h"
#endif
#ifdef TB_TRAIN
#include "train.h"
#endif

#define TERMINATOR '%'
#define DEFAULT_ITERATIONS 1
#define DEFAULT_WARMUPS 10

bool command_receive(char command[COMMAND_SIZE + 1]) {
    uint32_t length = 0;
    for (;;) {
#ifdef TB_STREAM
        hear_meanwhile();
#endif
        int c = port_getc();
        if (c < 0) {
            return false;
        }
        if (c == TERMINATOR) {
            command[length] = '\0';
            return true;
        }
        /* A damaged byte makes its word unknown, and is harmless when an error quotes it. */
        bool printable = c >= ' ' && c <= '~';
        if (length < COMMAND_SIZE) {
            command[length++] = printable ? (char)c : '?';
        }
        if (!printable && baud_doubt()) {
            command[0] = '?'; /* its answer tells the host where the line is */
            command[1] = '\0';
            return true;
        }
    }
}

static void run_name(char *rest) {
    (void)rest;
    text("m-name-dut-[tinybench]\r\n");
}

static void run_profile(char *rest) {
    (void)rest;
    text("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[");
    text(model_id);
    text("]\r\n");
}

static void run_caps(char *rest) {
    (void)rest;
    text("m-caps-[profile");
    if (frames_offered()) {
        text(" ");
        frames_caps();
    }
    if (port_takes_baud(0)) {
        text(" baud");
    }
#ifdef TB_STREAM
    hear_caps();
#endif
#ifdef TB_TRAIN
    train_caps();
#endif
#ifdef TB_ENERGY
    text(" energy");
#endif
#ifdef TB_BUILD_ID
    text(" build-" TB_BUILD_ID);
#endif
    text("]\r\n");
}

static void run_help(char *rest) {
    (void)rest;
    text("Each command ends with '%'; each answer ends with m-ready.\r\n"
         "name           who answers\r\n"
         "profile        protocol and model\r\n"
         "caps           what this firmware can do beyond the public API\r\n"
         "timestamp      time in microseconds\r\n"
         "db load N      announce an input of N bytes\r\n"
         "db HEX         append bytes of the input\r\n"
         "db print       show the input\r\n"
         "infer [N [W]]  W untimed inferences (10), then N timed ones (1)\r\n"
         "results        outputs of the last window\r\n"
         "state keep     a model's state lasts from one inference to the next, from now on\r\n"
         "state reset    each inference begins with the state as it was at first\r\n"
         "profile-layers N  N inferences, timed layer by layer\r\n"
#ifdef TB_STREAM
         "start [uploads] [wraps]  begin a stream: sound that comes by itself, or else uploads;\r\n"
         "               an inference then hears the next 512 samples\r\n"
         "stop [quiet]   end it, and show output 0 of each of its frames\r\n"
         "state          how far it is\r\n"
         "extract_uart_stream  hear the samples that were uploaded, and show features\r\n"
         "proc_hi, proc_lo  set the processing pin\r\n"
         "infer_wav [AT], extract [AT], run_model  hear a stored sound of ten seconds\r\n"
         "i2scap [N]     show N samples of sound that comes by itself\r\n"
#endif
#ifdef TB_TRAIN
         "train begin RATE MOMENTUM BATCH SEED  learn from the weights in flash on\r\n"
         "train add LABEL N  gather the gradient of the last inference, N-th of its batch\r\n"
         "train step N   change the weights by a full batch, for the N-th time\r\n"
         "train run N FIRST COUNT  that many steps on samples in flash, from step FIRST on\r\n"
         "train sample INDEX, features, read AT COUNT, write AT HEX, sum, end\r\n"
#endif
         "frames         go on in binary frames, until the frame LEAVE\r\n"
         "baud N         go on at N bits a second; undone unless 'name' comes next\r\n");
}

static void run_timestamp(char *rest) {
    (void)rest;
    stamp_now();
}

static void run_db(char *rest) {
    const char *what = words_next(&rest);
    if (what == NULL) {
        text("e-[Command 'db' requires a subcommand]\r\n");
    } else if (text_equals(what, "load")) {
        const char *size = words_next(&rest);
        if (size == NULL) {
            text("e-[Command 'db load' requires the # of bytes]\r\n");
        } else {
            upload_load(words_integer(size, 0));
        }
    } else if (text_equals(what, "print")) {
        upload_print();
    } else {
        upload_append(what);
    }
}

static void run_infer(char *rest) {
    const char *n = words_next(&rest);
    const char *w = words_next(&rest);
    int32_t iterations = n == NULL ? DEFAULT_ITERATIONS : words_integer(n, 0);
    int32_t warmups = w == NULL ? DEFAULT_WARMUPS : words_integer(w, -1);
    if (iterations <= 0) {
        text("e-[Inference iterations must be >0]\r\n");
    } else if (warmups < 0) {
        text("e-[Inference warmup must be >=0]\r\n");
    } else {
        infer_window((uint32_t)iterations, (uint32_t)warmups);
    }
}

static void run_profile_layers(char *rest) {
    const char *n = words_next(&rest);
    int32_t iterations = n == NULL ? DEFAULT_ITERATIONS : words_integer(n, 0);
    if (iterations <= 0) {
        text("e-[Inference iterations must be >0]\r\n");
    } else {
        infer_layers((uint32_t)iterations);
    }
}

static void run_results(char *rest) {
    (void)rest;
    infer_results();
}

__attribute__((weak)) bool model_keep_state(bool kept) {
    (void)kept;
    return false;
}

static void run_state(char *rest) {
    const char *what = words_next(&rest);
#ifdef TB_STREAM
    if (what == NULL) {
        hear_state();
        return;
    }
    if (hear_sounds()) {
        text("e-[Sound comes by itself: 'stop' first]\r\n");
        return;
    }
#endif
    bool kept = what != NULL && text_equals(what, "keep");
    if (!kept && (what == NULL || !text_equals(what, "reset"))) {
        text("e-[Command 'state' requires 'keep' or 'reset']\r\n");
    } else if (!model_keep_state(kept)) {
        text("e-[Command 'state' needs a model that has one]\r\n");
    } else {
        text(kept ? "m-state-[kept]\r\n" : "m-state-[reset]\r\n");
    }
}

static void run_frames(char *rest) {
    (void)rest;
    if (frames_offered()) {
        frames_run();
    } else {
        text("e-[Command 'frames' needs a port with a larger buffer, or a smaller model]\r\n");
    }
}

/* Whether `name%` comes next. Returns false at the first byte that is another. */
static bool name_is_asked(void) {
    for (const char *wanted = "name%"; *wanted != '\0'; wanted++) {
        if (port_getc() != *wanted) {
            return false;
        }
    }
    return true;
}

static void run_baud(char *rest) {
    const char *n = words_next(&rest);
    int32_t baud = n == NULL ? 0 : words_integer(n, 0);
    if (baud <= 0 || !port_takes_baud((uint32_t)baud)) {
        text("e-[Command 'baud' has no such rate here]\r\n");
        return;
    }
    text("m-baud-[");
    text_u32((uint32_t)baud);
    text("]\r\nm-ready\r\n");
    port_flush();
    baud_set((uint32_t)baud);
    /* A line that does not carry this rate shows in the first byte that comes over it. */
    if (name_is_asked()) {
        run_name(rest);
    } else {
        baud_set(0);
        text("e-[No 'name' at the new baud: back to the first one]\r\n");
    }
}

/* Each command with its function, which gets the words that follow. While sound comes by itself
 * those that would disturb it are refused. */
static const struct {
    const char *name;
    void (*run)(char *rest);
    bool disturbs;
} commands[] = {
    {"name", run_name, false},
    {"profile", run_profile, false},
    {"caps", run_caps, false},
    {"help", run_help, false},
    {"db", run_db, true},
    {"infer", run_infer, true},
    {"timestamp", run_timestamp, false},
    {"results", run_results, false},
    {"profile-layers", run_profile_layers, true},
    {"state", run_state, false},
    {"frames", run_frames, true},
    {"baud", run_baud, true},
#ifdef TB_TRAIN
    {"train", train_run, true},
#endif
#ifdef TB_STREAM
    {"start", hear_start, false},
    {"stop", hear_stop, false},
    {"extract_uart_stream", hear_uploaded, true},
    {"proc_hi", hear_pin_high, true},
    {"proc_lo", hear_pin_low, true},
    {"infer_wav", hear_stored_all, true},
    {"extract", hear_stored_features, true},
    {"run_model", hear_stored_once, true},
    {"i2scap", hear_captured, true},
#endif
};

static bool disturbs(bool command_would) {
#ifdef TB_STREAM
    return command_would && hear_sounds();
#else
    (void)command_would;
    return false;
#endif
}

void command_run(char *command) {
    const char *name = words_next(&command);
    if (name == NULL) {
        return; /* An empty command crashes stock firmware; here it only asks for m-ready. */
    }
    for (uint32_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (text_equals(name, commands[i].name)) {
            baud_trust();
            if (disturbs(commands[i].disturbs)) {
                text("e-[Sound comes by itself: 'stop' first]\r\n");
            } else {
                commands[i].run(command);
            }
            return;
        }
    }
    baud_doubt();
    text("e-[Unknown command: ");
    text(name);
    text("]\r\n");
}
