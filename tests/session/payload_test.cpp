#include "session/payload.hpp"

#include <gtest/gtest.h>

namespace elastic::session {
namespace {

Payload sample() {
  Payload payload;
  payload.history = 0;
  payload.groups.push_back({{{"x", 3}, {"y", 3}},
                            {"x", "y"},
                            1,
                            {2, 3},
                            {"f"},
                            {"a note"},
                            {{"numpy", "2.0"}},
                            100,
                            7,
                            false,
                            "list",
                            90,
                            Reuse::kWhileCodeIsSame});
  payload.outputs.push_back({"_3", 1, {2}});
  payload.module_attributes = {{"settings", "Config.names", "names"}};
  payload.own_sources = {{"settings", "/home/user/settings.py", 7, digest_of("x = 1\n"), {"f", "names"}}};
  payload.outlines = {{"gone", {{"type", "list"}, {"size", "2 elements"}, {"parts", {{"[0]", "ab"}}}}}};
  payload.lost = {{"g", "generator object"}};
  payload.environment = {{"python", "3.11.2"}};
  payload.shell = {{"inputs", {"", "x = 1"}}};
  payload.marks = {{"x", {"never-store"}}};
  payload.never_rerun = {0, 7};
  payload.costs = {{"cpu_ratio", 1}};
  payload.report = R"({"plan": "optimal"})";
  return payload;
}

TEST(PayloadTest, ComesBackAsItWas) {
  const Payload payload = sample();
  const auto read = Payload::from_bytes(payload.to_bytes(), 4);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->groups, payload.groups);
  EXPECT_EQ(read->outputs, payload.outputs);
  EXPECT_EQ(read->module_attributes, payload.module_attributes);
  EXPECT_EQ(read->own_sources, payload.own_sources);
  EXPECT_EQ(read->outlines, payload.outlines);
  EXPECT_EQ(read->lost, payload.lost);
  EXPECT_EQ(read->environment, payload.environment);
  EXPECT_EQ(read->shell, payload.shell);
  EXPECT_EQ(read->marks, payload.marks);
  EXPECT_EQ(read->never_rerun, payload.never_rerun);
  EXPECT_EQ(read->costs, payload.costs);
  EXPECT_EQ(read->report, payload.report);
}

TEST(PayloadTest, WhatIsEmptyInAGroupIsNotSaidAndComesBackEmpty) {
  Payload payload = sample();
  StoredGroup group;
  group.snapshots = {{"a \"name\"", 4}};
  group.names = {"a \"name\""};
  group.pickle = 2;
  payload.groups.push_back(group);
  group.names = {};
  payload.groups.push_back(group);
  const std::string bytes = payload.to_bytes();
  EXPECT_NE(bytes.find(R"({"pickle":2,"snapshots":[["a \"name\"",4]]})"), std::string::npos) << bytes;
  const auto read = Payload::from_bytes(bytes, 4);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->groups, payload.groups);
}

TEST(PayloadTest, AReuseThatThisVersionDoesNotKnowIsNone) {
  std::string bytes = sample().to_bytes();
  const std::size_t at = bytes.find("\"reuse\":1");
  ASSERT_NE(at, std::string::npos) << bytes;
  bytes[at + 8] = '7';
  const auto read = Payload::from_bytes(bytes, 4);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->groups.front().reuse, Reuse::kNever);
}

TEST(PayloadTest, ReadsTheGroupsOfTheFirstVersion) {
  auto text = nlohmann::json::parse(sample().to_bytes());
  text["version"] = 1;
  text["groups"].push_back({{"snapshots", nlohmann::json::array({{"z", 4}})},
                            {"names", {"z"}},
                            {"pickle", 3},
                            {"buffers", nlohmann::json::array()},
                            {"references", nlohmann::json::array()},
                            {"notes", nlohmann::json::array()},
                            {"modules", nlohmann::json::object()},
                            {"bytes", 10},
                            {"load_us", 0},
                            {"ambient", false}});
  const auto read = Payload::from_bytes(text.dump(), 4);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  StoredGroup group;
  group.snapshots = {{"z", 4}};
  group.names = {"z"};
  group.pickle = 3;
  group.bytes = 10;
  EXPECT_EQ(read->groups.back(), group);
}

TEST(PayloadTest, RefusesPlacesBeyondTheBlobTable) {
  const auto read = Payload::from_bytes(sample().to_bytes(), 3);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
}

TEST(PayloadTest, RefusesAGroupOfNothing) {
  Payload payload = sample();
  payload.groups.front().snapshots.clear();
  const auto read = Payload::from_bytes(payload.to_bytes(), 4);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
}

TEST(PayloadTest, RefusesANewerVersionByName) {
  auto text = nlohmann::json::parse(sample().to_bytes());
  text["version"] = kPayloadVersion + 1;
  const auto read = Payload::from_bytes(text.dump(), 4);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(PayloadTest, EveryTruncationAndEveryMissingKeyIsCorruption) {
  const std::string bytes = sample().to_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto read = Payload::from_bytes(bytes.substr(0, size), 4);
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
  }
  const auto whole = nlohmann::json::parse(bytes);
  for (const auto& [key, value] : whole.items()) {
    auto damaged = whole;
    damaged[key] = 1.5;
    EXPECT_FALSE(Payload::from_bytes(damaged.dump(), 4).ok() && key != "shell" && key != "report" &&
                 key != "history" && key != "marks" && key != "costs")
        << key;
    damaged.erase(key);
    const bool younger_than_the_format = key == "marks" || key == "costs" || key == "module_attributes" ||
                                         key == "own_sources" || key == "outlines" || key == "never_rerun";
    EXPECT_EQ(Payload::from_bytes(damaged.dump(), 4).ok(), younger_than_the_format) << key;
  }
}

TEST(PayloadTest, BytesThatAreNoPayloadAreCorruption) {
  for (const char* text : {"", "null", "[]", "{}", "{\"version\": \"one\"}", "\xff\xfe"}) {
    EXPECT_FALSE(Payload::from_bytes(text, 1).ok()) << text;
  }
}

}  // namespace
}  // namespace elastic::session
