#include "elastic/pyobj/walk.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "pyobj/collector_off.hpp"
#include "pyobj/walk/co_variables.hpp"
#include "pyobj/walk/estimate.hpp"
#include "pyobj/walk/hashed_memory.hpp"
#include "pyobj/walk/stands_apart.hpp"
#include "pyobj/walk/walker.hpp"

namespace elastic::pyobj {
namespace {

// What is kept of a variable between cells.
struct Remembered {
  VariableState state;
  PyObject* object = nullptr;  // an address to compare; the log vouches for what stands there
  walk::ChangeLog log;
  bool has_log = false;
  std::uint64_t log_bytes = 0;        // as counted in the total
  std::vector<walk::Meeting> shared;  // ordered once somebody asks
  bool ordered = false;
  std::uint64_t shared_version = 0;
  std::vector<walk::Extent> extents;
  std::uint64_t last_named = 0;
};

}  // namespace

class Walk::Impl {
 public:
  Impl(Borrowed user_namespace, WalkOptions options)
      : namespace_(Owned::share(user_namespace)), options_(options) {}

  std::size_t walk(std::span<const WalkTarget> targets, const Deadline& deadline, const Deadline& at_once,
                   MemoryLook look) {
    walker_.forget();
    for (std::size_t done = 0; done < targets.size(); ++done) {
      if (!walk_one(targets[done], deadline, at_once, look)) return done;
    }
    return targets.size();
  }

  Change recheck(const WalkTarget& target, const Deadline& deadline) {
    const auto found = variables_.find(target.name);
    if (found == variables_.end()) return Change::kUnknown;
    Remembered& known = found->second;
    known.last_named = ++clock_;
    if (known.object != target.object.get()) return Change::kMaybeChanged;
    if (!known.has_log) return Change::kUnknown;
    std::vector<walk::Meeting> newly_shared;
    const auto verdict = known.log.verify(namespace_.get(), walker_.types(), newly_shared, deadline);
    if (!newly_shared.empty()) {
      known.shared.insert(known.shared.end(), newly_shared.begin(), newly_shared.end());
      note_shared(known);
    }
    if (verdict == Verdict::kGivenUp) return Change::kGivenUp;
    if (verdict == Verdict::kDiffers) return Change::kMaybeChanged;
    return known.state.opaque ? Change::kOpaque : Change::kUnchanged;
  }

  void begin_recheck() { walker_.forget(); }

  const Remembered* find(const std::string& name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : &found->second;
  }
  void forget(const std::string& name) {
    if (name == current_) abandon();
    const auto found = variables_.find(name);
    if (found == variables_.end()) return;
    count_out(found->second);
    const Remembered dropped = std::move(found->second);  // let go of last: a finalizer may run
    variables_.erase(found);
  }
  PyObject* user_namespace() const { return namespace_.get(); }

  std::vector<std::vector<std::string>> co_variables() {
    std::vector<walk::Sharing> sharing;
    for (auto& [name, known] : variables_) {
      if (!std::exchange(known.ordered, true)) walk::order(known.shared);
      sharing.push_back({&name, &known.shared, &known.extents, known.shared_version});
    }
    return partition_.of(sharing);
  }

  std::uint64_t log_size_bytes() const { return logged_bytes_; }
  std::uint64_t sharing_version() const { return versions_; }

 private:
  using Verdict = walk::ChangeLog::Verdict;

  bool walk_one(const WalkTarget& target, const Deadline& deadline, const Deadline& at_once,
                MemoryLook look) {
    const bool resumes = (walker_.under_way() || unproven_) && current_ == target.name &&
                         current_object_.get() == target.object.get();
    if (!resumes) begin(target);
    bool paused = resumes;
    for (;;) {
      if (!unproven_ && !walker_.run(deadline, at_once, look)) return false;
      if (!paused) break;
      const Verdict verdict = still_holds(at_once);
      unproven_ = verdict == Verdict::kGivenUp;
      if (unproven_) return false;
      if (verdict == Verdict::kHolds) break;
      begin(target);  // torn: it changed during a pause
      paused = false;
    }
    finish(target);
    return true;
  }

  void begin(const WalkTarget& target) {
    abandon();
    current_ = target.name;
    current_object_ = Owned::share(target.object);
    walker_.start(namespace_.get(), target.object.get(), &log_);
  }

  void abandon() {
    walker_.abandon();
    unproven_ = false;
    shared_meanwhile_.clear();
    log_.clear();
    current_.clear();
    current_object_ = {};
  }

  // What came to be shared meanwhile is said once, and then known to the log.
  Verdict still_holds(const Deadline& at_once) {
    return log_.verify(namespace_.get(), walker_.types(), shared_meanwhile_, at_once);
  }

  void finish(const WalkTarget& target) {
    walk::Finding finding = walker_.take_finding();
    Remembered fresh;
    fresh.state = {walk::to_digest(finding.content),
                   finding.identity,
                   finding.size_bytes,
                   finding.references,
                   finding.opaque_count > 0,
                   std::move(finding.opaque_type),
                   finding.unstable,
                   finding.unhashed};
    fresh.object = target.object.get();
    fresh.shared = std::move(finding.shared);
    fresh.shared.insert(fresh.shared.end(), shared_meanwhile_.begin(), shared_meanwhile_.end());
    fresh.extents = std::move(finding.extents);
    for (const walk::Extent& extent : fresh.extents)
      if (extent.owner) fresh.shared.push_back({extent.owner, extent.quiet});
    fresh.shared.shrink_to_fit();
    note_shared(fresh);
    fresh.last_named = ++clock_;
    fresh.has_log = true;
    log_.shrink();
    std::swap(fresh.log, log_);
    fresh.log_bytes = fresh.log.size_bytes();
    covered_bytes_ += fresh.state.size_bytes;
    logged_bytes_ += fresh.log_bytes;
    std::swap(variables_[target.name], fresh);
    count_out(fresh);
    abandon();
    keep_to_budget();
  }  // the old log goes here, when everything is in its place

  void note_shared(Remembered& known) {
    known.ordered = false;
    known.shared_version = ++versions_;
  }

  void count_out(const Remembered& gone) {
    covered_bytes_ -= gone.state.size_bytes;
    logged_bytes_ -= gone.log_bytes;
  }

  // Drops the logs of what has not been named for longest until the rest is well within the budget: the
  // search for them is then not made anew for every variable.
  void keep_to_budget() {
    const auto share = static_cast<std::uint64_t>(options_.log_share * static_cast<double>(covered_bytes_));
    const std::uint64_t budget = std::max(options_.log_floor_bytes, share);
    if (logged_bytes_ <= budget) return;
    std::vector<Remembered*> by_age;
    for (auto& [name, known] : variables_)
      if (known.has_log && known.log_bytes > 0) by_age.push_back(&known);
    std::sort(by_age.begin(), by_age.end(), [](const Remembered* x, const Remembered* y) {
      return x->last_named != y->last_named ? x->last_named < y->last_named : x->log_bytes > y->log_bytes;
    });
    std::vector<walk::ChangeLog> dropped;  // let go of last: a finalizer may run
    for (Remembered* const stalest : by_age) {
      if (logged_bytes_ <= budget - budget / 8) break;
      logged_bytes_ -= std::exchange(stalest->log_bytes, 0);
      stalest->has_log = false;
      dropped.push_back(std::move(stalest->log));
    }
  }

  Owned namespace_;
  WalkOptions options_;
  walk::Walker walker_;
  std::unordered_map<std::string, Remembered> variables_;
  std::string current_;  // the variable under way
  Owned current_object_;
  walk::ChangeLog log_;                          // of the variable under way
  std::vector<walk::Meeting> shared_meanwhile_;  // since the walk entered it
  bool unproven_ = false;  // walked to the end, and not known yet whether it changed during a pause
  std::uint64_t covered_bytes_ = 0, logged_bytes_ = 0;  // sums over variables_
  std::uint64_t clock_ = 0;                             // counts namings
  std::uint64_t versions_ = 0;                          // counts changes of what variables share
  walk::Partition partition_;
};

Walk::Walk(const GilHeld&, Borrowed user_namespace, WalkOptions options)
    : impl_(std::make_unique<Impl>(user_namespace, options)) {}

Walk::~Walk() = default;

std::vector<WalkTarget> Walk::all_targets(const GilHeld&) const {
  std::vector<WalkTarget> targets;
  PyObject *name, *value;
  for (Py_ssize_t position = 0; PyDict_Next(impl_->user_namespace(), &position, &name, &value);) {
    if (!PyUnicode_CheckExact(name)) continue;
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(name, &size);
    if (!text) {
      PyErr_Clear();  // a name with lone surrogates, which no source text can spell
      continue;
    }
    targets.push_back({std::string(text, static_cast<std::size_t>(size)), Borrowed(value)});
  }
  return targets;
}

// The collector is off in these: reading Cython's attributes makes objects, which could set it off, and with
// it finalizers.
std::size_t Walk::walk(const GilHeld& gil, std::span<const WalkTarget> targets, const Deadline& deadline,
                       const Deadline& at_once, MemoryLook look) {
  const PendingError pending(gil);
  const CollectorOff collector_off;
  return impl_->walk(targets, deadline, at_once, look);
}

std::vector<Change> Walk::recheck(const GilHeld& gil, std::span<const WalkTarget> targets,
                                  const Deadline& deadline) {
  const PendingError pending(gil);
  const CollectorOff collector_off;
  impl_->begin_recheck();
  std::vector<Change> changes;
  changes.reserve(targets.size());
  for (const WalkTarget& target : targets) changes.push_back(impl_->recheck(target, deadline));
  return changes;
}

const VariableState* Walk::state(const std::string& name) const {
  const Remembered* known = impl_->find(name);
  return known ? &known->state : nullptr;
}

std::vector<std::vector<std::string>> Walk::co_variables(const GilHeld&) const {
  return impl_->co_variables();
}

std::uint64_t Walk::sharing_version() const { return impl_->sharing_version(); }

bool Walk::stands_apart(const GilHeld&, Borrowed value) const {
  walk::TypeCache types;
  return value && walk::stands_apart(value.get(), impl_->user_namespace(), types);
}

std::chrono::microseconds Walk::estimate(const GilHeld&, Borrowed value) {
  return walk::estimate(value.get());
}

void Walk::forget(const GilHeld&, const std::string& name) { impl_->forget(name); }

std::uint64_t Walk::recheck_bytes(const std::string& name) const {
  const Remembered* known = impl_->find(name);
  if (!known) return 0;
  std::vector<walk::Extent> large;
  for (const walk::Extent& extent : known->extents) {
    if (extent.end - extent.begin >= walk::kLargeBufferBytes) large.push_back(extent);
  }
  std::sort(large.begin(), large.end());
  std::uint64_t bytes = known->state.size_bytes;
  std::uintptr_t done = 0;  // several views of one buffer are counted once, as in the size
  for (const walk::Extent& extent : large) {
    if (extent.begin < done) continue;
    done = extent.end;
    bytes -= std::min<std::uint64_t>(
        bytes, walk::hashed_memory().known_bytes(reinterpret_cast<const char*>(extent.begin),
                                                 extent.end - extent.begin));
  }
  return bytes;
}

std::uint64_t Walk::log_size_bytes() const { return impl_->log_size_bytes(); }

}  // namespace elastic::pyobj
