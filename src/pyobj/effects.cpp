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
#include "elastic/pyobj/own_sources.hpp"
#include "pyobj/doer.hpp"
#include "pyobj/outside_inputs.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::size_t kRuntimeItems = 256;  // evaluated texts and codes kept a cell
constexpr Py_ssize_t kRuntimeTextBytes = 1
                                         << 18;  // longer texts are programs, not expressions over variables

struct Recording {
  CellEffects found;
  std::unordered_set<std::string> seen;  // kind and detail of effects, "r" and path of inputs
  std::uint32_t outside = 0;             // kinds of outside inputs seen, by bit: the first of each will do
  Asker drawn_by;                        // whose call drew the randomness that was seen first
  std::unordered_set<PyObject*> codes_seen;
  int draws = 0;  // since then, that one included
};

// Process-wide, as the hook is: the one cell that is active, if any. Guarded by the GIL; the flag alone is
// read without looking further.
std::atomic<bool> active{false};
std::atomic<bool> forked{false};  // since the last cell began
std::unique_ptr<Recording> recording;
thread_local int paused_depth = 0;

PyObject* item(PyObject* args, Py_ssize_t index) {
  return PyTuple_Check(args) && index < PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, index) : nullptr;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

void add_effect(EffectKind kind, std::string detail) {
  if (!recording->seen.insert(std::string(name_of(kind)) + detail).second) return;
  recording->found.effects.push_back({kind, std::move(detail)});
}

// `%autoreload` reads sources to compare them, and runs no module as a whole where it can do with less.
bool is_for_autoreload(const GilHeld& gil, const std::string& path) {
  if (!path.ends_with(".py")) return false;
  const Autoreloading how = autoreloading();
  if (how == Autoreloading::kPatches) note_source_run(gil, path);
  return how != Autoreloading::kNo;
}

void on_open(const GilHeld& gil, PyObject* args) {
  const std::string given = text_or_bytes(item(args, 0));
  // A descriptor; or the name of a cell, which Python looks for as a file to show the line of an error.
  if (given.empty() || (given.front() == '<' && given.back() == '>')) return;
  const std::string mode = text_or_bytes(item(args, 1));
  bool writes = mode.find_first_of("wax+") != std::string::npos;
  PyObject* flags = item(args, 2);
  if (!writes && mode.empty() && flags != nullptr && PyLong_Check(flags)) {
    const long bits = PyLong_AsLong(flags);
    writes = bits != -1 && ((bits & O_ACCMODE) != O_RDONLY || (bits & (O_CREAT | O_TRUNC)) != 0);
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
  }
  std::string path = absolute(given);
  if (is_private_path(path) || (!writes && is_system_path(path))) return;
  if (doer() != Doer::kCell || (!writes && is_for_autoreload(gil, path))) return;
  if (writes) {
    add_effect(EffectKind::kFileWritten, std::move(path));
    return;
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return;
  if (recording->seen.insert("r" + path).second)
    recording->found.inputs.push_back({std::move(path), -1, 0, {}});
}

// The directory as `os.listdir` and its like see it.
void on_listing(PyObject* args) {
  PyObject* given = item(args, 0);
  const std::string path = given == nullptr || given == Py_None ? "." : text_or_bytes(given);
  if (path.empty()) return;  // a descriptor
  std::string full = absolute(path);
  if (is_private_path(full) || is_system_path(full) || asker().who == Asker::Who::kNobody) return;
  if (recording->seen.insert("r" + full).second)
    recording->found.inputs.push_back({std::move(full), -1, 0, {}});
}

void on_path(EffectKind kind, PyObject* args) {
  const std::string given = text_or_bytes(item(args, 0));
  if (given.empty()) return;
  std::string detail = absolute(given);
  if (is_private_path(detail) || doer() != Doer::kCell) return;
  if (kind == EffectKind::kFileRenamed) detail += " -> " + absolute(text_or_bytes(item(args, 1)));
  add_effect(kind, std::move(detail));
}

void on_socket(PyObject* args) {
  PyObject* address = item(args, 1);
  std::string detail = text_or_bytes(address);  // a path, for local sockets
  if (address != nullptr && PyTuple_CheckExact(address) && PyTuple_GET_SIZE(address) >= 2) {
    detail = text_or_bytes(PyTuple_GET_ITEM(address, 0));
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
      detail += (i == 0 ? "" : " ") + text_or_bytes(PySequence_Fast_GET_ITEM(command, i));
    }
  } else {
    detail = text_or_bytes(command);
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
    found.texts.push_back(text_or_bytes(what));
  }
}

// What the session's functions do can be told from their code, without running them.
void on_attribute(PyObject* args) {
  PyObject* function = item(args, 0);
  if (function == nullptr || !PyFunction_Check(function) || text_or_bytes(item(args, 1)) != "__code__")
    return;
  PyObject* code = PyFunction_GET_CODE(function);
  if (recording->codes_seen.insert(code).second)
    recording->found.looked_into.push_back(Owned::share(Borrowed(code)));
}

void on_event(const GilHeld& gil, std::string_view event, PyObject* args) {
  if (event == "object.__getattr__") return on_attribute(args);
  if (event == "open") return on_open(gil, args);
  if (event == "exec") return on_evaluation(true, args);
  if (event == "compile") return on_evaluation(false, args);
  if (event == "import") {
    recording->found.imported = true;
    return;
  }
  if (event == "pickle.find_class") {
    if (text_or_bytes(item(args, 0)) == "__main__")
      recording->found.names.push_back(text_or_bytes(item(args, 1)));
    return;
  }
  if (event == "builtins.input") return add_effect(EffectKind::kInput, text_or_bytes(item(args, 0)));
  if (event == "sqlite3.connect") {
    if (text_or_bytes(item(args, 0)) != ":memory:") on_path(EffectKind::kFileWritten, args);
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
  if (call == "listdir" || call == "scandir") return on_listing(args);
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

// A timer that a library looks at measures how long something takes.
void on_outside_input(EffectKind kind, const char* function, Asked asked) {
  if (!active.load(std::memory_order_relaxed) || paused_depth > 0 || !recording) return;
  Recording& now = *recording;
  const std::uint32_t bit = 1u << static_cast<unsigned>(kind);
  if (kind == EffectKind::kRandomnessDrawn && asked == Asked::kValue && (now.outside & bit) != 0) ++now.draws;
  if (((now.outside & bit) != 0) != (asked == Asked::kReseeded)) return;
  const GilHeld gil = GilHeld::assume();
  const EffectsPaused paused;
  const PendingError pending(gil);
  const Asker by = asker();
  if (asked == Asked::kReseeded) {
    // Only what it drew itself is made up for, and not what others drew before.
    if (!by.same_call(now.drawn_by) || --now.draws > 0) return;
    now.outside &= ~bit;
    std::erase_if(now.found.effects, [&](const Effect& effect) { return effect.kind == kind; });
    std::erase_if(now.seen, [&](const std::string& seen) { return starts_with(seen, name_of(kind)); });
    return;
  }
  if (by.who == Asker::Who::kNobody || (asked == Asked::kTimer && by.who != Asker::Who::kSession)) return;
  now.outside |= bit;
  if (kind == EffectKind::kRandomnessDrawn) {
    now.drawn_by = by;
    now.draws = 1;
    watch_outside_inputs(gil);  // numpy may have come with this cell
  }
  add_effect(kind, function);
}

// The code of a module runs. Whoever had it do so, the session holds another source of it from now on; what
// the cell itself had of the former one is its input as well.
void on_source(const GilHeld& gil, PyObject* args, bool of_cell) {
  std::optional<SourceRun> run = note_source_run(gil, Borrowed(item(args, 0)));
  // What IPython loads anew before the cell's own code runs is an input where the cell uses it.
  if (!run || !of_cell) return;
  if (autoreloading() != Autoreloading::kNo) {
    recording->found.autoreloaded = true;
    return;
  }
  if (run->before) recording->found.sources.push_back(std::move(*run->before));
  recording->found.sources.push_back(std::move(run->now));
}

int hook(const char* event, PyObject* args, void*) {
  if (std::strcmp(event, "os.fork") == 0 || std::strcmp(event, "os.forkpty") == 0)
    forked.store(true, std::memory_order_relaxed);
  const bool of_cell = active.load(std::memory_order_relaxed) && paused_depth == 0;
  const bool runs_code = std::strcmp(event, "exec") == 0;
  if (!of_cell && !runs_code) return 0;
  const GilHeld gil = GilHeld::assume();
  const EffectsPaused paused;  // what is done below raises events of its own
  const PendingError pending(gil);
  if (runs_code) on_source(gil, args, of_cell && recording);
  if (of_cell && recording) on_event(gil, event, args);
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
    case EffectKind::kClockRead:
      return "clock-read";
    case EffectKind::kRandomnessDrawn:
      return "randomness-drawn";
    case EffectKind::kProcessAsked:
      return "process-asked";
  }
  return "effect";
}

std::string no_rerun_reason(EffectKind kind, std::string_view detail) {
  const std::string what(detail);
  switch (kind) {
    case EffectKind::kClockRead:
      return "reads the clock (" + what + "): another run would see another time";
    case EffectKind::kRandomnessDrawn:
      return "draws from the system's randomness (" + what + "): another run would draw something else";
    case EffectKind::kProcessAsked:
      return "asks for facts of this process or machine (" + what + ")";
    default:
      return "had an effect outside the session: " + std::string(name_of(kind)) + " " + what;
  }
}

void install_audit_hook(const GilHeld& gil) {
  static bool installed = false;
  if (installed) return;
  installed = true;
  set_outside_input_sink(&on_outside_input);
  const PendingError pending(gil);
  if (PySys_AddAuditHook(&hook, nullptr) < 0)
    log(LogLevel::kWarning, "an audit hook refused ours: effects go unseen");
}

void begin_effects(const GilHeld& gil) {
  if (recording) return;
  watch_outside_inputs(gil);
  recording = std::make_unique<Recording>();
  active.store(true, std::memory_order_relaxed);
}

CellEffects end_effects(const GilHeld&) {
  active.store(false, std::memory_order_relaxed);
  if (!recording) return {};
  CellEffects found = std::move(recording->found);
  recording.reset();
  found.forked = forked.exchange(false, std::memory_order_relaxed);
  for (InputFile& input : found.inputs) input = describe_file(std::move(input.path));
  return found;
}

void note_effect(const GilHeld&, EffectKind kind, std::string detail) {
  if (recording) add_effect(kind, std::move(detail));
}

namespace {

// By the names in it: its own time also changes when something is made and removed again.
InputFile describe_directory(std::string path) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(path, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
    names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + '\0';
  return {std::move(path), static_cast<std::int64_t>(names.size()), 0, digest_of(std::string_view(text))};
}

}  // namespace

InputFile describe_file(std::string path) {
  InputFile file{std::move(path), -1, 0, {}};
  struct stat status {};
  if (stat(file.path.c_str(), &status) != 0) return file;
  if (S_ISDIR(status.st_mode)) return describe_directory(std::move(file.path));
  if (!S_ISREG(status.st_mode)) return file;
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
