// Sets have no order that two processes share: a table's order follows the hashes, and those of str and of
// objects differ from process to process. Elements whose token stands for them alone (atoms, tuples of atoms)
// are summed; the rest are put into an order of their own by a key over what they hold one level deep.
#include <algorithm>

#include "pyobj/walk/shows.hpp"
#include "pyobj/walk/walker.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr std::uint64_t kBlock = 1024;
constexpr std::uint64_t kPrefetchDistance = 16;

bool is_dummy(const setentry& entry) {
  return entry.hash == -1;
}  // a removed element's place; no hash is ever -1

// A token of what an element shows without being entered.
Token outline(PyObject* item, TypeCache& types) {
  Atom atom;
  if (!item) return word_token(0, Tag::kUnset);
  if (read_atom(item, atom)) return atom.token;
  return types.of(Py_TYPE(item)).name;
}

}  // namespace

// Phase 0 (or 2, of an instance): the table. Phase 1 (or 3): the queued elements, in order.
Walker::Step Walker::step_set(Frame& frame, PyObject*& child) {
  if (frame.phase & 1) return step_queue(frame, child);
  const auto* set = reinterpret_cast<PySetObject*>(frame.object);
  const auto slots = static_cast<std::uint64_t>(set->mask) + 1;
  const std::uint64_t begin = frame.index, end = std::min(slots, begin + kBlock);
  const bool pins = log_ && frame.kind != Kind::kFrozenset;
  for (std::uint64_t i = begin; i < end; ++i) {
    PyObject* element = set->table[i].key;
    if (i + kPrefetchDistance < slots && set->table[i + kPrefetchDistance].key)
      prefetch(set->table[i + kPrefetchDistance].key);
    if (!element || is_dummy(set->table[i])) continue;
    ++finding_.references;
    Token token;
    if (atom(element, token) || flat_tuple(element, token)) [[likely]] {
      if (pins) log_->pin(element);
      frame.chain.a += scramble(token.a);
      frame.chain.b += scramble(token.b);
    } else {
      queue_.push_back(element);
      ++frame.queued;
    }
  }
  fuel_ -= static_cast<std::int64_t>(end - begin);
  frame.index = end;
  if (end < slots) return Step::kPause;
  order_set_elements(frame);
  ++frame.phase;
  frame.index = 0;
  return step_queue(frame, child);
}

// A frozenset that holds containers is recorded; its atoms are then pinned here, since step_set has passed
// them.
void Walker::order_set_elements(Frame& frame) {
  const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(frame.queue);
  if (frame.queued > 0 && frame.kind == Kind::kFrozenset && log_) {
    const auto* set = reinterpret_cast<PySetObject*>(frame.object);
    for (Py_ssize_t i = 0; i <= set->mask; ++i) {
      PyObject* element = set->table[i].key;
      if (element && !is_dummy(set->table[i]) &&
          (is_atom_type(Py_TYPE(element)) || PyTuple_CheckExact(element)))
        log_->pin(element);
    }
  }
  if (frame.queued < 2) return;
  std::vector<std::pair<std::uint64_t, PyObject*>> keyed;
  keyed.reserve(frame.queued);
  for (auto at = first; at != queue_.end(); ++at) keyed.emplace_back(element_order_key(*at), *at);
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& x, const auto& y) { return x.first < y.first; });
  for (std::size_t i = 0; i < keyed.size(); ++i) {
    first[static_cast<std::ptrdiff_t>(i)] = keyed[i].second;
    if (i > 0 && keyed[i].first == keyed[i - 1].first) finding_.unstable = true;
  }
}

std::uint64_t Walker::element_order_key(PyObject* element) {
  const TypeInfo& info = types_.of(Py_TYPE(element));
  Token key = info.name;
  const auto add = [&](PyObject* item) { absorb(key, outline(item, types_)); };
  if (info.kind == Kind::kTuple || info.base == Kind::kTuple) {
    for (Py_ssize_t i = 0; i < Py_SIZE(element); ++i) add(PyTuple_GET_ITEM(element, i));
  }
  if (info.kind == Kind::kFunction) add(reinterpret_cast<PyFunctionObject*>(element)->func_qualname);
  if (info.kind == Kind::kClass) absorb(key, type_name_token(reinterpret_cast<PyTypeObject*>(element)));
  if (info.kind == Kind::kNamed) absorb(key, named_token(element, info));
  if (info.kind == Kind::kFrozenset) {
    const auto* set = reinterpret_cast<PySetObject*>(element);
    std::uint64_t sum = 0;
    for (Py_ssize_t i = 0; i <= set->mask; ++i) {
      if (set->table[i].key && !is_dummy(set->table[i]))
        sum += scramble(outline(set->table[i].key, types_).a);
    }
    absorb(key, word_token(sum, Tag::kWord));
  }
  if (info.kind == Kind::kParts) {
    std::vector<PyObject*> children;
    Parts parts(Parts::Purpose::kDigest, &children);
    info.show(element, parts);
    absorb(key, parts.chain());
    for (PyObject* item : children) add(item);
  }
  if (info.kind == Kind::kInstance) {
    if (PyDictValues* values = info.has_managed_dict ? inline_values(element) : nullptr) {
      const SplitValues split{values};
      for (std::size_t n = 0; n < split.used(); ++n) add(values->values[split.position(n)]);
    } else if (PyObject* dict = instance_dict(element, info)) {
      PyObject *name, *value;
      for (Py_ssize_t position = 0; PyDict_Next(dict, &position, &name, &value);) add(value);
    }
    for (const Slot& slot : info.slots)
      add(*reinterpret_cast<PyObject**>(reinterpret_cast<char*>(element) + slot.offset));
    if (info.base == Kind::kAtomValue) absorb(key, atom_value_token(element));
  }
  return finish_token(key, 0).a;
}

// A tuple of atoms, digested without a frame as visit() would.
bool Walker::flat_tuple(PyObject* object, Token& token) {
  if (Py_TYPE(object) != &PyTuple_Type) return false;
  const Py_ssize_t count = Py_SIZE(object);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyTuple_GET_ITEM(object, i);
    if (!item || !is_atom_type(Py_TYPE(item))) return false;
  }
  token = start_token(Tag::kContainer, static_cast<std::uint64_t>(Kind::kTuple));
  for (Py_ssize_t i = 0; i < count; ++i) {
    Token item;
    if (atom(PyTuple_GET_ITEM(object, i), item)) absorb(token, item);
  }
  token = finish_token(token, static_cast<std::uint64_t>(count));
  finding_.size_bytes += 40 + sizeof(PyObject*) * static_cast<std::size_t>(count);
  finding_.references += static_cast<std::uint64_t>(count);
  return true;
}

}  // namespace elastic::pyobj::walk
