// numpy's array and dtype structs, declared here so that one build works with numpy 1.x and 2.x and needs
// neither.
//
// The array struct has been the same since 1.7 and is part of numpy's ABI promise. The dtype struct moved
// in 2.0: which one applies is decided by the version of the numpy that is loaded. Nothing here imports
// numpy: while it is not in sys.modules, no object is an array.
#pragma once
#include <cstdint>
#include <vector>

#include "elastic/pyobj/deadline.hpp"
#include "pyobj/walk/parts.hpp"

namespace elastic::pyobj::walk {

struct ArrayLayout {
  PyObject_HEAD char* data;
  int dimensions_count;
  Py_ssize_t* dimensions;
  Py_ssize_t* strides;
  PyObject* base;
  PyObject* dtype;
  int flags;
  PyObject* weaklist;
};

// What of a dtype says how elements are read.
struct Dtype {
  char kind = 0;       // 'i', 'f', 'O', 'V', ...
  char byteorder = 0;  // '=', '<', '>', '|'
  int number = 0;
  std::size_t element_size_bytes = 0;
  bool has_references = false;
  PyObject* fields = nullptr;          // dict name -> (dtype, offset[, title]), or null
  PyObject* names = nullptr;           // tuple of field names, or null
  PyObject* subarray_base = nullptr;   // dtype of the elements of a sub-array field
  PyObject* subarray_shape = nullptr;  // tuple
  int unit = -1, unit_count = 0;       // datetime64 and timedelta64
};

inline constexpr int kObjectNumber = 17;
inline constexpr int kStringDtypeNumber = 2056;
inline constexpr int kArrayContiguousC = 0x1;
inline constexpr int kArrayContiguousF = 0x2;
inline constexpr int kArrayWriteable = 0x400;

// numpy.ndarray if numpy has been imported, else null.
PyTypeObject* ndarray_type();

Dtype read_dtype(PyObject* dtype);
// Everything of a dtype that changes what an array's bytes mean.
Token dtype_token(PyObject* dtype);
void show_dtype(PyObject* dtype, Parts& parts);
void show_numpy_scalar(PyObject* scalar, Parts& parts);
void show_ufunc(PyObject* ufunc, Parts& parts);

inline ArrayLayout* as_array(PyObject* array) { return reinterpret_cast<ArrayLayout*>(array); }
std::size_t element_count(const ArrayLayout& array);
bool is_contiguous(const ArrayLayout& array);
// The memory the array can reach, with the object that owns it.
Extent extent_of(PyObject* array);

// The offsets, within one element, of its object references.
std::vector<std::size_t> reference_offsets(PyObject* dtype);
// Bytes of one element that are not references, as (offset, size).
struct ByteRange {
  std::size_t offset;
  std::size_t size;
};
std::vector<ByteRange> data_ranges(PyObject* dtype);

// Calls visit(char* element) for every element in C order, whatever the strides.
template <class Visit>
void for_each_element(const ArrayLayout& array, Visit visit) {
  if (element_count(array) == 0) return;
  const int last = array.dimensions_count - 1;
  std::vector<Py_ssize_t> index(static_cast<std::size_t>(last + 1), 0);
  char* at = array.data;
  for (;;) {
    visit(at);
    int axis = last;
    for (; axis >= 0; --axis) {
      at += array.strides[axis];
      if (++index[static_cast<std::size_t>(axis)] < array.dimensions[axis]) break;
      at -= array.strides[axis] * index[static_cast<std::size_t>(axis)];
      index[static_cast<std::size_t>(axis)] = 0;
    }
    if (axis < 0) return;
  }
}

// The token of all elements' bytes. REQUIRES: no references, no StringDType.
Token array_data_token(const ArrayLayout& array);
// Hashes what the stamp of a large array needs; see HashedMemory::hash_ahead.
bool hash_array_ahead(const ArrayLayout& array, const Deadline& deadline, const Deadline& at_once);
// The same for its stamp.
bool seal_array(const ArrayLayout& array, const Deadline& deadline);
// The strings of a StringDType array, by value.
Token string_array_token(PyObject* array);
// For the change log: data, references, shape.
std::uint64_t array_stamp(PyObject* array);

}  // namespace elastic::pyobj::walk
