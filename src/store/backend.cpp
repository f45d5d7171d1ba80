#include "elastic/store/backend.hpp"

#include <nlohmann/json.hpp>

namespace elastic::store {
namespace {

constexpr std::string_view kFormatFile = "elastic-store.json";
constexpr std::string_view kManifestEnd = ".manifest";
constexpr std::string_view kPackEnd = ".pack";
constexpr std::string_view kDamageEnd = ".damage";

void append_hex(std::string& out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[value >> shift & 15]);
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

std::uint64_t number_in(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::uint64_t>() : 0;
}

std::string text_in(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string ObjectName::to_path() const {
  std::string path;
  switch (object_class) {
    case ObjectClass::kFormat:
      return std::string(kFormatFile);
    case ObjectClass::kManifest:
      path = "manifests/";
      append_hex(path, high);
      path.push_back('-');
      append_hex(path, low);
      return path.append(kManifestEnd);
    case ObjectClass::kPack:
    case ObjectClass::kDamage:
      path = "packs/";
      append_hex(path, high);
      append_hex(path, low);
      return path.append(object_class == ObjectClass::kPack ? kPackEnd : kDamageEnd);
  }
  return path;
}

std::optional<ObjectName> ObjectName::from_file_name(ObjectClass object_class, std::string_view file_name) {
  if (object_class == ObjectClass::kFormat) {
    return file_name == kFormatFile ? std::optional(ObjectName{}) : std::nullopt;
  }
  const bool manifest = object_class == ObjectClass::kManifest;
  const std::string_view end = manifest                             ? kManifestEnd
                               : object_class == ObjectClass::kPack ? kPackEnd
                                                                    : kDamageEnd;
  const std::size_t gap = manifest ? 1 : 0;
  if (file_name.size() != 32 + gap + end.size() || !file_name.ends_with(end)) return std::nullopt;
  if (manifest && file_name[16] != '-') return std::nullopt;
  const auto high = parse_hex(file_name.substr(0, 16));
  const auto low = parse_hex(file_name.substr(16 + gap, 16));
  if (!high || !low) return std::nullopt;
  return ObjectName{object_class, *high, *low};
}

std::optional<ObjectName> ObjectName::listed(ObjectClass object_class, std::string_view file_name) {
  const auto name = from_file_name(object_class, file_name);
  if (name || object_class != ObjectClass::kPack) return name;
  return from_file_name(ObjectClass::kDamage, file_name);
}

Result<std::vector<std::byte>> read_solid(ObjectReader& reader, std::uint64_t offset, std::uint64_t length) {
  ELASTIC_TRY(check_solid(reader, offset, length));
  std::vector<std::byte> bytes(length);
  ELASTIC_TRY(reader.read_at(offset, bytes));
  return bytes;
}

std::string encode_status(const WriterStatus& status) {
  const nlohmann::json json = {{"pid", status.pid},
                               {"host", status.host},
                               {"label", status.label},
                               {"started_us", status.started_us},
                               {"updated_us", status.updated_us},
                               {"bytes_done", status.bytes_done},
                               {"bytes_total", status.bytes_total},
                               {"silent_until_us", status.silent_until_us},
                               {"failure", status.failure}};
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

WriterStatus decode_status(std::string_view text) {
  WriterStatus status;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return status;
  status.pid = static_cast<std::uint32_t>(number_in(json, "pid"));
  status.host = text_in(json, "host");
  status.label = text_in(json, "label");
  status.started_us = static_cast<std::int64_t>(number_in(json, "started_us"));
  status.updated_us = static_cast<std::int64_t>(number_in(json, "updated_us"));
  status.bytes_done = number_in(json, "bytes_done");
  status.bytes_total = number_in(json, "bytes_total");
  status.silent_until_us = static_cast<std::int64_t>(number_in(json, "silent_until_us"));
  status.failure = text_in(json, "failure");
  return status;
}

}  // namespace elastic::store
