// One step of the frame on top of the stack: follow elements until one is a container, the block is full, or
// all are done. The loops over elements are where the time goes: memory is fetched ahead of them.
#include <algorithm>
#include <cstring>

#include "pyobj/walk/prefetch.hpp"
#include "pyobj/walk/shows.hpp"
#include "pyobj/walk/walker.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr std::uint64_t kBlock = 1024;           // elements between looks at the clock
constexpr std::uint64_t kPrefetchDistance = 16;  // elements ahead; measured on shuffled lists
constexpr std::uint64_t kKeyDone = std::uint64_t{1}
                                   << 63;  // in Frame::index: the key has been absorbed, the value not

std::uint64_t block_end(std::uint64_t index, std::uint64_t count) { return std::min(count, index + kBlock); }

// {id(x): weakref.ref(x)}, as matplotlib's transforms keep their parents: a key that is another number in
// each process, and after a restore the address that x had in another. Runs no user code: a mask of an int
// has no hook. That two such keys are different numbers is part of the identity all the same.
bool is_address(PyObject* key, PyObject* value) {
  constexpr unsigned long long kLowestAddress = 1ULL << 32;
  return PyWeakref_CheckRef(value) && PyLong_CheckExact(key) &&
         PyLong_AsUnsignedLongLongMask(key) >= kLowestAddress;
}

}  // namespace

Walker::Step Walker::advance(Frame& frame, PyObject*& child) {
  switch (frame.kind) {
    case Kind::kInstance:
      return step_instance(frame, child);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kFrozenset:
    case Kind::kArray:
      return step_base(frame, frame.kind, child);
    default:
      return step_queue(frame, child);
  }
}

Walker::Step Walker::step_base(Frame& frame, Kind kind, PyObject*& child) {
  PyObject* object = frame.object;
  switch (kind) {
    case Kind::kList:
      return step_sequence(frame, reinterpret_cast<PyListObject*>(object)->ob_item,
                           static_cast<std::uint64_t>(Py_SIZE(object)), true, child);
    case Kind::kTuple: {
      const bool pins = frame.recorded || frame.kind == Kind::kInstance;
      return step_sequence(frame, reinterpret_cast<PyTupleObject*>(object)->ob_item,
                           static_cast<std::uint64_t>(Py_SIZE(object)), pins, child);
    }
    case Kind::kDict:
      return step_dict(frame, object, nullptr, child);
    case Kind::kSet:
    case Kind::kFrozenset:
      return step_set(frame, child);
    case Kind::kArray:
      return step_array(frame, child);
    default:
      return Step::kDone;
  }
}

Walker::Step Walker::step_sequence(Frame& frame, PyObject** items, std::uint64_t count, bool pins,
                                   PyObject*& child) {
  std::uint64_t i = frame.index;
  if (i >= count) return Step::kDone;
  const std::uint64_t begin = i, end = block_end(i, count);
  const bool log_pins = pins && log_;
  Token chain = frame.chain;
  for (; i < end; ++i) {
    PyObject* item = items[i];
    if (i + kPrefetchDistance < count) [[likely]]
      prefetch(items[i + kPrefetchDistance]);
    Token token;
    if (!item) [[unlikely]] {  // object arrays and half-built lists hold nulls
      absorb(chain, word_token(0, Tag::kUnset));
      continue;
    }
    if (atom(item, token)) [[likely]] {
      if (log_pins) log_->pin(item);
      absorb(chain, token);
      continue;
    }
    if (i + kPrefetchDistance / 2 < count && items[i + kPrefetchDistance / 2])
      prefetch_body(items[i + kPrefetchDistance / 2]);
    if (i + kPrefetchDistance / 4 < count && items[i + kPrefetchDistance / 4])
      prefetch_elements(items[i + kPrefetchDistance / 4]);
    ++i;
    child = item;
    break;
  }
  frame.index = i;
  frame.chain = chain;
  fuel_ -= static_cast<std::int64_t>(i - begin);
  finding_.references += i - begin;
  if (child) return Step::kChild;
  return i < count ? Step::kPause : Step::kDone;
}

// `owner`: the instance's type if this is an instance's dict, for its hidden attributes.
Walker::Step Walker::step_dict(Frame& frame, PyObject* object, const TypeInfo* owner, PyObject*& child) {
  const PyDictObject* dict = as_dict(object);
  if (dict->ma_values) return step_split(frame, dict->ma_keys, dict->ma_values, false, owner, child);
  if (dict->ma_keys->dk_kind != DICT_KEYS_GENERAL) return step_unicode(frame, dict->ma_keys, owner, child);
  return step_general(frame, dict->ma_keys, child);
}

Walker::Step Walker::step_split(Frame& frame, PyDictKeysObject* keys, const PyDictValues* values, bool pins,
                                const TypeInfo* owner, PyObject*& child) {
  const SplitValues split{values};
  const PyDictUnicodeEntry* entries = unicode_entries(keys);
  while (frame.index < split.used()) {
    const std::size_t position = split.position(frame.index++);
    PyObject* value = values->values[position];
    PyObject* key = entries[position].me_key;
    if (!value || (owner && owner->hidden && is_hidden(*owner, key))) continue;
    finding_.references += 2;
    Token token;
    if (atom(key, token)) absorb(frame.chain, token);
    if (!atom(value, token)) {
      child = value;
      return Step::kChild;
    }
    if (pins && log_) log_->pin(value);
    absorb(frame.chain, token);
  }
  return Step::kDone;
}

Walker::Step Walker::step_unicode(Frame& frame, PyDictKeysObject* keys, const TypeInfo* owner,
                                  PyObject*& child) {
  const PyDictUnicodeEntry* entries = unicode_entries(keys);
  const auto count = static_cast<std::uint64_t>(keys->dk_nentries);
  std::uint64_t i = frame.index & ~kKeyDone;
  if (i >= count) return Step::kDone;
  const std::uint64_t begin = i, end = block_end(i, count);
  Token chain = frame.chain;
  for (; i < end; ++i) {
    PyObject* value = entries[i].me_value;
    if (i + kPrefetchDistance < count) {
      prefetch(entries[i + kPrefetchDistance].me_key);
      prefetch(entries[i + kPrefetchDistance].me_value);
    }
    if (!value || (owner && owner->hidden && is_hidden(*owner, entries[i].me_key))) continue;
    Token token;
    edge(entries[i].me_key);
    count_size(entries[i].me_key, str_size_bytes(entries[i].me_key));
    absorb(chain, str_token(entries[i].me_key));
    if (atom(value, token)) [[likely]] {
      absorb(chain, token);
      continue;
    }
    ++i;
    child = value;
    break;
  }
  frame.index = i;
  frame.chain = chain;
  fuel_ -= static_cast<std::int64_t>(i - begin);
  finding_.references += 2 * (i - begin);
  if (child) return Step::kChild;
  return i < count ? Step::kPause : Step::kDone;
}

Walker::Step Walker::step_general(Frame& frame, PyDictKeysObject* keys, PyObject*& child) {
  const PyDictKeyEntry* entries = general_entries(keys);
  const auto count = static_cast<std::uint64_t>(keys->dk_nentries);
  bool key_done = frame.index & kKeyDone;
  std::uint64_t i = frame.index & ~kKeyDone;
  if (i >= count) return Step::kDone;
  const std::uint64_t begin = i, end = block_end(i, count);
  Token chain = frame.chain;
  for (; i < end; ++i, key_done = false) {
    PyObject *key = entries[i].me_key, *value = entries[i].me_value;
    if (i + kPrefetchDistance < count && entries[i + kPrefetchDistance].me_value) {
      prefetch(entries[i + kPrefetchDistance].me_key);
      prefetch(entries[i + kPrefetchDistance].me_value);
    }
    if (!value) continue;
    Token token;
    if (!key_done) {
      if (!atom(key, token)) {
        child = key;
        break;
      }
      absorb(chain, is_address(key, value) ? word_token(0, Tag::kWord) : token);
    }
    if (!atom(value, token)) {
      child = value;
      break;
    }
    absorb(chain, token);
  }
  const bool stopped_at_key = child && !key_done && child == entries[i].me_key;
  frame.index = !child ? i : stopped_at_key ? i | kKeyDone : i + 1;
  frame.chain = chain;
  fuel_ -= static_cast<std::int64_t>(i - begin);
  finding_.references += 2 * (i - begin);
  if (child) return Step::kChild;
  return i < count ? Step::kPause : Step::kDone;
}

Walker::Step Walker::step_queue(Frame& frame, PyObject*& child) {
  const bool pins = log_ && (frame.recorded || !types_.of(Py_TYPE(frame.object)).immutable);
  while (frame.index < frame.queued) {
    PyObject* item = queue_[frame.queue + frame.index++];
    --fuel_;
    ++finding_.references;
    Token token;
    if (!item) {
      absorb_child(frame, word_token(0, Tag::kUnset), finding_.identity);
    } else if (atom(item, token)) {
      if (pins) log_->pin(item);
      absorb_child(frame, token, finding_.identity);
    } else {
      child = item;
      return Step::kChild;
    }
    if (fuel_ <= 0) return Step::kPause;
  }
  return Step::kDone;
}

// Phases of an instance: its dict, its slots, its builtin base, what its type or base has queued.
Walker::Step Walker::step_instance(Frame& frame, PyObject*& child) {
  const TypeInfo& info = types_.of(Py_TYPE(frame.object));
  const auto next_phase = [&] {
    absorb(frame.chain, word_token(++frame.phase, Tag::kPhase));
    frame.index = 0;
  };
  if (frame.phase == 0) {
    Step step = Step::kDone;
    if (const PyDictValues* values = unshared_values(frame.object, info)) {
      step = step_split(frame, cached_keys(info.type), values, true, &info, child);
    } else if (PyObject* dict = instance_dict(frame.object, info)) {
      step = step_dict(frame, dict, &info, child);
    }
    if (step != Step::kDone) return step;
    if (info.slots.empty() && info.base == Kind::kObject && frame.queued == 0) return Step::kDone;
    next_phase();
  }
  if (frame.phase == 1) {
    if (step_slots(frame, info, child) == Step::kChild) return Step::kChild;
    next_phase();
  }
  // A base that queues what it holds moves on to 3 by itself, and has then followed the queue to its end.
  if (frame.phase >= 2 && frame.phase < 4) {
    const Step step = step_base(frame, info.base, child);
    if (step != Step::kDone) return step;
    frame.index = frame.phase == 3 ? frame.queued : 0;
    frame.phase = 4;
  }
  return step_queue(frame, child);
}

Walker::Step Walker::step_slots(Frame& frame, const TypeInfo& info, PyObject*& child) {
  while (frame.index < info.slots.size()) {
    const Slot& slot = info.slots[frame.index++];
    PyObject* value = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(frame.object) + slot.offset);
    absorb(frame.chain, slot.name);
    ++finding_.references;
    Token token;
    if (!value) {
      absorb(frame.chain, word_token(0, Tag::kUnset));
    } else if (atom(value, token)) {
      if (log_) log_->pin(value);
      absorb(frame.chain, token);
    } else {
      child = value;
      return Step::kChild;
    }
  }
  return Step::kDone;
}

Walker::Step Walker::step_array(Frame& frame, PyObject*& child) {
  const ArrayLayout& array = *as_array(frame.object);
  const Dtype dtype = read_dtype(array.dtype);
  const bool first = frame.phase == 0 || frame.phase == 2;
  if (dtype.number == kStringDtypeNumber) {
    absorb(frame.chain, string_array_token(frame.object));
  } else if (!dtype.has_references) {
    absorb(frame.chain, array_data_token(array));
  } else if (dtype.number == kObjectNumber && is_contiguous(array)) {
    return step_sequence(frame, reinterpret_cast<PyObject**>(array.data), element_count(array), true, child);
  } else if (first) {
    const std::vector<std::size_t> references = reference_offsets(array.dtype);
    const std::vector<ByteRange> ranges = data_ranges(array.dtype);
    for_each_element(array, [&](char* at) {
      for (const ByteRange& range : ranges)
        absorb(frame.chain, bytes_token(at + range.offset, range.size, Tag::kRaw));
      for (const std::size_t offset : references) {
        PyObject* reference;  // a packed record has them anywhere
        std::memcpy(&reference, at + offset, sizeof reference);
        queue_.push_back(reference);
      }
    });
    frame.queued = static_cast<std::uint32_t>(queue_.size() - frame.queue);
    ++frame.phase;
    frame.index = 0;
    return step_queue(frame, child);
  } else {
    return step_queue(frame, child);
  }
  fuel_ -= static_cast<std::int64_t>(element_count(array) * dtype.element_size_bytes / 64);
  return Step::kDone;
}

}  // namespace elastic::pyobj::walk
