#include "session/rollback.hpp"

#include "elastic/core/log.hpp"
#include "elastic/pyobj/user_names.hpp"

namespace elastic::session {

using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::Owned;

std::vector<std::string> user_names(Borrowed user_namespace) {
  std::vector<std::string> names;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(user_namespace.get(), &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (!name)
      PyErr_Clear();
    else if (pyobj::is_user_name(name))
      names.emplace_back(name);
  }
  return names;
}

void remove_names(Borrowed user_namespace, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (PyDict_DelItemString(user_namespace.get(), name.c_str()) < 0) PyErr_Clear();
}

Rollback::Rollback(const GilHeld& gil, Borrowed user_namespace)
    : namespace_(user_namespace),
      saved_(Owned::steal(PyDict_Copy(user_namespace.get()))),
      ambient_(gil, user_namespace),
      values_(ambient_.changes(gil)) {}

Rollback::~Rollback() {
  if (!saved_) return;
  const GilHeld gil = GilHeld::assume();
  const pyobj::PendingError pending(gil);
  const Owned now = Owned::steal(PyDict_Copy(namespace_.get()));
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; now && PyDict_Next(now.get(), &position, &key, &value);)
    if (!PyDict_GetItemWithError(saved_.get(), key) && PyDict_DelItem(namespace_.get(), key) < 0)
      PyErr_Clear();
  PyDict_Update(namespace_.get(), saved_.get());
  put_ambient_back(gil);
  PyErr_Clear();
}

void Rollback::put_ambient_back(const GilHeld& gil) {
  for (const auto& [name, value] : values_) {
    if (value.empty()) continue;  // could not be kept
    if (auto put = ambient_.put(gil, name, value); !put.ok())
      log(LogLevel::kWarning, "putting back " + name + ": " + put.error().to_string());
  }
}

void Rollback::clear() { remove_names(namespace_, user_names(namespace_)); }

}  // namespace elastic::session
