#include "session/restore_source.hpp"

#include <algorithm>

#include "elastic/plan/planner.hpp"
#include "session/marks.hpp"
#include "session/place.hpp"
#include "session/stand_in.hpp"

namespace elastic::session {

using nlohmann::json;

namespace {

bool had_outside_effects(const graph::CellExecution& cell) {
  return std::any_of(cell.effects.begin(), cell.effects.end(),
                     [](const graph::Effect& effect) { return effect.kind != "file-read"; });
}

// Leaving variables out is planned like deleting them; so only what the others need is loaded and run.
Result<graph::History> planned_history(const graph::History& recorded, const RestoreOptions& options) {
  graph::History history = recorded;
  if (options.rerun_effects)
    for (std::uint32_t i = 0; i < history.cell_count(); ++i)
      if (had_outside_effects(history.cell({i})))
        if (auto done = history.set_no_rerun_reason({i}, ""); !done.ok())
          continue;  // not for its effects only
  graph::CellRecord left_out;
  left_out.outside_cell = true;
  left_out.source = "# left out of a restore";
  for (std::uint32_t id = 0; id < history.variable_count(); ++id) {
    const VariableId variable{id};
    if (history.is_ambient(variable) || !history.active(variable)) continue;
    if (is_wanted(options, history.name_of(variable))) continue;
    graph::Write gone{variable};
    gone.deleted = true;
    left_out.writes.push_back(gone);
  }
  if (left_out.writes.empty()) return history;
  ELASTIC_ASSIGN([[maybe_unused]] const CellIndex cell, history.record(std::move(left_out)));
  return history;
}

}  // namespace

bool is_wanted(const RestoreOptions& options, const std::string& name) {
  return (!options.only || options.only->contains(name)) && !options.skip.contains(name);
}

std::map<std::string, std::size_t> active_groups(const Source& source) {
  std::map<std::string, std::size_t> groups;
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i)
    for (const StoredSnapshot& stored : source.payload.groups[i].snapshots) {
      const auto variable = source.history.find_variable(stored.variable);
      const auto active = variable ? source.history.active(*variable) : std::nullopt;
      if (active && source.history.snapshot(*active).writer.value == stored.writer)
        groups.insert_or_assign(stored.variable, i);
    }
  return groups;
}

Result<> check_data(Source& source) {
  const auto blobs = source.reader->blobs();
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i) {
    const StoredGroup& group = source.payload.groups[i];
    std::vector<std::size_t> places = group.buffers;
    places.push_back(group.pickle);
    for (const std::size_t place : places) {
      auto checked = source.reader->verify_blob(blobs[place]);
      if (checked.ok()) continue;
      if (checked.error().code() == ErrorCode::kCancelled) return checked.error();
      source.banned_groups.insert(i);
      source.group_errors[i] = checked.error().message();
    }
  }
  return success();
}

namespace {

// What memory looks like, in which the stored buffers and the digests to compare with are. Everything else
// of another machine is survived: what does not load there is recomputed.
Result<> check_memory_layout(const std::map<std::string, std::string>& then,
                             const std::map<std::string, std::string>& now) {
  for (const auto& [what, called] :
       {std::pair("byteorder", "byte order"), std::pair("word_bits", "word size")}) {
    const auto was = then.find(what), is = now.find(what);
    if (was == then.end() || is == now.end() || was->second == is->second) continue;
    return Error(ErrorCode::kInvalidArgument,
                 std::string("this checkpoint was written on a machine of another ") + called + " (" +
                     was->second + ", here " + is->second + "): restore it on one like that");
  }
  return success();
}

}  // namespace

namespace {

Result<graph::History> read_history(const Source& source) {
  ELASTIC_ASSIGN(const store::Region bytes,
                 source.reader->read_blob(source.reader->blobs()[source.payload.history]));
  return graph::History::load(store::as_text(bytes.bytes()));
}

}  // namespace

Result<Source> open_source(const RestoreOptions& options, const std::map<std::string, std::string>& here,
                           const WriterWait& waits, std::optional<store::CheckpointName> last_choice) {
  Source source;
  ELASTIC_ASSIGN(source.reader,
                 checkpoint_to_read(options.directory, {options.label, options.at, last_choice}, waits));
  if (!source.reader->trusted() && !options.trust)
    return Error(
        ErrorCode::kInvalidArgument,
        "this checkpoint was not written by you on this machine, and restoring runs code that is in it: "
        "if you know where it is from, say --trust (trust=True)");
  ELASTIC_ASSIGN(source.payload, Payload::from_bytes(store::as_text(source.reader->payload()),
                                                     source.reader->blobs().size()));
  ELASTIC_TRY(check_memory_layout(source.payload.environment, here));
  auto history = read_history(source);
  if (history.ok()) {
    source.history = std::move(*history);
  } else if (source.reader->is_damage(history.error())) {
    source.history_damage = history.error().message();
    ELASTIC_ASSIGN(source.history, stand_in_history(source.payload, source.reader->info().created_us));
  } else {
    return history.error();
  }
  ELASTIC_ASSIGN(source.planned, planned_history(source.history, options));
  return source;
}

Result<plan::PlanInput> input_of(const Source& source, const RestoreOptions& options,
                                 std::vector<std::size_t>& holding_groups) {
  plan::PlanInput input;
  const graph::History& history = source.planned;
  input.history = &history;
  if (auto marks = Marks::from_json(source.payload.marks); marks.ok())
    input.wishes.never_rerun = marks->wishes(history).never_rerun;
  for (const std::uint32_t cell : source.payload.never_rerun)
    if (cell < history.cell_count()) input.wishes.never_rerun.insert({cell});
  holding_groups.clear();
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i) {
    if (source.banned_groups.contains(i)) continue;
    const StoredGroup& group = source.payload.groups[i];
    plan::Holding holding;
    holding.stored = true;
    holding.load_us = group.load_us;
    holding.bytes = group.bytes;
    for (const StoredSnapshot& stored : group.snapshots) {
      const auto variable = history.find_variable(stored.variable);
      const auto found = variable ? history.find(*variable, {stored.writer}) : std::nullopt;
      if (!found)
        return Error(ErrorCode::kCorruption, "the checkpoint's history does not know " + stored.variable);
      holding.snapshots.push_back(*found);
      if (history.active(*variable) == found) input.wishes.variables[*variable] = plan::StoreWish::kAlways;
    }
    std::sort(holding.snapshots.begin(), holding.snapshots.end());
    input.holdings.push_back(std::move(holding));
    holding_groups.push_back(i);
  }
  for (const auto& [cell, why] : source.banned_cells) input.wishes.never_rerun.insert(cell);
  if (options.safe)
    for (std::uint32_t i = 0; i < history.cell_count(); ++i) input.wishes.never_rerun.insert({i});
  return input;
}

Result<nlohmann::json> effects_left_out(const Source& source, const plan::Plan& plan,
                                        const RestoreOptions& options) {
  if (options.rerun_effects || options.safe || plan.lost_count == 0) return json();
  RestoreOptions allowed = options;
  allowed.rerun_effects = true;
  Source other;
  other.payload = source.payload;
  other.banned_groups = source.banned_groups;
  other.banned_cells = source.banned_cells;
  ELASTIC_ASSIGN(other.planned, planned_history(source.history, allowed));
  std::vector<std::size_t> groups;
  ELASTIC_ASSIGN(const plan::PlanInput input, input_of(other, allowed, groups));
  ELASTIC_ASSIGN(const plan::Plan better, plan::make_planner("optimal")->plan(input));
  json cells = json::array(), variables = json::array();
  for (std::size_t i = 0; i < plan.variables.size() && i < better.variables.size(); ++i)
    if (plan.variables[i].action == plan::Action::kLost && better.variables[i].action != plan::Action::kLost)
      variables.push_back(source.history.name_of(plan.variables[i].variable));
  if (variables.empty()) return json();
  for (const CellIndex index : better.cells_to_rerun) {
    const graph::CellExecution& cell = source.history.cell(index);
    if (!cell.rerunnable())
      cells.push_back(
          {{"cell", index.value}, {"execution_count", cell.execution_count}, {"why", cell.no_rerun_reason}});
  }
  return json{{"cells", cells}, {"variables", variables}};
}

}  // namespace elastic::session
