#include "store_testing.hpp"
#include "support/backend_conformance.hpp"
#include "support/memory_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::BackendConformance;
using testing::BackendFixture;
using testing::MemoryFileSystem;
using testing::TemporaryDirectory;

BackendFixture on_disk() {
  auto directory = std::make_shared<TemporaryDirectory>();
  auto backend = local_backend(system_files(), *directory / "store");
  auto again = local_backend(system_files(), *directory / "store");
  return {std::move(directory), std::move(backend), std::move(again)};
}

BackendFixture in_memory() {
  auto files = std::make_shared<MemoryFileSystem>();
  auto backend = local_backend(*files, "/a/b/store");
  auto again = local_backend(*files, "/a/b/store");
  return {std::move(files), std::move(backend), std::move(again)};
}

}  // namespace
}  // namespace elastic::store

namespace elastic::testing {
INSTANTIATE_TEST_SUITE_P(OnDisk, BackendConformance, ::testing::Values(store::on_disk));
INSTANTIATE_TEST_SUITE_P(InMemory, BackendConformance, ::testing::Values(store::in_memory));
}  // namespace elastic::testing

namespace elastic::store {
namespace {

TEST(LocalBackendTest, FilesAreTheOwnersOnly) {
  const TemporaryDirectory directory;
  ELASTIC_ASSERT_OK(
      write_checkpoint(**open_store(system_files(), directory / "store"), {random_bytes(100, 1)}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "store")) {
    const auto allowed = entry.is_directory()
                             ? std::filesystem::perms::owner_all
                             : std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
    EXPECT_EQ(entry.status().permissions(), allowed) << entry.path();
  }
  EXPECT_EQ(std::filesystem::status(directory / "store").permissions(), std::filesystem::perms::owner_all);
}

TEST(LocalBackendTest, NothingIsVisibleBeforeItIsDurable) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.make_directory("/s").ok());
  auto backend = local_backend(files, "/s/store");
  ASSERT_TRUE(backend->prepare().ok());
  const ObjectName name{ObjectClass::kPack, 1, 2};
  auto writer = backend->create(name);
  ELASTIC_ASSERT_OK(writer);
  const ConstBytes part = as_bytes("abc");
  ASSERT_TRUE((*writer)->append(std::span(&part, 1)).ok());
  files.arm(testing::FaultKind::kInputOutputError, 1);  // the sync
  EXPECT_FALSE((*writer)->publish().ok());
  EXPECT_EQ(backend->open(name).error().code(), ErrorCode::kNotFound) << "an unsynced file was renamed";
}

TEST(LocalBackendTest, ADeadWritersStatusAndStrangeFilesAreNoWriters) {
  MemoryFileSystem files;
  auto backend = local_backend(files, "/store");
  ASSERT_TRUE(backend->prepare().ok());
  files.set_contents("/store/writers/x.json", random_bytes(100, 1));
  files.set_contents("/store/writers/y.json", {});
  EXPECT_TRUE(backend->writers()->empty());
  files.set_contents("/store/packs/notes.txt", {});
  files.set_contents("/store/packs/0123456789abcdef0123456789ABCDEF.pack", {});
  EXPECT_TRUE(backend->list(ObjectClass::kPack)->empty());
}

}  // namespace
}  // namespace elastic::store
