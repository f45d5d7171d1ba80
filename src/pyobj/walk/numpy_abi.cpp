#include "pyobj/walk/numpy_abi.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "pyobj/walk/hashed_memory.hpp"

namespace elastic::pyobj::walk {
namespace {

struct DtypeLayout1 {  // numpy 1.x
  PyObject_HEAD PyTypeObject* scalar_type;
  char kind, type, byteorder, flags;
  int number;
  int element_size;
  int alignment;
  struct SubarrayLayout* subarray;
  PyObject *fields, *names;
  PyObject* format;
  PyObject* metadata;
  void* unit;
};
struct DtypeLayout2 {  // numpy 2.x; from `subarray` on for the classic dtypes only
  PyObject_HEAD PyTypeObject* scalar_type;
  char kind, type, byteorder, former_flags;
  int number;
  std::uint64_t flags;
  Py_ssize_t element_size;
  Py_ssize_t alignment;
  PyObject* metadata;
  Py_ssize_t hash;
  void* reserved[2];
  struct SubarrayLayout* subarray;
  PyObject *fields, *names;
  void* unit;
};
struct SubarrayLayout {
  PyObject* base;
  PyObject* shape;
};
struct UnitLayout {  // datetime64 and timedelta64
  void *free, *clone, *reserved[2];
  int unit, count;
};
struct UfuncLayout {
  PyObject_HEAD int inputs, outputs, arguments, identity;
  void *functions, *data;
  int types_count, reserved1;
  const char* name;
};

constexpr std::uint64_t kItemHasReferences = 0x01;
constexpr int kLongDoubleNumber = 13, kComplexLongDoubleNumber = 16;
constexpr int kDatetimeNumber = 21, kTimedeltaNumber = 22, kVoidNumber = 20, kLastClassicNumber = 24;
constexpr std::size_t kBlockSizeBytes = std::size_t{4}
                                        << 20;  // hashed at once: bounds the copies of strided data

bool numpy_is_2_or_later() {
  const std::string_view version = ascii_text(loaded_attribute("numpy", "__version__"));
  return !version.empty() && (version[0] != '1' || (version.size() > 1 && version[1] != '.'));
}

template <class Layout>
Dtype read_layout(PyObject* object) {
  auto* layout = reinterpret_cast<Layout*>(object);
  Dtype dtype;
  dtype.kind = layout->kind;
  dtype.byteorder = layout->byteorder == '|' ? '|' : layout->byteorder == '>' ? '>' : '=';
  dtype.number = layout->number;
  dtype.element_size_bytes = static_cast<std::size_t>(layout->element_size);
  dtype.has_references = static_cast<std::uint64_t>(layout->flags) & kItemHasReferences;
  if (layout->number < 0 || layout->number >= kLastClassicNumber) return dtype;
  const auto held = [](PyObject* field) { return field && field != Py_None ? field : nullptr; };
  if (layout->number == kVoidNumber) {
    dtype.fields = held(layout->fields);
    dtype.names = held(layout->names);
    if (layout->subarray) {
      dtype.subarray_base = layout->subarray->base;
      dtype.subarray_shape = layout->subarray->shape;
    }
  }
  if ((layout->number == kDatetimeNumber || layout->number == kTimedeltaNumber) && layout->unit) {
    dtype.unit = static_cast<UnitLayout*>(layout->unit)->unit;
    dtype.unit_count = static_cast<UnitLayout*>(layout->unit)->count;
  }
  return dtype;
}

// Calls visit(dtype, offset) for every field of a structured dtype, in the order of the names.
template <class Visit>
void for_each_field(const Dtype& dtype, Visit visit) {
  if (!dtype.names || !PyTuple_CheckExact(dtype.names) || !dtype.fields) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dtype.names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(dtype.names, i);
    // `fields` may be a mappingproxy's dict; its keys are the very str objects of `names`.
    PyObject *key, *entry;
    Py_ssize_t position = 0;
    while (PyDict_Next(dtype.fields, &position, &key, &entry)) {
      if (key != name) continue;
      if (PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) >= 2 &&
          PyLong_CheckExact(PyTuple_GET_ITEM(entry, 1))) {
        visit(PyTuple_GET_ITEM(entry, 0), PyLong_AsSize_t(PyTuple_GET_ITEM(entry, 1)));
      }
      break;
    }
  }
}

std::size_t subarray_count(const Dtype& dtype) {
  std::size_t count = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dtype.subarray_shape); ++i) {
    count *= PyLong_AsSize_t(PyTuple_GET_ITEM(dtype.subarray_shape, i));
  }
  return count;
}

// Leaf fields of a dtype: is_reference says whether they are object references.
template <class Visit>
void for_each_leaf(PyObject* object, std::size_t offset, Visit& visit) {
  const Dtype dtype = read_dtype(object);
  if (dtype.subarray_base) {
    const std::size_t step = read_dtype(dtype.subarray_base).element_size_bytes;
    for (std::size_t i = 0; i < subarray_count(dtype); ++i)
      for_each_leaf(dtype.subarray_base, offset + i * step, visit);
  } else if (dtype.names) {
    for_each_field(dtype, [&](PyObject* field, std::size_t at) { for_each_leaf(field, offset + at, visit); });
  } else if (std::numeric_limits<long double>::digits == 64 &&
             (dtype.number == kLongDoubleNumber || dtype.number == kComplexLongDoubleNumber)) {
    // 80 bits; what fills them up is whatever was there.
    for (std::size_t at = 0; at < dtype.element_size_bytes; at += sizeof(long double))
      visit(offset + at, std::size_t{10}, false);
  } else {
    visit(offset, dtype.element_size_bytes, dtype.number == kObjectNumber);
  }
}

}  // namespace

PyTypeObject* ndarray_type() {
  PyObject* type = loaded_attribute("numpy", "ndarray");
  return type && PyType_Check(type) ? reinterpret_cast<PyTypeObject*>(type) : nullptr;
}

Dtype read_dtype(PyObject* dtype) {
  // The version cannot change within a process once numpy is loaded, and without numpy there is no dtype.
  static const bool is_2 = numpy_is_2_or_later();
  return is_2 ? read_layout<DtypeLayout2>(dtype) : read_layout<DtypeLayout1>(dtype);
}

Token dtype_token(PyObject* object) {
  const Dtype dtype = read_dtype(object);
  Token token =
      word_token(static_cast<std::uint64_t>(dtype.kind) | static_cast<std::uint64_t>(dtype.byteorder) << 8 |
                     static_cast<std::uint64_t>(dtype.element_size_bytes) << 16,
                 Tag::kArray);
  if (dtype.unit >= 0) {
    absorb(token,
           word_token(static_cast<std::uint64_t>(dtype.unit) << 32 | static_cast<unsigned>(dtype.unit_count),
                      Tag::kWord));
  }
  if (dtype.subarray_base) {
    absorb(token, dtype_token(dtype.subarray_base));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dtype.subarray_shape); ++i) {
      absorb(token, long_token(PyTuple_GET_ITEM(dtype.subarray_shape, i)));
    }
  }
  if (dtype.names) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dtype.names); ++i)
      absorb(token, str_token(PyTuple_GET_ITEM(dtype.names, i)));
    for_each_field(dtype, [&](PyObject* field, std::size_t offset) {
      absorb(token, dtype_token(field));
      absorb(token, word_token(offset, Tag::kWord));
    });
  }
  return token;
}

void show_dtype(PyObject* dtype, Parts& parts) {
  parts.token(dtype_token(dtype));
  parts.size(basic_size_bytes(dtype));
}

void show_ufunc(PyObject* ufunc, Parts& parts) {
  const char* name = reinterpret_cast<UfuncLayout*>(ufunc)->name;
  parts.text(name ? name : "");
}

std::size_t element_count(const ArrayLayout& array) {
  std::size_t count = 1;
  for (int i = 0; i < array.dimensions_count; ++i) count *= static_cast<std::size_t>(array.dimensions[i]);
  return count;
}

bool is_contiguous(const ArrayLayout& array) { return array.flags & (kArrayContiguousC | kArrayContiguousF); }

Extent extent_of(PyObject* object) {
  PyTypeObject* array_type = ndarray_type();
  const ArrayLayout& array = *as_array(object);
  Extent extent;
  const std::size_t element = read_dtype(array.dtype).element_size_bytes;
  if (element_count(array) > 0) {
    char *low = array.data, *high = array.data + element;
    for (int i = 0; i < array.dimensions_count; ++i) {
      const Py_ssize_t span = array.strides[i] * (array.dimensions[i] - 1);
      (span < 0 ? low : high) += span;
    }
    extent.begin = reinterpret_cast<std::uintptr_t>(low);
    extent.end = reinterpret_cast<std::uintptr_t>(high);
  }
  PyObject* owner = object;
  while (array_type && PyObject_TypeCheck(owner, array_type) && as_array(owner)->base)
    owner = as_array(owner)->base;
  extent.owner = owner;
  extent.view = array.base != nullptr;
  return extent;
}

std::vector<std::size_t> reference_offsets(PyObject* dtype) {
  std::vector<std::size_t> offsets;
  auto visit = [&](std::size_t offset, std::size_t, bool is_reference) {
    if (is_reference) offsets.push_back(offset);
  };
  for_each_leaf(dtype, 0, visit);
  return offsets;
}

std::vector<ByteRange> data_ranges(PyObject* dtype) {
  std::vector<ByteRange> ranges;
  auto visit = [&](std::size_t offset, std::size_t size, bool is_reference) {
    if (!is_reference && size > 0) ranges.push_back({offset, size});
  };
  for_each_leaf(dtype, 0, visit);
  return ranges;
}

namespace {

// Copies what is scattered into blocks of a fixed size, so that contiguous and strided arrays of equal
// elements have equal tokens: the block boundaries depend on the element count alone.
class BlockHasher {
 public:
  explicit BlockHasher(std::size_t element_size) : block_size_(block_size(element_size)) {}

  static std::size_t block_size(std::size_t element) {
    return std::max(element, element ? kBlockSizeBytes / element * element : std::size_t{1});
  }
  void append(const char* data, std::size_t size) {
    // No insert at the end, which takes longer than the hashing where elements have a few bytes.
    if (used_ + size > buffer_.size()) buffer_.resize(block_size_ + size);
    std::memcpy(buffer_.data() + used_, data, size);
    used_ += size;
    if (used_ >= block_size_) flush();
  }
  // Whether the block has room for so many bytes and more.
  bool stays_open(std::size_t size) const { return used_ + size < block_size_; }
  void whole(const char* data, std::size_t size) {
    if (size >= kLargeBufferBytes) {
      for (const Token token : hashed_memory().tokens({data, size, block_size_, Tag::kBlock}))
        absorb(token_, token);
      return;
    }
    for (std::size_t done = 0; done < size; done += block_size_) {
      absorb(token_, bytes_token(data + done, std::min(block_size_, size - done), Tag::kBlock));
    }
  }
  Token finish() {
    if (used_ > 0) flush();
    return token_;
  }

 private:
  void flush() {
    absorb(token_, bytes_token(buffer_.data(), used_, Tag::kBlock));
    used_ = 0;
  }

  std::size_t block_size_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  Token token_;
};

// The bytes of an element that mean something, or nothing where all do.
std::vector<ByteRange> ranges_between_padding(PyObject* object) {
  const Dtype dtype = read_dtype(object);
  if (!dtype.names && dtype.number != kLongDoubleNumber && dtype.number != kComplexLongDoubleNumber)
    return {};
  std::vector<ByteRange> ranges = data_ranges(object);
  std::sort(ranges.begin(), ranges.end(), [](auto& x, auto& y) { return x.offset < y.offset; });
  std::size_t end = 0;
  bool gap = false;
  for (const ByteRange& range : ranges) {
    gap = gap || range.offset > end;
    end = std::max(end, range.offset + range.size);
  }
  return gap || end < dtype.element_size_bytes ? ranges : std::vector<ByteRange>();
}

// The memory that elements which overlap cover together, if it has no gaps: windows over an array or a row
// repeated, where there may be thousands of times as many elements as bytes.
std::optional<std::span<const char>> overlapped_memory(const ArrayLayout& array, std::size_t element) {
  if (element_count(array) == 0) return std::nullopt;
  std::vector<std::pair<std::size_t, std::size_t>> axes;  // step and length, the shortest step first
  const char* low = array.data;
  for (int axis = 0; axis < array.dimensions_count; ++axis) {
    const Py_ssize_t step = array.strides[axis], steps = array.dimensions[axis] - 1;
    if (steps == 0) continue;
    if (step < 0) low += step * steps;
    axes.emplace_back(std::abs(step), steps);
  }
  std::sort(axes.begin(), axes.end());
  std::size_t covered = element;
  for (const auto& [step, steps] : axes) {
    if (step > covered) return std::nullopt;
    covered += step * steps;
  }
  if (covered >= element_count(array) * element) return std::nullopt;
  return std::span(low, covered);
}

// What is large and in one piece, so that its pages may be watched.
std::optional<HashedMemory::Buffer> large_buffer(const ArrayLayout& array) {
  const Dtype dtype = read_dtype(array.dtype);
  if (dtype.number == kStringDtypeNumber) return std::nullopt;
  const std::size_t element = dtype.element_size_bytes;
  std::optional<std::span<const char>> memory;
  if (is_contiguous(array))
    memory = std::span<const char>(array.data, element_count(array) * element);
  else
    memory = overlapped_memory(array, element);
  if (!memory || memory->size() < kLargeBufferBytes) return std::nullopt;
  return HashedMemory::Buffer{memory->data(), memory->size(), BlockHasher::block_size(element), Tag::kBlock};
}

Token memory_token(const ArrayLayout& array) {
  const std::size_t element = read_dtype(array.dtype).element_size_bytes;
  BlockHasher hasher(element);
  if (is_contiguous(array)) {
    hasher.whole(array.data, element_count(array) * element);
  } else if (const auto memory = overlapped_memory(array, element)) {
    hasher.whole(memory->data(), memory->size());
    Token token = hasher.finish();
    for (int axis = 0; axis < array.dimensions_count; ++axis) {  // they tell which element is where
      if (array.dimensions[axis] > 1) absorb(token, word_token(array.strides[axis], Tag::kBlock));
    }
    return token;
  } else {
    for_each_element(array, [&](char* at) { hasher.append(at, element); });
  }
  return hasher.finish();
}

std::uint64_t memory_mark(const ArrayLayout& array) {
  const auto buffer = large_buffer(array);
  if (!buffer) return memory_token(array).a;
  std::uint64_t all = 0;
  for (const std::uint64_t mark : hashed_memory().marks(*buffer)) all = (std::rotl(all, 7) ^ mark) * kOdd1;
  return all;
}

}  // namespace

Token array_data_token(const ArrayLayout& array) {
  const std::vector<ByteRange> ranges = ranges_between_padding(array.dtype);
  if (ranges.empty()) return memory_token(array);
  // Neighbours together, which is several times as fast; but one by one where a block ends, since that is
  // where it has always ended.
  std::vector<ByteRange> merged;
  std::size_t size = 0;
  for (const ByteRange& range : ranges) {
    size += range.size;
    if (!merged.empty() && merged.back().offset + merged.back().size == range.offset)
      merged.back().size += range.size;
    else
      merged.push_back(range);
  }
  BlockHasher hasher(read_dtype(array.dtype).element_size_bytes);
  for_each_element(array, [&](char* at) {
    for (const ByteRange& range : hasher.stays_open(size) ? merged : ranges)
      hasher.append(at + range.offset, range.size);
  });
  return hasher.finish();
}

bool hash_array_ahead(const ArrayLayout& array, const Deadline& deadline, const Deadline& at_once) {
  const auto buffer = large_buffer(array);
  return !buffer || hashed_memory().hash_ahead(*buffer, deadline, at_once);
}

bool seal_array(const ArrayLayout& array, const Deadline& deadline) {
  const auto buffer = large_buffer(array);
  return !buffer || hashed_memory().seal(*buffer, deadline);
}

std::uint64_t array_stamp(PyObject* object) {
  const ArrayLayout& array = *as_array(object);
  const auto dimensions = static_cast<std::size_t>(array.dimensions_count);
  std::uint64_t stamp =
      pointers_stamp(array.dimensions, dimensions) ^ scramble(reinterpret_cast<std::uint64_t>(array.data));
  stamp = (std::rotl(stamp, 7) ^ pointers_stamp(array.strides, dimensions)) * kOdd1;
  stamp ^= scramble(reinterpret_cast<std::uint64_t>(array.dtype)) ^
           static_cast<std::uint64_t>(array.flags & kArrayWriteable);
  const Dtype dtype = read_dtype(array.dtype);
  if (dtype.number == kStringDtypeNumber) return stamp ^ string_array_token(object).a;
  // References are stamped as the bytes they are: pinned where they are atoms, recorded where they are
  // containers.
  return (std::rotl(stamp, 7) ^ memory_mark(array)) * kOdd1;
}

}  // namespace elastic::pyobj::walk
