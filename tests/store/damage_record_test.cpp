#include "store/damage_record.hpp"

#include <algorithm>

#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "elastic/store/presence.hpp"
#include "store/pack_format.hpp"
#include "store/pack_index.hpp"
#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

TEST(DamageRecordTest, ComesBackAndNothingElseIsTaken) {
  const std::vector<DamagedFrame> frames = {{{ObjectClass::kPack, 1, 2}, {{std::byte{3}}}},
                                            {{ObjectClass::kPack, 4, 5}, {{std::byte{6}}}}};
  const auto whole = encode_damage(frames);
  EXPECT_EQ(*decode_damage(whole), frames);
  EXPECT_TRUE(decode_damage(encode_damage({}))->empty());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_damage(ConstBytes(whole).first(size)).ok()) << size;
  auto longer = whole;
  longer.push_back({});
  EXPECT_FALSE(decode_damage(longer).ok());
  auto huge = whole;
  std::fill_n(huge.begin() + 16, 8, std::byte{0xff});
  EXPECT_FALSE(decode_damage(huge).ok());
  auto newer = whole;
  newer[10] = std::byte{9};
  EXPECT_EQ(decode_damage(newer).error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(damage_name(whole), damage_name(encode_damage(frames)));
  EXPECT_NE(damage_name(whole), damage_name(encode_damage({})));
}

class DamageTest : public ::testing::Test {
 protected:
  void SetUp() override { store_ = *open_store(files_, "/store"); }

  // In the pack in which `bytes` lie.
  void damage(ConstBytes bytes) {
    for (const std::string& path : files_.all_files()) {
      auto pack = files_.contents(path);
      const auto at = std::search(pack.begin(), pack.end(), bytes.begin(), bytes.end());
      if (!path.ends_with(".pack") || at == pack.end()) continue;
      at[static_cast<std::ptrdiff_t>(bytes.size() / 2)] ^= std::byte{1};
      return files_.set_contents(path, std::move(pack));
    }
    FAIL() << "it is in no pack";
  }
  std::size_t record_count() {
    const auto listed = *store_->backend().list(ObjectClass::kPack);
    return static_cast<std::size_t>(std::count_if(listed.begin(), listed.end(), [](const ObjectInfo& info) {
      return info.name.object_class == ObjectClass::kDamage;
    }));
  }
  Result<> verify_newest() { return (*store_->open_newest())->verify_all(); }

  testing::MemoryFileSystem files_;
  std::unique_ptr<Store> store_;
  const std::vector<std::byte> large_ = random_bytes(8 * kChunkBytes, 1), small_ = random_bytes(1000, 2);
};

TEST_F(DamageTest, WhatAVerificationFindsIsWrittenAnewByTheNextCheckpointOfAnyProcess) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_, small_}));
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{6}})
    damage(ConstBytes(large_).subspan(chunk * kChunkBytes, 1000));
  damage(small_);
  const CheckpointName old = (*store_->list()).front().name;
  EXPECT_EQ(verify_newest().error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(record_count(), 1U);
  EXPECT_EQ(verify_newest().error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(record_count(), 1U) << "what is on record is not put there again";

  store_ = *open_store(files_, "/store");
  const auto report = write_checkpoint(*store_, {large_, small_});
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 4U);
  ELASTIC_EXPECT_OK(verify_newest());
  ELASTIC_EXPECT_OK((*store_->open_checkpoint(old.to_string()))->verify_all());
  EXPECT_EQ(write_checkpoint(*store_, {large_, small_})->chunks_written, 0U);
}

TEST_F(DamageTest, WhatReadingMappingAndTheBackgroundFindIsWrittenAnewToo) {
  for (int way = 0; way < 3; ++way) {
    const auto bytes = random_bytes(4 * kChunkBytes, 10 + static_cast<std::uint64_t>(way));
    ELASTIC_ASSERT_OK(write_checkpoint(*store_, {bytes}));
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{3}})
      damage(ConstBytes(bytes).subspan(chunk * kChunkBytes, 1000));
    std::shared_ptr<CheckpointReader> reader = *store_->open_newest();
    const BlobRef blob = reader->blobs()[0];
    if (way == 0) {
      EXPECT_FALSE(reader->read_blob(blob).ok());
    }
    if (way == 1) {
      EXPECT_FALSE(reader->verify_blob(blob).ok());
      EXPECT_FALSE(reader->map_blob(blob).ok()) << "known to be damaged, and mapped unseen";
    }
    if (way == 2) {
      EXPECT_EQ(BackgroundVerifier(reader, {blob}).wait().size(), 1U);
    }
    const ConstBytes piece = bytes;
    EXPECT_EQ(Presence::open(*store_)->look_up(std::span(&piece, 1), BlobKind::kBuffer).missing_bytes,
              2 * kChunkBytes);
    auto writer = *store_->begin({.label = "", .expected_bytes = 0, .hash_threads = 2, .progress = {}});
    EXPECT_FALSE(writer->keep_blob(blob).ok());
    const KnownBefore unchanged{blob, {}};
    const auto put = writer->put_blob(bytes, BlobKind::kBuffer, &unchanged);
    ELASTIC_ASSERT_OK(put);
    ELASTIC_ASSERT_OK(writer->commit(as_bytes("{}"), std::span(&*put, 1)));
    ELASTIC_EXPECT_OK(verify_newest());
  }
}

TEST_F(DamageTest, AListOfChunksThatAWriterFindsDamagedIsWrittenAnew) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_}));
  const BlobRef blob = (*store_->open_newest())->blobs()[0];
  const auto list =
      encode_chunk_list(*(*store_->index())->read_chunk_list(blob, store_->seed()), blob.algorithm);
  damage(list);
  auto writer = *store_->begin({.label = "", .expected_bytes = 0, .hash_threads = 2, .progress = {}});
  const KnownBefore unchanged{blob, {}};
  const auto put = writer->put_blob(large_, BlobKind::kBuffer, &unchanged);
  ELASTIC_ASSERT_OK(put);
  const auto report = writer->commit(as_bytes("{}"), std::span(&*put, 1));
  ELASTIC_ASSERT_OK(report);
  EXPECT_EQ(report->chunks_written, 1U);
  store_ = *open_store(files_, "/store");
  ELASTIC_EXPECT_OK(verify_newest());
}

TEST_F(DamageTest, AWrongRecordCostsNothingButSpace) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_, small_}));
  const auto index = *store_->index();
  std::vector<DamagedFrame> all;
  for (const auto& pack : index->packs())
    for (const PackEntry& entry : pack->entries) all.push_back({pack->name, entry.digest});
  const auto bytes = encode_damage(all);
  files_.set_contents("/store/" + damage_name(bytes).to_path(), bytes);
  files_.set_contents("/store/packs/00000000000000000000000000000000.damage", small_);
  store_ = *open_store(files_, "/store");
  ELASTIC_EXPECT_OK(verify_newest());
  const auto reader = *store_->open_newest();
  EXPECT_TRUE(same_bytes(reader->map_blob(reader->blobs()[0])->bytes(), large_));
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_, small_}));
  ELASTIC_EXPECT_OK(verify_newest());
}

TEST_F(DamageTest, AStoreOneMayOnlyReadKeepsItInMind) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_}));
  damage(ConstBytes(large_).first(1000));
  files_.set_read_only(true);
  EXPECT_FALSE(verify_newest().ok());
  EXPECT_EQ(record_count(), 0U);
  files_.set_read_only(false);
  EXPECT_EQ(write_checkpoint(*store_, {large_})->chunks_written, 1U) << "the same process";
}

TEST_F(DamageTest, ARecordGoesWithItsPackAndADamagedFrameIsCopiedIntoNoOther) {
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {random_bytes(20 * kChunkBytes, 3), large_, small_}));
  ELASTIC_ASSERT_OK(write_checkpoint(*store_, {large_, small_}));
  damage(small_);
  EXPECT_FALSE(verify_newest().ok());
  const RetentionPolicy newest_only{.keep_newest = 1, .max_age_us = {}, .max_bytes = {}};
  ELASTIC_ASSERT_OK(collect_garbage(*store_, newest_only));
  EXPECT_EQ(record_count(), 1U);
  EXPECT_FALSE(verify_newest().ok());
  EXPECT_EQ(write_checkpoint(*store_, {large_, small_})->chunks_written, 1U) << "still known";
  ELASTIC_ASSERT_OK(collect_garbage(*store_, newest_only));
  ELASTIC_EXPECT_OK(verify_newest());
  EXPECT_EQ(record_count(), 0U) << "its pack was rewritten without the damaged frame";
}

TEST_F(DamageTest, ImportingACheckpointAgainMendsIt) {
  const auto report = write_checkpoint(*store_, {large_});
  ELASTIC_ASSERT_OK(report);
  ELASTIC_ASSERT_OK(export_checkpoint(*store_, report->name, "/file", false));
  damage(ConstBytes(large_).first(1000));
  EXPECT_FALSE(verify_newest().ok());
  EXPECT_EQ(*import_checkpoint(*store_, "/file", false), report->name);
  ELASTIC_EXPECT_OK(verify_newest());
}

}  // namespace
}  // namespace elastic::store
