#include "elastic/store/backend.hpp"

namespace elastic::store {
namespace {

constexpr std::string_view kFormatFile = "elastic-store.json";
constexpr std::string_view kManifestEnd = ".manifest";
constexpr std::string_view kPackEnd = ".pack";

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
      path = "packs/";
      append_hex(path, high);
      append_hex(path, low);
      return path.append(kPackEnd);
  }
  return path;
}

std::optional<ObjectName> ObjectName::from_file_name(ObjectClass object_class, std::string_view file_name) {
  if (object_class == ObjectClass::kFormat) {
    return file_name == kFormatFile ? std::optional(ObjectName{}) : std::nullopt;
  }
  const bool manifest = object_class == ObjectClass::kManifest;
  const std::string_view end = manifest ? kManifestEnd : kPackEnd;
  const std::size_t gap = manifest ? 1 : 0;
  if (file_name.size() != 32 + gap + end.size() || !file_name.ends_with(end)) return std::nullopt;
  if (manifest && file_name[16] != '-') return std::nullopt;
  const auto high = parse_hex(file_name.substr(0, 16));
  const auto low = parse_hex(file_name.substr(16 + gap, 16));
  if (!high || !low) return std::nullopt;
  return ObjectName{object_class, *high, *low};
}

}  // namespace elastic::store
