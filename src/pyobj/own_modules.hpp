// The state of the user's own modules: what their globals, the attributes of their classes and functions, and
// the functions' default values and closures hold beside functions, classes and modules. A cell
// that sets `settings.debug`, or calls a function that counts in a global of its module, changes it; no
// variable of the session holds it.
//
// One piece of ambient state a module, "<module settings>". Its value holds a digest of every attribute, a
// pickle of those that are made of builtins and numeric arrays alone, since pickling these runs no code of
// the user's, and which attributes of whichever module are one object with it. The others come back by
// importing the module, as long as no cell changed them; a piece in which one was changed has no value that
// could be kept.
//
// REQUIRES of everything: the GIL.
#pragma once
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/pyobj/ambient.hpp"
#include "elastic/pyobj/walk.hpp"
#include "pyobj/module_attributes.hpp"

namespace elastic::pyobj {

class OwnModules {
 public:
  OwnModules(const GilHeld&, Borrowed user_namespace);

  // The pieces that are not as at the last call, with their values; "" where none can be kept.
  std::map<std::string, std::string> changes(const GilHeld&, ModuleLook look);

  // Sets what differs from a value that `changes` gave. kPythonRaised: the module cannot be imported, or
  // something in it cannot be set; all else is set.
  Result<> put(const GilHeld&, const std::string& piece, const std::string& value);

  // See Ambient. `share` leaves it as it is where it cannot be set.
  std::vector<ModuleAttribute> shared(const GilHeld&);
  void share(const GilHeld&, const ModuleAttribute& shared);

  // Of each module, by name.
  std::map<std::string, std::string> files(const GilHeld&);

  static bool is_piece(const std::string& name);

 private:
  struct Known {
    std::map<std::string, Digest> attributes;
    std::map<std::string, Digest> imported;  // as first seen
    std::set<std::string> gone;              // deleted by a cell
    std::uint64_t version = 0;               // of the module's dict
  };

  // Where each list, dict, set or bytearray is an attribute: "module:path", sorted.
  using Holders = std::unordered_map<PyObject*, std::vector<std::string>>;
  struct Refilling {
    bool may(PyObject* held, PyObject* value, const std::vector<std::string>& places) const;
    Holders holders;  // before
    bool any = false;
  };

  const std::vector<std::pair<std::string, Borrowed>>& modules();
  bool is_passed_by(const std::string& module, std::uint64_t version, ModuleLook look);
  std::map<std::string, Digest> digests_of(const GilHeld&, const std::string& module,
                                           const std::vector<ModuleValue>& attributes, const Known& known);
  Holders holders();
  std::string value_of(const std::string& module, const std::vector<ModuleValue>& attributes,
                       const Known& known, const Holders& holders) const;
  std::string put_attribute(const GilHeld&, Borrowed module, const std::string& place, Borrowed entry,
                            Refilling* refilling);
  static Owned object_at(const std::string& place);
  std::string content_of(const GilHeld&, Borrowed value);  // in hex

  Borrowed namespace_;
  Walk walk_;
  std::map<std::string, Known> known_;  // by module
  std::set<std::string> dormant_;       // there at the first look, and not used since
  bool begun_ = false;
  std::vector<std::pair<std::string, Borrowed>> modules_;
  std::uint64_t version_ = 0;  // of sys.modules when modules_ was made
};

}  // namespace elastic::pyobj
