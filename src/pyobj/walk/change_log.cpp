#include "pyobj/walk/change_log.hpp"

#include <algorithm>
#include <utility>

#include "pyobj/walk/hashed_memory.hpp"
#include "pyobj/walk/numpy_abi.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr std::size_t kPrefetchDistance = 24;  // records ahead; measured on 400,000 dicts
constexpr std::size_t kRecordsPerClockRead = 2048;

std::uint64_t set_stamp(PyObject* object) {
  auto* set = reinterpret_cast<PySetObject*>(object);
  const auto slots = static_cast<std::size_t>(set->mask) + 1;
  return raw_stamp(set->table, slots * sizeof(setentry)) ^ scramble(static_cast<std::uint64_t>(set->used));
}

Token atom_base_token(PyObject* object) {
  if (PyLong_Check(object)) return long_token(object);
  if (PyUnicode_Check(object)) return str_token(object);
  if (PyFloat_Check(object)) return float_token(object);
  if (PyComplex_Check(object))
    return bytes_token(&reinterpret_cast<PyComplexObject*>(object)->cval, 16, Tag::kComplex);
  return bytes_object_token(object);
}

std::uint64_t combine(std::uint64_t stamp, std::uint64_t more) {
  return (std::rotl(stamp, 5) ^ scramble(more)) * kOdd1;
}

bool is_shared(PyObject* object, const TypeInfo& info) {
  if (may_be_met_again(object, info)) return true;
  if (info.kind != Kind::kInstance) return false;
  PyObject* dict = instance_dict(object, info);
  return dict && Py_REFCNT(dict) > 1;
}

}  // namespace

std::uint64_t Stamper::base_stamp(PyObject* object, Kind kind, Show show) const {
  switch (kind) {
    case Kind::kList: {
      auto* list = reinterpret_cast<PyListObject*>(object);
      return pointers_stamp(list->ob_item, static_cast<std::size_t>(Py_SIZE(list)));
    }
    case Kind::kTuple:
      return pointers_stamp(reinterpret_cast<PyTupleObject*>(object)->ob_item,
                            static_cast<std::size_t>(Py_SIZE(object)));
    case Kind::kDict:
      return as_dict(object)->ma_version_tag;
    case Kind::kSet:
    case Kind::kFrozenset:
      return set_stamp(object);
    case Kind::kAtomValue:
      return atom_base_token(object).a;
    case Kind::kArray:
      return array_stamp(object);
    // What an opaque object is seen to refer to has records of its own, which hold only while it does.
    case Kind::kOpaque:
      if (show == nullptr) return 0;
      [[fallthrough]];
    case Kind::kParts:
    case Kind::kFunction:
    case Kind::kClass: {
      Parts parts(Parts::Purpose::kStamp, nullptr);
      show(object, parts);
      return parts.stamp();
    }
    default:
      return 0;
  }
}

std::uint64_t Stamper::instance_stamp(PyObject* object, const TypeInfo& info) const {
  auto stamp = reinterpret_cast<std::uint64_t>(info.type);
  if (const PyDictValues* values = unshared_values(object, info)) {
    const SplitValues split{values};
    std::size_t end = 0;  // not that of the type's keys, to which another instance may add
    for (std::size_t n = 0; n < split.used(); ++n) {
      stamp = (std::rotl(stamp, 5) ^ split.position(n)) * kOdd1;
      end = std::max(end, split.position(n) + 1);
    }
    stamp ^= pointers_stamp(values->values, end);
  } else if (PyObject* dict = instance_dict(object, info)) {
    stamp = combine(combine(stamp, reinterpret_cast<std::uint64_t>(dict)), as_dict(dict)->ma_version_tag);
  }
  for (const Slot& slot : info.slots)
    stamp = combine(stamp, load8(reinterpret_cast<char*>(object) + slot.offset));
  return info.base == Kind::kObject ? stamp : combine(stamp, base_stamp(object, info.base, info.show));
}

std::uint64_t Stamper::stamp(PyObject* object, const TypeInfo& info) const {
  if (info.kind == Kind::kInstance) return instance_stamp(object, info);
  return base_stamp(object, info.kind, info.show);
}

bool owned_by_name(PyObject* user_namespace, PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) return false;
  PyObject* name = reinterpret_cast<PyHeapTypeObject*>(type)->ht_qualname;
  const std::string_view text = ascii_text(name);
  return !text.empty() && find_text_key(user_namespace, text) == reinterpret_cast<PyObject*>(type);
}

ChangeLog& ChangeLog::operator=(ChangeLog&& other) noexcept {
  std::swap(records_, other.records_);
  std::swap(pins_, other.pins_);
  return *this;
}

void ChangeLog::clear() {
  // Moved out first: a finalizer that runs here may come back to this log.
  const std::vector<Record> records = std::exchange(records_, {});
  const std::vector<PyObject*> pins = std::exchange(pins_, {});
  for (PyObject* pinned : pins) Py_DECREF(pinned);
}

void ChangeLog::shrink() {
  records_.shrink_to_fit();
  pins_.shrink_to_fit();
}

std::size_t ChangeLog::size_bytes() const {
  return records_.capacity() * sizeof(Record) + pins_.capacity() * sizeof(PyObject*);
}

ChangeLog::Verdict ChangeLog::verify(PyObject* user_namespace, TypeCache& types,
                                     std::vector<Meeting>& newly_shared, const Deadline& deadline) {
  hashed_memory().begin_moment();
  const Stamper stamper(types);
  const std::size_t count = records_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if ((i + 1) % kRecordsPerClockRead == 0 && deadline.has_passed()) return Verdict::kGivenUp;
    if (i + kPrefetchDistance < count) prefetch(records_[i + kPrefetchDistance].object);
    Record& record = records_[i];
    PyObject* object = record.object;
    if (record.kind == RecordKind::kDict) {
      if (Py_TYPE(object) != &PyDict_Type || as_dict(object)->ma_version_tag != record.stamp)
        return Verdict::kDiffers;
    } else if (record.kind == RecordKind::kList) {
      if (Py_TYPE(object) != &PyList_Type || static_cast<std::uint32_t>(Py_SIZE(object)) != record.count)
        return Verdict::kDiffers;
      if (pointers_stamp(reinterpret_cast<PyListObject*>(object)->ob_item, record.count) != record.stamp)
        return Verdict::kDiffers;
    } else if (record.kind == RecordKind::kOwnedType) {
      if (!owned_by_name(user_namespace, reinterpret_cast<PyTypeObject*>(object))) return Verdict::kDiffers;
      continue;
    } else {
      const TypeInfo& info = types.of(Py_TYPE(object));
      if (holds_array(info) && !seal_array(*as_array(object), deadline)) return Verdict::kGivenUp;
      if (stamper.stamp(object, info) != record.stamp) return Verdict::kDiffers;
      if (record.registered || !info.links) continue;
      if (is_shared(object, info)) {
        newly_shared.push_back({object, record.quiet});
        record.registered = true;
      }
      continue;
    }
    if (!record.registered && Py_REFCNT(object) > 1) {
      newly_shared.push_back({object, record.quiet});
      record.registered = true;
    }
  }
  return Verdict::kHolds;
}

}  // namespace elastic::pyobj::walk
