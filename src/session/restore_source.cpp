#include "session/restore_source.hpp"

#include <algorithm>

#include "session/place.hpp"

namespace elastic::session {

using nlohmann::json;

Result<Source> open_source(const RestoreOptions& options) {
  Source source;
  ELASTIC_ASSIGN(source.reader, checkpoint_to_read(options.directory, options.label, options.at));
  if (!source.reader->trusted() && !options.trust)
    return Error(
        ErrorCode::kInvalidArgument,
        "this checkpoint was not written by you on this machine, and restoring runs code that is in it: "
        "if you know where it is from, say --trust (trust=True)");
  ELASTIC_ASSIGN(source.payload, Payload::from_bytes(store::as_text(source.reader->payload()),
                                                     source.reader->blobs().size()));
  ELASTIC_ASSIGN(const store::Region bytes,
                 source.reader->read_blob(source.reader->blobs()[source.payload.history]));
  ELASTIC_ASSIGN(source.history, graph::History::load(store::as_text(bytes.bytes())));
  return source;
}

Result<plan::PlanInput> input_of(const Source& source, const RestoreOptions& options,
                                 std::vector<std::size_t>& holding_groups) {
  plan::PlanInput input;
  const graph::History& history = source.history;
  input.history = &history;
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

}  // namespace elastic::session
