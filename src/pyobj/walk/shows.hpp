// The Show functions, by family; and tokens of what is referred to by name. See parts.hpp.
#pragma once
#include "pyobj/walk/type_info.hpp"

namespace elastic::pyobj::walk {

// ---- shows_names.cpp
Token named_token(PyObject* object, const TypeInfo& info);
Token function_name_token(PyObject* function);
// The value of an instance of a subclass of int, float, str, bytes or complex.
Token atom_value_token(PyObject* object);
void show_array_function(PyObject* object, Parts& parts);

// ---- shows_generic.cpp: types whose state is what generic means show
// The references that tp_traverse shows the garbage collector, in its order, without the type.
void show_references(PyObject* object, Parts& parts);
// The same of an object that has more state than that.
void show_opaque(PyObject* object, Parts& parts);
void show_closed(PyObject* object, Parts& parts);   // opaque, and not looked into either
void show_nothing(PyObject* object, Parts& parts);  // known by being that object
// The fields that tp_members lists of every C type the object's type derives from.
void show_members(PyObject* object, Parts& parts);
// Raw bytes after the header. For types that hold no pointers.
void show_raw(PyObject* object, Parts& parts);
// An attribute that a C getter tells and the object keeps: the reference outlives the call.
void show_attribute(PyObject* object, std::string_view name, Parts& parts);
// The dtype, shape and elements of an array, as data of whoever had it made; false if it is no array of data.
bool show_elements(PyObject* array, Parts& parts);
// What a getter has just made, as data: a number, a text, an array, or a dictionary of these by name; false
// if it is none.
bool show_made(PyObject* value, Parts& parts);

template <class Number>
Number field_at(PyObject* object, std::size_t offset) {
  Number number;
  std::memcpy(&number, reinterpret_cast<const char*>(object) + offset, sizeof number);
  return number;
}

// References, and the numbers of type Py_ssize_t at these offsets.
template <std::size_t... kOffsets>
void show_references_and(PyObject* object, Parts& parts) {
  (parts.word(static_cast<std::uint64_t>(field_at<Py_ssize_t>(object, kOffsets))), ...);
  show_references(object, parts);
}

// ---- shows_code.cpp: what runs
void show_function(PyObject*, Parts&);
void show_code(PyObject*, Parts&);
void show_cell(PyObject*, Parts&);
void show_class(PyObject*, Parts&);
void show_builtin_method(PyObject*, Parts&);
void show_method_wrapper(PyObject*, Parts&);
void show_property(PyObject*, Parts&);
void show_generator(PyObject*, Parts&);
void show_frame(PyObject*, Parts&);
void show_traceback(PyObject*, Parts&);
void show_exception(PyObject*, Parts&);
void show_weak_reference(PyObject*, Parts&);

// ---- shows_memory.cpp: raw memory
void show_bytearray(PyObject*, Parts&);
void show_memoryview(PyObject*, Parts&);
void show_array_array(PyObject*, Parts&);
void show_mmap(PyObject*, Parts&);
void show_bytes_io(PyObject*, Parts&);

// ---- shows_pandas.cpp
void show_block_manager(PyObject*, Parts&);
void show_block(PyObject*, Parts&);
void show_block_placement(PyObject*, Parts&);
void show_array_backed(PyObject*, Parts&);
void show_interval(PyObject*, Parts&);
void show_timestamp(PyObject*, Parts&);
void show_pandas_timedelta(PyObject*, Parts&);
void show_period_type(PyObject*, Parts&);
void show_period(PyObject*, Parts&);
void show_sparse_index(PyObject*, Parts&);
void show_offset(PyObject*, Parts&);

// ---- shows_arrow.cpp
void show_arrow_array(PyObject*, Parts&);
void show_arrow_buffer(PyObject*, Parts&);
void show_arrow_chunks(PyObject*, Parts&);
void show_arrow_table(PyObject*, Parts&);
void show_arrow_type(PyObject*, Parts&);

// ---- shows_torch.cpp
void show_tensor(PyObject*, Parts&);
void show_compiled(PyObject*, Parts&);

// ---- shows_stdlib.cpp
void show_ordered_dict(PyObject*, Parts&);
void show_date(PyObject*, Parts&);
void show_time(PyObject*, Parts&);
void show_datetime(PyObject*, Parts&);
void show_timedelta(PyObject*, Parts&);
void show_timezone(PyObject*, Parts&);
void show_decimal(PyObject*, Parts&);
void show_match(PyObject*, Parts&);
void show_lock(PyObject*, Parts&);
void show_rlock(PyObject*, Parts&);
void show_database_connection(PyObject*, Parts&);
void show_lru_cache(PyObject*, Parts&);

// ---- shows_matplotlib.cpp
void show_renderer(PyObject*, Parts&);

// ---- shows_pillow.cpp
void show_image(PyObject*, Parts&);
void show_image_reference(PyObject*, Parts&);

// ---- shows_polars.cpp
void show_polars_frame(PyObject*, Parts&);
void show_polars_series(PyObject*, Parts&);

// ---- shows_random.cpp
void show_random(PyObject*, Parts&);
void show_bit_generator(PyObject*, Parts&);
void show_generator_of_numbers(PyObject*, Parts&);
void show_random_state(PyObject*, Parts&);
void show_seed_sequence(PyObject*, Parts&);

// ---- shows_sklearn.cpp
void show_tree(PyObject*, Parts&);
void show_neighbours_tree(PyObject*, Parts&);
void show_distance(PyObject*, Parts&);

}  // namespace elastic::pyobj::walk
