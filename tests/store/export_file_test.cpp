#include "elastic/store/export_file.hpp"

#include "elastic/store/garbage.hpp"
#include "store_testing.hpp"
#include "support/memory_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::MemoryFileSystem;

using Buffers = std::vector<std::vector<std::byte>>;

constexpr std::size_t kPackMiddle = 900000;

const Buffers& state() {
  static const Buffers buffers = {
      random_bytes(10, 1), random_bytes(2 * kChunkBytes + 5, 2), random_bytes(300000, 3), {}};
  return buffers;
}

void expect_state(CheckpointReader& reader) {
  ASSERT_EQ(reader.blobs().size(), state().size());
  for (std::size_t i = 0; i < state().size(); ++i) {
    auto mapped = reader.map_blob(reader.blobs()[i]);
    ELASTIC_ASSERT_OK(mapped);
    EXPECT_TRUE(same_bytes(mapped->bytes(), state()[i]));
    auto read = reader.read_blob(reader.blobs()[i]);
    ELASTIC_ASSERT_OK(read);
    EXPECT_TRUE(same_bytes(read->bytes(), state()[i]));
  }
  EXPECT_EQ(as_text(reader.payload()), "payload");
}

class ExportFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_store(files_, "/store");
    auto report = write_checkpoint(*store_, state(), "payload");
    ELASTIC_ASSERT_OK(report);
    name_ = report->name;
    ELASTIC_ASSERT_OK(export_checkpoint(*store_, name_, "/file", false));
  }

  MemoryFileSystem files_;
  std::unique_ptr<Store> store_;
  CheckpointName name_;
};

TEST_F(ExportFileTest, RestoresFromTheFileItself) {
  EXPECT_TRUE(is_export_file(files_, "/file"));
  auto reader = open_export_file(files_, "/file", test_key());
  ELASTIC_ASSERT_OK(reader);
  EXPECT_TRUE((*reader)->trusted());
  expect_state(**reader);
}

TEST_F(ExportFileTest, MapsFromTheFileItself) {
  const testing::TemporaryDirectory directory;
  auto store = *open_store(system_files(), directory / "store");
  auto report = write_checkpoint(*store, state(), "payload");
  ELASTIC_ASSERT_OK(report);
  ELASTIC_ASSERT_OK(export_checkpoint(*store, report->name, directory / "file", false));
  auto reader = open_export_file(system_files(), directory / "file", test_key());
  ELASTIC_ASSERT_OK(reader);
  expect_state(**reader);
  EXPECT_TRUE((*reader)->map_blob((*reader)->blobs()[1])->is_unverified());
}

TEST_F(ExportFileTest, ImportsOnceAndAsTheNewest) {
  auto other = *open_store(files_, "/other");
  ELASTIC_ASSERT_OK(write_checkpoint(*other, {random_bytes(50, 9)}, "older"));
  auto imported = import_checkpoint(*other, "/file", false);
  ELASTIC_ASSERT_OK(imported);
  auto again = import_checkpoint(*other, "/file", false);
  ELASTIC_ASSERT_OK(again);
  EXPECT_EQ(*again, *imported);
  files_.remove_tree("/file");
  auto reader = other->open_newest();
  ELASTIC_ASSERT_OK(reader);
  EXPECT_TRUE((*reader)->trusted());
  expect_state(**reader);
}

TEST_F(ExportFileTest, SomebodyElsesIsRefusedAndStaysUntrusted) {
  auto other = *open_store(files_, "/other", {}, system_clock(), test_key(2));
  auto refused = import_checkpoint(*other, "/file", false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("--trust"), std::string::npos);
  EXPECT_TRUE(other->list()->empty());
  ELASTIC_ASSERT_OK(import_checkpoint(*other, "/file", true));
  auto reader = other->open_newest();
  ELASTIC_ASSERT_OK(reader);
  EXPECT_FALSE((*reader)->trusted());
  expect_state(**reader);
  EXPECT_FALSE((*open_export_file(files_, "/file", test_key(2)))->trusted());
}

TEST_F(ExportFileTest, DoesNotReplaceAFileUnasked) {
  files_.set_contents("/mine", random_bytes(10, 1));
  EXPECT_FALSE(export_checkpoint(*store_, name_, "/mine", false).ok());
  EXPECT_EQ(files_.contents("/mine"), random_bytes(10, 1));
  ELASTIC_EXPECT_OK(export_checkpoint(*store_, name_, "/mine", true));
  EXPECT_FALSE(export_checkpoint(*store_, name_, "/store", true).ok()) << "a directory";
}

TEST_F(ExportFileTest, IsWholeOrNotThereAtEveryCall) {
  bool done = false;
  for (std::uint64_t call = 1; !done; ++call) {
    SCOPED_TRACE(call);
    for (const auto kind : {testing::FaultKind::kInputOutputError, testing::FaultKind::kDiskFull}) {
      const std::uint64_t begun = files_.changes();
      files_.arm(kind, call);
      const bool exported = export_checkpoint(*store_, name_, "/again", true).ok();
      done = files_.changes() - begun < call;
      files_.disarm();
      const auto there = files_.contents("/again");
      EXPECT_TRUE((!exported && there.empty()) || there.size() == files_.contents("/file").size());
    }
    if (files_.status("/again").ok()) files_.remove_tree("/again");
  }
}

TEST_F(ExportFileTest, EveryCutAndEveryFlippedBitIsFound) {
  // A small one, so that all of it can be tried.
  auto report = write_checkpoint(*store_, {random_bytes(100, 7)}, "small");
  ELASTIC_ASSERT_OK(report);
  ELASTIC_ASSERT_OK(export_checkpoint(*store_, report->name, "/small", false));
  const auto whole = files_.contents("/small");
  auto other = *open_store(files_, "/other");
  const auto import_fails = [&](std::vector<std::byte> bytes) {
    files_.set_contents("/damaged", std::move(bytes));
    return !import_checkpoint(*other, "/damaged", false).ok();
  };
  const std::size_t zeros_begin = 700, zeros_end = kMapAlignment - 64;  // padding: every 97th byte is enough
  for (std::size_t at = 0; at<whole.size(); at += at> zeros_begin && at < zeros_end ? 97 : 1) {
    ASSERT_TRUE(import_fails({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at)}))
        << "cut to " << at;
    auto flipped = whole;
    flipped[at] ^= std::byte{1};
    ASSERT_TRUE(import_fails(std::move(flipped))) << "flipped at " << at;
  }
  EXPECT_TRUE(other->list()->empty());
}

TEST_F(ExportFileTest, ADamagedCheckpointIsNotExported) {
  for (const std::string& path : files_.all_files()) {
    if (!path.ends_with(".pack")) continue;
    auto bytes = files_.contents(path);
    bytes[kPackMiddle] ^= std::byte{1};
    files_.set_contents(path, bytes);
  }
  EXPECT_FALSE(export_checkpoint(*store_, name_, "/damaged", false).ok());
  EXPECT_FALSE(files_.status("/damaged").ok());
}

TEST_F(ExportFileTest, OtherFilesAreToldApart) {
  files_.set_contents("/other", random_bytes(1000, 1));
  files_.set_contents("/empty", {});
  for (const char* path : {"/other", "/empty", "/store", "/missing"}) {
    EXPECT_FALSE(is_export_file(files_, path)) << path;
    EXPECT_FALSE(open_export_file(files_, path, test_key()).ok()) << path;
  }
}

}  // namespace
}  // namespace elastic::store
