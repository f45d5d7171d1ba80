// Session code that a library refers to: found by counting, for every object the namespace reaches, the
// references that are accounted for, and comparing with its reference count.
#include <algorithm>
#include <unordered_set>

#include "elastic/pyobj/effects.hpp"
#include "pyobj/code_owner.hpp"
#include "pyobj/collector_off.hpp"
#include "pyobj/ended_frames.hpp"
#include "pyobj/reads_state.hpp"
#include "pyobj/walk/layout.hpp"
#include "pyobj/young_garbage.hpp"

namespace elastic::pyobj {
namespace {

// Counting is per object; beyond this a variable is left out, and what it holds counts as escaped.
constexpr std::size_t kCountedObjects = 200000;
// A library's object is not looked through for session code further than this.
constexpr std::size_t kLookedThrough = 4096;
constexpr Py_ssize_t kObjectsPerClockRead = 8192;

std::string name_of_object(PyObject* object) {
  PyObject* name = nullptr;
  if (PyFunction_Check(object)) name = reinterpret_cast<PyFunctionObject*>(object)->func_qualname;
  if (name != nullptr && PyUnicode_Check(name)) {
    const char* text = PyUnicode_AsUTF8(name);
    if (text != nullptr) return text;
    PyErr_Clear();
  }
  if (PyType_Check(object)) return reinterpret_cast<PyTypeObject*>(object)->tp_name;
  return std::string("an object of ") + Py_TYPE(object)->tp_name;
}

bool is_own_code(PyObject* object, PyObject* names) {
  if (PyType_Check(object)) return is_session_type(reinterpret_cast<PyTypeObject*>(object));
  if (!PyFunction_Check(object)) return false;
  PyObject* const globals = PyFunction_GET_GLOBALS(object);
  return globals == names || is_own_module(globals);
}

struct Living {
  std::vector<Owned> code;   // functions whose globals are the namespace, and classes of the session
  std::vector<Owned> ended;  // frames that are over, and garbage: nothing in them runs again
};

// Empty when gc is unusable, or the deadline passes.
Living living_objects(const GilHeld&, PyObject* names, const Deadline& deadline) {
  Living found;
  const EffectsPaused paused;
  const Owned gc = Owned::steal(PyImport_ImportModule("gc"));
  if (gc) found.ended = young_garbage(gc.get());
  const Owned objects = gc ? Owned::steal(PyObject_CallMethod(gc.get(), "get_objects", nullptr)) : Owned();
  if (!objects || !PyList_CheckExact(objects.get())) {
    PyErr_Clear();
    return found;
  }
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects.get()); ++i) {
    if (i % kObjectsPerClockRead == 0 && deadline.has_passed()) return {};
    PyObject* object = PyList_GET_ITEM(objects.get(), i);
    const bool function =
        PyFunction_Check(object) && reinterpret_cast<PyFunctionObject*>(object)->func_globals == names;
    const bool type =
        !function && PyType_Check(object) && is_session_type(reinterpret_cast<PyTypeObject*>(object));
    if (function || type) found.code.push_back(Owned::share(Borrowed(object)));
    if (is_ended_frame(object)) found.ended.push_back(Owned::share(Borrowed(object)));
  }
  return found;
}

// What running code can be called on, or kept in: for these an unexplained reference matters.
bool can_be_handed_on(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (PyFunction_Check(object) || PyMethod_Check(object) || PyDict_Check(object) || PyList_Check(object))
    return true;
  if (PyType_Check(object)) return is_session_type(reinterpret_cast<PyTypeObject*>(object));
  if (PyAnySet_Check(object) || PyGen_Check(object) || PyCoro_CheckExact(object)) return true;
  // Of a class in Python, be it a library's: a logger, which its library keeps, has handlers of the
  // session's.
  return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && PyObject_IS_GC(object) != 0 && !PyType_Check(object);
}

// An attribute that the instance holds itself, or a trait of it; no code runs.
PyObject* held_attribute(PyObject* object, const char* name) {
  PyObject** dict = object != nullptr ? _PyObject_GetDictPtr(object) : nullptr;
  if (dict == nullptr || *dict == nullptr) return nullptr;
  if (PyObject* value = PyDict_GetItemString(*dict, name)) return value;
  PyObject* traits = PyDict_GetItemString(*dict, "_trait_values");
  return traits != nullptr && PyDict_Check(traits) ? PyDict_GetItemString(traits, name) : nullptr;
}

PyObject* shell_of(PyObject* names) {
  PyObject* getter = PyDict_GetItemString(names, "get_ipython");
  return getter != nullptr && PyMethod_Check(getter) ? PyMethod_GET_SELF(getter) : nullptr;
}

// IPython's record of the cell that ran last: what it showed and raised.
PyObject* last_record(PyObject* names) { return held_attribute(shell_of(names), "last_execution_result"); }

// What Python and IPython keep of the last cells, beside `_` and `Out`, and never run: what they showed, and
// what they raised, whose frames are over.
std::vector<PyObject*> kept_of_last_cells(PyObject* names) {
  std::vector<PyObject*> results;
  for (const char* name : {"last_traceback", "last_value", "last_exc"})
    results.push_back(PySys_GetObject(name));
  PyObject* shell = shell_of(names);
  PyObject* hook = held_attribute(shell, "displayhook");
  results.push_back(last_record(names));
  for (const char* name : {"_", "__", "___"}) results.push_back(held_attribute(hook, name));
  PyObject* hidden = held_attribute(shell, "user_ns_hidden");  // what %who passes over: _, _3, _i3
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0;
       hidden && PyDict_Check(hidden) && PyDict_Next(hidden, &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (name == nullptr) PyErr_Clear();
    const std::string_view word(name != nullptr ? name : "");
    const bool numbered = word.starts_with('_') && word.find_first_not_of("_0123456789") == word.npos;
    if (numbered || word == "Out" || word == "_oh") results.push_back(value);
  }
  results.push_back(held_attribute(held_attribute(shell, "history_manager"), "output_hist"));
  std::erase(results, nullptr);
  return results;
}

// Through which messages from the browser find their widgets: ipywidgets' table, and the callbacks of comms.
std::vector<PyObject*> kept_for_messages() {
  PyObject* widgets = walk::loaded_attribute("ipywidgets.widgets.widget", "_instances");
  if (widgets == nullptr || !PyDict_CheckExact(widgets)) return {};
  std::vector<PyObject*> kept = {widgets};
  PyObject *key = nullptr, *widget = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(widgets, &position, &key, &widget);) {
    PyObject* comm = held_attribute(widget, "comm");
    for (const char* name : {"_msg_callback", "_close_callback"})
      if (PyObject* callback = held_attribute(comm, name)) kept.push_back(callback);
  }
  return kept;
}

// What has more references than were followed or are accounted for otherwise, and can be run or called on.
std::unordered_set<PyObject*> unexplained(const ReferenceCounts& followed, const Living& living,
                                          PyObject* record) {
  ReferenceCounts others;
  count_from_ended(living.ended, followed, others);
  for (const Owned& object : living.code) ++others[object.get()];  // the one that `living` holds
  for (const Owned& object : living.ended)
    if (followed.contains(object.get()) || others.contains(object.get())) ++others[object.get()];
  std::unordered_set<PyObject*> found;
  const auto look_at = [&](PyObject* object, Py_ssize_t count) {
    if (Py_REFCNT(object) <= count || !can_be_handed_on(object)) return;
    // Those who ran the cell hold its record too, and the frames of what it raised do.
    const bool is_record = record != nullptr && Py_TYPE(object) == Py_TYPE(record);
    if (!is_record) found.insert(object);
  };
  for (const auto& [object, count] : followed) {
    const auto more = others.find(object);
    look_at(object, more == others.end() ? count : count + more->second);
  }
  for (const Owned& object : living.code)
    if (!followed.contains(object.get())) look_at(object.get(), others[object.get()]);
  return found;
}

}  // namespace

bool Reads::find_escaped(const GilHeld& gil, Look look, const Deadline& deadline) {
  const PendingError pending(gil);
  const CollectorOff collector_off;
  state_->escaped.clear();
  state_->reacher.start();
  if (look == Look::kBeforeCell) {
    std::optional<Reach> outside = state_->reach_of_large();
    if (outside && outside->codes.empty()) return true;
    if (outside && state_->account.met_large()) {
      state_->escaped.push_back({"what a large value may hold", std::move(*outside)});
      return false;
    }
  }
  state_->reacher.end_at(deadline ? &deadline : nullptr);
  const bool known = search_for_escaped(gil, deadline);
  state_->reacher.end_at(nullptr);
  if (!known) state_->escaped.clear();
  return known;
}

bool Reads::search_for_escaped(const GilHeld& gil, const Deadline& deadline) {
  const Living living = living_objects(gil, state_->names, deadline);
  if (deadline.has_passed()) return false;
  if (living.code.empty()) return true;

  // The variables that hold session code, and only those: others explain no reference to it.
  std::vector<PyObject*> roots;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(state_->names, &position, &key, &value)) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (name == nullptr) {
      PyErr_Clear();
      continue;
    }
    const std::string_view word(name);
    if (word == "get_ipython" || word == "exit" || word == "quit" || PyModule_Check(value)) continue;
    const Reach& reach = state_->reach_of(name, value);
    if (state_->reacher.gave_up()) return false;
    const bool holds_code = !reach.codes.empty() || PyType_Check(value);
    if (holds_code && reach.visited <= kCountedObjects) roots.push_back(value);
  }
  Reach reach;
  state_->reacher.count_references(true);
  for (PyObject* root : roots) state_->reacher.add(root, reach);
  for (PyObject* kept : kept_of_last_cells(state_->names)) state_->reacher.add(kept, reach);
  PyObject* record = last_record(state_->names);
  auto held = unexplained(state_->reacher.references(), living, record);
  std::unordered_set<PyObject*> held_by_others = held;
  if (const std::vector<PyObject*> kept = kept_for_messages(); !kept.empty()) {
    for (PyObject* root : kept) state_->reacher.add(root, reach);
    held_by_others = unexplained(state_->reacher.references(), living, record);
  }
  state_->reacher.count_references(false);
  state_->reacher.pass_over_ended_frames(true);
  std::erase_if(held, [&](PyObject* object) { return held_by_others.contains(object); });
  look_through({held_by_others.begin(), held_by_others.end()}, false);
  look_through({held.begin(), held.end()}, true);
  state_->reacher.pass_over_ended_frames(false);
  std::sort(state_->escaped.begin(), state_->escaped.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  return !state_->reacher.gave_up();
}

// What the objects lead to, as `escaped`, where that has code in it. What several lead to is gone through for
// the first of them, or a library's web of objects would be gone through for every one of them; the others
// are kept with it.
void Reads::look_through(const std::vector<PyObject*>& objects, bool by_message) {
  std::vector<PyObject*> ours, of_libraries;
  for (PyObject* object : objects) {
    const bool is_library =
        PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) != 0 && !is_session_type(Py_TYPE(object));
    (is_library ? of_libraries : ours).push_back(object);
  }
  const auto keep = [&](PyObject* object, Reach&& held, bool has_code) {
    // Code of a library's that leads to the session's, by its defaults or closure, is no code of the session.
    const bool is_code = has_code && is_own_code(object, state_->names);
    state_->escaped.push_back({name_of_object(object), std::move(held), is_code, by_message});
  };
  std::vector<Reach> shares(ours.size());
  std::vector<std::set<std::uint32_t>> leads_to(ours.size());  // shares that an object came upon
  std::vector<bool> has_code(ours.size()), kept(ours.size());
  state_->reacher.share(true);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    state_->reacher.add(ours[i], shares[i]);
    leads_to[i] = state_->reacher.take_came_upon();
    has_code[i] = !shares[i].codes.empty() ||
                  std::ranges::any_of(leads_to[i], [&](std::uint32_t other) { return has_code[other]; });
  }
  std::erase_if(of_libraries, [&](PyObject* object) { return state_->reacher.has_entered(object); });
  state_->reacher.share(false);
  // An object comes upon earlier ones only.
  for (std::size_t i = ours.size(); i-- > 0;) {
    kept[i] = kept[i] || has_code[i];
    if (!kept[i]) continue;
    for (const std::uint32_t other : leads_to[i]) kept[other] = true;
    keep(ours[i], std::move(shares[i]), has_code[i]);
  }
  for (PyObject* object : of_libraries) {
    Reach held;
    state_->reacher.add(object, held, kLookedThrough);
    if (!held.codes.empty()) keep(object, std::move(held), true);
  }
}

std::set<std::string> Reads::code_referred_to(const GilHeld& gil, const std::string& name,
                                              const std::set<std::string>& names) {
  const PendingError pending(gil);
  std::set<std::string> found;
  PyObject* value = state_->value_of(name);
  if (value == nullptr) return found;
  state_->reacher.start();
  state_->reacher.count_references(true);
  Reach reach;
  state_->reacher.add(value, reach);
  for (const std::string& each : names)
    if (state_->reacher.references().contains(state_->value_of(each))) found.insert(each);
  state_->reacher.count_references(false);
  return found;
}

std::vector<std::string> Reads::escaped_code() const {
  std::vector<std::string> names;
  for (const State::EscapedCode& escaped : state_->escaped)
    if (escaped.is_code && escaped.name != "<module>") names.push_back(escaped.name);  // a cell's own frame
  return names;
}

}  // namespace elastic::pyobj
