#include "session/input_files.hpp"

#include <charconv>
#include <map>

namespace elastic::session {
namespace {

constexpr std::string_view kKind = "file-read";
constexpr std::string_view kBytes = " bytes, modified ";
constexpr std::string_view kDigest = ", digest ";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

graph::Effect effect_of(const pyobj::InputFile& file) {
  return {std::string(kKind), file.path + " (" + std::to_string(file.size_bytes) + std::string(kBytes) +
                                  std::to_string(file.modified_ns) + std::string(kDigest) +
                                  file.digest.to_hex() + ")"};
}

std::optional<pyobj::InputFile> input_file_of(const graph::Effect& effect) {
  const std::string_view text = effect.detail;
  const std::size_t open = text.rfind(" (");
  if (effect.kind != kKind || open == std::string_view::npos || text.back() != ')') return std::nullopt;
  std::string_view facts = text.substr(open + 2, text.size() - open - 3);
  const std::size_t bytes = facts.find(kBytes);
  const std::size_t digest = facts.find(kDigest);
  if (bytes == std::string_view::npos || digest == std::string_view::npos) return std::nullopt;
  const auto size = number(facts.substr(0, bytes));
  const auto modified = number(facts.substr(bytes + kBytes.size(), digest - bytes - kBytes.size()));
  const auto content = Digest::from_hex(facts.substr(digest + kDigest.size()));
  if (!size || !modified || !content) return std::nullopt;
  return pyobj::InputFile{std::string(text.substr(0, open)), *size, *modified, *content};
}

bool has_changed(const pyobj::InputFile& file) {
  if (file.size_bytes < 0) return false;  // it was gone when the cell ended: nothing is known of it
  const pyobj::InputFile now = pyobj::describe_file(file.path);
  if (now.size_bytes != file.size_bytes) return true;
  return file.digest == Digest{} ? now.modified_ns != file.modified_ns : now.digest != file.digest;
}

Result<> refuse_changed_inputs(graph::History& history) {
  std::map<std::string, bool> changed;
  for (std::uint32_t i = 0; i < history.cell_count(); ++i) {
    const CellIndex index{i};
    if (!history.cell(index).rerunnable()) continue;
    for (const graph::Effect& effect : history.cell(index).effects) {
      const auto file = input_file_of(effect);
      if (!file) continue;
      const auto [known, is_new] = changed.emplace(effect.detail, false);
      if (is_new) known->second = has_changed(*file);
      if (!known->second) continue;
      ELASTIC_TRY(history.set_no_rerun_reason(index, "read " + file->path + ", which has changed since"));
      break;
    }
  }
  return success();
}

std::string changed_inputs(const graph::History& history, CellIndex cell) {
  std::string text;
  for (const graph::Effect& effect : history.cell(cell).effects) {
    const auto file = input_file_of(effect);
    if (file && has_changed(*file)) text += "; it read " + file->path + ", which has changed since";
  }
  return text;
}

}  // namespace elastic::session
