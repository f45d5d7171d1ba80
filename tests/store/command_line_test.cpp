#include "elastic/store/command_line.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

using nlohmann::json;

class CommandLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_store(files_, "/store");
    for (const char* payload : {R"({"n": 1})", R"({"n": 2})"}) {
      auto report = write_checkpoint(*store_, {random_bytes(300000, 1), random_bytes(10, 2)}, payload);
      ELASTIC_ASSERT_OK(report);
      names_.push_back(report->name.to_string());
    }
  }

  int run(const std::vector<std::string>& arguments, int key = 1) {
    std::ostringstream out, err;
    CommandEnvironment environment{files_, system_clock(), test_key(key), out, err};
    const int status = run_command_line(arguments, environment);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  json run_json(std::vector<std::string> arguments, int expected_status = 0) {
    arguments.emplace_back("--json");
    EXPECT_EQ(run(arguments), expected_status) << err_;
    return json::parse(out_);
  }

  testing::MemoryFileSystem files_;
  std::unique_ptr<Store> store_;
  std::vector<std::string> names_;
  std::string out_, err_;
};

TEST_F(CommandLineTest, ListsOldestFirst) {
  const json answer = run_json({"list", "/store"});
  ASSERT_EQ(answer["checkpoints"].size(), 2U);
  EXPECT_EQ(answer["checkpoints"][0]["name"], names_[0]);
  EXPECT_EQ(answer["checkpoints"][1]["label"], "notebook");
  EXPECT_EQ(answer["checkpoints"][1]["bytes"], 300010);
  EXPECT_EQ(answer["checkpoints"][1]["trusted"], true);
  EXPECT_EQ(answer["checkpoints"][1]["automatic"], false);
  EXPECT_TRUE(answer["writers"].empty());
  EXPECT_EQ(run({"list", "/store"}), 0);
  EXPECT_NE(out_.find("300.0 kB"), std::string::npos) << out_;
}

TEST_F(CommandLineTest, ShowsTheNewestOrTheOneNamed) {
  EXPECT_EQ(run_json({"show", "/store"})["payload"]["n"], 2);
  const json answer = run_json({"show", "/store", names_[0]});
  EXPECT_EQ(answer["payload"]["n"], 1);
  EXPECT_EQ(answer["contents"][0]["kind"], "buffer");
  EXPECT_EQ(answer["contents"][1]["bytes"], 10);
}

TEST_F(CommandLineTest, VerifyFindsDamage) {
  EXPECT_EQ(run({"verify", "/store"}), 0) << err_;
  for (const std::string& path : files_.all_files()) {
    if (!path.ends_with(".pack")) continue;
    auto bytes = files_.contents(path);
    if (bytes.size() < 100000) continue;
    bytes[80000] ^= std::byte{1};
    files_.set_contents(path, bytes);
  }
  EXPECT_EQ(run({"verify", "/store"}), 1);
  EXPECT_EQ(run_json({"verify", "/store"}, 1)["error"]["code"], "corruption");
}

TEST_F(CommandLineTest, CollectsRemovesExportsAndImports) {
  EXPECT_EQ(run({"export", "/store", names_[0], "/file"}), 0) << err_;
  EXPECT_EQ(run({"export", "/store", names_[0], "/file"}), 1) << "it is there";
  EXPECT_EQ(run({"export", "/store", "/file", "--force"}), 0) << err_;
  EXPECT_EQ(run_json({"show", "/file"})["payload"]["n"], 2);
  EXPECT_EQ(run({"verify", "/file"}), 0) << err_;
  EXPECT_EQ(run({"rm", "/store", names_[1], "nonsense"}), 1);
  EXPECT_EQ(run_json({"list", "/store"})["checkpoints"].size(), 2U) << "all or none";
  EXPECT_EQ(run({"rm", "/store", names_[1]}), 0) << err_;
  EXPECT_EQ(run_json({"show", "/store"})["payload"]["n"], 1);
  EXPECT_EQ(run({"import", "/store", "/file"}), 0) << err_;
  EXPECT_EQ(run_json({"show", "/store"})["payload"]["n"], 2);
  EXPECT_EQ(run_json({"gc", "/store", "--keep", "1", "--dry-run"})["removed"].size(), 1U);
  EXPECT_EQ(run_json({"gc", "/store", "--keep", "1"})["removed"].size(), 1U);
  EXPECT_EQ(run_json({"list", "/store"})["checkpoints"].size(), 1U);
  EXPECT_EQ(run({"import", "/other", "/file"}, 2), 1);
  EXPECT_NE(err_.find("--trust"), std::string::npos) << err_;
  EXPECT_EQ(run({"import", "/other", "/file", "--trust"}, 2), 0) << err_;
}

TEST_F(CommandLineTest, WrongUseAndBadPathsAreOneLineAndAStatus) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"list"},
                                                {"dance", "/store"},
                                                {"list", "/store", "--loud"},
                                                {"gc", "/store", "--keep"},
                                                {"gc", "/store", "--keep", "many"}}) {
    EXPECT_EQ(run(wrong), 2);
    EXPECT_NE(err_.find("usage:"), std::string::npos);
  }
  EXPECT_EQ(run({"list", "/missing"}), 1);
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << err_;
  EXPECT_FALSE(files_.status("/missing").ok());
  EXPECT_EQ(run({"import", "s3://bucket/place", "/file"}), 1);
  EXPECT_NE(err_.find("Python"), std::string::npos) << err_;
  EXPECT_EQ(run({"export", "/store", "s3://bucket/file"}), 1);
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << err_;
  EXPECT_FALSE(files_.status("s3:").ok());
}

TEST_F(CommandLineTest, WrongUseIsJsonToo) {
  for (std::vector<std::string> arguments : {std::vector<std::string>{},
                                             {"list"},
                                             {"frobnicate"},
                                             {"list", "/store", "--jso"},
                                             {"gc", "/store", "--keep"}})
    EXPECT_EQ(run_json(arguments, 2)["error"]["code"], "invalid_argument");
}

TEST_F(CommandLineTest, AnOptionThatWouldDoNothingIsRefused) {
  EXPECT_EQ(run({"rm", "/store", names_[0], "--dry-run"}), 2);
  EXPECT_NE(err_.find("rm has no option --dry-run"), std::string::npos) << err_;
  EXPECT_EQ(run({"import", "/store", "/out", "--dry-run"}), 2);
  EXPECT_EQ(run({"list", "/store", "--keep", "1"}), 2);
  EXPECT_EQ(run_json({"list", "/store"})["checkpoints"].size(), 2U);
}

TEST_F(CommandLineTest, AnEmptyNameNamesNothing) {
  EXPECT_EQ(run({"rm", "/store", names_[0], names_[0]}), 0) << err_;  // it is gone, as was asked
  EXPECT_EQ(run({"rm", "/store", ""}), 1);
  EXPECT_EQ(run({"verify", "/store", ""}), 1);
  EXPECT_EQ(run_json({"list", "/store"})["checkpoints"].size(), 1U);
}

TEST_F(CommandLineTest, KeepsAsManyAsWereAskedFor) {
  EXPECT_EQ(run({"gc", "/store", "--keep", "4294967296"}), 0) << err_;
  EXPECT_EQ(run_json({"list", "/store"})["checkpoints"].size(), 2U);
}

TEST_F(CommandLineTest, AnAnswerThatCannotBeWrittenIsAnError) {
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);  // a full disk
  CommandEnvironment environment{files_, system_clock(), test_key(1), out, err};
  EXPECT_EQ(run_command_line({"list", "/store"}, environment), 1);
  EXPECT_EQ(run_command_line({"list", "/store", "--json"}, environment), 1);
  EXPECT_EQ(err.str(),
            "elasticpython: the answer could not be written\n"
            "elasticpython: the answer could not be written\n");
}

TEST_F(CommandLineTest, OpensAUrlAsItsEnvironmentDoes) {
  std::vector<std::string> opened;
  std::ostringstream out, err;
  CommandEnvironment environment{files_, system_clock(), test_key(1), out, err};
  environment.open_url = [&](const std::string& url, StoreMode mode) {
    opened.push_back(url + (mode == StoreMode::kCreate ? " to write" : ""));
    return open_store(files_, "/store");
  };
  EXPECT_EQ(run_command_line({"verify", "s3://bucket/place"}, environment), 0) << err.str();
  EXPECT_EQ(run_command_line({"export", "s3://bucket/place", "/out"}, environment), 0) << err.str();
  EXPECT_EQ(run_command_line({"import", "s3://bucket/place", "/out"}, environment), 0) << err.str();
  EXPECT_EQ(opened, (std::vector<std::string>{"s3://bucket/place", "s3://bucket/place",
                                              "s3://bucket/place to write"}));
}

TEST_F(CommandLineTest, TextOfACheckpointCannotReachTheTerminalAsControl) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {}, "{}", BlobKind::kBuffer, "\x1b[2Jgone\n"));
  EXPECT_EQ(run({"list", "/store"}), 0);
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
  const std::string deep(100000, '[');
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {}, deep + std::string(100000, ']')));
  EXPECT_EQ(run({"show", "/store", "--json"}), 0);
}

}  // namespace
}  // namespace elastic::store
