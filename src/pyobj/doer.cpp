#include "pyobj/doer.hpp"

#include <frameobject.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

namespace elastic::pyobj {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// These take time and ids for their own ends: no value of a session comes from that.
bool keeps_time_for_itself(std::string_view module) {
  static const std::unordered_set<std::string_view> kPackages = {
      "IPython",        "ipykernel",      "ipywidgets",   "comm",          "traitlets",
      "jupyter_client", "tornado",        "zmq",          "elasticpython", "debugpy",
      "pydevd",         "_pydevd_bundle", "logging",      "_pydev_bundle", "threading",
      "queue",          "asyncio",        "concurrent",   "selectors",     "multiprocessing",
      "subprocess",     "socket",         "socketserver", "ssl",           "tqdm",
      "pexpect",        "ptyprocess",     "joblib",       "matplotlib",    "tempfile",
      "urllib3",        "requests",       "http",         "nest_asyncio",  "warnings",
      "sched",          "loky",           "pstats"};
  // Every fit of scikit-learn gets an id and a time of its own, for callbacks that show progress; SQLAlchemy
  // notes how old its connections are, and DuckDB names relations that have no name.
  static const std::array kModules = {"sklearn.callback", "sqlalchemy.pool", "sqlalchemy.util",
                                      "duckdb._relation"};
  return kPackages.count(module.substr(0, module.find('.'))) != 0 ||
         std::any_of(kModules.begin(), kModules.end(),
                     [&](const char* known) { return starts_with(module, known); });
}

// Modules that hand on what they were asked for: who asked them is what counts.
bool hands_on(std::string_view module) {
  static const std::unordered_set<std::string_view> kModules = {"uuid",      "secrets", "random",  "email",
                                                                "_strptime", "time",    "datetime"};
  return kModules.count(module.substr(0, module.find('.'))) != 0;
}

// What a library does while it is imported is done again when it is imported again; what it does to show the
// result of a cell goes into no variable. Ids in the HTML of a fitted model are an example.
bool is_in_passing(PyFrameObject* from) {
  Owned frame = Owned::share(Borrowed(reinterpret_cast<PyObject*>(from)));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    const Owned code = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
    const std::string file = text_or_bytes(reinterpret_cast<PyCodeObject*>(code.get())->co_filename);
    if (starts_with(file, "<frozen importlib") || ends_with(file, "/IPython/core/formatters.py")) return true;
    if (!starts_with(file, "<frozen") && !is_system_path(file)) return false;
    frame = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return false;
}

}  // namespace

std::string text_or_bytes(PyObject* object) {
  if (object == nullptr) return {};
  if (PyUnicode_Check(object)) {
    const char* text = PyUnicode_AsUTF8(object);
    if (text == nullptr) PyErr_Clear();
    return text != nullptr ? text : "";
  }
  if (PyBytes_Check(object))
    return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
  return {};
}

bool is_system_path(std::string_view path) {
  static const std::array kPlaces = {"/dev/",       "/proc/",    "/sys/", "/etc/",
                                     "/usr/share/", "/usr/lib/", "/lib/", "/run/"};
  if (std::any_of(kPlaces.begin(), kPlaces.end(),
                  [&](const char* place) { return starts_with(path, place); }))
    return true;
  static const std::string library = [] {
    PyObject* os = PyDict_GetItemString(PyImport_GetModuleDict(), "os");
    PyObject* file = os != nullptr ? PyDict_GetItemString(PyModule_GetDict(os), "__file__") : nullptr;
    const std::string path_of_os = text_or_bytes(file);
    return path_of_os.substr(0, path_of_os.rfind('/') + 1);
  }();
  if (!library.empty() && starts_with(path, library)) return true;
  return holds(path, "/site-packages/") || holds(path, "/dist-packages/");
}

bool is_private_path(std::string_view path) {
  return holds(path, "/__pycache__/") || ends_with(path, ".pyc") || holds(path, "/.ipython/") ||
         holds(path, "/.jupyter/") || holds(path, "/.cache/matplotlib") ||
         holds(path, "/.config/matplotlib") || holds(path, "/.matplotlib/") ||
         holds(path, "/.cache/fontconfig") || holds(path, "/matplotlib-") ||
         holds(path, "/.local/share/jupyter/") || starts_with(path, "/dev/null") ||
         starts_with(path, "/dev/tty") || starts_with(path, "/dev/urandom") || starts_with(path, "/proc/");
}

namespace {

// What `look` says of the frame that runs or, where that is nothing, of the nearest one outwards of it.
template <class Answer, class Look>
Answer outwards(Look look, Answer otherwise) {
  Owned frame = Owned::share(Borrowed(reinterpret_cast<PyObject*>(PyEval_GetFrame())));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    if (std::optional<Answer> answer = look(current)) return *answer;
    frame = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return otherwise;
}

std::string file_of(PyCodeObject* code) { return text_or_bytes(code->co_filename); }

}  // namespace

Doer doer() {
  const auto look = [](PyFrameObject* frame) -> std::optional<Doer> {
    const Owned code = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    const std::string file = file_of(reinterpret_cast<PyCodeObject*>(code.get()));
    if (starts_with(file, "<frozen importlib")) return Doer::kImport;
    if (ends_with(file, "/linecache.py")) return Doer::kLinecache;
    if (ends_with(file, "/IPython/core/history.py")) return Doer::kHistory;
    if (!starts_with(file, "<frozen") && !is_system_path(file)) return Doer::kCell;
    return std::nullopt;
  };
  return outwards(look, Doer::kCell);
}

Autoreloading autoreloading() {
  const auto look = [](PyFrameObject* frame) -> std::optional<Autoreloading> {
    const Owned owned = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    auto* code = reinterpret_cast<PyCodeObject*>(owned.get());
    const std::string file = file_of(code);
    if (ends_with(file, "/deduperreload.py") && text_or_bytes(code->co_name) == "maybe_reload_module")
      return Autoreloading::kPatches;
    if (ends_with(file, "/IPython/extensions/autoreload.py")) return Autoreloading::kLooks;
    return std::nullopt;
  };
  return outwards(look, Autoreloading::kNo);
}

std::string evaluating_module() {
  const auto look = [](PyFrameObject* frame) -> std::optional<std::string> {
    const Owned globals = Owned::steal(PyFrame_GetGlobals(frame));
    PyObject* name =
        globals && PyDict_Check(globals.get()) ? PyDict_GetItemString(globals.get(), "__name__") : nullptr;
    std::string module = text_or_bytes(name);
    if (module != "ast" && module != "codeop") return module;
    return std::nullopt;
  };
  return outwards(look, std::string());
}

bool evaluates_for_itself(std::string_view module) {
  static const std::unordered_set<std::string_view> kPackages = {
      "importlib", "collections", "dataclasses", "IPython",      "ipykernel", "typing",    "attr",
      "attrs",     "functools",   "traitlets",   "matplotlib",   "linecache", "traceback", "inspect",
      "enum",      "pkgutil",     "zipimport",   "runpy",        "decorator", "jedi",      "parso",
      "executing", "stack_data",  "debugpy",     "pygments",     "tokenize",  "numpy",     "scipy",
      "sympy",     "jinja2",      "pydantic",    "elasticpython"};
  return module.empty() || kPackages.count(module.substr(0, module.find('.'))) != 0;
}

Asker asker() {
  using Who = Asker::Who;
  Owned frame = Owned::share(Borrowed(reinterpret_cast<PyObject*>(PyEval_GetFrame())));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    const Owned code = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
    const std::string file = text_or_bytes(reinterpret_cast<PyCodeObject*>(code.get())->co_filename);
    const Owned globals = Owned::steal(PyFrame_GetGlobals(current));
    const std::string module = text_or_bytes(PyDict_GetItemString(globals.get(), "__name__"));
    if (starts_with(file, "<frozen") || keeps_time_for_itself(module)) return {};
    const bool library = is_system_path(file);
    if (!library || !hands_on(module)) {
      if (library && is_in_passing(current)) return {};
      return {library ? Who::kLibrary : Who::kSession, current, PyFrame_GetLasti(current)};
    }
    frame = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return {};
}

}  // namespace elastic::pyobj
