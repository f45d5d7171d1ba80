// What people want stored, not stored or never run again: marks on variables and tags on cells, for every
// checkpoint of the session, and what one checkpoint is asked for beside them.
//
// A mark is kept by name, since a history that looks back renumbers its snapshots. Pure: no Python.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "elastic/core/result.hpp"
#include "elastic/graph/history.hpp"
#include "elastic/plan/plan_input.hpp"

namespace elastic::session {

class Marks {
 public:
  // "never-store", "always-store" (each ends the other), "never-rerun": the cells that write the variable are
  // not re-run. "none" takes the variable's marks away. kInvalidArgument for any other word.
  Result<> mark(const std::string& variable, std::string_view wish);
  void never_rerun(std::uint32_t cell) { cells_.insert(cell); }
  // Marks of `newer` count where both have one.
  void add(const Marks& newer);

  // As wishes about this history. A tag of a cell has the same words, about what it wrote that is still
  // active, or about itself; marks on a variable outrank the tags of its cell.
  plan::Wishes wishes(const graph::History& history) const;

  // {variable: [words]}.
  nlohmann::json to_json() const;
  static Result<Marks> from_json(const nlohmann::json& json);
  bool operator==(const Marks&) const = default;

 private:
  std::map<std::string, plan::StoreWish> store_;
  std::set<std::string> never_rerun_;
  std::set<std::uint32_t> cells_;  // of one checkpoint: cell indices are not kept
};

}  // namespace elastic::session
