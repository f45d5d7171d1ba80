#include "pyobj/walk/co_variables.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace elastic::pyobj::walk {
namespace {

constexpr std::size_t kLarge = 4096;  // objects; what fewer variables meet at is found anew each time

class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  std::size_t root(std::size_t member) {
    while (parent_[member] != member) member = parent_[member] = parent_[parent_[member]];
    return member;
  }
  void join(std::size_t x, std::size_t y) { parent_[root(x)] = root(y); }

 private:
  std::vector<std::size_t> parent_;
};

// Variables that meet at one place: linked once one of them is there loudly.
class Place {
 public:
  void meet(std::size_t variable, bool quiet, Groups& groups) {
    loud_ |= !quiet;
    waiting_.push_back(variable);
    if (!loud_) return;
    for (const std::size_t other : waiting_) groups.join(other, waiting_.front());
    waiting_.resize(1);
  }

 private:
  std::vector<std::size_t> waiting_;
  bool loud_ = false;
};

// The objects that small variables meet at: nearly all are met by one, so one entry each in a flat table, and
// what is rarer in a list.
class Objects {
 public:
  explicit Objects(std::size_t most) : entries_(std::bit_ceil(2 * most + 1)) {}

  void meet(PyObject* object, std::size_t variable, bool quiet, Groups& groups) {
    Entry& entry = entries_[slot(object)];
    if (!entry.object) {
      entry = {object, static_cast<std::uint32_t>(variable), !quiet};
      return;
    }
    entry.loud |= !quiet;
    if (entry.variable == variable) return;
    if (entry.loud) {
      groups.join(entry.variable, variable);
    } else {
      quiet_.push_back({object, variable});
    }
  }

  // Those that met quietly where somebody loud came later.
  void join_quiet(Groups& groups) {
    for (const auto& [object, variable] : quiet_) {
      const Entry& entry = entries_[slot(object)];
      if (entry.loud) groups.join(entry.variable, variable);
    }
  }

 private:
  struct Entry {
    PyObject* object = nullptr;
    std::uint32_t variable = 0;
    bool loud = false;
  };

  // Neighbours in memory stay neighbours in the table: they are met one after the other.
  std::size_t slot(PyObject* object) const {
    constexpr int kNeighbourBits = 16;
    const auto address = reinterpret_cast<std::uintptr_t>(object);
    const std::size_t mask = entries_.size() - 1;
    std::size_t at = (scramble(address >> kNeighbourBits) + (address >> 4)) & mask;
    while (entries_[at].object && entries_[at].object != object) at = (at + 1) & mask;
    return at;
  }

  std::vector<Entry> entries_;
  std::vector<std::pair<PyObject*, std::size_t>> quiet_;
};

// Two that meet are linked where one of them is there loudly.
bool is_met(const std::vector<Meeting>& ordered, const Meeting& meeting) {
  const auto found = std::lower_bound(
      ordered.begin(), ordered.end(), meeting.object,
      [](const Meeting& each, PyObject* object) { return std::less<>()(each.object, object); });
  return found != ordered.end() && found->object == meeting.object && !(found->quiet && meeting.quiet);
}

bool do_meet(const std::vector<Meeting>& one, const std::vector<Meeting>& other) {
  auto x = one.begin(), y = other.begin();
  while (x != one.end() && y != other.end()) {
    if (x->object == y->object) {
      if (!(x->quiet && y->quiet)) return true;
      ++x;
      ++y;
    } else if (std::less<>()(x->object, y->object)) {
      ++x;
    } else {
      ++y;
    }
  }
  return false;
}

void join_overlapping(const std::vector<Sharing>& variables, Groups& groups) {
  struct Span {
    std::uintptr_t begin, end;
    std::size_t variable;
    bool quiet;
  };
  std::vector<Span> spans;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    for (const Extent& extent : *variables[i].extents) {
      if (extent.begin < extent.end) spans.push_back({extent.begin, extent.end, i, extent.quiet});
    }
  }
  std::sort(spans.begin(), spans.end(), [](const Span& x, const Span& y) { return x.begin < y.begin; });
  Place place;
  std::uintptr_t reach = 0;
  for (const Span& span : spans) {
    if (span.begin >= reach) place = Place();
    place.meet(span.variable, span.quiet, groups);
    reach = std::max(reach, span.end);
  }
}

}  // namespace

void order(std::vector<Meeting>& meetings) {
  std::sort(meetings.begin(), meetings.end(), [](const Meeting& x, const Meeting& y) {
    return x.object != y.object ? std::less<>()(x.object, y.object) : x.quiet < y.quiet;
  });
  const auto same = [](const Meeting& x, const Meeting& y) { return x.object == y.object; };
  meetings.erase(std::unique(meetings.begin(), meetings.end(), same), meetings.end());
}

std::vector<std::vector<std::string>> Partition::of(const std::vector<Sharing>& variables) {
  Groups groups(variables.size());
  std::vector<std::size_t> small, large;
  std::size_t meetings = 0;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::size_t count = variables[i].objects->size();
    (count > kLarge ? large : small).push_back(i);
    if (count <= kLarge) meetings += count;
  }
  Objects objects(meetings);
  for (const std::size_t i : small) {
    for (const Meeting& meeting : *variables[i].objects) {
      objects.meet(meeting.object, i, meeting.quiet, groups);
      for (const std::size_t other : large)
        if (groups.root(i) != groups.root(other) && is_met(*variables[other].objects, meeting))
          groups.join(i, other);
    }
  }
  objects.join_quiet(groups);
  std::map<std::pair<std::uint64_t, std::uint64_t>, bool> known;
  for (std::size_t x = 0; x < large.size(); ++x) {
    for (std::size_t y = 0; y < x; ++y) {
      const Sharing &one = variables[large[x]], &other = variables[large[y]];
      const auto key = std::minmax(one.version, other.version);
      const auto found = meet_.find(key);
      const bool met = found != meet_.end() ? found->second : do_meet(*one.objects, *other.objects);
      known.emplace(key, met);
      if (met) groups.join(large[x], large[y]);
    }
  }
  meet_ = std::move(known);
  join_overlapping(variables, groups);

  std::unordered_map<std::size_t, std::vector<std::string>> named;
  for (std::size_t i = 0; i < variables.size(); ++i) named[groups.root(i)].push_back(*variables[i].name);
  std::vector<std::vector<std::string>> result;
  for (auto& [root, names] : named) {
    std::sort(names.begin(), names.end());
    result.push_back(std::move(names));
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace elastic::pyobj::walk
