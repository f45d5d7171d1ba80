#include "elastic/store/writer.hpp"

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using elastic::testing::TemporaryDirectory;

TEST(WriterTest, WhatWasCommittedIsReadBack) {
  const TemporaryDirectory directory;
  auto store = open_store(system_files(), directory / "store");
  ELASTIC_ASSERT_OK(store);
  std::vector<std::vector<std::byte>> buffers = {{},
                                                 random_bytes(7, 1),
                                                 random_bytes(kMappableBytes + 5, 2),
                                                 random_bytes(kChunkBytes, 3),
                                                 random_bytes(5 * kChunkBytes + 12345, 4)};
  for (const BlobKind kind : {BlobKind::kPickle, BlobKind::kBuffer, BlobKind::kHistory}) {
    auto report = write_checkpoint(**store, buffers, R"({"a": 1})", kind);
    ELASTIC_ASSERT_OK(report);
    auto reader = (*store)->open_newest();
    ELASTIC_ASSERT_OK(reader);
    EXPECT_EQ((*reader)->info().name, report->name);
    EXPECT_TRUE((*reader)->trusted());
    EXPECT_EQ(as_text((*reader)->payload()), R"({"a": 1})");
    ASSERT_EQ((*reader)->blobs().size(), buffers.size());
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      auto read = (*reader)->read_blob((*reader)->blobs()[i]);
      ELASTIC_ASSERT_OK(read);
      EXPECT_TRUE(same_bytes(read->bytes(), buffers[i])) << i;
      auto mapped = (*reader)->map_blob((*reader)->blobs()[i]);
      ELASTIC_ASSERT_OK(mapped);
      EXPECT_TRUE(same_bytes(mapped->bytes(), buffers[i])) << i;
      EXPECT_FALSE(read->is_unverified());
      EXPECT_EQ(mapped->is_unverified(), kind == BlobKind::kBuffer && buffers[i].size() >= kMappableBytes);
    }
    ELASTIC_EXPECT_OK((*reader)->verify_all());
  }
}

TEST(WriterTest, ASmallChangeInABigBufferWritesLittle) {
  const TemporaryDirectory directory;
  auto store = open_store(system_files(), directory / "store");
  ELASTIC_ASSERT_OK(store);
  std::vector<std::vector<std::byte>> buffers = {random_bytes(40 * kChunkBytes, 1)};
  ELASTIC_ASSERT_OK(write_checkpoint(**store, buffers));
  buffers[0][17 * kChunkBytes + 99] ^= std::byte{1};
  auto second = write_checkpoint(**store, buffers);
  ELASTIC_ASSERT_OK(second);
  EXPECT_EQ(second->chunks_written, 2U);  // the chunk and the list
  EXPECT_LT(second->bytes_written, kChunkBytes + 10000);
  auto reader = (*store)->open_newest();
  ELASTIC_ASSERT_OK(reader);
  auto mapped = (*reader)->map_blob((*reader)->blobs()[0]);
  ELASTIC_ASSERT_OK(mapped);
  EXPECT_TRUE(same_bytes(mapped->bytes(), buffers[0]));
}

// A checkpoint of one buffer, given what is known of a former one.
Result<CommitReport> write_known(Store& store, ConstBytes bytes, const BlobRef& former,
                                 std::span<const ByteRange> changed) {
  ELASTIC_ASSIGN(const auto writer,
                 store.begin({.label = "notebook", .expected_bytes = 0, .hash_threads = 2, .progress = {}}));
  const KnownBefore before{former, changed};
  ELASTIC_ASSIGN(const BlobRef blob, writer->put_blob(bytes, BlobKind::kBuffer, &before));
  return writer->commit(as_bytes("{}"), std::span(&blob, 1));
}

class KnownBeforeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_store(files_, "/store");
    ELASTIC_ASSERT_OK(write_checkpoint(*store_, {bytes_}));
    former_ = (*store_->open_newest())->blobs()[0];
  }
  void expect_newest_is_bytes() {
    auto reader = *store_->open_newest();
    auto read = reader->read_blob(reader->blobs()[0]);
    ELASTIC_ASSERT_OK(read);
    EXPECT_TRUE(same_bytes(read->bytes(), bytes_));
  }

  testing::MemoryFileSystem files_;
  std::unique_ptr<Store> store_;
  std::vector<std::byte> bytes_ = random_bytes(9 * kChunkBytes + 5, 1);
  BlobRef former_;
};

TEST_F(KnownBeforeTest, OnlyChunksThatAChangeTouchesAreLookedAt) {
  // Ranges across a border, empty, touching, at the end: each changed byte is inside one.
  const ByteRange changed[] = {{kChunkBytes - 1, 2},
                               {3 * kChunkBytes, 0},
                               {5 * kChunkBytes + 7, 1},
                               {5 * kChunkBytes + 8, 1},
                               {9 * kChunkBytes + 4, 1}};
  for (const ByteRange range : changed) {
    for (std::uint64_t i = 0; i < range.length; ++i) bytes_[range.offset + i] ^= std::byte{1};
  }
  const auto report = write_known(*store_, bytes_, former_, changed);
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 4U + 1U);  // chunks 0, 1, 5 and 9, and the list
  expect_newest_is_bytes();
}

TEST_F(KnownBeforeTest, NothingChangedWritesNothing) {
  const auto report = write_known(*store_, bytes_, former_, {});
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 0U);
  expect_newest_is_bytes();
}

TEST_F(KnownBeforeTest, IsIgnoredWhereItDoesNotFit) {
  bytes_.resize(bytes_.size() + 1);  // another size
  ELASTIC_ASSERT_OK(write_known(*store_, bytes_, former_, {}));
  expect_newest_is_bytes();
  BlobRef unknown = former_;
  unknown.digest.bytes[0] ^= std::byte{1};
  unknown.size_bytes = bytes_.size();
  bytes_[3] ^= std::byte{1};
  ELASTIC_ASSERT_OK(write_known(*store_, bytes_, unknown, {}));
  expect_newest_is_bytes();
}

TEST_F(KnownBeforeTest, ABlobThatIsKeptReadsNoDataAndOneThatIsGoneSaysSo) {
  auto writer = *store_->begin({.label = "notebook", .expected_bytes = 0, .hash_threads = 2, .progress = {}});
  ELASTIC_ASSERT_OK(writer->keep_blob(former_));
  BlobRef unknown = former_;
  unknown.digest.bytes[0] ^= std::byte{1};
  EXPECT_EQ(writer->keep_blob(unknown).error().code(), ErrorCode::kNotFound);
  const auto report = writer->commit(as_bytes("{}"), std::span(&former_, 1));
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 0U);
  EXPECT_EQ(report->bytes_total, bytes_.size());
  expect_newest_is_bytes();
}

TEST_F(KnownBeforeTest, AnInterruptedCheckpointLeavesTheOneBeforeAndNoFiles) {
  const auto files_before = files_.all_files();
  int asked = 0;
  WriterOptions options;
  options.expected_bytes = 20 * kChunkBytes;
  options.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.bytes_total, 20 * kChunkBytes);
    EXPECT_GT(progress.bytes_done, 0U);
    return ++asked < 2;
  };
  {
    auto writer = *store_->begin(options);
    const auto other = random_bytes(20 * kChunkBytes, 2);
    EXPECT_EQ(writer->put_blob(other, BlobKind::kBuffer).error().code(), ErrorCode::kCancelled);
    EXPECT_FALSE(writer->put_blob(other, BlobKind::kBuffer).ok()) << "it is over";
    EXPECT_FALSE(writer->commit(as_bytes("{}"), {}).ok());
  }
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(files_.all_files(), files_before);
  expect_newest_is_bytes();
}

TEST(WriterTest, SeveralPartsAreOneBlob) {
  testing::MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  const auto bytes = random_bytes(3 * kChunkBytes + 11, 1);
  const ConstBytes all = bytes;
  const ConstBytes parts[] = {all.first(5), all.subspan(5, 0), all.subspan(5, 2 * kChunkBytes),
                              all.subspan(5 + 2 * kChunkBytes)};
  auto writer = *store->begin({.label = "notebook", .expected_bytes = 0, .hash_threads = 2, .progress = {}});
  const auto from_parts = writer->put_blob(parts, BlobKind::kBuffer);
  const auto from_one = writer->put_blob(all, BlobKind::kBuffer);
  ELASTIC_ASSERT_OK(from_parts);
  ELASTIC_ASSERT_OK(from_one);
  EXPECT_EQ(*from_parts, *from_one);
}

TEST(WriterTest, StrongDigestsAreThoseThatTheStoreWasOpenedWith) {
  testing::MemoryFileSystem files;
  StoreOptions options;
  options.strong_digests = true;
  auto store = *open_store(files, "/store", options);
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {random_bytes(3 * kChunkBytes, 1)}));
  auto reader = *store->open_newest();
  EXPECT_EQ(reader->blobs()[0].algorithm, DigestAlgorithm::kSha256);
  ELASTIC_EXPECT_OK(reader->verify_all());
}

}  // namespace
}  // namespace elastic::store
