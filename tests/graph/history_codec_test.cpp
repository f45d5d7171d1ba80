#include "graph/history_codec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "random_history.hpp"

namespace elastic::graph {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One of everything that the format can say.
History golden_history() {
  History history;
  const VariableId x = history.variable("x"), y = history.variable("名前"), r = history.variable("<random>");
  const Digest digest{0x0123456789abcdef, 0xfedcba9876543210};
  const auto record = [&](CellRecord cell) { EXPECT_TRUE(history.record(std::move(cell)).ok()); };
  record({.execution_count = 1,
          .cell_id = "a1",
          .source = "x = []\ny = [x]",
          .started_wall_us = 1'700'000'000'000'000,
          .run_time_us = 1234,
          .effects = {{"file-read", "in.csv"}},
          .tags = {"setup"},
          .reads = {history.variable("z")},
          .writes = {{x, 56, digest}, {y, 64, digest}},
          .linked = {{x, y}}});
  record({.execution_count = 2,
          .source = "x.append(1)",
          .run_time_us = 5,
          .outcome = Outcome::kError,
          .reads = {x},
          .writes = {{.variable = x, .size_bytes = 88, .keeps_links = true},
                     {.variable = r, .size_bytes = 2500}}});
  record({.source = "del y", .outcome = Outcome::kInterrupted, .writes = {{.variable = y, .deleted = true}}});
  record({.started_wall_us = -5, .outside_cell = true, .writes = {{x, 90, digest}}});
  record({.execution_count = 3,
          .source = "print(x)",
          .outcome = Outcome::kUnfinished,
          .no_rerun_reason = "prints",
          .reads = {x, y}});
  history.prune();
  return history;
}

TEST(HistoryCodecTest, WritesTheBytesOfTheGoldenFile) {
  const std::filesystem::path path = std::filesystem::path(ELASTIC_GOLDEN_DIR) / "history-v1.bin";
  const std::string bytes = golden_history().save();
  if (std::getenv("ELASTIC_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(bytes, read_file(path)) << "the format has changed: see docs/history_format.md";
}

TEST(HistoryCodecTest, ReadsTheGoldenFile) {
  const Result<History> history =
      History::load(read_file(std::filesystem::path(ELASTIC_GOLDEN_DIR) / "history-v1.bin"));
  ASSERT_TRUE(history.ok()) << history.error().to_string();
  EXPECT_TRUE(*history == golden_history());
}

TEST(HistoryCodecTest, ARestoredHistoryIsTheSameAndGoesOn) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history = random_history(seed, 30);
    Result<History> again = History::load(history.save());
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    ASSERT_TRUE(*again == history);
    const CellRecord next{.reads = {VariableId{0}},
                          .writes = {{.variable = VariableId{1}, .keeps_links = true}}};
    ASSERT_TRUE(history.record(next).ok());
    ASSERT_TRUE(again->record(next).ok());
    ASSERT_TRUE(*again == history);
    ASSERT_TRUE(again->verify().ok());
  }
}

TEST(HistoryCodecTest, EveryTruncationAndEveryFlippedBitIsFound) {
  const std::string bytes = golden_history().save();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(History::load(std::string_view(bytes).substr(0, length)).ok()) << length;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    ASSERT_FALSE(History::load(damaged).ok()) << bit;
  }
}

TEST(HistoryCodecTest, ANewerVersionIsRefusedAsSuch) {
  std::string bytes = golden_history().save();
  bytes[8] = 2;
  EXPECT_EQ(History::load(bytes).error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(HistoryCodecTest, DamageThatKeepsTheDigestIsFoundOrHarmless) {
  // What the fuzz target does, once over every byte: whatever is accepted is sound and saves to the same
  // bytes.
  const std::string bytes = golden_history().save();
  const std::string body = bytes.substr(20, bytes.size() - 36);
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const unsigned value : {0u, 1u, 0x7fu, 0x80u, 0xffu}) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(value);
      const Result<History> history = History::load(frame_history_body(damaged));
      if (!history.ok()) continue;
      ++accepted;
      ASSERT_TRUE(history->verify().ok());
      ASSERT_EQ(history->save(), frame_history_body(damaged));
    }
  }
  EXPECT_GT(accepted, 0u);  // a changed letter of a source is a history, too
}

TEST(HistoryCodecTest, TheFuzzersCorpusIsSurvived) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ELASTIC_CORPUS_DIR)) {
    const std::string body = read_file(entry.path());
    const Result<History> history = decode_history_body(body);
    if (history.ok()) {
      EXPECT_TRUE(history->verify().ok()) << entry.path();
    }
    ++files;
  }
  EXPECT_GE(files, 3u);
}

}  // namespace
}  // namespace elastic::graph
