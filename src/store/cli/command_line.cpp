#include "elastic/store/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "elastic/core/json.hpp"
#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "elastic/store/reader.hpp"

namespace elastic::store {
namespace {

using nlohmann::json;

constexpr std::int64_t kDayUs = 86400LL * 1000000;
constexpr int kDeepestPayload = 64;
constexpr char kUsage[] =
    "usage: elasticpython list STORE\n"
    "       elasticpython show STORE|FILE [NAME]\n"
    "       elasticpython verify STORE|FILE [NAME]\n"
    "       elasticpython gc STORE [--keep N] [--max-age-days N] [--max-bytes N] [--dry-run]\n"
    "       elasticpython export STORE [NAME] FILE [--force]\n"
    "       elasticpython import STORE FILE [--trust]\n"
    "       elasticpython rm STORE NAME...\n"
    "       (all of them: --json)\n";

struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::uint64_t> numbers;
  std::set<std::string> flags;
};

// How a command is used, beside --json. An option that would do nothing is refused: who asks for a dry run of
// what has none must not get a real one.
struct Usage {
  std::size_t least_operands, most_operands;
  std::set<std::string> options{};
};

const std::map<std::string, Usage>& usages() {
  static const std::map<std::string, Usage> kUsages = {
      {"list", {1, 1}},
      {"show", {1, 2}},
      {"verify", {1, 2}},
      {"gc", {1, 1, {"--keep", "--max-age-days", "--max-bytes", "--dry-run"}}},
      {"export", {2, 3, {"--force"}}},
      {"import", {2, 2, {"--trust"}}},
      {"rm", {2, SIZE_MAX}},
  };
  return kUsages;
}

// What a command has to say: as JSON, and for a person.
struct Answer {
  json object = json::object();
  std::string text;
};

Error wrong_use(const std::string& what) { return Error(ErrorCode::kInvalidArgument, what); }

Result<Arguments> parse(const std::vector<std::string>& given) {
  static const std::set<std::string> kFlags = {"--json", "--dry-run", "--force", "--trust"};
  static const std::set<std::string> kNumbers = {"--keep", "--max-age-days", "--max-bytes"};
  Arguments arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string& word = given[i];
    if (!word.starts_with("--")) {
      arguments.words.push_back(word);
    } else if (kFlags.contains(word)) {
      arguments.flags.insert(word);
    } else if (kNumbers.contains(word)) {
      const std::string text = i + 1 < given.size() ? given[++i] : "";
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size())
        return wrong_use(word + " takes a number");
      arguments.numbers[word] = number;
    } else {
      return wrong_use("there is no option " + word);
    }
  }
  return arguments;
}

Result<> check_use(const Arguments& arguments) {
  if (arguments.words.empty()) return wrong_use("which command?");
  const std::string& name = arguments.words.front();
  const auto usage = usages().find(name);
  const std::size_t operands = arguments.words.size() - 1;
  if (usage == usages().end() || operands < usage->second.least_operands ||
      operands > usage->second.most_operands)
    return wrong_use("wrong use of " + name);
  std::set<std::string> options = arguments.flags;
  for (const auto& [option, number] : arguments.numbers) options.insert(option);
  options.erase("--json");
  for (const std::string& option : options)
    if (!usage->second.options.contains(option)) return wrong_use(name + " has no option " + option);
  return success();
}

// Text from a checkpoint may be anybody's: no control character of it reaches the terminal.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }, '?');
  return text;
}

std::string size_text(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string time_text(std::int64_t wall_us) {
  const std::time_t seconds = wall_us / 1000000;
  std::tm parts{};
  char text[32] = "?";
  if (::gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

json json_of(const CheckpointInfo& info) {
  if (info.damage) return {{"name", info.name.to_string()}, {"damage", info.damage->to_string()}};
  return {
      {"name", info.name.to_string()}, {"label", info.label},        {"created", time_text(info.created_us)},
      {"blobs", info.blob_count},      {"bytes", info.total_bytes},  {"manifest_bytes", info.manifest_bytes},
      {"trusted", info.trusted},       {"automatic", info.automatic}};
}

std::string line_of(const CheckpointInfo& info) {
  if (info.damage) return info.name.to_string() + "  " + printable(info.damage->to_string()) + "\n";
  return info.name.to_string() + "  " + time_text(info.created_us) + "  " + size_text(info.total_bytes) +
         "  " + (info.trusted ? "" : "[not signed by you] ") + (info.automatic ? "[automatic] " : "") +
         printable(info.label) + "\n";
}

class Command {
 public:
  Command(const Arguments& arguments, CommandEnvironment& environment)
      : arguments_(arguments), environment_(environment) {}

  // REQUIRES: check_use.
  Result<Answer> run() {
    const std::string& name = arguments_.words.front();
    if (name == "list") return list();
    if (name == "show") return show();
    if (name == "verify") return verify();
    if (name == "gc") return gc();
    if (name == "export") return export_file();
    if (name == "import") return import_file();
    return rm();
  }

 private:
  const std::string& operand(std::size_t place) const { return arguments_.words[place]; }
  bool has(const char* flag) const { return arguments_.flags.contains(flag); }

  Result<std::unique_ptr<Store>> open(StoreMode mode = StoreMode::kExisting) const {
    if (is_url(operand(1))) {
      // Or a directory of that name would be made.
      if (!environment_.open_url)
        return Error(ErrorCode::kInvalidArgument, "there is no Python to open that URL");
      return environment_.open_url(operand(1), mode);
    }
    StoreOptions options;
    options.mode = mode;
    return Store::open(local_backend(environment_.files, operand(1)), environment_.files, environment_.clock,
                       environment_.key, options);
  }

  // The checkpoint that was named, or the newest; of a store, or in a file.
  Result<std::unique_ptr<CheckpointReader>> open_checkpoint() {
    if (!is_url(operand(1)) && is_export_file(environment_.files, operand(1))) {
      return open_export_file(environment_.files, operand(1), environment_.key);
    }
    ELASTIC_ASSIGN(store_, open());
    return arguments_.words.size() > 2 ? store_->open_checkpoint(operand(2)) : store_->open_newest();
  }

  Result<Answer> list() {
    ELASTIC_ASSIGN(const auto store, open());
    ELASTIC_ASSIGN(const auto infos, store->list());
    ELASTIC_ASSIGN(const auto writers, store->writers());
    Answer answer;
    answer.object = {{"checkpoints", json::array()}, {"writers", json::array()}};
    for (const CheckpointInfo& info : infos) {
      answer.object["checkpoints"].push_back(json_of(info));
      answer.text += line_of(info);
    }
    for (const WriterStatus& writer : writers) {
      answer.object["writers"].push_back({{"pid", writer.pid},
                                          {"host", writer.host},
                                          {"label", writer.label},
                                          {"bytes_done", writer.bytes_done},
                                          {"bytes_total", writer.bytes_total}});
      answer.text += "being written by process " + std::to_string(writer.pid) + " on " +
                     printable(writer.host) + ": " + size_text(writer.bytes_done) + " so far  " +
                     printable(writer.label) + "\n";
    }
    if (answer.text.empty()) answer.text = "no checkpoints\n";
    return answer;
  }

  Result<Answer> show() {
    ELASTIC_ASSIGN(const auto reader, open_checkpoint());
    Answer answer;
    answer.object = json_of(reader->info());
    // What nests too deeply to be written is left out.
    const std::string_view payload = as_text(reader->payload());
    json parsed;
    if (!nests_deeper_than(payload, kDeepestPayload)) parsed = json::parse(payload, nullptr, false);
    answer.object["payload"] = parsed.is_discarded() ? json() : std::move(parsed);
    answer.text = line_of(reader->info());
    const auto blobs = reader->blobs();
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      static constexpr const char* kKinds[] = {"?", "pickle", "buffer", "history"};
      const char* const kind = kKinds[static_cast<int>(blobs[i].kind)];
      answer.object["contents"].push_back(
          {{"kind", kind}, {"bytes", blobs[i].size_bytes}, {"digest", blobs[i].digest.to_hex()}});
      answer.text += "  " + std::to_string(i) + "  " + kind + "  " + size_text(blobs[i].size_bytes) + "\n";
    }
    return answer;
  }

  Result<Answer> verify() {
    ELASTIC_ASSIGN(const auto reader, open_checkpoint());
    ELASTIC_TRY(reader->verify_all());
    Answer answer;
    answer.object = json_of(reader->info());
    answer.object["whole"] = true;
    answer.text = reader->info().name.to_string() + " is whole" +
                  (reader->trusted() ? "\n" : ", but it is not signed by you\n");
    return answer;
  }

  Result<Answer> gc() {
    ELASTIC_ASSIGN(const auto store, open());
    RetentionPolicy policy;
    const auto& numbers = arguments_.numbers;
    if (numbers.contains("--keep"))
      policy.keep_newest =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(numbers.at("--keep"), UINT32_MAX));
    if (numbers.contains("--max-age-days")) {
      policy.max_age_us =
          static_cast<std::int64_t>(std::min<std::uint64_t>(numbers.at("--max-age-days"), 100000)) * kDayUs;
    }
    if (numbers.contains("--max-bytes")) policy.max_bytes = numbers.at("--max-bytes");
    ELASTIC_ASSIGN(const GarbageReport report, collect_garbage(*store, policy, has("--dry-run")));
    Answer answer;
    answer.object = {{"removed", json::array()},
                     {"packs_removed", report.packs_removed},
                     {"packs_rewritten", report.packs_rewritten},
                     {"bytes_freed", report.bytes_freed},
                     {"someone_at_work", report.someone_at_work},
                     {"dry_run", has("--dry-run")}};
    for (const CheckpointName& name : report.removed) answer.object["removed"].push_back(name.to_string());
    if (report.stopped) answer.object["stopped"] = report.stopped->to_string();
    if (report.someone_at_work) {
      answer.text = "somebody is reading or writing there; nothing was removed for now\n";
    } else {
      answer.text = std::string(has("--dry-run") ? "would remove " : "removed ") +
                    std::to_string(report.removed.size()) + " checkpoints and free " +
                    size_text(report.bytes_freed) + "\n";
      if (report.stopped) answer.text += printable(report.stopped->message()) + "\n";
    }
    return answer;
  }

  Result<Answer> export_file() {
    ELASTIC_ASSIGN(const auto store, open());
    const bool named = arguments_.words.size() == 4;
    ELASTIC_ASSIGN(const auto reader, named ? store->open_checkpoint(operand(2)) : store->open_newest());
    const std::string& path = operand(named ? 3 : 2);
    if (is_url(path)) return wrong_use("a checkpoint is exported into a file of this machine, not to a URL");
    ELASTIC_TRY(export_checkpoint(*store, reader->info().name, path, has("--force")));
    Answer answer;
    answer.object = json_of(reader->info());
    answer.object["path"] = path;
    answer.text = reader->info().name.to_string() + " is in " + path + "\n";
    return answer;
  }

  Result<Answer> import_file() {
    ELASTIC_ASSIGN(const auto store, open(StoreMode::kCreate));
    ELASTIC_ASSIGN(const CheckpointName name, import_checkpoint(*store, operand(2), has("--trust")));
    Answer answer;
    answer.object = {{"name", name.to_string()}};
    answer.text = name.to_string() + "\n";
    return answer;
  }

  Result<Answer> rm() {
    ELASTIC_ASSIGN(const auto store, open());
    // All names first: a mistake in the second does not leave the first removed.
    std::set<CheckpointName> names;
    for (std::size_t i = 2; i < arguments_.words.size(); ++i) {
      ELASTIC_ASSIGN(const CheckpointName name, store->find(operand(i)));
      names.insert(name);
    }
    Answer answer;
    for (const CheckpointName& name : names) {
      ELASTIC_TRY(store->remove(name));
      answer.object["removed"].push_back(name.to_string());
      answer.text += "removed " + name.to_string() + " (gc frees its space)\n";
    }
    return answer;
  }

  const Arguments& arguments_;
  CommandEnvironment& environment_;
  std::unique_ptr<Store> store_;  // outlives the reader that came from it
};

}  // namespace

bool is_url(std::string_view word) { return word.find("://") != std::string_view::npos; }

int run_command_line(const std::vector<std::string>& given, CommandEnvironment& environment) {
  const auto has = [&](const char* flag) {
    return std::find(given.begin(), given.end(), flag) != given.end();
  };
  // An answer that a full disk swallowed is none.
  const auto say = [&](const std::string& text, int status) {
    environment.out << text << std::flush;
    if (environment.out) return status;
    environment.err << "elasticpython: the answer could not be written\n";
    return 1;
  };
  const auto say_json = [&](const json& object, int status) {
    return say(object.dump(2, ' ', false, json::error_handler_t::replace) + "\n", status);
  };
  if (has("--help")) return say(kUsage, 0);
  const auto fail = [&](const Error& error, const char* usage, int status) {
    environment.err << "elasticpython: " << printable(error.message()) << "\n" << usage;
    const json object = {{"error", {{"code", name_of(error.code())}, {"message", error.message()}}}};
    return has("--json") ? say_json(object, status) : status;
  };
  const auto arguments = parse(given);
  if (!arguments.ok()) return fail(arguments.error(), kUsage, 2);
  if (const Result<> used = check_use(*arguments); !used.ok()) return fail(used.error(), kUsage, 2);
  const auto answer = Command(*arguments, environment).run();
  if (!answer.ok()) return fail(answer.error(), "", 1);
  return has("--json") ? say_json(answer->object, 0) : say(answer->text, 0);
}

}  // namespace elastic::store
