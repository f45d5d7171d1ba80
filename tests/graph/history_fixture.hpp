// For tests of the history: cells in one line each, and reads and active snapshots as text.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "elastic/graph/history.hpp"

namespace elastic::graph {

// Writes histories in one line a cell: run("c", {"x", "y"}, {"z"}).
class HistoryFixture : public ::testing::Test {
 protected:
  using Names = std::vector<std::string>;

  VariableId id(const std::string& name) { return history_.variable(name); }

  std::vector<VariableId> ids(const Names& names) {
    std::vector<VariableId> result;
    for (const std::string& name : names) result.push_back(id(name));
    return result;
  }

  CellRecord cell(const Names& reads, const Names& writes, const std::vector<Names>& linked = {}) {
    CellRecord record;
    record.source = "cell " + std::to_string(history_.cell_count());
    record.run_time_us = 10;
    record.reads = ids(reads);
    for (const std::string& name : writes) {
      record.writes.push_back(
          {.variable = id(name), .size_bytes = 8, .content = digest_of(name + record.source)});
    }
    for (const Names& group : linked) record.linked.push_back(ids(group));
    return record;
  }

  CellIndex run(const Names& reads, const Names& writes, const std::vector<Names>& linked = {}) {
    return run(cell(reads, writes, linked));
  }

  CellIndex run(CellRecord record) {
    const Result<CellIndex> index = history_.record(std::move(record));
    EXPECT_TRUE(index.ok()) << index.error().to_string();
    const Result<> sound = history_.verify();
    EXPECT_TRUE(sound.ok()) << sound.error().to_string();
    return index.ok() ? *index : CellIndex{};
  }

  // "x@0 y@2": what a cell read, those read only through a link in brackets.
  std::string reads_of(CellIndex index) const {
    std::string text;
    for (const Read& read : history_.cell(index).reads) {
      const Snapshot& source = history_.snapshot(read.snapshot);
      const std::string name = history_.name_of(source.variable) + "@" + std::to_string(source.writer.value);
      text += (text.empty() ? "" : " ") + (read.implied ? "[" + name + "]" : name);
    }
    return text;
  }

  std::string active() const {
    std::string text;
    for (const std::vector<SnapshotId>& group : history_.active_covariables()) {
      std::string members;
      for (const SnapshotId member : group) {
        const Snapshot& snapshot = history_.snapshot(member);
        members += (members.empty() ? "" : "~") + history_.name_of(snapshot.variable) + "@" +
                   std::to_string(snapshot.writer.value);
      }
      text += (text.empty() ? "" : " ") + members;
    }
    return text;
  }

  History history_;
};

}  // namespace elastic::graph
