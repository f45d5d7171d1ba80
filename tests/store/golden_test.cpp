// Checkpoints that earlier versions wrote, as they lie in the tree: every later version restores them.
#include "golden/golden_state.hpp"

#include <filesystem>

#include "elastic/store/export_file.hpp"
#include "store_testing.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

const std::string kGolden = std::string(ELASTIC_SOURCE_DIR) + "/tests/golden/";

void expect_golden(CheckpointReader& reader) {
  EXPECT_TRUE(reader.trusted());
  EXPECT_EQ(as_text(reader.payload()), kGoldenPayload);
  EXPECT_EQ(reader.info().label, kGoldenLabel);
  EXPECT_EQ(reader.info().created_us, 1'700'000'000'000'000);
  const auto expected = golden_state();
  ASSERT_EQ(reader.blobs().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(reader.blobs()[i].kind, expected[i].kind);
    const auto read = reader.read_blob(reader.blobs()[i]);
    ELASTIC_ASSERT_OK(read);
    EXPECT_TRUE(same_bytes(read->bytes(), expected[i].bytes)) << i;
    const auto mapped = reader.map_blob(reader.blobs()[i]);
    ELASTIC_ASSERT_OK(mapped);
    EXPECT_TRUE(same_bytes(mapped->bytes(), expected[i].bytes)) << i;
  }
}

TEST(GoldenTest, AStoreOfVersionOneIsRestoredAndGoesOn) {
  const testing::TemporaryDirectory directory;  // a copy, since opening a store makes its lock file
  std::filesystem::copy(kGolden + "store_v1", directory / "store", std::filesystem::copy_options::recursive);
  auto store = open_store(system_files(), directory / "store", {}, system_clock(), golden_key());
  ELASTIC_ASSERT_OK(store);
  expect_golden(**(*store)->open_newest());
  std::vector<std::vector<std::byte>> same;
  for (const GoldenBlob& blob : golden_state()) {
    if (blob.kind == BlobKind::kBuffer) same.push_back(blob.bytes);
  }
  const auto report = write_checkpoint(**store, same);
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 0U) << "digests and seed are those of version 1";
}

TEST(GoldenTest, AFileOfVersionOneIsRestoredAndImported) {
  auto reader = open_export_file(system_files(), kGolden + "store_v1.file", golden_key());
  ELASTIC_ASSERT_OK(reader);
  expect_golden(**reader);
  const testing::TemporaryDirectory directory;
  auto store = *open_store(system_files(), directory / "store", {}, system_clock(), golden_key());
  ELASTIC_ASSERT_OK(import_checkpoint(*store, kGolden + "store_v1.file", false));
  expect_golden(**store->open_newest());
}

}  // namespace
}  // namespace elastic::store
