/* A stand-in of Arduino's public API, as far as firmware that is exported uses it. Written from the
 * language reference; a line is standard input and output, an edge of a pin a line on standard
 * error. */
#ifndef STUB_ARDUINO_H
#define STUB_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

extern "C" {
unsigned long micros(void);
void delayMicroseconds(unsigned int us);
typedef enum { LOW = 0, HIGH = 1 } PinStatus;
typedef enum { INPUT = 0, OUTPUT = 1 } PinMode;
typedef uint8_t pin_size_t;

void pinMode(pin_size_t pin, PinMode mode);
void digitalWrite(pin_size_t pin, PinStatus value);
void yield(void);
}

void setup(void);
void loop(void);

class Print {
  public:
    virtual ~Print() = default;
    virtual size_t write(uint8_t byte) = 0;
    virtual size_t write(const uint8_t *bytes, size_t count) = 0;
    virtual void flush() = 0;
};

class Stream : public Print {
  public:
    virtual int available() = 0;
    virtual int read() = 0;
    virtual int peek() = 0;
};

class StubSerial : public Stream {
  public:
    explicit StubSerial(const char *name);
    void begin(unsigned long baud);
    explicit operator bool() const;
    size_t write(uint8_t byte) override;
    size_t write(const uint8_t *bytes, size_t count) override;
    void flush() override;
    int available() override;
    int read() override;
    int peek() override;

  private:
    const char *name;
};

extern StubSerial Serial;
extern StubSerial Serial1;

#endif
