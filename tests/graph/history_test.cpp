#include "elastic/graph/history.hpp"

#include <gtest/gtest.h>

#include "history_fixture.hpp"

namespace elastic::graph {
namespace {

class HistoryTest : public HistoryFixture {};

TEST_F(HistoryTest, ReadsResolveToTheNewestSnapshotBeforeTheCell) {
  run({}, {"x"});
  run({"x"}, {"x"});
  EXPECT_EQ(reads_of(run({"x"}, {"y"})), "x@1");
  EXPECT_EQ(active(), "x@1 y@2");
  EXPECT_EQ(history_.versions(id("x")).size(), 2u);
}

TEST_F(HistoryTest, DeletedVariablesAreNotActiveButStayReadable) {
  run({}, {"x"});
  CellRecord deletion;
  deletion.writes.push_back({.variable = id("x"), .deleted = true});
  run(deletion);
  EXPECT_EQ(active(), "");
  EXPECT_FALSE(history_.active(id("x")));
  ASSERT_TRUE(history_.newest(id("x")));
  EXPECT_EQ(reads_of(run({"x"}, {})), "x@1");
}

TEST_F(HistoryTest, NamesThatNeverExistedAreRememberedAsSuch) {
  const CellIndex index = run({"missing"}, {"y"});
  EXPECT_EQ(reads_of(index), "");
  EXPECT_EQ(history_.cell(index).absent_reads, ids({"missing"}));
}

TEST_F(HistoryTest, LinkingIsAWriteOfBothAndReadingOneReadsTheOther) {
  run({}, {"x"});
  const CellIndex link = run({"x"}, {"y"}, {{"x", "y"}});
  EXPECT_EQ(active(), "x@1~y@1");
  EXPECT_EQ(reads_of(link), "x@0");
  const std::span<const Snapshot> writes = history_.writes_of(link);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_TRUE(writes[0].implied);
  EXPECT_EQ(writes[0].content, history_.snapshot(writes[0].previous).content);
  EXPECT_EQ(reads_of(run({"y"}, {"z"})), "[x@1] y@1");
}

TEST_F(HistoryTest, LinkingToAVariableThatTheCellDoesNotNameReadsIt) {
  run({}, {"x"});
  run({}, {"y"});
  EXPECT_EQ(reads_of(run({"y"}, {"y"}, {{"x", "y"}})), "[x@0] y@1");
}

TEST_F(HistoryTest, RebindingLeavesTheCovariable) {
  run({}, {"x", "y"}, {{"x", "y"}});
  run({}, {"y"});
  EXPECT_EQ(active(), "x@0 y@1");
  EXPECT_EQ(reads_of(run({"x"}, {"z"})), "x@0");
}

TEST_F(HistoryTest, AWriteThatKeepsItsLinksWritesTheWholeCovariable) {
  run({}, {"x", "y"}, {{"x", "y"}});
  CellRecord append = cell({}, {"x"});
  append.writes[0].keeps_links = true;
  EXPECT_EQ(reads_of(run(append)), "x@0 [y@0]");
  EXPECT_EQ(active(), "x@1~y@1");
}

TEST_F(HistoryTest, ComingApartMakesNoNewSnapshot) {
  run({}, {"x", "y", "z"}, {{"x", "y", "z"}});
  run({}, {"y"}, {{"x"}, {"z"}});
  EXPECT_EQ(active(), "x@0 y@1 z@0");
  EXPECT_EQ(reads_of(run({"x"}, {})), "x@0");
}

TEST_F(HistoryTest, UnchangedCovariablesMayBeListedAgain) {
  run({}, {"x", "y"}, {{"x", "y"}});
  const CellIndex other = run({}, {"z"}, {{"y", "x"}});
  EXPECT_TRUE(history_.cell(other).linked.empty());
  EXPECT_EQ(active(), "x@0~y@0 z@1");
}

TEST_F(HistoryTest, RecordsThatContradictThemselvesAreRefusedWhole) {
  run({}, {"x"});
  const History before = history_;
  EXPECT_FALSE(history_.record({.reads = {VariableId{5}}}).ok());
  EXPECT_FALSE(history_.record({.writes = {{.variable = id("x")}, {.variable = id("x")}}}).ok());
  EXPECT_FALSE(history_.record({.run_time_us = -1}).ok());
  EXPECT_FALSE(
      history_.record({.writes = {{.variable = id("x"), .deleted = true}}, .linked = {{id("x")}}}).ok());
  EXPECT_FALSE(history_.record({.linked = {{id("x")}, {id("x")}}}).ok());
  EXPECT_FALSE(history_.record({.linked = {{}}}).ok());
  EXPECT_TRUE(history_ == before);
}

TEST_F(HistoryTest, EntriesThatCanNeverBeRunAgainSayWhy) {
  CellRecord outside = cell({}, {"x"});
  outside.outside_cell = true;
  const CellIndex index = run(outside);
  EXPECT_FALSE(history_.cell(index).rerunnable());
  EXPECT_FALSE(history_.set_no_rerun_reason(index, "").ok());
  CellRecord failed = cell({}, {"x"});
  failed.outcome = Outcome::kError;
  const CellIndex error = run(failed);
  EXPECT_TRUE(history_.cell(error).rerunnable());
  ASSERT_TRUE(history_.set_no_rerun_reason(error, "writes a file").ok());
  EXPECT_EQ(history_.cell(error).no_rerun_reason, "writes a file");
  EXPECT_TRUE(history_.set_no_rerun_reason(error, "").ok());
}

TEST_F(HistoryTest, PruningForgetsOnlyWhatNothingActiveDependsOn) {
  run({}, {"x"});                         // needed by y
  const CellIndex dead = run({}, {"t"});  // overwritten unread
  run({"x"}, {"y"});
  run({}, {"t"});
  const std::string before = active();
  EXPECT_EQ(history_.prune(), 1u);
  EXPECT_TRUE(history_.cell(dead).forgotten);
  EXPECT_TRUE(history_.cell(dead).source.empty());
  EXPECT_EQ(active(), before);
  EXPECT_EQ(history_.prune(), 0u);
  EXPECT_TRUE(history_.verify().ok());
  const Result<History> again = History::load(history_.save());
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_TRUE(*again == history_);
}

TEST_F(HistoryTest, AmbientStateIsNamedWithABracket) {
  EXPECT_TRUE(history_.is_ambient(id("<random>")));
  EXPECT_FALSE(history_.is_ambient(id("random")));
}

TEST_F(HistoryTest, TwoThousandCellsTakeLessThanAKilobyteEach) {
  for (int i = 0; i < 2000; ++i) {
    Names reads, writes;
    for (int k = 0; k < 16; ++k) reads.push_back("v" + std::to_string((i * 7 + k) % 300));
    for (int k = 0; k < 6; ++k) writes.push_back("v" + std::to_string((i * 11 + k) % 300));
    CellRecord record = cell(reads, writes);
    record.cell_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    ASSERT_TRUE(history_.record(std::move(record)).ok());
  }
  EXPECT_LT(history_.memory_bytes(), 2000u * 1024);  // of which a vector's spare capacity is up to a third
  EXPECT_LT(history_.save().size(), 2000u * 1024);
}

}  // namespace
}  // namespace elastic::graph
