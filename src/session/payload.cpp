#include "session/payload.hpp"

#include "elastic/core/json.hpp"

namespace elastic::session {

using nlohmann::json;

namespace {

json json_of(const StoredGroup& group) {
  json snapshots = json::array();
  for (const StoredSnapshot& each : group.snapshots) snapshots.push_back({each.variable, each.writer});
  return {{"snapshots", snapshots},
          {"names", group.names},
          {"pickle", group.pickle},
          {"buffers", group.buffers},
          {"references", group.references},
          {"notes", group.notes},
          {"modules", group.modules},
          {"bytes", group.bytes},
          {"load_us", group.load_us},
          {"ambient", group.ambient},
          {"type", group.type},
          {"pickle_bytes", group.pickle_bytes}};
}

StoredGroup group_of(const json& from) {
  StoredGroup group;
  for (const json& each : from.at("snapshots"))
    group.snapshots.push_back({each.at(0).get<std::string>(), each.at(1).get<std::uint32_t>()});
  from.at("names").get_to(group.names);
  from.at("pickle").get_to(group.pickle);
  from.at("buffers").get_to(group.buffers);
  from.at("references").get_to(group.references);
  from.at("notes").get_to(group.notes);
  from.at("modules").get_to(group.modules);
  from.at("bytes").get_to(group.bytes);
  from.at("load_us").get_to(group.load_us);
  from.at("ambient").get_to(group.ambient);
  group.type = from.value("type", "");
  group.pickle_bytes = from.value("pickle_bytes", std::uint64_t{0});
  return group;
}

pyobj::OwnSource own_source_of(const json& from) {
  pyobj::OwnSource source;
  from.at("module").get_to(source.module);
  from.at("path").get_to(source.path);
  from.at("size").get_to(source.size_bytes);
  source.digest = Digest::from_hex(from.at("digest").get<std::string>()).value_or(Digest{});
  from.at("variables").get_to(source.variables);
  return source;
}

constexpr int kDeepest = 64;

bool places_exist(std::size_t pickle, const std::vector<std::size_t>& buffers, std::size_t blob_count) {
  bool exist = pickle < blob_count;
  for (const std::size_t place : buffers) exist = exist && place < blob_count;
  return exist;
}

}  // namespace

std::string Payload::to_bytes() const {
  json groups_json = json::array(), outputs_json = json::array();
  for (const StoredGroup& group : groups) groups_json.push_back(json_of(group));
  for (const StoredOutput& output : outputs)
    outputs_json.push_back({{"name", output.name}, {"pickle", output.pickle}, {"buffers", output.buffers}});
  json attributes = json::array();
  for (const pyobj::ModuleAttribute& each : module_attributes)
    attributes.push_back({each.module, each.path, each.variable});
  json sources = json::array();
  for (const pyobj::OwnSource& each : own_sources)
    sources.push_back({{"module", each.module},
                       {"path", each.path},
                       {"size", each.size_bytes},
                       {"digest", each.digest.to_hex()},
                       {"variables", each.variables}});
  const json whole{{"version", kPayloadVersion},
                   {"history", history},
                   {"groups", groups_json},
                   {"outputs", outputs_json},
                   {"module_attributes", attributes},
                   {"own_sources", sources},
                   {"lost", lost},
                   {"outlines", outlines},
                   {"environment", environment},
                   {"shell", shell},
                   {"marks", marks},
                   {"never_rerun", never_rerun},
                   {"costs", costs},
                   {"report", report}};
  return whole.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Payload> Payload::from_bytes(std::string_view bytes, std::size_t blob_count) {
  if (nests_deeper_than(bytes, kDeepest))
    return Error(ErrorCode::kCorruption, "the checkpoint's description nests too deeply");
  json whole = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_object() || !whole.contains("version") || !whole["version"].is_number_integer())
    return Error(ErrorCode::kCorruption, "the checkpoint was not written by a session");
  if (whole["version"].get<int>() > kPayloadVersion)
    return Error(ErrorCode::kUnsupportedVersion,
                 "a newer ElasticPython wrote this checkpoint: upgrade to restore it");
  try {
    Payload payload;
    whole.at("history").get_to(payload.history);
    for (const json& each : whole.at("groups")) payload.groups.push_back(group_of(each));
    for (const json& each : whole.at("outputs"))
      payload.outputs.push_back({each.at("name").get<std::string>(), each.at("pickle").get<std::size_t>(),
                                 each.at("buffers").get<std::vector<std::size_t>>()});
    for (const json& each : whole.value("module_attributes", json::array()))  // younger than the format
      payload.module_attributes.push_back(
          {each.at(0).get<std::string>(), each.at(1).get<std::string>(), each.at(2).get<std::string>()});
    for (const json& each : whole.value("own_sources", json::array()))  // younger than the format
      payload.own_sources.push_back(own_source_of(each));
    whole.at("lost").get_to(payload.lost);
    whole.at("environment").get_to(payload.environment);
    payload.shell = std::move(whole.at("shell"));
    payload.report = std::move(whole.at("report"));
    const auto take = [&](const char* key) {  // younger than the format
      return whole.contains(key) ? std::move(whole.at(key)) : json::object();
    };
    payload.outlines = take("outlines");
    payload.marks = take("marks");
    payload.never_rerun = whole.value("never_rerun", std::set<std::uint32_t>());
    payload.costs = take("costs");
    if (!payload.outlines.is_object())
      return Error(ErrorCode::kCorruption, "the checkpoint's description is damaged: no outlines");
    bool exist = payload.history < blob_count;
    for (const StoredGroup& group : payload.groups)
      exist = exist && !group.snapshots.empty() && places_exist(group.pickle, group.buffers, blob_count);
    for (const StoredOutput& output : payload.outputs)
      exist = exist && places_exist(output.pickle, output.buffers, blob_count);
    if (!exist) return Error(ErrorCode::kCorruption, "the checkpoint refers to data that it does not hold");
    return payload;
  } catch (const json::exception& error) {
    return Error(ErrorCode::kCorruption,
                 std::string("the checkpoint's description is damaged: ") + error.what());
  }
}

}  // namespace elastic::session
