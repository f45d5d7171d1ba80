#include "pyobj/own_modules.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "elastic/pyobj/serializer.hpp"
#include "elastic/pyobj/user_names.hpp"
#include "pyobj/ambient_machine.hpp"
#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/module_attributes.hpp"
#include "pyobj/module_values.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::string_view kPrefix = "<module ";
constexpr std::uint64_t kKeptBytes = 256 << 10;  // of an attribute, for every cell that changes it

std::string piece_of(const std::string& module) { return std::string(kPrefix) + module + ">"; }

}  // namespace

OwnModules::OwnModules(const GilHeld& gil, Borrowed user_namespace)
    : namespace_(user_namespace), walk_(gil, user_namespace) {}

bool OwnModules::is_piece(const std::string& name) { return name.starts_with(kPrefix); }

const std::vector<std::pair<std::string, Borrowed>>& OwnModules::modules() {
  PyObject* loaded_modules = PyImport_GetModuleDict();
  const std::uint64_t version = reinterpret_cast<PyDictObject*>(loaded_modules)->ma_version_tag;
  if (version == version_) return modules_;
  version_ = version;
  modules_.clear();
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *module = nullptr;
  while (PyDict_Next(loaded_modules, &position, &key, &module)) {
    if (!PyModule_Check(module) || PyModule_GetDict(module) == namespace_.get()) continue;
    const std::string name = text_of(key);
    PyObject* file = PyDict_GetItemString(PyModule_GetDict(module), "__file__");
    // What was made by hand cannot be imported where the session is restored.
    if (!name.empty() && name != "__main__" && !text_of(file).empty() && is_own_module(module))
      modules_.emplace_back(name, module);
  }
  return modules_;
}

std::map<std::string, Digest> OwnModules::digests_of(const GilHeld& gil, const std::string& module,
                                                     const std::vector<ModuleValue>& attributes,
                                                     const Known& known) {
  std::vector<WalkTarget> targets, to_walk;
  for (const ModuleValue& attribute : attributes)
    targets.push_back({module + ":" + attribute.path, attribute.value});
  const std::vector<Change> changes = walk_.recheck(gil, targets);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const bool as_it_was = changes[i] == Change::kUnchanged || changes[i] == Change::kOpaque;
    if (!as_it_was || !known.attributes.contains(attributes[i].path)) to_walk.push_back(targets[i]);
  }
  walk_.walk(gil, to_walk);
  std::map<std::string, Digest> digests;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (const VariableState* state = walk_.state(targets[i].name))
      digests.emplace(attributes[i].path, state->content);
  return digests;
}

OwnModules::Holders OwnModules::holders() {
  Holders found;
  for (const auto& [name, module] : modules())
    for (const ModuleValue& attribute : module_values_of(module))
      if (is_refillable(attribute.value.get()))
        found[attribute.value.get()].push_back(name + ":" + attribute.path);
  for (auto& [object, places] : found) std::sort(places.begin(), places.end());
  return found;
}

std::string OwnModules::value_of(const std::string& module, const std::vector<ModuleValue>& attributes,
                                 const Known& known, const Holders& holders) const {
  const Owned value = Owned::steal(PyDict_New());
  for (const ModuleValue& attribute : attributes) {
    const auto digest = known.attributes.find(attribute.path);
    const VariableState* state = walk_.state(module + ":" + attribute.path);
    if (!value || digest == known.attributes.end() || state == nullptr) return {};
    Owned bytes = Owned::share(Borrowed(Py_None));
    if (state->size_bytes <= kKeptBytes && is_plain(attribute.value.get())) {
      bytes = pickled(attribute.value);
    } else if (const auto first = known.imported.find(attribute.path);
               first == known.imported.end() || first->second != digest->second) {
      return {};
    }
    const auto places = holders.find(attribute.value.get());
    const Owned others =
        places != holders.end() && places->second.size() > 1 ? list_of(places->second) : list_of({});
    const Owned entry =
        bytes && others
            ? Owned::steal(Py_BuildValue("(sOO)", digest->second.to_hex().c_str(), bytes.get(), others.get()))
            : Owned();
    if (!entry || PyDict_SetItemString(value.get(), attribute.path.c_str(), entry.get()) < 0) return {};
  }
  for (const std::string& path : known.gone)
    if (PyDict_SetItemString(value.get(), path.c_str(), Py_None) < 0) return {};
  const Owned bytes = pickled(value);
  if (!bytes || !PyBytes_Check(bytes.get())) return {};
  return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

bool OwnModules::is_passed_by(const std::string& module, std::uint64_t version, ModuleLook look) {
  const auto known = known_.find(module);
  if (known != known_.end()) return look == ModuleLook::kRebound && known->second.version == version;
  if (look == ModuleLook::kAll) {
    dormant_.erase(module);
    return false;
  }
  if (!begun_) dormant_.insert(module);
  return dormant_.contains(module);
}

std::map<std::string, std::string> OwnModules::changes(const GilHeld& gil, ModuleLook look) {
  std::map<std::string, std::string> changed;
  std::optional<Holders> holding;
  for (const auto& [name, module] : modules()) {
    const auto version = reinterpret_cast<PyDictObject*>(PyModule_GetDict(module.get()))->ma_version_tag;
    if (is_passed_by(name, version, look)) continue;
    const bool first = !known_.contains(name);
    Known& known = known_[name];
    known.version = version;
    const std::vector<ModuleValue> attributes = module_values_of(module);
    if (attributes.empty() && known.attributes.empty()) continue;
    auto digests = digests_of(gil, name, attributes, known);
    if (!first && digests == known.attributes) continue;
    for (const auto& [path, digest] : digests) {
      known.gone.erase(path);
      if (first) known.imported.emplace(path, digest);
    }
    for (const auto& [path, digest] : known.attributes) {
      if (digests.contains(path)) continue;
      known.gone.insert(path);
      walk_.forget(gil, name + ":" + path);
    }
    known.attributes = std::move(digests);
    if (!holding) holding = holders();
    changed.emplace(piece_of(name), value_of(name, attributes, known, *holding));
    PyErr_Clear();
  }
  begun_ = true;
  return changed;
}

// Empty, or why it is not as it was. An attribute that was one object with others is that again: it takes
// the one of them that was put before it. What a fresh import made is filled and not replaced where only
// attributes hold it that did then, since functions know it, too (as a default value, in an object).
std::string OwnModules::put_attribute(const GilHeld& gil, Borrowed module, const std::string& place,
                                      Borrowed entry, Refilling* refilling) {
  const std::string path = place.substr(place.find(':') + 1);
  const auto [holder, name] = holder_of(module, path);
  const Owned held = attribute(holder, name.c_str());
  PyErr_Clear();
  if (entry.get() == Py_None) {
    const bool gone = !held || PyObject_DelAttrString(holder.get(), name.c_str()) == 0;
    return gone ? "" : path + " could not be deleted";
  }
  const char *digest = nullptr, *bytes = nullptr;
  Py_ssize_t size = 0;
  PyObject* others = nullptr;
  std::vector<std::string> places;
  if (!PyArg_ParseTuple(entry.get(), "sz#|O!", &digest, &bytes, &size, &PyList_Type, &others) ||
      (others != nullptr && !append_texts(others, places)))
    return path + " is damaged";
  Owned value = places.empty() || places.front() >= place ? Owned() : object_at(places.front());
  if (value && content_of(gil, Borrowed(value)) != digest) value = Owned();
  if (!value && held && content_of(gil, Borrowed(held)) == digest) return {};
  if (!value && bytes == nullptr) return path + " is not as it was, and was not stored";
  if (!value) {
    value = loaded(bytes, size);
    if (value && held && refilling != nullptr && refilling->may(held.get(), value.get(), places) &&
        refill(held.get(), value.get())) {
      refilling->any = true;
      return {};
    }
    PyErr_Clear();
  }
  if (!value || !holder || PyObject_SetAttrString(holder.get(), name.c_str(), value.get()) < 0)
    return path + " could not be set";
  return {};
}

// Whether `held` may take what `value` holds: no attribute has it that was another object at `places`.
bool OwnModules::Refilling::may(PyObject* held, PyObject* value,
                                const std::vector<std::string>& places) const {
  if (Py_TYPE(held) != Py_TYPE(value) || !is_refillable(held)) return false;
  const auto found = holders.find(held);
  return found == holders.end() || found->second.size() == 1 ||
         std::includes(places.begin(), places.end(), found->second.begin(), found->second.end());
}

Owned OwnModules::object_at(const std::string& place) {
  const std::size_t colon = place.find(':');
  const Owned module = module_named(place.substr(0, colon).c_str());
  if (!module || !PyModule_Check(module.get())) return {};
  const auto [holder, name] = holder_of(Borrowed(module), place.substr(colon + 1));
  Owned found = attribute(holder, name.c_str());
  PyErr_Clear();
  return found;
}

std::string OwnModules::content_of(const GilHeld& gil, Borrowed value) {
  const WalkTarget targets[] = {{"attribute", value}};
  walk_.walk(gil, targets);
  std::string content = walk_.state("attribute")->content.to_hex();
  walk_.forget(gil, "attribute");
  return content;
}

Result<> OwnModules::put(const GilHeld& gil, const std::string& piece, const std::string& value) {
  const std::string name = piece.substr(kPrefix.size(), piece.size() - kPrefix.size() - 1);
  const Owned module = Owned::steal(PyImport_ImportModule(name.c_str()));
  const Owned entries = loaded(value.data(), static_cast<Py_ssize_t>(value.size()));
  if (!module || !PyModule_Check(module.get()) || !entries || !PyDict_Check(entries.get())) {
    PyErr_Clear();
    return Error(ErrorCode::kPythonRaised, "the module " + name + " cannot be imported");
  }
  Refilling refilling{holders()};
  std::string problems;
  const auto put_all = [&](Refilling* refill) {
    problems.clear();
    Py_ssize_t position = 0;
    PyObject *key = nullptr, *entry = nullptr;
    while (PyDict_Next(entries.get(), &position, &key, &entry)) {
      const std::string problem =
          put_attribute(gil, Borrowed(module), name + ":" + text_of(key), entry, refill);
      PyErr_Clear();
      if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + name + "." + problem;
    }
  };
  put_all(&refilling);
  if (refilling.any) put_all(nullptr);  // what a refilled one is a part of, and was not then
  if (!problems.empty()) return Error(ErrorCode::kPythonRaised, problems);
  return success();
}

std::map<std::string, std::string> OwnModules::files(const GilHeld&) {
  std::map<std::string, std::string> found;
  for (const auto& [name, module] : modules())
    found.emplace(name, text_of(PyDict_GetItemString(PyModule_GetDict(module.get()), "__file__")));
  return found;
}

std::vector<ModuleAttribute> OwnModules::shared(const GilHeld&) {
  std::unordered_map<PyObject*, std::string> variables;
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *value = nullptr;
  while (PyDict_Next(namespace_.get(), &position, &key, &value)) {
    const std::string name = text_of(key);
    if (is_user_name(name) && !is_atom(value) && !comes_by_import(value)) variables.emplace(value, name);
  }
  std::vector<ModuleAttribute> found;
  for (const auto& [name, module] : modules()) {
    for (const ModuleValue& attribute : module_values_of(module)) {
      const auto variable = variables.find(attribute.value.get());
      if (variable != variables.end()) found.push_back({name, attribute.path, variable->second});
    }
  }
  return found;
}

void OwnModules::share(const GilHeld& gil, const ModuleAttribute& shared) {
  const Owned module = module_named(shared.module.c_str());
  PyObject* variable = PyDict_GetItemString(namespace_.get(), shared.variable.c_str());
  if (!module || !PyModule_Check(module.get()) || variable == nullptr) return;
  const auto [holder, name] = holder_of(Borrowed(module), shared.path);
  const Owned current = attribute(holder, name.c_str());
  if (current && current.get() != variable &&
      content_of(gil, Borrowed(current)) == content_of(gil, Borrowed(variable)))
    PyObject_SetAttrString(holder.get(), name.c_str(), variable);
  PyErr_Clear();
}

}  // namespace elastic::pyobj
