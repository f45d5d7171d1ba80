#include "pyobj/walk/co_variables.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace elastic::pyobj::walk {
namespace {

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

std::vector<std::vector<std::string>> partition(const std::vector<Sharing>& variables) {
  Groups groups(variables.size());
  std::unordered_map<const PyObject*, Place> places;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    for (const Meeting& meeting : *variables[i].objects)
      places[meeting.object].meet(i, meeting.quiet, groups);
    for (const Extent& extent : *variables[i].extents) {
      if (extent.owner) places[extent.owner].meet(i, extent.quiet, groups);
    }
  }
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
