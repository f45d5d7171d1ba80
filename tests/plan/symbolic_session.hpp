// A session in miniature, with real aliasing: variables refer to mutable objects, cells are short random
// programs.
//
// It plays three parts in the tests of the planner. It runs a random notebook; it watches it as the tracker
// does (names bound, signs of in-place change, co-variables; at times late, so that changes are attributed to
// several cells) and so writes a truthful History; and it carries out a Plan in an empty session, after which
// every active variable must have its value, be linked with what it was linked with, and nothing else be
// there.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"

namespace elastic::plan {

struct Object {
  std::uint64_t content = 0;
  std::vector<std::shared_ptr<Object>> children;
};
using Namespace = std::map<std::string, std::shared_ptr<Object>>;

// One statement. What it makes is a function of `salt`, and of the state of what it reads.
struct Statement {
  enum class Kind { kNew, kWrap, kPart, kMutate, kAttach, kDetach, kDelete, kIfExists } kind;
  std::string target;
  std::string first;
  std::string second;
  std::uint64_t salt;
};

using Program = std::vector<Statement>;

struct SessionShape {
  int cells = 10;
  int names = 6;
  double late = 0.2;  // chance that a cell is not walked after it ran
  double keep = 0.3;  // chance, per cell and co-variable, that it is stored by a checkpoint then
  double not_storable = 0.2;
  double not_rerunnable = 0.1;
  double repeat = 0.15;  // chance that a cell is an earlier one run again
};

class SymbolicSession {
 public:
  SymbolicSession(std::uint64_t seed, const SessionShape& shape);

  const PlanInput& input() const { return input_; }
  PlanInput& input() { return input_; }
  const graph::History& history() const { return history_; }

  // Carries out the plan in an empty namespace. Empty, or what came out wrong.
  std::string replay(const Plan& plan) const;

 private:
  void run_cell();
  std::vector<CellIndex> cells_since_bound(const std::vector<CellIndex>& cells,
                                           const std::string& name) const;
  void attribute_to(const std::vector<CellIndex>& cells, const std::string& name);
  void walk_late(const std::vector<CellIndex>& cells);
  void store_some();
  std::vector<std::vector<VariableId>> links();
  Program random_program();
  double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  std::mt19937_64 random_;
  SessionShape shape_;
  graph::History history_;
  PlanInput input_;
  Namespace names_;
  std::vector<Program> programs_;                           // by cell
  std::vector<bool> raised_;                                // by cell
  std::map<std::string, std::vector<std::uint64_t>> seen_;  // by name: its sign at the last walk
  std::vector<std::shared_ptr<Object>> pinned_;             // so that no address is used twice
  std::vector<CellIndex> unwalked_;
  struct Stored {
    std::vector<std::pair<VariableId, CellIndex>> keys;
    Namespace copy;
    Holding holding;
  };
  std::vector<Stored> stored_;
  std::vector<Namespace> held_;  // by holding of input_: what it holds
};

}  // namespace elastic::plan
