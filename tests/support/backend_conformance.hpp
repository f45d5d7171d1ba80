// What every Backend must do (include/elastic/store/backend.hpp), as tests. An implementation's test file
// includes this and instantiates the suite with a way to make an empty backend:
//
//   INSTANTIATE_TEST_SUITE_P(Mine, BackendConformance, ::testing::Values([] { return ...; }));
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "elastic/store/backend.hpp"

namespace elastic::testing {

// The backend and whatever must live as long as it does; a second backend on the same place is `again`.
struct BackendFixture {
  std::shared_ptr<void> surroundings;
  std::unique_ptr<store::Backend> backend;
  std::unique_ptr<store::Backend> again;
};

class BackendConformance : public ::testing::TestWithParam<std::function<BackendFixture()>> {
 protected:
  void SetUp() override {
    fixture_ = GetParam()();
    ASSERT_TRUE(fixture_.backend->prepare().ok());
  }
  store::Backend& backend() { return *fixture_.backend; }

  static store::ObjectName pack(std::uint64_t id) { return {store::ObjectClass::kPack, 7, id}; }
  static Result<> write(store::Backend& backend, const store::ObjectName& name, std::string_view text) {
    ELASTIC_ASSIGN(const auto writer, backend.create(name));
    const store::ConstBytes parts[] = {store::as_bytes(text.substr(0, text.size() / 2)),
                                       store::as_bytes(text.substr(text.size() / 2))};
    ELASTIC_TRY(writer->append(parts));
    return writer->publish();
  }
  static Result<std::string> read(store::Backend& backend, const store::ObjectName& name) {
    ELASTIC_ASSIGN(const auto reader, backend.open(name));
    std::string text(reader->size_bytes(), '?');
    ELASTIC_TRY(reader->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
    return text;
  }

  BackendFixture fixture_;
};

TEST_P(BackendConformance, AnObjectAppearsWithPublishAndNotBefore) {
  auto writer = backend().create(pack(1));
  ASSERT_TRUE(writer.ok());
  const store::ConstBytes part = store::as_bytes("abc");
  ASSERT_TRUE((*writer)->append(std::span(&part, 1)).ok());
  EXPECT_EQ(backend().open(pack(1)).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(backend().list(store::ObjectClass::kPack)->empty());
  ASSERT_TRUE((*writer)->publish().ok());
  EXPECT_EQ(*read(*fixture_.again, pack(1)), "abc");
  const auto listed = fixture_.again->list(store::ObjectClass::kPack);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().name, pack(1));
  EXPECT_EQ(listed->front().size_bytes, 3U);
  EXPECT_TRUE(backend().sync_names(store::ObjectClass::kPack).ok());
}

TEST_P(BackendConformance, AnAbandonedObjectLeavesNothing) {
  {
    auto writer = backend().create(pack(1));
    ASSERT_TRUE(writer.ok());
    const store::ConstBytes part = store::as_bytes("abc");
    ASSERT_TRUE((*writer)->append(std::span(&part, 1)).ok());
  }
  EXPECT_TRUE(backend().list(store::ObjectClass::kPack)->empty());
  EXPECT_EQ(*backend().remove_leftovers(), 0U);
}

TEST_P(BackendConformance, GapsAreZeros) {
  auto writer = backend().create(pack(1));
  ASSERT_TRUE(writer.ok());
  const store::ConstBytes part = store::as_bytes("x");
  ASSERT_TRUE((*writer)->append(std::span(&part, 1)).ok());
  ASSERT_TRUE((*writer)->append_zeros(70000).ok());
  ASSERT_TRUE((*writer)->append(std::span(&part, 1)).ok());
  ASSERT_TRUE((*writer)->publish().ok());
  EXPECT_EQ(*read(backend(), pack(1)), "x" + std::string(70000, '\0') + "x");
}

TEST_P(BackendConformance, ReadsAreExactOrErrors) {
  ASSERT_TRUE(write(backend(), pack(1), "0123456789").ok());
  const auto reader = backend().open(pack(1));
  ASSERT_TRUE(reader.ok());
  std::byte two[2];
  ASSERT_TRUE((*reader)->read_at(8, two).ok());
  EXPECT_EQ(store::as_text(two), "89");
  EXPECT_FALSE((*reader)->read_at(9, two).ok());
  EXPECT_FALSE((*reader)->read_at(1000, two).ok());
}

TEST_P(BackendConformance, ClassesAndNamesDoNotMix) {
  const store::ObjectName manifest{store::ObjectClass::kManifest, 7, 1};
  const store::ObjectName format{store::ObjectClass::kFormat};
  ASSERT_TRUE(write(backend(), manifest, "manifest").ok());
  ASSERT_TRUE(write(backend(), pack(1), "pack").ok());
  ASSERT_TRUE(write(backend(), format, "format").ok());
  EXPECT_EQ(*read(backend(), manifest), "manifest");
  EXPECT_EQ(*read(backend(), pack(1)), "pack");
  EXPECT_EQ(*read(backend(), format), "format");
  EXPECT_EQ(backend().list(store::ObjectClass::kManifest)->size(), 1U);
  ASSERT_TRUE(backend().remove(manifest).ok());
  EXPECT_TRUE(backend().list(store::ObjectClass::kManifest)->empty());
  EXPECT_EQ(*read(backend(), pack(1)), "pack");
}

TEST_P(BackendConformance, RecordsOfDamageAreListedWithThePacks) {
  const store::ObjectName record{store::ObjectClass::kDamage, 7, 2};
  ASSERT_TRUE(write(backend(), record, "record").ok());
  ASSERT_TRUE(write(backend(), pack(1), "pack").ok());
  auto listed = *backend().list(store::ObjectClass::kPack);
  std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, pack(1));
  EXPECT_EQ(listed[1].name, record);
}

TEST_P(BackendConformance, WhatIsReadWhileItIsRemovedIsRightOrAnError) {
  ASSERT_TRUE(write(backend(), pack(1), "0123456789").ok());
  const auto reader = backend().open(pack(1));
  ASSERT_TRUE(fixture_.again->remove(pack(1)).ok());
  std::byte bytes[10];
  EXPECT_TRUE(!(*reader)->read_at(0, bytes).ok() || store::as_text(bytes) == "0123456789");
}

TEST_P(BackendConformance, LeasesExclude) {
  auto shared = backend().try_lease(store::LockMode::kShared);
  ASSERT_TRUE(shared.ok() && *shared != nullptr);
  EXPECT_NE(*fixture_.again->try_lease(store::LockMode::kShared), nullptr);
  EXPECT_EQ(*fixture_.again->try_lease(store::LockMode::kExclusive), nullptr);
  shared->reset();
  const auto exclusive = fixture_.again->try_lease(store::LockMode::kExclusive);
  EXPECT_NE(*exclusive, nullptr);
  EXPECT_EQ(*backend().try_lease(store::LockMode::kShared), nullptr);
}

TEST_P(BackendConformance, AWriterIsSeenWhileItLives) {
  store::WriterStatus status;
  status.pid = 12;
  status.label = "a \"label\"\n";
  {
    auto lease = backend().announce(status);
    ASSERT_TRUE(lease.ok());
    status.bytes_done = 99;
    ASSERT_TRUE((*lease)->update(status).ok());
    status.bytes_done = 7;  // shorter than before
    ASSERT_TRUE((*lease)->update(status).ok());
    const auto seen = fixture_.again->writers();
    ASSERT_EQ(seen->size(), 1U);
    EXPECT_EQ(seen->front().pid, 12U);
    EXPECT_EQ(seen->front().label, status.label);
    EXPECT_EQ(seen->front().bytes_done, 7U);
  }
  EXPECT_TRUE(fixture_.again->writers()->empty());
}

}  // namespace elastic::testing
