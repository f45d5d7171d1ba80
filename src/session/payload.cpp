#include "session/payload.hpp"

#include <algorithm>
#include <optional>

#include "elastic/core/json_cursor.hpp"
#include "elastic/core/json_text.hpp"

namespace elastic::session {

using nlohmann::json;

namespace {

constexpr int kDeepest = 64;

template <class Items, class Append>
void append_array(std::string& text, const char* key, const Items& items, Append append) {
  if (items.empty()) return;
  text += key;
  char before = '[';
  for (const auto& item : items) {
    text += before;
    append(item);
    before = ',';
  }
  text += ']';
}

bool names_are_of_snapshots(const StoredGroup& group) {
  return std::ranges::equal(group.names, group.snapshots, {}, {}, &StoredSnapshot::variable);
}

// By hand, as it is read by hand: thousands of groups are nothing unusual.
void append_group(std::string& text, const StoredGroup& group) {
  const auto append_name = [&](const std::string& name) { append_json(text, name); };
  text += "{\"pickle\":" + std::to_string(group.pickle);
  append_array(text, ",\"snapshots\":", group.snapshots, [&](const StoredSnapshot& each) {
    text += '[';
    append_json(text, each.variable);
    text += ',' + std::to_string(each.writer) + ']';
  });
  if (!names_are_of_snapshots(group)) {
    if (group.names.empty()) text += ",\"names\":[]";
    append_array(text, ",\"names\":", group.names, append_name);
  }
  append_array(text, ",\"buffers\":", group.buffers,
               [&](std::size_t place) { text += std::to_string(place); });
  append_array(text, ",\"references\":", group.references, append_name);
  append_array(text, ",\"notes\":", group.notes, append_name);
  if (!group.modules.empty()) text += ",\"modules\":" + json_text(group.modules);
  if (group.bytes != 0) text += ",\"bytes\":" + std::to_string(group.bytes);
  if (group.load_us != 0) text += ",\"load_us\":" + std::to_string(group.load_us);
  if (group.ambient) text += ",\"ambient\":true";
  if (!group.type.empty()) {
    text += ",\"type\":";
    append_json(text, group.type);
  }
  if (group.pickle_bytes != 0) text += ",\"pickle_bytes\":" + std::to_string(group.pickle_bytes);
  if (group.reuse != Reuse::kNever) text += ",\"reuse\":" + std::to_string(static_cast<int>(group.reuse));
  text += '}';
}

std::vector<std::string> strings_at(JsonCursor& from) {
  std::vector<std::string> strings;
  from.enter_array();
  while (from.next_item()) strings.push_back(from.string());
  return strings;
}

std::vector<StoredSnapshot> snapshots_at(JsonCursor& from) {
  std::vector<StoredSnapshot> snapshots;
  from.enter_array();
  while (from.next_item()) {
    StoredSnapshot& each = snapshots.emplace_back();
    from.enter_array();
    if (from.next_item()) each.variable = from.string();
    if (from.next_item()) each.writer = from.integer<std::uint32_t>();
    if (from.next_item()) from.fail();
  }
  return snapshots;
}

std::map<std::string, std::string> modules_at(JsonCursor& from) {
  std::map<std::string, std::string> modules;
  std::string name;
  from.enter_object();
  while (from.next_key(name)) modules[name] = from.string();
  return modules;
}

// Of this version, and of the first, which says everything.
StoredGroup group_at(JsonCursor& from) {
  StoredGroup group;
  bool has_pickle = false, has_names = false;
  std::string key;
  from.enter_object();
  while (from.next_key(key)) {
    if (key == "snapshots") {
      group.snapshots = snapshots_at(from);
    } else if (key == "names") {
      group.names = strings_at(from);
      has_names = true;
    } else if (key == "pickle") {
      group.pickle = from.integer<std::size_t>();
      has_pickle = true;
    } else if (key == "buffers") {
      group.buffers.clear();
      from.enter_array();
      while (from.next_item()) group.buffers.push_back(from.integer<std::size_t>());
    } else if (key == "references") {
      group.references = strings_at(from);
    } else if (key == "notes") {
      group.notes = strings_at(from);
    } else if (key == "modules") {
      group.modules = modules_at(from);
    } else if (key == "bytes") {
      group.bytes = from.integer<std::uint64_t>();
    } else if (key == "load_us") {
      group.load_us = from.integer<std::int64_t>();
    } else if (key == "ambient") {
      group.ambient = from.boolean();
    } else if (key == "type") {
      group.type = from.string();
    } else if (key == "pickle_bytes") {
      group.pickle_bytes = from.integer<std::uint64_t>();
    } else if (key == "reuse") {
      const auto reuse = from.integer<std::uint64_t>();
      if (reuse <= static_cast<std::uint64_t>(Reuse::kAlways)) group.reuse = static_cast<Reuse>(reuse);
    } else {
      from.raw();
    }
  }
  if (!has_names)
    for (const StoredSnapshot& each : group.snapshots) group.names.push_back(each.variable);
  if (!has_pickle) from.fail();
  return group;
}

// The payload as it stands in the manifest: of what has many rows the text.
struct Members {
  json rest = json::object();
  std::optional<std::string_view> groups{}, report{};
};

std::optional<Members> members_of(std::string_view bytes) {
  Members members;
  JsonCursor from(bytes, kDeepest);
  std::string key;
  from.enter_object();
  while (from.next_key(key)) {
    if (key == "groups")
      members.groups = from.raw();
    else if (key == "report")
      members.report = from.raw();
    else
      members.rest[key] = from.value();
  }
  if (!from.ok() || !from.at_end()) return std::nullopt;
  return members;
}

std::optional<std::vector<StoredGroup>> groups_of(std::string_view text) {
  std::vector<StoredGroup> groups;
  JsonCursor from(text, kDeepest);
  from.enter_array();
  while (from.next_item()) groups.push_back(group_at(from));
  if (!from.ok()) return std::nullopt;
  return groups;
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

bool places_exist(std::size_t pickle, const std::vector<std::size_t>& buffers, std::size_t blob_count) {
  bool exist = pickle < blob_count;
  for (const std::size_t place : buffers) exist = exist && place < blob_count;
  return exist;
}

}  // namespace

json Payload::parsed_report() const {
  json parsed = json::parse(report, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? json() : parsed;
}

std::string Payload::to_bytes() const {
  json outputs_json = json::array();
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
  json rest{{"version", kPayloadVersion},
            {"history", history},
            {"outputs", std::move(outputs_json)},
            {"module_attributes", std::move(attributes)},
            {"own_sources", std::move(sources)},
            {"lost", lost},
            {"environment", environment},
            {"never_rerun", never_rerun},
            {"costs", costs}};
  std::string text = json_text(rest);
  text.pop_back();
  for (const auto& [key, value] : {std::pair("outlines", &outlines), {"shell", &shell}, {"marks", &marks}})
    text += ",\"" + std::string(key) + "\":" + json_text(*value);
  text += ",\"groups\":[";
  for (const StoredGroup& group : groups) {
    append_group(text, group);
    text += ',';
  }
  if (!groups.empty()) text.pop_back();
  text += "],\"report\":" + report + "}";
  return text;
}

Result<Payload> Payload::from_bytes(std::string_view bytes, std::size_t blob_count) {
  std::optional<Members> members = members_of(bytes);
  if (!members) return Error(ErrorCode::kCorruption, "the checkpoint's description is damaged");
  json& whole = members->rest;
  if (!whole.contains("version") || !whole["version"].is_number_integer())
    return Error(ErrorCode::kCorruption, "the checkpoint was not written by a session");
  if (whole["version"].get<int>() > kPayloadVersion)
    return Error(ErrorCode::kUnsupportedVersion,
                 "a newer ElasticPython wrote this checkpoint: upgrade to restore it");
  auto groups = members->groups ? groups_of(*members->groups) : std::nullopt;
  if (!groups || !members->report)
    return Error(ErrorCode::kCorruption, "the checkpoint's description is damaged: no groups, or no report");
  try {
    Payload payload;
    payload.groups = *std::move(groups);
    payload.report = std::string(*members->report);
    whole.at("history").get_to(payload.history);
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
