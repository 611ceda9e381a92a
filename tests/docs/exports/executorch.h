// A stand-in for ExecuTorch's runtime: names and types, and a network that adds one.
#pragma once
#include <cstddef>
#include <cstdint>

namespace executorch {
namespace aten {

using SizesType = int32_t;
using DimOrderType = uint8_t;
enum class ScalarType { Byte, Char };

class TensorImpl {
  public:
    TensorImpl(ScalarType, ptrdiff_t, SizesType *, void *memory, DimOrderType *) : data(memory) {
    }
    void *data;
};

class Tensor {
  public:
    explicit Tensor(TensorImpl *from) : data(from->data) {
    }
    template <typename T> const T *const_data_ptr() const {
        return static_cast<const T *>(data);
    }
    void *data;
};

} // namespace aten

namespace runtime {

enum class Error { Ok, InvalidArgument };

template <typename T> class Result {
  public:
    Result(const T &made) : value(made), status(Error::Ok) {
    }
    Result(Error error) : value(), status(error) {
    }
    bool ok() const {
        return status == Error::Ok;
    }
    Error error() const {
        return status;
    }
    T *operator->() {
        return &value;
    }

  private:
    T value;
    Error status;
};

template <typename T> struct Span {
    Span(T *first, size_t count) : begin(first), size(count) {
    }
    T *begin;
    size_t size;
};

struct MemoryAllocator {
    MemoryAllocator(uint32_t size, uint8_t *base) : size_b(size), memory(base) {
    }
    uint32_t size_b;
    uint8_t *memory;
};

struct HierarchicalAllocator {
    explicit HierarchicalAllocator(Span<Span<uint8_t>> buffers) : memory(buffers.begin->begin) {
    }
    uint8_t *memory;
};

struct MemoryManager {
    MemoryManager(MemoryAllocator *, HierarchicalAllocator *tensors, MemoryAllocator *)
        : memory(tensors->memory) {
    }
    uint8_t *memory;
};

struct EValue {
    explicit EValue(aten::Tensor made) : tensor(made) {
    }
    const aten::Tensor &toTensor() const {
        return tensor;
    }
    aten::Tensor tensor;
};

class Method {
  public:
    [[nodiscard]] Error set_input(const EValue &value, size_t index) {
        const int8_t *from = value.toTensor().const_data_ptr<int8_t>();
        for (int i = 0; i < 490; i++) {
            memory[i] = static_cast<uint8_t>(from[i]);
        }
        return index == 0 ? Error::Ok : Error::InvalidArgument;
    }
    [[nodiscard]] Error execute() {
        for (int i = 0; i < 12; i++) {
            memory[496 + i] = static_cast<uint8_t>(memory[i] + 1);
        }
        return Error::Ok;
    }
    const EValue &get_output(size_t) {
        static aten::TensorImpl impl(aten::ScalarType::Char, 0, nullptr, memory + 496, nullptr);
        static EValue value{aten::Tensor(&impl)};
        return value;
    }
    uint8_t *memory = nullptr;
};

struct DataLoader {
    size_t size_b = 0;
};

class Program {
  public:
    static Result<Program> load(DataLoader *loader) {
        return loader->size_b != 0 ? Result<Program>(Program()) : Error::InvalidArgument;
    }
    Result<Method> load_method(const char *, MemoryManager *manager) {
        Method method;
        method.memory = manager->memory;
        return method;
    }
};

inline void runtime_init() {
}

} // namespace runtime

namespace extension {

struct BufferDataLoader : runtime::DataLoader {
    BufferDataLoader(const void *, size_t size) {
        size_b = size;
    }
};

} // namespace extension
} // namespace executorch
