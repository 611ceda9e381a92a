/* The stand-in's board: one line, which is a process's standard input and output. */
#include <Arduino.h>

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

StubSerial Serial("Serial");
StubSerial Serial1("Serial1");

static StubSerial *begun;
static int outputs[256];

static bool waits(int timeout_ms) {
    struct pollfd line = {STDIN_FILENO, POLLIN, 0};
    return poll(&line, 1, timeout_ms) > 0;
}

unsigned long micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t us =
        static_cast<uint64_t>(now.tv_sec) * 1000000u + static_cast<uint64_t>(now.tv_nsec) / 1000u;
    return static_cast<uint32_t>(us); /* 32 bits, as on a chip */
}

void delayMicroseconds(unsigned int us) {
    usleep(us);
}

void pinMode(pin_size_t pin, PinMode mode) {
    outputs[pin] = mode == OUTPUT;
}

void digitalWrite(pin_size_t pin, PinStatus value) {
    if (!outputs[pin]) {
        fprintf(stderr, "pin %d is no output\n", pin);
        _exit(9);
    }
    fprintf(stderr, "pin %d %s\n", pin, value == LOW ? "low" : "high");
}

void yield(void) {
    (void)waits(20);
}

StubSerial::StubSerial(const char *called) : name(called) {
}

void StubSerial::begin(unsigned long baud) {
    begun = this;
    fprintf(stderr, "%s %lu\n", name, baud);
}

StubSerial::operator bool() const {
    return true;
}

size_t StubSerial::write(uint8_t byte) {
    return write(&byte, 1);
}

size_t StubSerial::write(const uint8_t *bytes, size_t count) {
    if (begun != this || ::write(STDOUT_FILENO, bytes, count) != static_cast<ssize_t>(count)) {
        _exit(8);
    }
    return count;
}

void StubSerial::flush() {
}

int StubSerial::available() {
    return begun == this && waits(0) ? 1 : 0;
}

int StubSerial::read() {
    uint8_t byte;
    if (::read(STDIN_FILENO, &byte, 1) != 1) {
        _exit(0);
    }
    return byte;
}

int StubSerial::peek() {
    return -1;
}

int main() {
    setup();
    for (;;) {
        loop();
    }
}
