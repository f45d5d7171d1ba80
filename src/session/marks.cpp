#include "session/marks.hpp"

namespace elastic::session {

using nlohmann::json;
using plan::StoreWish;

namespace {

constexpr std::string_view kNeverStore = "never-store", kAlwaysStore = "always-store",
                           kNeverRerun = "never-rerun", kNone = "none";

// What a cell's tags wish for what it wrote.
void add_tags(const graph::History& history, CellIndex index, plan::Wishes& wishes) {
  for (const std::string& tag : history.cell(index).tags) {
    if (tag == kNeverRerun) wishes.never_rerun.insert(index);
    if (tag != kNeverStore && tag != kAlwaysStore) continue;
    const StoreWish wish = tag == kNeverStore ? StoreWish::kNever : StoreWish::kAlways;
    for (const graph::Snapshot& written : history.writes_of(index)) {
      const bool is_ours = !written.implied && !written.deleted && !history.is_ambient(written.variable);
      const auto active = history.active(written.variable);
      if (is_ours && active && history.snapshot(*active).writer == index)
        wishes.variables[written.variable] = wish;
    }
  }
}

}  // namespace

Result<> Marks::mark(const std::string& variable, std::string_view wish) {
  if (wish == kNeverStore) {
    store_[variable] = StoreWish::kNever;
  } else if (wish == kAlwaysStore) {
    store_[variable] = StoreWish::kAlways;
  } else if (wish == kNeverRerun) {
    never_rerun_.insert(variable);
  } else if (wish == kNone) {
    store_.erase(variable);
    never_rerun_.erase(variable);
  } else {
    return Error(ErrorCode::kInvalidArgument,
                 "there is no mark \"" + std::string(wish) +
                     "\"; there are: never-store, never-rerun, always-store, none");
  }
  return success();
}

void Marks::add(const Marks& newer) {
  for (const auto& [name, wish] : newer.store_) store_[name] = wish;
  never_rerun_.insert(newer.never_rerun_.begin(), newer.never_rerun_.end());
  cells_.insert(newer.cells_.begin(), newer.cells_.end());
}

plan::Wishes Marks::wishes(const graph::History& history) const {
  plan::Wishes wishes;
  for (std::uint32_t i = 0; i < history.cell_count(); ++i) add_tags(history, CellIndex{i}, wishes);
  for (const auto& [name, wish] : store_)
    if (const auto variable = history.find_variable(name)) wishes.variables[*variable] = wish;
  for (const std::string& name : never_rerun_) {
    const auto variable = history.find_variable(name);
    if (!variable) continue;
    for (const SnapshotId id : history.versions(*variable))
      if (!history.snapshot(id).implied) wishes.never_rerun.insert(history.snapshot(id).writer);
  }
  for (const std::uint32_t cell : cells_) wishes.never_rerun.insert({cell});
  return wishes;
}

json Marks::to_json() const {
  json marks = json::object();
  for (const auto& [name, wish] : store_)
    marks[name].push_back(wish == StoreWish::kNever ? kNeverStore : kAlwaysStore);
  for (const std::string& name : never_rerun_) marks[name].push_back(kNeverRerun);
  return marks;
}

Result<Marks> Marks::from_json(const json& from) {
  const Error damaged(ErrorCode::kCorruption, "these are not the marks of a session");
  Marks marks;
  if (!from.is_object()) return damaged;
  for (const auto& [name, words] : from.items()) {
    if (!words.is_array()) return damaged;
    for (const json& word : words)
      if (!word.is_string() || !marks.mark(name, word.get<std::string>()).ok()) return damaged;
  }
  return marks;
}

}  // namespace elastic::session
