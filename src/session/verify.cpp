#include "session/verify.hpp"

#include <algorithm>
#include <cstring>

#include "elastic/pyobj/serializer.hpp"
#include "elastic/pyobj/walk.hpp"
#include "session/dumped.hpp"
#include "session/input_files.hpp"
#include "session/outline.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;
using pyobj::Pickled;

namespace {

constexpr std::uint64_t kVerifyBytes = 16 << 20;

Owned view_of(std::span<const std::byte> bytes) {
  return Owned::steal(PyMemoryView_FromMemory(reinterpret_cast<char*>(const_cast<std::byte*>(bytes.data())),
                                              static_cast<Py_ssize_t>(bytes.size()), PyBUF_READ));
}

Owned views_of(const std::vector<std::span<const std::byte>>& buffers) {
  Owned list = Owned::steal(PyList_New(0));
  for (const auto bytes : buffers) {
    const Owned view = list ? view_of(bytes) : Owned();
    if (!view || PyList_Append(list.get(), view.get()) < 0) return {};
  }
  return list;
}

// A pickle with its buffers, in memory.
struct Written {
  std::string pickle{};
  std::vector<std::span<const std::byte>> buffers{};

  bool operator==(const Written& other) const {
    return pickle == other.pickle &&
           std::equal(buffers.begin(), buffers.end(), other.buffers.begin(), other.buffers.end(),
                      [](const auto& mine, const auto& theirs) {
                        return mine.size() == theirs.size() &&
                               (mine.empty() || std::memcmp(mine.data(), theirs.data(), mine.size()) == 0);
                      });
  }
  Owned as_tuple() const {
    const Owned list = views_of(buffers);
    return list ? Owned::steal(Py_BuildValue("(y#O)", pickle.data(), static_cast<Py_ssize_t>(pickle.size()),
                                             list.get()))
                : Owned();
  }
};

// What was stored against what the same variables are serialised to now.
class StoredComparison {
 public:
  StoredComparison(Borrowed user_namespace, const Source& source)
      : namespace_(user_namespace), source_(&source) {}

  // Empty: the same. Else a sentence on the first difference.
  Result<std::string> difference(const GilHeld& gil, std::size_t group) {
    const StoredGroup& stored = source_->payload.groups[group];
    if (auto found = known_.find(stored.pickle); found != known_.end()) return found->second;
    ELASTIC_ASSIGN(std::string text, compare(gil, stored));
    return known_.emplace(stored.pickle, std::move(text)).first->second;
  }

 private:
  Result<std::string> compare(const GilHeld& gil, const StoredGroup& stored) {
    if (!dumper_) {
      ELASTIC_ASSIGN(dumper_,
                     pyobj::Dumper::create(gil, namespace_, referable_names(source_->history, namespace_)));
    }
    Result<Pickled> now = dumper_->dump(gil, stored.names);
    if (!now.ok() && now.error().code() == ErrorCode::kCancelled) return now.error();
    if (!now.ok()) return "it cannot be serialised any more: " + now.error().message();
    std::vector<store::Region> regions;
    {
      GilReleased released(gil);
      ELASTIC_ASSIGN(store::Region pickle,
                     source_->reader->read_blob(source_->reader->blobs()[stored.pickle]));
      regions.push_back(std::move(pickle));
      for (const std::size_t place : stored.buffers) {
        ELASTIC_ASSIGN(store::Region buffer, source_->reader->map_blob(source_->reader->blobs()[place]));
        regions.push_back(std::move(buffer));
      }
    }
    Written before{std::string(store::as_text(regions.front().bytes())), {}}, after;
    for (std::size_t i = 1; i < regions.size(); ++i) before.buffers.emplace_back(regions[i].bytes());
    for (const pyobj::PinnedBuffer& piece : now->pickle) after.pickle += store::as_text(piece.bytes());
    for (const pyobj::PinnedBuffer& buffer : now->buffers) after.buffers.push_back(buffer.bytes());
    // Of a file that is mapped the pickle says which, not what it holds.
    const bool names_a_file = before.pickle.find("memmap") != std::string::npos;
    if (before == after && !names_a_file) return std::string();
    return first_difference(stored.names, before, after);
  }

  static Result<std::string> first_difference(const std::vector<std::string>& names, const Written& before,
                                              const Written& after) {
    const Owned module = Owned::steal(PyImport_ImportModule("elasticpython.comparing"));
    const Owned list = pyobj::list_of(names), was = before.as_tuple(), is = after.as_tuple();
    const Owned found = module && list && was && is
                            ? Owned::steal(PyObject_CallMethod(module.get(), "first_difference", "OOO",
                                                               list.get(), was.get(), is.get()))
                            : Owned();
    const char* text = found && found.get() != Py_None ? PyUnicode_AsUTF8(found.get()) : nullptr;
    if (text) return std::string(text);
    if (found && found.get() == Py_None) return std::string();
    const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
    PyErr_Clear();
    if (interrupted) return Error(ErrorCode::kCancelled, "interrupted");
    return std::string("what it stores is not what was stored");
  }

  Borrowed namespace_;
  const Source* source_;
  std::optional<pyobj::Dumper> dumper_;
  std::map<std::size_t, std::string> known_;  // by the pickle's place
};

// A figure that was loaded once lacks what its pickle leaves out, and what was made again has it: digests of
// the two differ though nobody sees a difference.
bool is_drawn(PyObject* value) {
  const PyObject* bases = Py_TYPE(value)->tp_mro;
  for (Py_ssize_t i = 0; bases && i < PyTuple_GET_SIZE(bases); ++i) {
    PyObject* base = PyTuple_GET_ITEM(bases, i);
    PyObject* dict = PyType_Check(base) ? reinterpret_cast<PyTypeObject*>(base)->tp_dict : nullptr;
    PyObject* module = dict ? PyDict_GetItemString(dict, "__module__") : nullptr;
    if (module && PyUnicode_Check(module) &&
        PyUnicode_CompareWithASCIIString(module, "matplotlib.artist") == 0)
      return true;
  }
  return false;
}

// Also of what holds several: `fig, axes = plt.subplots(2, 2)`.
bool depends_on_how_it_came(PyObject* value) {
  if (is_drawn(value)) return true;
  const bool is_array = std::strcmp(Py_TYPE(value)->tp_name, "numpy.ndarray") == 0;
  if (!is_array && !PyList_CheckExact(value) && !PyTuple_CheckExact(value)) return false;
  const Owned flat = is_array ? Owned::steal(PyObject_GetAttrString(value, "flat")) : Owned();
  PyObject* sequence = is_array ? flat.get() : value;
  const Owned begin = Owned::steal(PyLong_FromLong(0));
  const Owned first = Owned::steal(sequence && begin ? PyObject_GetItem(sequence, begin.get()) : nullptr);
  PyErr_Clear();  // it is empty
  return first && is_drawn(first.get());
}

}  // namespace

Result<> verify(const GilHeld& gil, Borrowed user_namespace, const Source& source, const plan::Plan& plan,
                bool everything, RestoreReport& report) {
  pyobj::Walk walk(gil, user_namespace);
  StoredComparison stored(user_namespace, source);
  const auto groups = active_groups(source);
  for (const plan::VariablePlan& variable : plan.variables) {
    const graph::Snapshot& snapshot = source.history.snapshot(variable.snapshot);
    const std::string& name = source.history.name_of(variable.variable);
    if (variable.action == plan::Action::kLost || source.history.is_ambient(variable.variable)) continue;
    VariableReport& entry = report.variables[name];
    const bool recomputed = variable.action == plan::Action::kRecompute;
    // Looking through large loaded memory would read all of it in; the store has digests of its own for that.
    if (snapshot.content == Digest{} || (!recomputed && !everything && snapshot.size_bytes > kVerifyBytes)) {
      entry.verified = false;
      continue;
    }
    PyObject* value = PyDict_GetItemString(user_namespace.get(), name.c_str());
    const pyobj::WalkTarget target{name, Borrowed(value)};
    if (value) walk.walk(gil, std::span(&target, 1));
    const pyobj::VariableState* state = value ? walk.state(name) : nullptr;
    const bool same = state && state->content == snapshot.content;
    const bool can_tell = state && !state->opaque && !state->unstable;
    entry.verified = same && can_tell;
    if (same && can_tell) continue;
    std::string difference;
    if (!recomputed && state && groups.contains(name)) {
      ELASTIC_ASSIGN(difference, stored.difference(gil, groups.at(name)));
      if (difference.empty()) {
        entry.verified = true;
        entry.why = "compared by what its type stores";
        continue;
      }
    }
    if (same || (state && !can_tell)) {
      if (recomputed && !can_tell) entry.why = entry.why + "; could not be compared: " + state->opaque_type;
      continue;
    }
    if (recomputed && value && depends_on_how_it_came(value)) {
      entry.why = entry.why + "; could not be compared: " + Py_TYPE(value)->tp_name;
      continue;
    }
    if (recomputed && state)
      difference = difference_of(source.payload.outlines.value(name, json()),
                                 outline_of(gil, user_namespace, Borrowed(value)));
    entry.differs = true;
    entry.why = std::string(recomputed ? "running its cells again gave something else"
                                       : "what was loaded is not what was stored") +
                (state ? "" : ": the name is not there") +
                (recomputed ? changed_inputs(source.history, snapshot.writer) : "") +
                (difference.empty() ? "" : ": " + difference);
    entry.difference = std::move(difference);
  }
  return success();
}

}  // namespace elastic::session
