#include "elastic/pyobj/effects.hpp"

#include <fcntl.h>
#include <frameobject.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <unordered_set>

#include "elastic/core/log.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::size_t kRuntimeItems = 256;  // evaluated texts and codes kept a cell
constexpr Py_ssize_t kRuntimeTextBytes = 1
                                         << 18;  // longer texts are programs, not expressions over variables

struct Recording {
  CellEffects found;
  std::unordered_set<std::string> seen;  // kind and detail of effects, "r" and path of inputs
};

// Process-wide, as the hook is: the one cell that is active, if any. Guarded by the GIL; the flag alone is
// read without looking further.
std::atomic<bool> active{false};
std::unique_ptr<Recording> recording;
thread_local int paused_depth = 0;

std::string text_of(PyObject* object) {
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

PyObject* item(PyObject* args, Py_ssize_t index) {
  return PyTuple_Check(args) && index < PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, index) : nullptr;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

// Where installed code and its data live, and the machine's own files: reading there is not the cell's input.
bool is_system_path(std::string_view path) {
  static const std::array kPlaces = {"/dev/",       "/proc/",    "/sys/", "/etc/",
                                     "/usr/share/", "/usr/lib/", "/lib/", "/run/"};
  if (std::any_of(kPlaces.begin(), kPlaces.end(),
                  [&](const char* place) { return starts_with(path, place); }))
    return true;
  static const std::string library = [] {
    PyObject* os = PyDict_GetItemString(PyImport_GetModuleDict(), "os");
    PyObject* file = os != nullptr ? PyDict_GetItemString(PyModule_GetDict(os), "__file__") : nullptr;
    const std::string path_of_os = text_of(file);
    return path_of_os.substr(0, path_of_os.rfind('/') + 1);
  }();
  if (!library.empty() && starts_with(path, library)) return true;
  return holds(path, "/site-packages/") || holds(path, "/dist-packages/");
}

// Caches and histories that libraries keep for themselves.
bool is_private_path(std::string_view path) {
  return holds(path, "/__pycache__/") || ends_with(path, ".pyc") || holds(path, "/.ipython/") ||
         holds(path, "/.jupyter/") || holds(path, "/.cache/matplotlib") ||
         holds(path, "/.config/matplotlib") || holds(path, "/.matplotlib/") ||
         holds(path, "/.cache/fontconfig") || holds(path, "/matplotlib-") ||
         holds(path, "/.local/share/jupyter/") || starts_with(path, "/dev/null") ||
         starts_with(path, "/dev/tty") || starts_with(path, "/dev/urandom") || starts_with(path, "/proc/");
}

enum class Doer { kCell, kImport, kLinecache };

// Who is behind an event, from the innermost frame outwards: code of the session or of the user's files comes
// first, or the import system, or the machinery that shows tracebacks.
Doer doer() {
  Owned frame = Owned::share(Borrowed(reinterpret_cast<PyObject*>(PyEval_GetFrame())));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    const Owned code = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
    const std::string file = text_of(reinterpret_cast<PyCodeObject*>(code.get())->co_filename);
    if (starts_with(file, "<frozen importlib")) return Doer::kImport;
    if (ends_with(file, "/linecache.py")) return Doer::kLinecache;
    if (!starts_with(file, "<frozen") && !is_system_path(file)) return Doer::kCell;
    frame = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return Doer::kCell;
}

// The module whose code evaluates something, `ast` and its like looked through.
std::string evaluating_module() {
  Owned frame = Owned::share(Borrowed(reinterpret_cast<PyObject*>(PyEval_GetFrame())));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    const Owned globals = Owned::steal(PyFrame_GetGlobals(current));
    PyObject* name =
        globals && PyDict_Check(globals.get()) ? PyDict_GetItemString(globals.get(), "__name__") : nullptr;
    const std::string module = text_of(name);
    if (module != "ast" && module != "codeop") return module;
    frame = Owned::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return {};
}

// These compile and run code of their own making, in namespaces of their own.
bool evaluates_for_itself(std::string_view module) {
  static const std::unordered_set<std::string_view> kPackages = {
      "importlib", "collections", "dataclasses", "IPython",      "ipykernel", "typing",    "attr",
      "attrs",     "functools",   "traitlets",   "matplotlib",   "linecache", "traceback", "inspect",
      "enum",      "pkgutil",     "zipimport",   "runpy",        "decorator", "jedi",      "parso",
      "executing", "stack_data",  "debugpy",     "pygments",     "tokenize",  "numpy",     "scipy",
      "sympy",     "jinja2",      "pydantic",    "elasticpython"};
  return module.empty() || kPackages.count(module.substr(0, module.find('.'))) != 0;
}

void add_effect(EffectKind kind, std::string detail) {
  if (!recording->seen.insert(std::string(name_of(kind)) + detail).second) return;
  recording->found.effects.push_back({kind, std::move(detail)});
}

void on_open(PyObject* args) {
  const std::string given = text_of(item(args, 0));
  if (given.empty()) return;  // a descriptor
  const std::string mode = text_of(item(args, 1));
  bool writes = mode.find_first_of("wax+") != std::string::npos;
  PyObject* flags = item(args, 2);
  if (!writes && mode.empty() && flags != nullptr && PyLong_Check(flags)) {
    const long bits = PyLong_AsLong(flags);
    writes = bits != -1 && ((bits & O_ACCMODE) != O_RDONLY || (bits & (O_CREAT | O_TRUNC)) != 0);
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
  }
  std::string path = absolute(given);
  if (is_private_path(path) || (!writes && is_system_path(path))) return;
  if (doer() != Doer::kCell) return;
  if (writes) {
    add_effect(EffectKind::kFileWritten, std::move(path));
    return;
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return;
  if (recording->seen.insert("r" + path).second)
    recording->found.inputs.push_back({std::move(path), -1, 0, {}});
}

void on_path(EffectKind kind, PyObject* args) {
  const std::string given = text_of(item(args, 0));
  if (given.empty()) return;
  std::string detail = absolute(given);
  if (is_private_path(detail) || doer() != Doer::kCell) return;
  if (kind == EffectKind::kFileRenamed) detail += " -> " + absolute(text_of(item(args, 1)));
  add_effect(kind, std::move(detail));
}

void on_socket(PyObject* args) {
  PyObject* address = item(args, 1);
  std::string detail = text_of(address);  // a path, for local sockets
  if (address != nullptr && PyTuple_CheckExact(address) && PyTuple_GET_SIZE(address) >= 2) {
    detail = text_of(PyTuple_GET_ITEM(address, 0));
    PyObject* port = PyTuple_GET_ITEM(address, 1);
    if (PyLong_CheckExact(port)) detail += ":" + std::to_string(PyLong_AsLong(port));
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
  }
  if (doer() == Doer::kCell) add_effect(EffectKind::kConnected, std::move(detail));
}

void on_subprocess(std::string_view event, PyObject* args) {
  if (doer() != Doer::kCell) return;
  std::string detail;
  PyObject* command = item(args, event == "subprocess.Popen" ? 1 : 0);
  if (command != nullptr && (PyList_CheckExact(command) || PyTuple_CheckExact(command))) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(command); ++i) {
      detail += (i == 0 ? "" : " ") + text_of(PySequence_Fast_GET_ITEM(command, i));
    }
  } else {
    detail = text_of(command);
  }
  add_effect(EffectKind::kSubprocess, detail.empty() ? std::string(event) : detail);
}

void on_evaluation(bool is_exec, PyObject* args) {
  PyObject* what = item(args, 0);
  if (what == nullptr) return;
  CellEffects& found = recording->found;
  if (is_exec ? !PyCode_Check(what) : !PyUnicode_Check(what) && !PyBytes_Check(what)) return;
  if (found.codes.size() + found.texts.size() >= kRuntimeItems || evaluates_for_itself(evaluating_module()))
    return;
  if (is_exec) {
    found.codes.push_back(Owned::share(Borrowed(what)));
  } else if (PyObject_Size(what) <= kRuntimeTextBytes) {
    found.texts.push_back(text_of(what));
  }
}

void on_event(std::string_view event, PyObject* args) {
  if (event == "open") return on_open(args);
  if (event == "exec") return on_evaluation(true, args);
  if (event == "compile") return on_evaluation(false, args);
  if (event == "import") {
    recording->found.imported = true;
    return;
  }
  if (event == "pickle.find_class") {
    if (text_of(item(args, 0)) == "__main__") recording->found.names.push_back(text_of(item(args, 1)));
    return;
  }
  if (event == "builtins.input") return add_effect(EffectKind::kInput, text_of(item(args, 0)));
  if (event == "sqlite3.connect") {
    if (text_of(item(args, 0)) != ":memory:") on_path(EffectKind::kFileWritten, args);
    return;
  }
  if (event == "subprocess.Popen" || event == "pty.spawn") return on_subprocess(event, args);
  if (starts_with(event, "socket.")) {
    if (event == "socket.connect" || event == "socket.sendto" || event == "socket.sendmsg" ||
        event == "socket.bind") {
      on_socket(args);
    }
    return;
  }
  if (!starts_with(event, "os.")) return;
  const std::string_view call = event.substr(3);
  if (call == "remove" || call == "rmdir") return on_path(EffectKind::kFileRemoved, args);
  if (call == "rename") return on_path(EffectKind::kFileRenamed, args);
  if (call == "truncate" || call == "mkdir" || call == "chmod" || call == "chown" || call == "utime" ||
      call == "setxattr" || call == "removexattr") {
    return on_path(EffectKind::kFileWritten, args);
  }
  if (call == "link" || call == "symlink") return on_path(EffectKind::kFileRenamed, args);
  if (call == "system" || call == "exec" || call == "posix_spawn" || call == "spawn" || call == "fork" ||
      call == "forkpty" || call == "kill" || call == "startfile") {
    return on_subprocess(event, args);
  }
}

int hook(const char* event, PyObject* args, void*) {
  if (!active.load(std::memory_order_relaxed) || paused_depth > 0) return 0;
  const GilHeld gil = GilHeld::assume();
  const EffectsPaused paused;  // what is done below raises events of its own
  const PendingError pending(gil);
  if (recording) on_event(event, args);
  return 0;
}

}  // namespace

std::string_view name_of(EffectKind kind) {
  switch (kind) {
    case EffectKind::kFileWritten:
      return "file-written";
    case EffectKind::kFileRemoved:
      return "file-removed";
    case EffectKind::kFileRenamed:
      return "file-renamed";
    case EffectKind::kConnected:
      return "connected";
    case EffectKind::kSubprocess:
      return "subprocess";
    case EffectKind::kInput:
      return "input";
  }
  return "effect";
}

void install_audit_hook(const GilHeld& gil) {
  static bool installed = false;
  if (installed) return;
  installed = true;
  const PendingError pending(gil);
  if (PySys_AddAuditHook(&hook, nullptr) < 0)
    log(LogLevel::kWarning, "an audit hook refused ours: effects go unseen");
}

void begin_effects(const GilHeld&) {
  if (recording) return;
  recording = std::make_unique<Recording>();
  active.store(true, std::memory_order_relaxed);
}

CellEffects end_effects(const GilHeld&) {
  active.store(false, std::memory_order_relaxed);
  if (!recording) return {};
  CellEffects found = std::move(recording->found);
  recording.reset();
  for (InputFile& input : found.inputs) input = describe_file(std::move(input.path));
  return found;
}

void note_effect(const GilHeld&, EffectKind kind, std::string detail) {
  if (recording) add_effect(kind, std::move(detail));
}

InputFile describe_file(std::string path) {
  InputFile file{std::move(path), -1, 0, {}};
  struct stat status {};
  if (stat(file.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return file;
  file.size_bytes = status.st_size;
  file.modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (file.size_bytes > kInputDigestBytes) return file;
  std::ifstream stream(file.path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(file.size_bytes), '\0');
  stream.read(bytes.data(), file.size_bytes);
  file.digest = digest_of(std::string_view(bytes.data(), static_cast<std::size_t>(stream.gcount())));
  return file;
}

EffectsPaused::EffectsPaused() { ++paused_depth; }
EffectsPaused::~EffectsPaused() { --paused_depth; }

}  // namespace elastic::pyobj
