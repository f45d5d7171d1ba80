// What the session layer keeps in a manifest: which variables are in which blobs, and what a restore needs
// beside them.
//
// JSON with a version of its own (docs/checkpoint_format.md calls it the payload). Variables are named, and a
// snapshot is (variable, writer), which later changes of the history do not renumber. Pure: no Python.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "elastic/core/result.hpp"
#include "elastic/graph/history.hpp"
#include "elastic/pyobj/module_attribute.hpp"
#include "elastic/pyobj/own_source.hpp"

namespace elastic::session {

// 2: of a group nothing is said that is empty, and names only where they are not those of its snapshots. A
// checkpoint of thousands of small variables is half as large.
constexpr int kPayloadVersion = 2;

// When the next checkpoint of the session may name the pickle of a group again that has not changed
// (session/kept_groups.hpp).
enum class Reuse : std::uint8_t { kNever, kWhileCodeIsSame, kAlways };

struct StoredSnapshot {
  std::string variable{};
  std::uint32_t writer = 0;
  bool operator==(const StoredSnapshot&) const = default;
};

// One pickle with its buffers (places in the manifest's blob table), or one piece of ambient state (no
// buffers).
struct StoredGroup {
  std::vector<StoredSnapshot> snapshots{};
  std::vector<std::string> names{};  // in the order of the pickle
  std::size_t pickle = 0;
  std::vector<std::size_t> buffers{};
  std::vector<std::string> references{};
  std::vector<std::string> notes{};
  std::map<std::string, std::string> modules{};
  std::uint64_t bytes = 0;
  std::int64_t load_us = 0;
  bool ambient = false;
  std::string type{};  // what plan::CostModel knows it by
  std::uint64_t pickle_bytes = 0;
  Reuse reuse = Reuse::kNever;
  bool operator==(const StoredGroup&) const = default;
};

// The value of an output (_3), which is no variable but which `_`, `Out` and the user know.
struct StoredOutput {
  std::string name{};
  std::size_t pickle = 0;
  std::vector<std::size_t> buffers{};
  bool operator==(const StoredOutput&) const = default;
};

struct Payload {
  std::size_t history = 0;  // the blob
  std::vector<StoredGroup> groups{};
  std::vector<StoredOutput> outputs{};
  std::vector<pyobj::ModuleAttribute> module_attributes{};
  std::vector<pyobj::OwnSource> own_sources{};
  std::map<std::string, std::string> lost{};           // variable -> why
  nlohmann::json outlines = nlohmann::json::object();  // variable that is not stored -> session/outline.hpp
  std::map<std::string, std::string> environment{};
  nlohmann::json shell{};
  nlohmann::json marks = nlohmann::json::object();  // session/marks.hpp
  std::set<std::uint32_t> never_rerun{};            // cells, by what this checkpoint was asked for
  nlohmann::json costs = nlohmann::json::object();  // plan::CostModel
  // Of the checkpoint, for `list`, and what is known where the history is damaged: a JSON text, which a
  // restore passes over.
  std::string report = "null";

  // Null where the text is no JSON.
  nlohmann::json parsed_report() const;
  std::string to_bytes() const;
  // kUnsupportedVersion: a newer program wrote it. kCorruption: not a payload, or a place beyond
  // `blob_count`.
  static Result<Payload> from_bytes(std::string_view bytes, std::size_t blob_count);
};

}  // namespace elastic::session
