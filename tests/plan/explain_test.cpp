#include "elastic/plan/explain.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "elastic/plan/planner.hpp"
#include "plan_fixture.hpp"

namespace elastic::plan {
namespace {

class ExplainTest : public ::testing::Test, protected PlanFixture {
 protected:
  void SetUp() override {
    run(10, {}, {"x"});
    run(90'000'000, {"x"}, {"model", "log"}, {{"model", "log"}});
    run(10, {}, {"socket"}, {}, "connects to a host");
    run(10, {"<random>"}, {"<random>", "a<b>&c"});
    cost("x", 1000);
    cost("model", 30'000'000);
    not_storable("socket");
    input_ = input();
    plan_ = make_planner("optimal")->plan(input_).value();
  }
  PlanInput input_;
  Plan plan_;
};

TEST_F(ExplainTest, TimesAndSizesAreWrittenForPeople) {
  EXPECT_EQ(describe_us(640), "640 us");
  EXPECT_EQ(describe_us(1234), "1.2 ms");
  EXPECT_EQ(describe_us(34'000'000), "34 s");
  EXPECT_EQ(describe_us(125'000'000), "2 min 5 s");
  EXPECT_EQ(describe_bytes(812), "812 B");
  EXPECT_EQ(describe_bytes(1'234'567), "1.2 MB");
}

TEST_F(ExplainTest, TheTableNamesEveryVariableWithItsReason) {
  const std::string table = to_table(plan_, input_);
  EXPECT_NE(table.find("x         recompute"), std::string::npos) << table;
  EXPECT_NE(table.find("model     store      150 MB    storing and loading costs 30 s"), std::string::npos)
      << table;
  EXPECT_NE(table.find("(with log)"), std::string::npos) << table;
  EXPECT_NE(table.find("socket    lost"), std::string::npos) << table;
  EXPECT_NE(table.find("cell 2 cannot be re-run: connects to a host"), std::string::npos) << table;
  EXPECT_NE(table.find("cells to re-run: 0 3\n"), std::string::npos) << table;
}

TEST_F(ExplainTest, TheJsonHasTheKeysOfTheDesign) {
  nlohmann::json json = to_json(plan_, input_);
  json["variables"] = nlohmann::json::parse(variables_text(plan_, input_, false));
  json["ambient"] = nlohmann::json::parse(variables_text(plan_, input_, true));
  json["steps"] = steps_json(plan_, input_);
  EXPECT_EQ(json["plan"], "optimal");
  EXPECT_EQ(json["variables"]["model"]["action"], "store");
  EXPECT_EQ(json["variables"]["model"]["linked_with"], nlohmann::json::array({"log"}));
  EXPECT_EQ(json["variables"]["model"]["bytes"], 150'000'000);
  EXPECT_EQ(json["variables"]["socket"]["action"], "lost");
  EXPECT_FALSE(json["variables"].contains("<random>"));
  EXPECT_TRUE(json["ambient"].contains("<random>"));
  EXPECT_EQ(json["cells_to_rerun"], nlohmann::json::array({0, 3}));
  EXPECT_EQ(json["cost_us"]["plan"], plan_.cost.total_us);
  EXPECT_EQ(json["cost_us"]["store_all"], plan_.store_all.total_us);
  EXPECT_EQ(json["steps"].back()["do"], "load");
}

TEST_F(ExplainTest, ThePictureShowsEachActionByShapeAndEscapesNames) {
  const std::string svg = to_svg(plan_, input_);
  EXPECT_TRUE(svg.starts_with("<svg xmlns"));
  EXPECT_NE(svg.find("a&lt;b&gt;&amp;c"), std::string::npos);
  EXPECT_EQ(svg.find("a<b>"), std::string::npos);
  EXPECT_NE(svg.find("socket: lost"), std::string::npos);
  EXPECT_NE(svg.find("store 2"), std::string::npos);
  const auto count = [&](std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<g"), count("</g>"));
  EXPECT_EQ(count("<text"), count("</text>"));
}

TEST_F(ExplainTest, APictureOfAHugeSessionSaysWhatItLeavesOut) {
  for (int i = 0; i < 900; ++i) run(10, {}, {"v" + std::to_string(i)});
  const PlanInput given = input();
  const std::string svg = to_svg(make_planner("optimal")->plan(given).value(), given);
  EXPECT_NE(svg.find("cells before 504 left out"), std::string::npos);
  EXPECT_NE(svg.find("variables left out"), std::string::npos);
  EXPECT_LT(svg.size(), 1'000'000u);
}

// Not a check: with ELASTIC_PICTURE=<file> it draws a session of 100 cells to look at.
TEST_F(ExplainTest, AHundredCellsGiveAPicture) {
  for (int i = 0; i < 96; ++i) {
    const std::string name = "v" + std::to_string(i * 7 % 30), other = "v" + std::to_string(i * 11 % 30);
    run((i * 37 % 50) * 1000, {other, name}, {name}, {}, i % 17 == 5 ? "writes a file" : "");
    cost(name, (i * 53 % 40) * 2000);
    if (i % 23 == 7) not_storable(name);
    if (i == 20) keep(name, 10);
  }
  const PlanInput given = input();
  const std::string svg = to_svg(make_planner("optimal")->plan(given).value(), given);
  EXPECT_NE(svg.find("cell 99, "), std::string::npos);
  if (const char* file = std::getenv("ELASTIC_PICTURE")) std::ofstream(file) << svg;
}

}  // namespace
}  // namespace elastic::plan
