// What lets a later look at a variable say "nothing changed" without hashing it again.
//
// A walk writes down, for every container it enters, a stamp of what the container holds: a dict's version
// tag, which is unique over the process; a digest of a list's element pointers; for an array a hash of its
// bytes. Nothing has changed if every stamp is still the same, provided that an address means the same
// object: so what a stamp refers to by address and no other record vouches for (atoms, tuples) is pinned,
// because the allocator hands the old address out again at once (`l[0] += 1` twice gave it back in 100 of 100
// trials).
//
// Invariant: records stand in the order the walk entered the containers, parents before children. A record is
// only looked at when all before it hold, so the object it names is alive: its parent, unchanged, still
// refers to it.
//
// Costs 24 bytes a container and 8 a pinned atom. REQUIRES: the GIL; a ChangeLog is destroyed with the GIL
// held.
#pragma once
#include <cstdint>
#include <vector>

#include "elastic/pyobj/deadline.hpp"
#include "pyobj/walk/co_variables.hpp"
#include "pyobj/walk/type_info.hpp"

namespace elastic::pyobj::walk {

enum class RecordKind : std::uint8_t {
  kDict,       // stamp: the version tag
  kList,       // stamp: the element pointers; count: how many
  kOther,      // stamp: by its type
  kOwnedType,  // object: a class of the session that the namespace held under its own name
};

struct Record {
  PyObject* object;
  std::uint64_t stamp;
  std::uint32_t count;
  RecordKind kind;
  bool registered;  // known to be shared: among the variable's meetings
  bool quiet;
};
static_assert(sizeof(Record) == 24);

// Stamps of single objects.
class Stamper {
 public:
  explicit Stamper(TypeCache& types) : types_(types) {}
  std::uint64_t stamp(PyObject* object, const TypeInfo& info) const;

 private:
  std::uint64_t base_stamp(PyObject* object, Kind kind, Show show) const;
  std::uint64_t instance_stamp(PyObject* object, const TypeInfo& info) const;

  TypeCache& types_;
};

// Whether the namespace holds the class under its own name, so that a reference to it need not be followed.
bool owned_by_name(PyObject* user_namespace, PyTypeObject* type);

class ChangeLog {
 public:
  ChangeLog() = default;
  ~ChangeLog() { clear(); }
  ChangeLog(ChangeLog&& other) noexcept { *this = std::move(other); }
  ChangeLog& operator=(ChangeLog&& other) noexcept;
  ChangeLog(const ChangeLog&) = delete;
  ChangeLog& operator=(const ChangeLog&) = delete;

  void pin(PyObject* object) {
    Py_INCREF(object);
    pins_.push_back(object);
  }
  void record(Record record) { records_.push_back(record); }
  // Drops everything. May run finalizers, thus any code: call it with no walk under way.
  void clear();
  void shrink();

  bool empty() const { return records_.empty() && pins_.empty(); }
  std::size_t size_bytes() const;

  enum class Verdict { kHolds, kDiffers, kGivenUp };
  // Whether every record still holds; nobody knows where the deadline came first. Objects that have become
  // shared since are appended to `newly_shared`, which is said once of each.
  Verdict verify(PyObject* user_namespace, TypeCache& types, std::vector<Meeting>& newly_shared,
                 const Deadline& deadline);

 private:
  std::vector<Record> records_;
  std::vector<PyObject*> pins_;
};

}  // namespace elastic::pyobj::walk
