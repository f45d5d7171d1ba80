// Types of the standard library whose structs are private to it.
#include "pyobj/walk/shows.hpp"  // before datetime.h, which needs Python.h

#include <datetime.h>

#include <unordered_map>

namespace elastic::pyobj::walk {
namespace {

struct OrderedNode {
  PyObject* key;
  Py_hash_t hash;
  OrderedNode *next, *previous;
};
struct OrderedDictLayout {
  PyDictObject dict;
  OrderedNode *first, *last;
  OrderedNode** fast_nodes;
  Py_ssize_t fast_nodes_size;
  void* resize_sentinel;
  std::size_t state;
  PyObject *attributes, *weaklist;
};
struct DecimalLayout {
  PyObject_HEAD Py_hash_t hash;
  std::uint8_t flags;
  Py_ssize_t exponent, digits, length, allocated;
  std::uint64_t* data;
};
struct LockLayout {
  PyObject_HEAD void* lock;
  PyObject* weaklist;
  char locked;
};
struct RLockLayout {
  PyObject_HEAD void* lock;
  unsigned long owner;
  unsigned long count;
  PyObject* weaklist;
};
struct CacheLink {
  PyObject_HEAD CacheLink *previous, *next;
  Py_hash_t hash;
  PyObject *key, *result;
};
struct LruCacheLayout {
  CacheLink root;  // of a ring, which has the entries of a cache that has a largest size
  void* wrapper;
  int typed;
  PyObject* cache;
  Py_ssize_t hits;
  PyObject* function;
  Py_ssize_t largest_size;  // -1: there is none
  Py_ssize_t misses;
  PyObject *keyword_mark, *link_type, *info_type;
  PyObject *attributes, *weaklist;
};
struct TimezoneLayout {
  PyObject_HEAD PyObject *offset, *name;
};
constexpr std::uint8_t kDecimalValueFlags =
    0x0f;  // sign, infinity, NaN, sNaN; the others say who owns the data

}  // namespace

// The order is in a linked list of keys beside the dict; move_to_end changes it and leaves the dict's version
// alone.
void show_ordered_dict(PyObject* object, Parts& parts) {
  auto* ordered = reinterpret_cast<OrderedDictLayout*>(object);
  parts.address(ordered->dict.ma_version_tag);
  parts.address(ordered->state);
  parts.size(ordered->fast_nodes ? sizeof(void*) * static_cast<std::size_t>(ordered->fast_nodes_size) : 0);
  if (!parts.digests()) return;
  std::unordered_map<PyObject*, PyObject*> values;
  PyObject *key, *value;
  for (Py_ssize_t position = 0; PyDict_Next(object, &position, &key, &value);) values.emplace(key, value);
  for (const OrderedNode* node = ordered->first; node; node = node->next) {
    const auto found = values.find(node->key);
    parts.child(node->key);
    parts.child(found == values.end() ? nullptr : found->second);
    parts.size(sizeof(OrderedNode));
  }
}

void show_date(PyObject* object, Parts& parts) {
  auto* date = reinterpret_cast<PyDateTime_Date*>(object);
  parts.size(basic_size_bytes(object));
  parts.bytes(date->data, sizeof date->data);
}

void show_time(PyObject* object, Parts& parts) {
  auto* time = reinterpret_cast<PyDateTime_Time*>(object);
  parts.size(basic_size_bytes(object));
  parts.bytes(time->data, sizeof time->data);
  parts.word(time->fold);
  parts.child(time->hastzinfo ? time->tzinfo : nullptr);
}

void show_datetime(PyObject* object, Parts& parts) {
  auto* time = reinterpret_cast<PyDateTime_DateTime*>(object);
  parts.size(basic_size_bytes(object));
  parts.bytes(time->data, sizeof time->data);
  parts.word(time->fold);
  parts.child(time->hastzinfo ? time->tzinfo : nullptr);
}

void show_timedelta(PyObject* object, Parts& parts) {
  auto* delta = reinterpret_cast<PyDateTime_Delta*>(object);
  parts.size(basic_size_bytes(object));
  for (const int part : {delta->days, delta->seconds, delta->microseconds})
    parts.word(static_cast<std::uint64_t>(part));
}

void show_timezone(PyObject* object, Parts& parts) {
  auto* zone = reinterpret_cast<TimezoneLayout*>(object);
  parts.size(basic_size_bytes(object));
  parts.child(zone->offset);
  parts.child(zone->name);
}

void show_decimal(PyObject* object, Parts& parts) {
  auto* decimal = reinterpret_cast<DecimalLayout*>(object);
  parts.size(basic_size_bytes(object));
  parts.word(decimal->flags & kDecimalValueFlags);
  parts.word(static_cast<std::uint64_t>(decimal->exponent));
  parts.bytes(decimal->data, static_cast<std::size_t>(decimal->length) * sizeof *decimal->data);
}

// Beside its members a match has the spans of its groups, from the last word of the struct on.
void show_match(PyObject* object, Parts& parts) {
  show_members(object, parts);
  const auto first = static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize) - sizeof(Py_ssize_t);
  parts.bytes(reinterpret_cast<const char*>(object) + first,
              static_cast<std::size_t>(Py_SIZE(object)) * sizeof(Py_ssize_t));
}

void show_lock(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(reinterpret_cast<LockLayout*>(object)->locked));
}

void show_rlock(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  parts.word(reinterpret_cast<RLockLayout*>(object)->count);
}

namespace {

// C code that the garbage collector calls at any time: it may not run Python code.
int show_unless_bookkeeping(PyObject* referent, void* parts) {
  const bool is_bookkeeping = PyType_CheckExact(referent) || PyList_CheckExact(referent) ||
                              std::string_view(Py_TYPE(referent)->tp_name) == "functools._lru_cache_wrapper";
  if (!is_bookkeeping) static_cast<Parts*>(parts)->child(referent);
  return 0;
}

}  // namespace

// What it has in its database nobody can see. It lists its cursors and keeps statements, which go by
// themselves, whatever cell runs.
void show_database_connection(PyObject* object, Parts& parts) {
  show_closed(object, parts);
  if (PyObject_GC_IsTracked(object)) Py_TYPE(object)->tp_traverse(object, show_unless_bookkeeping, &parts);
}

// A restored cache is empty, so what it holds is no part of the content. Each call counts as a hit or a miss.
void show_lru_cache(PyObject* object, Parts& parts) {
  const PyTypeObject* type = Py_TYPE(object);
  if (type->tp_basicsize != sizeof(LruCacheLayout) ||
      type->tp_dictoffset != offsetof(LruCacheLayout, attributes) ||
      type->tp_weaklistoffset != offsetof(LruCacheLayout, weaklist)) {
    parts.opaque();
    return show_opaque(object, parts);
  }
  auto* cached = reinterpret_cast<LruCacheLayout*>(object);
  parts.size(basic_size_bytes(object));
  parts.word(static_cast<std::uint64_t>(cached->typed));
  parts.word(static_cast<std::uint64_t>(cached->largest_size));
  parts.word_aside(static_cast<std::uint64_t>(cached->hits));
  parts.word_aside(static_cast<std::uint64_t>(cached->misses));
  parts.child(cached->function);
  parts.child(cached->attributes);
  if (cached->largest_size < 0) return parts.aside(cached->cache);
  for (const CacheLink* link = cached->root.next; link != &cached->root; link = link->next) {
    parts.aside(link->key);
    parts.aside(link->result);
    parts.size(sizeof(CacheLink));
  }
}

}  // namespace elastic::pyobj::walk
