#include "session/outline.hpp"

#include <map>
#include <utility>
#include <vector>

#include "elastic/pyobj/walk.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::Owned;

namespace {

std::vector<std::pair<std::string, std::string>> parts_of(const json& outline) {
  std::vector<std::pair<std::string, std::string>> parts;
  const auto found = outline.find("parts");
  if (found == outline.end() || !found->is_array()) return parts;
  for (const json& part : *found)
    if (part.is_array() && part.size() == 2 && part[0].is_string() && part[1].is_string())
      parts.emplace_back(part[0].get<std::string>(), part[1].get<std::string>());
  return parts;
}

}  // namespace

json outline_of(const GilHeld& gil, Borrowed user_namespace, Borrowed value) {
  const Owned module = Owned::steal(PyImport_ImportModule("elasticpython.outlines"));
  const Owned outline =
      Owned::steal(module ? PyObject_CallMethod(module.get(), "outline", "O", value.get()) : nullptr);
  const char *type = nullptr, *size = nullptr;
  PyObject* parts = nullptr;
  if (!outline || !PyArg_ParseTuple(outline.get(), "ssO!", &type, &size, &PyList_Type, &parts)) {
    PyErr_Clear();
    return nullptr;
  }
  json found{{"type", type}, {"size", size}, {"parts", json::array()}};
  pyobj::Walk walk(gil, user_namespace);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); ++i) {
    const char* where = nullptr;
    PyObject* part = nullptr;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(parts, i), "sO", &where, &part)) {
      PyErr_Clear();
      return nullptr;
    }
    const pyobj::WalkTarget target{"part", Borrowed(part)};
    walk.walk(gil, std::span(&target, 1));
    const pyobj::VariableState* state = walk.state("part");
    if (state && !state->opaque && !state->unstable)
      found["parts"].push_back({where, state->content.to_hex()});
    walk.forget(gil, "part");
  }
  return found;
}

std::string difference_of(const json& then, const json& now) {
  if (!then.is_object() || !now.is_object()) return "";
  const auto text = [](const json& outline, const char* key) {
    const auto found = outline.find(key);
    return found != outline.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (text(then, "type") != text(now, "type"))
    return "it is of type " + text(now, "type") + ", was " + text(then, "type");
  if (text(then, "size") != text(now, "size"))
    return "it has " + text(now, "size") + ", had " + text(then, "size");
  std::map<std::string, std::string> before;
  for (auto& [where, digest] : parts_of(then)) before.emplace(where, digest);
  for (const auto& [where, digest] : parts_of(now)) {
    const auto found = before.find(where);
    if (found == before.end()) return where + " was not there";
    if (found->second != digest) return where + " is another";
    before.erase(found);
  }
  return before.empty() ? "" : before.begin()->first + " is not there any more";
}

}  // namespace elastic::session
