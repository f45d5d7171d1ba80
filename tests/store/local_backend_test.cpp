#include <sys/stat.h>

#include <fstream>

#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "store/export_format.hpp"
#include "store/pack_format.hpp"
#include "store/pack_index.hpp"
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

// A store that somebody else made, and what lies elsewhere on the machine.
class HostileStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_store(system_files(), directory_ / "store");
    ASSERT_TRUE(write_checkpoint(*store_, {random_bytes(1000, 1)}).ok());
  }
  std::string put(const std::string& below) {
    std::filesystem::create_directories(std::filesystem::path(directory_ / below).parent_path());
    std::ofstream(directory_ / below) << "mine";
    return directory_ / below;
  }
  // `name` of the store leads to a directory outside, and no more.
  void lead_out(const std::string& name) {
    std::filesystem::rename(directory_ / ("store/" + name), directory_ / "kept");
    std::filesystem::create_directory_symlink(directory_ / "elsewhere", directory_ / ("store/" + name));
  }
  void lead_back(const std::string& name) {
    std::filesystem::remove(directory_ / ("store/" + name));
    std::filesystem::rename(directory_ / "kept", directory_ / ("store/" + name));
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(HostileStoreTest, NothingIsRemovedOrWrittenThroughALink) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  const std::vector<std::string> files = {put("elsewhere/thesis.txt"), put("elsewhere/" + id),
                                          put("elsewhere/" + id + ".json"), put("elsewhere/" + id + ".pack"),
                                          put("elsewhere/0123456789abcdef-0123456789abcdef.manifest")};
  for (const std::string name : {"temp", "writers", "packs", "manifests"}) {
    lead_out(name);
    RetentionPolicy policy;
    policy.max_age_us = 0;
    EXPECT_FALSE(collect_garbage(*store_, policy).ok()) << name;
    EXPECT_FALSE(write_checkpoint(*store_, {random_bytes(1000, 2)}).ok()) << name;
    EXPECT_FALSE(store_->remove({0x0123456789abcdef, 0x0123456789abcdef}).ok()) << name;
    for (const std::string& file : files) EXPECT_TRUE(std::filesystem::exists(file)) << name << " " << file;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_ / "elsewhere"), {}), 5) << name;
    lead_back(name);
  }
}

TEST_F(HostileStoreTest, ALockThatLeadsOutMakesNoFileThere) {
  std::filesystem::remove(directory_ / "store/store.lock");
  std::filesystem::create_symlink(directory_ / "new", directory_ / "store/store.lock");
  EXPECT_TRUE(store_->open_newest().ok());
  EXPECT_FALSE(collect_garbage(*store_, {}).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "new"));
}

TEST_F(HostileStoreTest, OnlyWhatIsNamedLikeALeftoverIsRemoved) {
  const std::string mine = put("store/temp/thesis.txt"), too = put("store/writers/notes.json");
  std::filesystem::create_directory(directory_ / "store/temp/0123456789abcdef0123456789abcdef");
  const std::string leftover = put("store/temp/1123456789abcdef0123456789abcdef");
  ELASTIC_EXPECT_OK(collect_garbage(*store_, {}));
  EXPECT_TRUE(std::filesystem::exists(mine) && std::filesystem::exists(too));
  EXPECT_FALSE(std::filesystem::exists(leftover));
}

TEST_F(HostileStoreTest, APipeInThePlaceOfAFileIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((directory_ / "store/writers/x.json").c_str(), 0600), 0);
  EXPECT_TRUE(store_->writers()->empty());
  std::filesystem::remove(directory_ / "store/elastic-store.json");
  ASSERT_EQ(::mkfifo((directory_ / "store/elastic-store.json").c_str(), 0600), 0);
  EXPECT_FALSE(open_store(system_files(), directory_ / "store").ok());
  ASSERT_EQ(::mkfifo((directory_ / "file").c_str(), 0600), 0);
  EXPECT_FALSE(open_export_file(system_files(), directory_ / "file", test_key()).ok());
}

// A short file that says it is long is refused before there is memory for what it says.
TEST_F(HostileStoreTest, AFileOfHolesTakesNoMemory) {
  constexpr std::uint64_t kSaidBytes = 900 << 20;
  const auto make = [&](const std::string& path, ConstBytes beginning, std::uint64_t said, ConstBytes end) {
    std::ofstream(path, std::ios::binary) << as_text(beginning);
    std::filesystem::resize_file(path, said - end.size());
    std::ofstream(path, std::ios::binary | std::ios::app) << as_text(end);
  };
  const auto expect_hole = [](const std::optional<Error>& error) {
    ASSERT_TRUE(error);
    EXPECT_NE(error->message().find("a hole"), std::string::npos) << error->message();
  };
  const std::string whole = directory_ / ("store/" + (*store_->list())[0].name.object().to_path());
  const auto manifest = *read_file(system_files(), whole, 1 << 20);
  make(whole, manifest, kSaidBytes, {});
  if (!(*system_files().open(whole, OpenMode::kRead))->has_hole(0, kSaidBytes))
    GTEST_SKIP() << "this file system does not tell";
  expect_hole((*store_->list())[0].damage);
  make(whole, manifest, manifest.size(), {});

  const auto layout = ExportLayout::of(kSaidBytes, 4096);
  make(directory_ / "handed", encode_export_header(layout), layout.file_bytes(), {});
  expect_hole(open_export_file(system_files(), directory_ / "handed", test_key()).error());

  const ObjectName name{ObjectClass::kPack, 1, 2};
  const std::vector<std::byte> end = encode_pack_end(std::vector<PackEntry>(400000), kPackHeaderBytes);
  make(directory_ / ("store/" + name.to_path()), encode_pack_header(name), kPackHeaderBytes + end.size(),
       ConstBytes(end).last(kPackFooterBytes));
  const auto index = *store_->index();
  const auto& packs = index->packs();
  const auto hostile =
      std::find_if(packs.begin(), packs.end(), [&](auto& pack) { return pack->name == name; });
  ASSERT_NE(hostile, packs.end());
  expect_hole((*hostile)->damage);
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
