#include "pyobj/walk/walker.hpp"

#include <algorithm>
#include <utility>

#include "pyobj/walk/hashed_memory.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr std::int64_t kElementsPerClockRead = 4096;

std::uint64_t element_total(const Frame& frame) {
  switch (frame.kind) {
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<std::uint64_t>(Py_SIZE(frame.object));
    case Kind::kDict:
      return static_cast<std::uint64_t>(as_dict(frame.object)->ma_used);
    case Kind::kSet:
    case Kind::kFrozenset:
      return static_cast<std::uint64_t>(reinterpret_cast<PySetObject*>(frame.object)->used);
    default:
      return frame.aside_from != 0 ? frame.aside_from : frame.queued;
  }
}

std::size_t dict_size_bytes(PyObject* object) {
  const PyDictObject* dict = as_dict(object);
  const std::size_t own = sizeof(PyDictObject) + 16;
  return own + (dict->ma_values ? sizeof(PyObject*) * static_cast<std::size_t>(dict->ma_used)
                                : keys_size_bytes(dict->ma_keys));
}

}  // namespace

void Walker::start(PyObject* user_namespace, PyObject* root, ChangeLog* log) {
  abandon();
  namespace_ = user_namespace;
  PyObject* builtins = loaded_module("builtins");
  builtins_ = builtins ? reinterpret_cast<ModuleLayout*>(builtins)->dict : nullptr;
  log_ = log;
  root_ = root;
  finding_ = {};
  ordinal_ = quiet_depth_ = 0;
  fuel_ = kElementsPerClockRead;
  visited_.next_variable();
  immutable_tokens_.clear();
  under_way_ = true;
}

void Walker::abandon() {
  stack_.clear();
  queue_.clear();
  held_frames_ = held_queue_ = 0;
  under_way_ = false;
  root_ = waiting_ = nullptr;
  const std::vector<PyObject*> held = std::exchange(held_, {});
  for (PyObject* object : held) Py_DECREF(object);
}

void Walker::forget() {
  types_.clear();
  owned_types_.clear();
  library_globals_.clear();
  immutable_tokens_.clear();
}

// What the walk is standing on must outlive whatever runs during the pause. It is held to the end of the
// variable: letting go on resuming could run a finalizer in the middle of a container.
void Walker::suspend() {
  for (; held_frames_ < stack_.size(); ++held_frames_)
    held_.push_back(Py_NewRef(stack_[held_frames_].object));
  for (; held_queue_ < queue_.size(); ++held_queue_) {
    if (queue_[held_queue_]) held_.push_back(Py_NewRef(queue_[held_queue_]));
  }
  if (waiting_) held_.push_back(Py_NewRef(waiting_));
}

// Memory is hashed before it is entered, since the walk could not stop in the middle of that.
bool Walker::pause_before(PyObject* child, const Deadline& deadline, const Deadline& at_once) {
  if (!deadline || !holds_array(types_.of(Py_TYPE(child)))) return false;
  const ArrayLayout& array = *as_array(child);
  const bool hashes = look_ == MemoryLook::kHash;
  if (hashes ? hash_array_ahead(array, deadline, at_once) : seal_array(array, at_once)) return false;
  waiting_ = child;
  suspend();
  return true;
}

bool Walker::run(const Deadline& deadline, const Deadline& at_once, MemoryLook look) {
  hashed_memory().begin_moment();
  const HashedMemory::Answering answering(hashed_memory(), look);
  look_ = look;
  const bool done = go_on(deadline, at_once);
  finding_.unhashed = finding_.unhashed || answering.gave_marks();
  return done;
}

bool Walker::go_on(const Deadline& deadline, const Deadline& at_once) {
  if (root_) {
    if (pause_before(root_, deadline, at_once)) return false;
    waiting_ = nullptr;
    PyObject* root = std::exchange(root_, nullptr);
    Token token;
    if (atom(root, token)) {
      pin_pure(root);
      finish(token);
      return true;
    }
    if (visit(root, token)) {
      finish(token);
      return true;
    }
  }
  if (waiting_) {
    PyObject* child = std::exchange(waiting_, nullptr);
    if (pause_before(child, deadline, at_once)) return false;
    Token token;
    if (visit(child, token)) absorb_child(stack_.top(), token, finding_.identity);
  }
  while (!stack_.empty()) {
    if (fuel_ <= 0) [[unlikely]] {
      fuel_ = kElementsPerClockRead;
      if (deadline.has_passed()) {
        suspend();
        return false;
      }
    }
    Frame& frame = stack_.top();
    PyObject* child = nullptr;
    const Step step = advance(frame, child);
    --fuel_;
    if (step == Step::kPause) continue;
    if (step == Step::kDone) {
      finish_frame();
      continue;
    }
    if (types_.of(Py_TYPE(frame.object)).immutable && !frame.has_ordinal) {
      frame.has_ordinal = true;
      ++ordinal_;
      if (Py_REFCNT(frame.object) > 1) visited_.put(frame.object, ordinal_);
      record_immutable(frame);
    }
    if (pause_before(child, deadline, at_once)) return false;
    Token token;
    if (visit(child, token)) absorb_child(frame, token, finding_.identity);
  }
  return true;
}

void Walker::finish_frame() {
  const Frame frame = stack_.top();
  const Token token = finish_token(frame.chain, element_total(frame));
  queue_.resize(frame.queue);
  stack_.pop();
  held_frames_ = std::min(held_frames_, stack_.size());
  held_queue_ = std::min(held_queue_, queue_.size());
  quiet_depth_ -= frame.quiets;
  bool reaches_mutable = frame.reaches_mutable;
  if (types_.of(Py_TYPE(frame.object)).immutable) {
    if (!reaches_mutable) {
      ordinal_ = frame.ordinal;  // nothing in it can be referred back to
      if (Py_REFCNT(frame.object) > 1) immutable_tokens_[frame.object] = token;
      pin_pure(frame.object);
    }
  } else {
    reaches_mutable = true;
  }
  if (stack_.empty()) return finish(token);
  Frame& holder = stack_.top();
  holder.reaches_mutable |= reaches_mutable;
  absorb_child(holder, token, finding_.identity);
}

void Walker::finish(Token token) {
  finding_.content = token;
  finding_.identity = scramble(finding_.identity);
  finding_.size_bytes += bytes_behind_views(finding_.extents);
  under_way_ = false;
}

bool Walker::visit(PyObject* object, Token& token) {
  const TypeInfo& info = types_.of(Py_TYPE(object));
  if (visit_named(object, info, token)) return true;
  const bool met_again = may_be_met_again(object, info);
  if (met_again && visit_again(object, info, token)) return true;
  enter(object, info, met_again || stack_.empty() || stack_.top().registers_children);
  return false;
}

// What is referred to by name and never entered: it belongs to a module, or is the namespace itself.
bool Walker::visit_named(PyObject* object, const TypeInfo& info, Token& token) {
  switch (info.kind) {
    case Kind::kNamed:
      token = named_token(object, info);
      if (Py_IS_TYPE(object, &PyModule_Type) && is_made_by_hand(object)) note_opaque(info.type);
      break;
    case Kind::kClass: {
      auto* type = reinterpret_cast<PyTypeObject*>(object);
      if (is_session_class(type)) return false;
      token = type_name_token(type);
      absorb(token, word_token(0, Tag::kNamed));
      break;
    }
    case Kind::kFunction:
      if (!is_library_function(object)) return false;
      token = function_name_token(object);
      break;
    case Kind::kDict:
      if (object != namespace_ && !is_builtins_of_globals(object)) return false;
      token = word_token(object != namespace_, Tag::kNamespace);
      return true;
    default:
      return false;
  }
  pin_pure(object);
  return true;
}

bool Walker::visit_again(PyObject* object, const TypeInfo& info, Token& token) {
  if (info.immutable && !immutable_tokens_.empty()) {
    const auto known = immutable_tokens_.find(object);
    if (known != immutable_tokens_.end()) {
      token = known->second;
      pin_pure(object);
      return true;
    }
  }
  std::uint32_t ordinal = 0;
  if (!visited_.find(object, ordinal)) return false;
  token = word_token(ordinal, Tag::kBackReference);
  if (!stack_.empty()) stack_.top().reaches_mutable = true;
  return true;
}

// `registers`: something outside this variable may refer to the object. Its reference count says so, or it
// hangs on an immutable or a function or class, which many may refer to without being linked by that: then
// its own count tells nothing (a list in a shared tuple has a count of one).
void Walker::enter(PyObject* object, const TypeInfo& info, bool registers) {
  Frame& frame = stack_.push();
  frame = Frame{object,
                start_token(Tag::kContainer, static_cast<std::uint64_t>(info.kind)),
                0,
                queue_.size(),
                0,
                ordinal_,
                info.kind,
                0,
                false,
                false,
                false,
                info.quiet && stack_.size() > 1,
                info.immutable || !info.links,
                0};
  quiet_depth_ += frame.quiets;
  if (!info.immutable) {
    ++ordinal_;
    if (may_be_met_again(object, info)) visited_.put(object, ordinal_);
    if (registers && info.links) finding_.shared.push_back({object, quiet_depth_ > 0});
    if (log_) record(object, info, registers);
  }
  switch (info.kind) {
    case Kind::kList:
      finding_.size_bytes += 56 + sizeof(PyObject*) * static_cast<std::size_t>(
                                                          reinterpret_cast<PyListObject*>(object)->allocated);
      break;
    case Kind::kTuple:
      finding_.size_bytes += 40 + sizeof(PyObject*) * static_cast<std::size_t>(Py_SIZE(object));
      break;
    case Kind::kDict:
      finding_.size_bytes += dict_size_bytes(object);
      break;
    case Kind::kSet:
    case Kind::kFrozenset: {
      const auto* set = reinterpret_cast<PySetObject*>(object);
      finding_.size_bytes += sizeof(PySetObject) + 16;
      if (set->table != set->smalltable)
        finding_.size_bytes += sizeof(setentry) * (static_cast<std::size_t>(set->mask) + 1);
      break;
    }
    case Kind::kInstance:
      enter_instance(frame, info);
      break;
    case Kind::kArray:
      enter_array(frame);
      break;
    case Kind::kOpaque:
      note_opaque(info.type);
      [[fallthrough]];
    default:
      absorb(frame.chain, info.name);
      enter_parts(frame, info.show);
  }
}

void Walker::enter_instance(Frame& frame, const TypeInfo& info) {
  PyObject* object = frame.object;
  absorb(frame.chain, info.name);
  finding_.size_bytes += basic_size_bytes(object);
  if (info.has_managed_dict && inline_values(object)) {
    finding_.size_bytes += SplitValues{inline_values(object)}.prefix_size_bytes() +
                           sizeof(PyObject*) * static_cast<std::size_t>(cached_keys(info.type)->dk_nentries);
  }
  if (!info.immutable) ++ordinal_;  // the dict's, whether or not it has been materialised
  if (PyObject* dict = instance_dict(object, info)) {
    finding_.size_bytes += dict_size_bytes(dict);
    if (Py_REFCNT(dict) > 1) {  // held by somebody besides its instance
      std::uint32_t ordinal = 0;
      if (visited_.find(dict, ordinal))
        absorb(frame.chain, word_token(ordinal, Tag::kBackReference));
      else
        visited_.put(dict, ordinal_);
      if (info.links) finding_.shared.push_back({dict, quiet_depth_ > 0});
    }
  }
  if (info.session_class) {
    if (!owned_by_namespace(info.type)) {
      queue_.push_back(reinterpret_cast<PyObject*>(info.type));
      frame.queued = 1;
    } else if (log_) {
      log_->record({reinterpret_cast<PyObject*>(info.type), 0, 0, RecordKind::kOwnedType, true, false});
    }
  }
  if (info.base == Kind::kAtomValue) absorb(frame.chain, atom_value_token(object));
  if (info.base == Kind::kOpaque) note_opaque(info.base_type);
  if (info.show) enter_parts(frame, info.show);
  if (info.base == Kind::kArray) enter_array(frame);
}

void Walker::enter_parts(Frame& frame, Show show) {
  Parts parts(Parts::Purpose::kDigest, &queue_);
  show(frame.object, parts);
  if (frame.kind == Kind::kFunction) {
    PyObject* globals = reinterpret_cast<PyFunctionObject*>(frame.object)->func_globals;
    if (globals != namespace_ && !is_module_globals(globals)) parts.child(globals);
  }
  take_parts(frame, parts, frame.object);
}

void Walker::take_parts(Frame& frame, const Parts& parts, PyObject* object) {
  absorb(frame.chain, parts.chain());
  frame.queued = static_cast<std::uint32_t>(queue_.size() - frame.queue);
  if (parts.asides() != 0) frame.aside_from = static_cast<std::uint8_t>(frame.queued - parts.asides());
  finding_.identity ^= parts.identity();
  finding_.size_bytes += parts.size_bytes();
  if (parts.is_opaque()) note_opaque(Py_TYPE(object));
  finding_.unstable |= parts.is_unstable();
  for (Extent extent : parts.extents()) {
    extent.quiet = quiet_depth_ > 0;
    finding_.extents.push_back(extent);
  }
}

void Walker::enter_array(Frame& frame) {
  const ArrayLayout& array = *as_array(frame.object);
  const Dtype dtype = read_dtype(array.dtype);
  Extent extent = extent_of(frame.object);
  extent.quiet = quiet_depth_ > 0;
  finding_.extents.push_back(extent);
  if (frame.kind == Kind::kArray) finding_.size_bytes += basic_size_bytes(frame.object);
  if (!array.base) finding_.size_bytes += element_count(array) * dtype.element_size_bytes;
  absorb(frame.chain, dtype_token(array.dtype));
  for (int i = 0; i < array.dimensions_count; ++i) {
    absorb(frame.chain, word_token(static_cast<std::uint64_t>(array.dimensions[i]), Tag::kWord));
  }
  // Pickle keeps Fortran order, so the digest shows it; and whether the array can be written to.
  const bool fortran = !(array.flags & kArrayContiguousC) && (array.flags & kArrayContiguousF);
  absorb(frame.chain, word_token(fortran | (array.flags & kArrayWriteable ? 2 : 0), Tag::kPhase));
}

bool Walker::owned_by_namespace(PyTypeObject* type) {
  const auto [known, is_new] = owned_types_.try_emplace(type, false);
  if (is_new) known->second = owned_by_name(namespace_, type);
  return known->second;
}

// What `exec` puts into a dict that it runs code in.
bool Walker::is_builtins_of_globals(PyObject* dict) {
  if (dict != builtins_ || stack_.empty() || stack_.top().kind != Kind::kDict) return false;
  return find_text_key(stack_.top().object, "__builtins__") == dict;
}

// A function that can be had by importing it: its module's state is not the session's.
bool Walker::is_library_function(PyObject* object) {
  const auto* function = reinterpret_cast<PyFunctionObject*>(object);
  if (function->func_globals == namespace_ || function->func_closure) return false;
  if (ascii_text(function->func_qualname).find('<') != std::string_view::npos) return false;
  return is_module_globals(function->func_globals);
}

// No import brings it, so its name says nothing of what it holds.
bool Walker::is_made_by_hand(PyObject* module) const {
  PyObject* dict = reinterpret_cast<ModuleLayout*>(module)->dict;
  if (dict == nullptr || dict == namespace_ || find_text_key(dict, "__file__")) return false;
  PyObject* spec = find_text_key(dict, "__spec__");
  return spec == nullptr || spec == Py_None;
}

bool Walker::is_module_globals(PyObject* globals) {
  const auto [known, is_new] = library_globals_.try_emplace(globals, false);
  if (is_new && globals && PyDict_Check(globals)) {
    std::string_view name = ascii_text(find_text_key(globals, "__name__"));
    if (name == "collections.abc") name = "_collections_abc";  // which calls itself that
    PyObject* module = loaded_module(name);
    known->second = module && reinterpret_cast<ModuleLayout*>(module)->dict == globals;
  }
  return known->second;
}

void Walker::pin_pure(PyObject* object) {
  // A dict's version tag vouches for what the dict refers to.
  if (log_ && (stack_.empty() || stack_.top().kind != Kind::kDict)) log_->pin(object);
}

void Walker::record(PyObject* object, const TypeInfo& info, bool registered) {
  if (info.kind == Kind::kDict) {
    log_->record(
        {object, as_dict(object)->ma_version_tag, 0, RecordKind::kDict, registered, quiet_depth_ > 0});
    return;
  }
  const std::uint64_t stamp = Stamper(types_).stamp(object, info);
  const bool list = info.kind == Kind::kList;
  log_->record({object, stamp, list ? static_cast<std::uint32_t>(Py_SIZE(object)) : 0,
                list ? RecordKind::kList : RecordKind::kOther, registered, quiet_depth_ > 0});
}

// An immutable that refers to a container cannot be pinned, which would keep alive what the user lets go of:
// it is recorded instead, before what it refers to, and its atoms are pinned.
void Walker::record_immutable(Frame& frame) {
  if (!log_ || frame.recorded) return;
  frame.recorded = true;
  record(frame.object, types_.of(Py_TYPE(frame.object)), true);
  const auto pin_atom = [&](PyObject* item) {
    if (item && is_atom_type(Py_TYPE(item))) log_->pin(item);
  };
  if (frame.kind == Kind::kTuple) {
    for (std::uint64_t i = 0; i < frame.index; ++i)
      pin_atom(PyTuple_GET_ITEM(frame.object, static_cast<Py_ssize_t>(i)));
  }
  for (std::uint64_t i = frame.queue; i < queue_.size(); ++i) pin_atom(queue_[i]);
}

void Walker::note_opaque(PyTypeObject* type) {
  if (finding_.opaque_count++ == 0) finding_.opaque_type = type_display_name(type);
}

}  // namespace elastic::pyobj::walk
