// Arrow's C data interface: structs whose layout is a standard, and that libraries fill in.
#pragma once
#include <cstdint>

#include "pyobj/walk/parts.hpp"

namespace elastic::pyobj::walk {

struct ArrowSchema {
  const char *format, *name, *metadata;
  std::int64_t flags, children_count;
  ArrowSchema **children, *dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  std::int64_t length, null_count, offset, buffers_count, children_count;
  const void** buffers;
  ArrowArray **children, *dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);  // one that is released marks the end
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

// shows_arrow.cpp. Type, name and values; opaque where the format is not known.
void show_exported(const ArrowArray& array, const ArrowSchema& schema, Parts& parts);

}  // namespace elastic::pyobj::walk
