#include "pyobj/walk/page_watch.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace elastic::pyobj::walk {
namespace {

constexpr std::size_t kCount = 1024;

TEST(Pages, InsideAndAround) {
  EXPECT_EQ(pages_inside({0x1001, 0x4fff}), (Pages{0x2000, 0x4000}));
  EXPECT_EQ(pages_around({0x1001, 0x4fff}), (Pages{0x1000, 0x5000}));
  EXPECT_EQ(pages_inside({0x1000, 0x3000}), (Pages{0x1000, 0x3000}));
  EXPECT_TRUE(pages_inside({0x1001, 0x1fff}).empty());
}

class PageWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!watch_.works()) GTEST_SKIP() << "this kernel does not offer PAGEMAP_SCAN";
    map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  }
  void map(int flags, int fd) {
    data_ = static_cast<char*>(mmap(nullptr, kCount * kPageSizeBytes, PROT_READ | PROT_WRITE, flags, fd, 0));
    ASSERT_NE(data_, MAP_FAILED);
  }
  void TearDown() override {
    if (data_) munmap(data_, kCount * kPageSizeBytes);
  }
  Pages pages(std::size_t first = 0, std::size_t count = kCount) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(data_) + first * kPageSizeBytes;
    return {begin, begin + count * kPageSizeBytes};
  }
  std::vector<Pages> written() {
    std::vector<Pages> found;
    watch_.append_written(pages(), found);
    return found;
  }

  PageWatch watch_;
  char* data_ = nullptr;
};

TEST_F(PageWatchTest, WhatIsNotProtectedCountsAsWritten) {
  EXPECT_EQ(written(), std::vector{pages()});
  ASSERT_TRUE(watch_.enlist(pages()));
  EXPECT_EQ(written(), std::vector{pages()});
  ASSERT_TRUE(watch_.protect(pages()));
  EXPECT_EQ(written(), std::vector<Pages>{});
  watch_.release(pages());
  EXPECT_EQ(written(), std::vector{pages()});
}

TEST_F(PageWatchTest, MoreSpansThanOneScanReturns) {
  ASSERT_TRUE(watch_.enlist(pages()) && watch_.protect(pages()));
  std::vector<Pages> expected;
  for (std::size_t page = 1; page < kCount; page += 3) {
    data_[page * kPageSizeBytes] = 1;
    expected.push_back(pages(page, 1));
  }
  EXPECT_EQ(written(), expected);
  for (const Pages& span : expected) EXPECT_TRUE(watch_.protect(span));
  EXPECT_EQ(written(), std::vector<Pages>{});
}

TEST_F(PageWatchTest, PagesGivenBackCountAsWritten) {
  for (std::size_t page = 0; page < kCount; ++page) data_[page * kPageSizeBytes] = 1;
  ASSERT_TRUE(watch_.enlist(pages()) && watch_.protect(pages()));
  ASSERT_EQ(madvise(data_, kCount / 2 * kPageSizeBytes, MADV_DONTNEED), 0);
  EXPECT_EQ(written(), std::vector{pages(0, kCount / 2)});
}

TEST_F(PageWatchTest, FilesAndSharedMemoryAreNotTaken) {
  munmap(data_, kCount * kPageSizeBytes);
  map(MAP_SHARED | MAP_ANONYMOUS, -1);
  EXPECT_FALSE(watch_.enlist(pages()));
  munmap(data_, kCount * kPageSizeBytes);
  std::FILE* file = std::tmpfile();
  ASSERT_EQ(ftruncate(fileno(file), kCount * kPageSizeBytes), 0);
  map(MAP_PRIVATE, fileno(file));
  EXPECT_FALSE(watch_.enlist(pages()));
  for (std::size_t page = 0; page < kCount; ++page) data_[page * kPageSizeBytes] = 1;
  EXPECT_TRUE(watch_.enlist(pages())) << "copied on write, every page is private";
  std::fclose(file);
}

TEST_F(PageWatchTest, AnotherWatchersMemoryIsNotTaken) {
  PageWatch other;
  ASSERT_TRUE(other.enlist(pages()));
  EXPECT_FALSE(watch_.enlist(pages()));
}

TEST_F(PageWatchTest, DoesNotWorkInAChild) {
  const pid_t child = fork();
  if (child == 0) _exit(watch_.works() ? 1 : 0);
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(watch_.works());
}

}  // namespace
}  // namespace elastic::pyobj::walk
