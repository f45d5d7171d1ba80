// Arrow's arrays by their buffers, through the C data interface: two structs that pyarrow fills in and whose
// layout is a standard. What a slice shows is digested, not the whole buffer behind it, since a pickle holds
// just that.
#include <cstdlib>
#include <vector>

#include "pyobj/walk/arrow_abi.hpp"
#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

// An export, released at the end of the scope.
class Exported {
 public:
  explicit Exported(PyObject* object) {
    const Owned arguments = Owned::steal(Py_BuildValue("(KK)", reinterpret_cast<unsigned long long>(&array_),
                                                       reinterpret_cast<unsigned long long>(&schema_)));
    if (arguments) {
      const Owned none = c_call(object, "_export_to_c", arguments.get());
    } else {
      PyErr_Clear();
    }
  }
  ~Exported() {
    if (array_.release) array_.release(&array_);
    if (schema_.release) schema_.release(&schema_);
  }
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;
  bool ok() const { return array_.release && schema_.release; }
  const ArrowArray& array() const { return array_; }
  const ArrowSchema& schema() const { return schema_; }

 private:
  ArrowArray array_{};
  ArrowSchema schema_{};
};

// Bytes of one value of a fixed-width format; 0 if it is not one.
std::size_t fixed_width(std::string_view format) {
  switch (format[0]) {
    case 'c':
    case 'C':
      return 1;
    case 's':
    case 'S':
    case 'e':
      return 2;
    case 'i':
    case 'I':
    case 'f':
      return 4;
    case 'l':
    case 'L':
    case 'g':
      return 8;
    case 'w':
      return static_cast<std::size_t>(std::atoi(format.data() + 2));
    case 'd': {  // decimal: "d:precision,scale[,bits]"
      const std::size_t bits = format.find(',', format.find(',') + 1);
      return bits == std::string_view::npos
                 ? 16
                 : static_cast<std::size_t>(std::atoi(format.data() + bits + 1)) / 8;
    }
    case 't': {
      const std::string_view kind = format.substr(1, 2);
      if (kind == "dD" || kind == "ts" || kind == "tm" || kind == "iM") return 4;
      return kind == "in" ? 16 : 8;
    }
    default:
      return 0;
  }
}

void show_bits(const void* bitmap, std::int64_t offset, std::int64_t length, Parts& parts) {
  const auto* bytes = static_cast<const std::uint8_t*>(bitmap);
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(length + 7) / 8, 0);
  if (offset % 8 == 0) {
    std::memcpy(bits.data(), bytes + offset / 8, bits.size());
    if (length % 8) bits.back() &= static_cast<std::uint8_t>((1 << length % 8) - 1);
  } else {
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t at = offset + i;
      bits[static_cast<std::size_t>(i / 8)] |=
          static_cast<std::uint8_t>((bytes[at / 8] >> at % 8 & 1) << i % 8);
    }
  }
  parts.bytes(bits.data(), bits.size());
}

void show_memory(const void* data, std::size_t size, Parts& parts) {
  parts.bytes(data, size);
  parts.size(size);
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  parts.extent({begin, begin + size, nullptr, false});
}

struct Range {
  std::int64_t begin, length;
};
void show_range_of(const ArrowArray& array, const ArrowSchema& schema, Range range, Parts& parts);

// Lengths, then the values between the first and the last offset. To the stamp, which is asked for more
// often, the offsets are enough, whose pages may be watched.
template <class Offset>
Range show_offsets(const void* buffer, Range range, Parts& parts) {
  const auto* offsets = static_cast<const Offset*>(buffer) + range.begin;
  if (!buffer || range.length == 0) return {0, 0};
  const std::size_t size_bytes = static_cast<std::size_t>(range.length) * sizeof(Offset);
  if (parts.digests()) {
    std::vector<Offset> lengths(static_cast<std::size_t>(range.length));
    for (std::int64_t i = 0; i < range.length; ++i)
      lengths[static_cast<std::size_t>(i)] = offsets[i + 1] - offsets[i];
    parts.token(bytes_token(lengths.data(), size_bytes, Tag::kRaw));
  } else {
    parts.bytes(offsets, size_bytes + sizeof(Offset));
  }
  parts.size(size_bytes);
  return {static_cast<std::int64_t>(offsets[0]),
          static_cast<std::int64_t>(offsets[range.length] - offsets[0])};
}

// 16 bytes each: inline, or a place in a buffer. Where the texts are does not matter to the digest; to the
// stamp, which is asked for more often, the memory is enough.
void show_views(const ArrowArray& array, Range range, Parts& parts) {
  const auto* views = static_cast<const char*>(array.buffers[1]) + 16 * range.begin;
  const std::int64_t data_count = array.buffers_count - 3;  // beside validity, views and the sizes of these
  if (!parts.digests() && data_count >= 0) {
    parts.bytes(views, static_cast<std::size_t>(range.length) * 16);
    const auto* sizes = static_cast<const std::int64_t*>(array.buffers[array.buffers_count - 1]);
    for (std::int64_t i = 0; i < data_count; ++i)
      parts.bytes(array.buffers[2 + i], static_cast<std::size_t>(sizes[i]));
    return;
  }
  for (std::int64_t i = 0; i < range.length; ++i, views += 16) {
    std::int32_t length, buffer, offset;
    std::memcpy(&length, views, 4);
    std::memcpy(&buffer, views + 8, 4);
    std::memcpy(&offset, views + 12, 4);
    const char* data =
        length <= 12 ? views + 4 : static_cast<const char*>(array.buffers[2 + buffer]) + offset;
    parts.bytes(data, static_cast<std::size_t>(length));
    parts.size(static_cast<std::size_t>(length) + 16);
  }
}

void show_values(const ArrowArray& array, const ArrowSchema& schema, Range range, Parts& parts) {
  const std::string_view format = schema.format;
  if (const std::size_t width = fixed_width(format)) {
    const auto* data = static_cast<const char*>(array.buffers[1]);
    show_memory(data + static_cast<std::size_t>(range.begin) * width,
                static_cast<std::size_t>(range.length) * width, parts);
  } else if (format == "b") {
    show_bits(array.buffers[1], range.begin, range.length, parts);
  } else if (format == "u" || format == "z" || format == "U" || format == "Z") {
    const bool wide = format == "U" || format == "Z";
    const Range text = wide ? show_offsets<std::int64_t>(array.buffers[1], range, parts)
                            : show_offsets<std::int32_t>(array.buffers[1], range, parts);
    if (text.length > 0)
      show_memory(static_cast<const char*>(array.buffers[2]) + text.begin,
                  static_cast<std::size_t>(text.length), parts);
  } else if (format == "vu" || format == "vz") {
    show_views(array, range, parts);
  } else if (format == "+l" || format == "+L" || format == "+m") {
    const Range inner = format == "+L" ? show_offsets<std::int64_t>(array.buffers[1], range, parts)
                                       : show_offsets<std::int32_t>(array.buffers[1], range, parts);
    show_range_of(*array.children[0], *schema.children[0], inner, parts);
  } else if (format.substr(0, 3) == "+w:") {
    const std::int64_t count = std::atoll(format.data() + 3);
    show_range_of(*array.children[0], *schema.children[0], {range.begin * count, range.length * count},
                  parts);
  } else if (format == "+s") {
    for (std::int64_t i = 0; i < array.children_count; ++i)
      show_range_of(*array.children[i], *schema.children[i], range, parts);
  } else if (format != "n") {
    parts.opaque();  // unions, run-end encoding
  }
}

// `range` counts from the array's own offset.
void show_range_of(const ArrowArray& array, const ArrowSchema& schema, Range range, Parts& parts) {
  range.begin += array.offset;
  parts.text(schema.format);
  parts.text(schema.name ? schema.name : "");
  parts.word(static_cast<std::uint64_t>(range.length));
  const bool has_nulls =
      array.buffers_count > 0 && array.null_count != 0 && array.buffers[0] && schema.format[0] != 'n';
  parts.word(has_nulls);
  if (has_nulls) show_bits(array.buffers[0], range.begin, range.length, parts);
  if (range.length > 0) show_values(array, schema, range, parts);
  if (array.dictionary)
    show_range_of(*array.dictionary, *schema.dictionary, {0, array.dictionary->length}, parts);
}

}  // namespace

void show_exported(const ArrowArray& array, const ArrowSchema& schema, Parts& parts) {
  show_range_of(array, schema, {0, array.length}, parts);
}

void show_arrow_array(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  const Exported exported(object);
  if (!exported.ok()) return parts.opaque();
  show_exported(exported.array(), exported.schema(), parts);
}

// Of the memory of whatever it was made over: a bytearray, an array, a file that is mapped.
void show_arrow_buffer(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) {  // of a device
    PyErr_Clear();
    return parts.opaque();
  }
  parts.word(static_cast<std::uint64_t>(view.len));
  if (view.len > 0) show_memory(view.buf, static_cast<std::size_t>(view.len), parts);
  PyBuffer_Release(&view);
}

void show_arrow_chunks(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  const Owned chunks = c_attribute(object, "chunks");
  if (!chunks || !PyList_CheckExact(chunks.get())) return parts.opaque();
  parts.word(static_cast<std::uint64_t>(PyList_GET_SIZE(chunks.get())));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(chunks.get()); ++i)
    show_arrow_array(PyList_GET_ITEM(chunks.get(), i), parts);
}

void show_arrow_table(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  const Owned schema = c_attribute(object, "schema"), count = c_attribute(object, "num_columns");
  if (!schema || !count || !PyLong_CheckExact(count.get())) return parts.opaque();
  show_arrow_type(schema.get(), parts);
  const long columns = PyLong_AsLong(count.get());
  for (long i = 0; i < columns; ++i) {
    const Owned arguments = Owned::steal(Py_BuildValue("(l)", i));
    const Owned column = arguments ? c_call(object, "column", arguments.get()) : Owned();
    if (!column) return parts.opaque();
    if (c_attribute(column.get(), "chunks")) {
      show_arrow_chunks(column.get(), parts);
    } else {
      show_arrow_array(column.get(), parts);
    }
  }
}

// Types, fields and schemas: the C data interface spells them out.
void show_arrow_type(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  ArrowSchema schema{};
  const Owned arguments = Owned::steal(Py_BuildValue("(K)", reinterpret_cast<unsigned long long>(&schema)));
  const Owned none = arguments ? c_call(object, "_export_to_c", arguments.get()) : Owned();
  if (!schema.release) return parts.opaque();
  const auto show = [&parts](const auto& self, const ArrowSchema& node) -> void {
    parts.text(node.format);
    parts.text(node.name ? node.name : "");
    parts.word(static_cast<std::uint64_t>(node.flags));
    for (std::int64_t i = 0; i < node.children_count; ++i) self(self, *node.children[i]);
    if (node.dictionary) self(self, *node.dictionary);
  };
  show(show, schema);
  schema.release(&schema);
}

}  // namespace elastic::pyobj::walk
