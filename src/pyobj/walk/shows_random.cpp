// Generators of random numbers: random.Random by its struct, numpy's by the getters of their state.
#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr int kWords = 624;  // of a Mersenne twister
struct RandomLayout {
  PyObject_HEAD int index;
  std::uint32_t words[kWords];
};

// A subclass in Python may have a `state` of its own, which the C code would ask for.
bool is_of_c(PyObject* object) { return object && !is_python_class(Py_TYPE(object)); }

// Beside its generator a RandomState has the second of two normal numbers, which are made in pairs.
bool show_legacy_state(PyObject* object, Parts& parts) {
  if (!is_of_c(object) || !is_of_c(c_attribute(object, "_bit_generator").get())) return false;
  const Owned not_legacy = Owned::steal(PyTuple_Pack(1, Py_False));
  const Owned state = not_legacy ? c_call(object, "get_state", not_legacy.get()) : Owned();
  if (!state || !PyDict_CheckExact(state.get())) return false;
  return show_made(find_text_key(state.get(), "has_gauss"), parts) &&
         show_made(find_text_key(state.get(), "gauss"), parts);
}

// The generators that every module of the process draws from. Each process has its own, and their states are
// ambient: of a value that refers to one the state is identity, not content.
bool is_global(PyObject* object, std::string_view module, std::string_view attribute) {
  return loaded_attribute(module, attribute) == object;
}

bool show_global_random_state(PyObject* object, Parts& parts) {
  Parts state(Parts::Purpose::kDigest, nullptr);
  const Owned bit_generator = c_attribute(object, "_bit_generator");
  if (!bit_generator || !show_legacy_state(object, state) ||
      !show_made(c_attribute(bit_generator.get(), "state").get(), state))
    return false;
  parts.text("numpy.random.mtrand._rand");
  parts.word_aside(state.chain().a);
  return true;
}

}  // namespace

void show_random(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  PyTypeObject* type = Py_TYPE(object);
  while (is_python_class(type)) type = type->tp_base;
  if (type->tp_basicsize != sizeof(RandomLayout)) return parts.opaque();
  auto* random = reinterpret_cast<RandomLayout*>(object);
  if (is_global(object, "random", "_inst")) {
    parts.text("random._inst");
    parts.word_aside(static_cast<std::uint64_t>(random->index));
    return parts.word_aside(memory_token(random->words, sizeof random->words, Tag::kRaw).a);
  }
  parts.word(static_cast<std::uint64_t>(random->index));
  parts.bytes(random->words, sizeof random->words);
}

void show_bit_generator(PyObject* object, Parts& parts) {
  if (!is_of_c(object) || !show_made(c_attribute(object, "state").get(), parts)) {
    parts.opaque();
    return show_opaque(object, parts);
  }
  parts.size(basic_size_bytes(object));
  show_attribute(object, "seed_seq", parts);
  // What C code outside of numpy draws through; made when asked for.
  for (const std::string_view name : {"_ctypes", "_cffi"})
    if (const Owned interface = c_attribute(object, name); interface && Py_REFCNT(interface.get()) > 1)
      parts.aside(interface.get());
}

void show_generator_of_numbers(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  show_attribute(object, "bit_generator", parts);
}

void show_random_state(PyObject* object, Parts& parts) {
  if (is_global(object, "numpy.random.mtrand", "_rand") && show_global_random_state(object, parts))
    return parts.size(basic_size_bytes(object));
  if (!show_legacy_state(object, parts)) {
    parts.opaque();
    return show_opaque(object, parts);
  }
  parts.size(basic_size_bytes(object));
  show_attribute(object, "_bit_generator", parts);
}

void show_seed_sequence(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  for (const std::string_view name : {"entropy", "spawn_key", "pool_size", "pool", "n_children_spawned"})
    show_attribute(object, name, parts);
}

}  // namespace elastic::pyobj::walk
