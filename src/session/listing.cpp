#include "session/listing.hpp"

#include <algorithm>
#include <map>

#include "elastic/core/json_cursor.hpp"
#include "elastic/store/file_system.hpp"
#include "elastic/store/reader.hpp"
#include "session/payload.hpp"
#include "session/place.hpp"
#include "session/remote_backend.hpp"

namespace elastic::session {

using nlohmann::json;
using store::CheckpointInfo;

namespace {

json described(const CheckpointInfo& info) {
  if (info.damage) return {{"name", info.name.to_string()}, {"damage", info.damage->message()}};
  return {{"name", info.name.to_string()}, {"created", static_cast<double>(info.created_us) / 1e6},
          {"notebook", info.label},        {"bytes", info.total_bytes},
          {"automatic", info.automatic},   {"trusted", info.trusted}};
}

Result<std::vector<std::string>> variables_in(const CheckpointInfo& info, store::ConstBytes bytes) {
  ELASTIC_ASSIGN(const Payload payload, Payload::from_bytes(store::as_text(bytes), info.blob_count));
  std::vector<std::string> names;
  JsonCursor report(payload.report);
  std::string key, name;
  report.enter_object();
  while (report.next_key(key)) {
    if (key != "variables") {
      report.raw();
      continue;
    }
    report.enter_object();
    while (report.next_key(name)) {
      report.raw();
      if (!payload.lost.contains(name)) names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

json with_variables(const CheckpointInfo& info, store::ConstBytes payload) {
  json entry = described(info);
  if (const auto names = variables_in(info, payload); names.ok())
    entry["variables"] = *names;
  else
    entry["damage"] = names.error().message();
  return entry;
}

// The shortest beginning of its id, of four characters or more, that no other one has.
std::string short_name(const CheckpointInfo& info, const std::vector<CheckpointInfo>& all) {
  constexpr std::size_t kSequenceLength = 17;
  const auto id_of = [](const CheckpointInfo& each) { return each.name.to_string().substr(kSequenceLength); };
  const std::string id = id_of(info);
  for (std::size_t length = 4; length < id.size(); ++length) {
    const std::string beginning = id.substr(0, length);
    if (std::ranges::count_if(all, [&](const CheckpointInfo& each) {
          return id_of(each).starts_with(beginning) || each.name.to_string().starts_with(beginning);
        }) == 1)
      return beginning;
  }
  return info.name.to_string();
}

}  // namespace

Result<json> list_checkpoints(const std::string& place) {
  json listed = json::array();
  const auto status = store::system_files().status(place);
  if (!is_remote(place) && status.ok() && status->type == store::FileStatus::Type::kFile) {
    ELASTIC_ASSIGN(const auto reader, checkpoint_to_read(place, {}, {}));
    listed.push_back(with_variables(reader->info(), reader->payload()));
    return listed;
  }
  ELASTIC_ASSIGN(const auto store, open_store(place, store::StoreMode::kExisting));
  std::map<store::CheckpointName, json> whole;
  ELASTIC_ASSIGN(const auto infos, store->list([&](const CheckpointInfo& info, store::ConstBytes payload) {
    whole.emplace(info.name, with_variables(info, payload));
  }));
  for (const CheckpointInfo& info : infos) {
    json& entry = listed.emplace_back(info.damage ? described(info) : std::move(whole.at(info.name)));
    entry["at"] = short_name(info, infos);
  }
  return listed;
}

}  // namespace elastic::session
