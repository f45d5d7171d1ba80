#include "elastic/store/reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "store/parts.hpp"
#include "store_testing.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::TemporaryDirectory;

class ReaderTest : public ::testing::Test {
 protected:
  void SetUp() override { store_ = *open_store(system_files(), directory_ / "store"); }

  std::shared_ptr<CheckpointReader> write(const std::vector<std::vector<std::byte>>& buffers) {
    EXPECT_TRUE(write_checkpoint(*store_, buffers).ok());
    return *store_->open_newest();
  }
  // Flips a byte in the middle of every pack, past what a reader holds open.
  void damage_packs() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "store/packs")) {
      const int file = ::open(entry.path().c_str(), O_RDWR);
      char byte = 0;
      const off_t at = static_cast<off_t>(entry.file_size() / 2);
      ASSERT_EQ(::pread(file, &byte, 1, at), 1);
      byte = static_cast<char>(byte ^ 1);
      ASSERT_EQ(::pwrite(file, &byte, 1, at), 1);
      ::close(file);
    }
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(ReaderTest, AMappingIsPrivateAndOutlivesEverything) {
  const auto bytes = random_bytes(3 * kChunkBytes + 100, 1);
  auto reader = write({bytes});
  auto mapped = reader->map_blob(reader->blobs()[0]);
  ELASTIC_ASSERT_OK(mapped);
  mapped->data()[5] ^= std::byte{1};
  auto again = reader->map_blob(reader->blobs()[0]);
  EXPECT_TRUE(same_bytes(again->bytes(), bytes)) << "writing to one mapping must not reach the file";
  reader.reset();
  store_.reset();
  std::filesystem::remove_all(directory_ / "store");
  EXPECT_TRUE(same_bytes(again->bytes(), bytes));
}

TEST_F(ReaderTest, OutlivesItsStore) {
  const auto bytes = random_bytes(3 * kChunkBytes + 100, 1);
  auto reader = write({bytes});
  store_.reset();
  auto read = reader->read_blob(reader->blobs()[0]);
  ELASTIC_ASSERT_OK(read);
  EXPECT_TRUE(same_bytes(read->bytes(), bytes));
}

TEST_F(ReaderTest, ZerosCostNothing) {
  auto report = write_checkpoint(*store_, {std::vector<std::byte>(50 * kChunkBytes)});
  ELASTIC_ASSERT_OK(report);
  EXPECT_LT(report->bytes_written, 10000U);
  auto reader = *store_->open_newest();
  for (const bool map : {false, true}) {
    auto region = map ? reader->map_blob(reader->blobs()[0]) : reader->read_blob(reader->blobs()[0]);
    ELASTIC_ASSERT_OK(region);
    const ConstBytes bytes = region->bytes();
    EXPECT_TRUE(all_zero(std::span(&bytes, 1)));
  }
}

TEST_F(ReaderTest, ABufferInManyPiecesIsMappedAllTheSame) {
  auto bytes = random_bytes(30 * kChunkBytes, 1);
  for (std::size_t i = 0; i < 30; i += 2) {
    bytes[i * kChunkBytes] ^= std::byte{1};
    ASSERT_TRUE(write_checkpoint(*store_, {bytes}).ok());
  }
  auto reader = write({bytes});
  auto mapped = reader->map_blob(reader->blobs()[0]);
  ELASTIC_ASSERT_OK(mapped);
  EXPECT_TRUE(mapped->is_unverified());
  EXPECT_TRUE(same_bytes(mapped->bytes(), bytes));
}

TEST_F(ReaderTest, TheSameChunkManyTimesIsStoredOnce) {
  const auto chunk = random_bytes(kChunkBytes, 1);
  std::vector<std::byte> bytes;
  for (int i = 0; i < 10; ++i) bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  auto report = write_checkpoint(*store_, {bytes});
  ELASTIC_ASSERT_OK(report);
  EXPECT_LT(report->bytes_written, 2 * kChunkBytes);
  auto reader = *store_->open_newest();
  EXPECT_TRUE(same_bytes(reader->map_blob(reader->blobs()[0])->bytes(), bytes));
}

TEST_F(ReaderTest, DamageIsFoundByReadingAndByVerifyingAndNotByMapping) {
  auto reader = write({random_bytes(8 * kChunkBytes, 1)});
  damage_packs();
  const BlobRef blob = reader->blobs()[0];
  auto mapped = reader->map_blob(blob);
  ELASTIC_ASSERT_OK(mapped);
  EXPECT_TRUE(mapped->is_unverified());
  EXPECT_EQ(reader->read_blob(blob).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(reader->verify_all().error().code(), ErrorCode::kCorruption);
  BackgroundVerifier verifier(reader, {blob});
  const auto failures = verifier.wait();
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].index, 0U);
  EXPECT_TRUE(verifier.done());
}

TEST_F(ReaderTest, ThePackOfAMappedBufferCutShortIsAnErrorAndNotASignal) {
  auto reader = write({random_bytes(8 * kChunkBytes, 1)});
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / "store/packs")) {
    std::filesystem::resize_file(entry.path(), 2 * kChunkBytes);
  }
  EXPECT_EQ(reader->map_blob(reader->blobs()[0]).error().code(), ErrorCode::kCorruption);
}

TEST_F(ReaderTest, VerifiesInTheBackgroundAndLetsGo) {
  std::vector<std::vector<std::byte>> buffers;
  for (std::uint64_t i = 0; i < 5; ++i) buffers.push_back(random_bytes(2 * kChunkBytes, i));
  std::shared_ptr<CheckpointReader> reader = write(buffers);
  const std::vector<BlobRef> blobs(reader->blobs().begin(), reader->blobs().end());
  BackgroundVerifier verifier(std::move(reader), blobs);
  EXPECT_TRUE(verifier.wait().empty());
  EXPECT_EQ(verifier.bytes_done(), 10 * kChunkBytes);
  EXPECT_NE(*store_->backend().try_lease(LockMode::kExclusive), nullptr) << "the reader is gone";
  BackgroundVerifier stopped(*store_->open_newest(), blobs);  // destroyed at once
}

TEST_F(ReaderTest, CompressedBlobsComeBack) {
  StoreOptions options;
  options.link_bytes_per_s = 1'000'000;
  auto store = *open_store(system_files(), directory_ / "slow", options);
  std::vector<std::byte> bytes(3 * kChunkBytes + 5);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / 1000);
  for (const BlobKind kind : {BlobKind::kBuffer, BlobKind::kPickle}) {
    auto report = write_checkpoint(*store, {bytes}, "{}", kind);
    ELASTIC_ASSERT_OK(report);
    EXPECT_LT(report->bytes_written, bytes.size() / 4);
    auto reader = *store->open_newest();
    auto mapped = reader->map_blob(reader->blobs()[0]);
    ELASTIC_ASSERT_OK(mapped);
    EXPECT_TRUE(same_bytes(mapped->bytes(), bytes));
    EXPECT_FALSE(mapped->is_unverified()) << "what is decompressed is checked";
    ELASTIC_EXPECT_OK(reader->verify_all());
  }
}

}  // namespace
}  // namespace elastic::store
