// numpy's scalars and its variable-width strings.
#include <iterator>

#include "pyobj/walk/numpy_abi.hpp"

namespace elastic::pyobj::walk {
namespace {

struct ScalarSize {
  std::string_view type_name;
  std::size_t size_bytes;
};
// Bytes of the value, without the padding after it (an 80-bit float occupies 16). Both names of bool: 1.x
// and 2.x.
constexpr ScalarSize kScalarSizes[] = {
    {"numpy.bool_", 1},     {"numpy.bool", 1},      {"numpy.int8", 1},       {"numpy.uint8", 1},
    {"numpy.int16", 2},     {"numpy.uint16", 2},    {"numpy.int32", 4},      {"numpy.uint32", 4},
    {"numpy.int64", 8},     {"numpy.uint64", 8},    {"numpy.longlong", 8},   {"numpy.ulonglong", 8},
    {"numpy.float16", 2},   {"numpy.float32", 4},   {"numpy.float64", 8},    {"numpy.longdouble", 10},
    {"numpy.float128", 10}, {"numpy.complex64", 8}, {"numpy.complex128", 16}};

struct DatetimeScalar {
  PyObject_HEAD std::int64_t value;
  int unit, count;
};
struct VoidScalar {
  PyObject_VAR_HEAD char* value;
  PyObject* dtype;
  int flags;
  PyObject* base;
};
struct LongDoubleParts {  // the second half of a complex longdouble starts at 16
  PyObject_HEAD char value[32];
};

// numpy's C functions, by their place in the table it exports; fixed since 2.0.
constexpr int kLoadString = 313, kAcquireAllocator = 316, kReleaseAllocator = 318;
struct StaticString {
  std::size_t size;
  const char* data;
};

void** numpy_api() {
  PyObject* capsule = loaded_attribute("numpy._core._multiarray_umath", "_ARRAY_API");
  return capsule && PyCapsule_CheckExact(capsule)
             ? static_cast<void**>(PyCapsule_GetPointer(capsule, nullptr))
             : nullptr;
}

}  // namespace

void show_numpy_scalar(PyObject* scalar, Parts& parts) {
  const std::string_view name = Py_TYPE(scalar)->tp_name;
  const char* value = reinterpret_cast<const char*>(scalar) + sizeof(PyObject);
  parts.size(basic_size_bytes(scalar));
  for (const ScalarSize& known : kScalarSizes) {
    if (name == known.type_name) return parts.bytes(value, known.size_bytes);
  }
  if (name == "numpy.clongdouble" || name == "numpy.complex256") {
    const auto* halves = reinterpret_cast<LongDoubleParts*>(scalar);
    parts.bytes(halves->value, 10);
    parts.bytes(halves->value + 16, 10);
  } else if (name == "numpy.datetime64" || name == "numpy.timedelta64") {
    const auto* datetime = reinterpret_cast<DatetimeScalar*>(scalar);
    parts.word(static_cast<std::uint64_t>(datetime->value));
    parts.word(static_cast<std::uint64_t>(datetime->unit) << 32 | static_cast<unsigned>(datetime->count));
  } else if (name == "numpy.str_") {
    parts.token(str_token(scalar));
  } else if (name == "numpy.bytes_") {
    parts.token(
        bytes_token(PyBytes_AS_STRING(scalar), static_cast<std::size_t>(Py_SIZE(scalar)), Tag::kBytes));
  } else if (name == "numpy.void") {
    const auto* record = reinterpret_cast<VoidScalar*>(scalar);
    parts.token(dtype_token(record->dtype));
    const Dtype dtype = read_dtype(record->dtype);
    if (dtype.has_references) {
      parts.opaque();
    } else {
      parts.bytes(record->value, dtype.element_size_bytes);
    }
    parts.child(record->base);
    const auto begin = reinterpret_cast<std::uintptr_t>(record->value);
    parts.extent({begin, begin + dtype.element_size_bytes, record->base ? record->base : scalar});
  } else {
    parts.opaque();
  }
}

Token string_array_token(PyObject* object) {
  const ArrayLayout& array = *as_array(object);
  void** api = numpy_api();
  Token token = start_token(Tag::kArray, element_count(array));
  if (!api) return token;
  const auto acquire = reinterpret_cast<void* (*)(PyObject*)>(api[kAcquireAllocator]);
  const auto load = reinterpret_cast<int (*)(void*, const void*, StaticString*)>(api[kLoadString]);
  const auto release = reinterpret_cast<void (*)(void*)>(api[kReleaseAllocator]);
  void* allocator = acquire(array.dtype);
  for_each_element(array, [&](char* at) {
    StaticString string{0, nullptr};
    const int is_null = load(allocator, at, &string);
    absorb(token, is_null ? word_token(0, Tag::kUnset) : bytes_token(string.data, string.size, Tag::kStr));
  });
  release(allocator);
  return token;
}

}  // namespace elastic::pyobj::walk
