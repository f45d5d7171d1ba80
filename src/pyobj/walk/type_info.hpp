// How objects of a type are read: found out once a type and walk, from the type object alone.
//
// A class made by a class statement is readable when its layout is fully explained by a readable base, its
// slots, its dict and its weak reference list; the size of its instances and its deallocator tell. (C types
// made by PyType_FromSpec look like such classes otherwise, but hide fields.) What is not explained is
// opaque.
//
// A TypeCache holds no references: types can be freed and changed by any Python code, so it is cleared
// whenever some may have run. REQUIRES: the GIL.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "pyobj/walk/parts.hpp"

namespace elastic::pyobj::walk {

enum class Kind : std::uint8_t {
  kList,
  kTuple,
  kDict,
  kSet,
  kFrozenset,
  kInstance,  // of a Python class: dict, slots, and what its builtin base holds
  kParts,     // told by a Show function
  kArray,     // numpy.ndarray, exactly
  kNamed,     // immutable or not ours: told by its name, never entered
  kClass,
  kFunction,
  kOpaque,
  kAtomValue,  // only as a base: int, float, str, bytes, complex
  kObject,     // only as a base: object itself
};

struct Slot {
  Token name;
  Py_ssize_t offset;
};

struct TypeInfo {
  PyTypeObject* type = nullptr;
  Kind kind = Kind::kOpaque;
  Kind base = Kind::kObject;  // of kInstance: what the builtin base is
  PyTypeObject* base_type = nullptr;
  Show show = nullptr;  // of kParts, or of the base if that is kParts
  bool has_managed_dict = false;
  bool immutable = false;  // cannot change once made, though what it refers to may
  bool links = true;       // sharing one makes variables linked
  bool quiet = false;      // shares what it holds without changing it in place, see Meeting
  Py_ssize_t weak_list_offset = 0;
  bool session_class = false;  // made in the session: __module__ is "__main__"
  Py_ssize_t dict_offset = 0;
  Token name;  // module and qualified name
  std::vector<Slot> slots;
  const std::vector<std::string_view>* hidden = nullptr;  // attributes that are caches, no part of the state
};

inline bool holds_array(const TypeInfo& info) {
  return info.kind == Kind::kArray || (info.kind == Kind::kInstance && info.base == Kind::kArray);
}

// How a C type is read.
struct Reading {
  Kind kind;
  Show show = nullptr;
  bool immutable = false;
  bool links = true;
  bool quiet = false;
};

// known_types.cpp. The reading of a builtin type, or of a library's C type that is found where it says it
// lives.
const Reading* find_reading(PyTypeObject* type);

// Names of attributes that instances of this class keep as caches; null if none are known.
const std::vector<std::string_view>* find_hidden_attributes(PyTypeObject* type);

class TypeCache {
 public:
  const TypeInfo& of(PyTypeObject* type) {
    const TypeInfo*& recent = recent_[reinterpret_cast<std::uintptr_t>(type) / 16 * kOdd1 >> 56];
    if (recent && recent->type == type) [[likely]]
      return *recent;
    recent = &look_up(type);
    return *recent;
  }
  void clear();

 private:
  const TypeInfo& look_up(PyTypeObject* type);

  std::unordered_map<PyTypeObject*, std::unique_ptr<TypeInfo>> infos_;
  std::array<const TypeInfo*, 256> recent_{};
};

// Whether something other than its one holder may lead to the object: its reference count says so, or a weak
// reference.
bool may_be_met_again(PyObject* object, const TypeInfo& info);

// Whether instances of this Python class share what they hold without changing it in place.
bool is_quiet_class(PyTypeObject* type);

// The dict of an instance if it has one already; never made.
PyObject* instance_dict(PyObject* object, const TypeInfo& info);
// Its attribute values while nobody else can hold them: inline, or in the dict that a look at `__dict__`, as
// pickling has, made of them. To have been looked at so is no change. Null in all other cases.
PyDictValues* unshared_values(PyObject* object, const TypeInfo& info);
bool is_hidden(const TypeInfo& info, PyObject* attribute);

TypeInfo make_type_info(PyTypeObject* type);

// Made by a class statement (or type()): its deallocator says so, and that no extension module is its home.
bool is_python_class(PyTypeObject* type);
// Module and qualified name of a type, as a token that is the same in every process.
Token type_name_token(PyTypeObject* type);
// "module.qualname" for messages.
std::string type_display_name(PyTypeObject* type);
bool is_session_class(PyTypeObject* type);

}  // namespace elastic::pyobj::walk
