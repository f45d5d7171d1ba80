#include "pyobj/walk/hashed_memory.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

namespace elastic::pyobj::walk {
namespace {

constexpr std::size_t kMb = std::size_t{1} << 20;

class HashedMemoryTest : public testing::Test {
 protected:
  HashedMemoryTest() : data_(std::make_unique<char[]>(kSize)) { std::memset(data_.get(), 1, kSize); }

  // The tokens in a moment of its own, checked against hashing.
  std::uint64_t hashed(const HashedMemory::Buffer& buffer) {
    const std::uint64_t before = memory_.tracking().hashed_bytes;
    memory_.begin_moment();
    const std::span<const Token> tokens = memory_.tokens(buffer);
    for (std::size_t block = 0; block < tokens.size(); ++block) {
      const std::size_t at = block * buffer.block_size_bytes;
      const std::size_t size = std::min(buffer.block_size_bytes, buffer.size_bytes - at);
      EXPECT_EQ(tokens[block], bytes_token(buffer.data + at, size, buffer.tag)) << "block " << block;
    }
    return memory_.tracking().hashed_bytes - before;
  }
  HashedMemory::Buffer buffer(std::size_t from = 0, std::size_t size = kSize,
                              std::size_t block = 4 * kMb) const {
    return {data_.get() + from, size, block, Tag::kBlock};
  }
  bool watches() { return memory_.tracking().available; }

  static constexpr std::size_t kSize = 18 * kMb + 5;
  std::unique_ptr<char[]> data_;
  HashedMemory memory_;
};

TEST_F(HashedMemoryTest, HashesOnceWhatIsNotWritten) {
  EXPECT_EQ(hashed(buffer()), kSize);
  EXPECT_EQ(hashed(buffer()), watches() ? 0 : kSize);
  EXPECT_EQ(memory_.known_bytes(data_.get(), kSize), watches() ? kSize : 0);
}

TEST_F(HashedMemoryTest, GoesOnBehindTheDeadlineWhereItStopped) {
  const Deadline passed(std::chrono::steady_clock::now());
  const auto ahead = [&](const Deadline& at_once) {
    memory_.begin_moment();
    return memory_.hash_ahead(buffer(), passed, at_once);
  };
  if (watches()) {
    ahead(passed);  // a block at least, and for as long as the looking took
    data_[0] = 2;
    int turns = 1;
    for (; !ahead(passed); ++turns) ASSERT_LT(turns, 6);
    EXPECT_EQ(hashed(buffer()), 0U);
  } else {
    EXPECT_FALSE(ahead(passed));
    EXPECT_TRUE(ahead({}));
  }
  hashed(buffer());
}

TEST_F(HashedMemoryTest, LooksThatStopDoNotCountAsRewrites) {
  if (!watches()) GTEST_SKIP();
  const Deadline passed(std::chrono::steady_clock::now());
  for (int look = 0; look < 4; ++look) {
    memory_.begin_moment();
    memory_.hash_ahead(buffer(), passed, passed);
  }
  hashed(buffer());
  EXPECT_EQ(hashed(buffer()), 0U);  // watched still
}

TEST_F(HashedMemoryTest, MarksAreOthersOnceABlockMayHoldSomethingElse) {
  const auto marks = [&] {
    memory_.begin_moment();
    const std::span<const std::uint64_t> all = memory_.marks(buffer());
    return std::vector<std::uint64_t>(all.begin(), all.end());
  };
  {
    const HashedMemory::Answering walk(memory_, MemoryLook::kSeal);
    const std::uint64_t before = memory_.tracking().hashed_bytes;
    marks();
    EXPECT_EQ(memory_.tracking().hashed_bytes - before, watches() ? 0 : kSize);  // sealed
  }
  const auto sealed = marks();
  hashed(buffer());
  EXPECT_EQ(marks(), sealed);
  data_[9 * kMb] = 2;
  const auto written = marks();
  for (std::size_t block = 0; block < sealed.size(); ++block)
    EXPECT_EQ(written[block] == sealed[block], block != 2) << block;
  data_[9 * kMb] = 2;  // as it is
  EXPECT_EQ(marks(), written);
  hashed(buffer());
}

TEST_F(HashedMemoryTest, WhatWasSealedAndWrittenIsAnother) {
  if (!watches()) GTEST_SKIP();
  const HashedMemory::Answering walk(memory_, MemoryLook::kSeal);
  const auto mark = [&] {
    memory_.begin_moment();
    return memory_.marks(buffer())[1];
  };
  const std::uint64_t sealed = mark();
  ++data_[5 * kMb];
  EXPECT_NE(mark(), sealed);
}

TEST_F(HashedMemoryTest, MemoryThatIsGoneIsNotTouched) {
  void* const mapped = mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  char* const data = static_cast<char*>(mapped) + 100;  // with bytes outside whole pages
  std::memset(data, 1, kSize);
  memory_.begin_moment();
  memory_.tokens({data, kSize, 4 * kMb, Tag::kBlock});
  ASSERT_EQ(munmap(mapped, 2 * kSize), 0);
  EXPECT_EQ(memory_.known_bytes(data, kSize), 0U);
}

TEST_F(HashedMemoryTest, HashesTheBlocksAroundAWrite) {
  hashed(buffer());
  data_[9 * kMb] = 2;
  EXPECT_EQ(hashed(buffer()), watches() ? 4 * kMb : kSize);
  // The bytes at both ends have one stamp.
  for (const std::size_t end : {std::size_t{0}, kSize - 1}) {
    data_[end] = 3;
    EXPECT_LE(hashed(buffer()), watches() ? 6 * kMb + 5 : kSize);
  }
}

TEST_F(HashedMemoryTest, AWriteIsNewsForEveryBufferOverThePage) {
  const auto whole = buffer(), inner = buffer(3 * kMb + 7, 10 * kMb), one = buffer(100, 17 * kMb, 17 * kMb);
  for (const auto& each : {whole, inner, one}) hashed(each);
  for (const std::size_t at : {5 * kMb, 5 * kMb + 1, 12 * kMb, std::size_t{200}}) {
    ++data_[at];
    for (const auto& each : {inner, whole, one}) hashed(each);  // compared with hashing in there
  }
}

TEST_F(HashedMemoryTest, TheEndsShareAPageWithOthers) {
  const auto inner = buffer(4 * kMb + 100, 5 * kMb);
  hashed(inner);
  data_[4 * kMb + 99] = 9;  // beside it
  EXPECT_EQ(hashed(inner), watches() ? 0 : 5 * kMb);
  data_[4 * kMb + 100] = 9;
  hashed(inner);
  data_[9 * kMb + 99] = 9;
  hashed(inner);
}

TEST_F(HashedMemoryTest, ATailBlockShorterThanItsPage) {
  const auto odd = buffer(16, 8 * kMb + 3);
  hashed(odd);
  data_[16 + 8 * kMb - 1] = 9;  // in the last page, of the block before the last
  hashed(odd);
}

TEST_F(HashedMemoryTest, ScatteredWritesAreAllSeen) {
  hashed(buffer());
  for (int round = 0; round < 3; ++round) {
    for (std::size_t at = 0; at < kSize; at += 2 * kPageSizeBytes) ++data_[at];
    hashed(buffer());
  }
}

TEST_F(HashedMemoryTest, OnceAMoment) {
  memory_.turn(false);
  memory_.begin_moment();
  memory_.tokens(buffer());
  memory_.tokens(buffer());
  EXPECT_EQ(memory_.tracking().hashed_bytes, kSize);
}

TEST_F(HashedMemoryTest, TurnedOffItHashes) {
  hashed(buffer());
  EXPECT_FALSE(memory_.turn(false));
  EXPECT_EQ(hashed(buffer()), kSize);
  EXPECT_EQ(memory_.tracking().buffers, 0);
  EXPECT_EQ(memory_.turn(true), watches());
  hashed(buffer());
  data_[7] = 8;
  hashed(buffer());
}

class InChildTest : public HashedMemoryTest {
 protected:
  // Runs `work` in a child, which has what this process had; false where any of its checks failed.
  template <class Work>
  bool in_child(Work work) {
    memory_.look_before_fork();
    const pid_t child = fork();
    if (child == 0) {
      memory_.watch_in_child();
      work();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child && status == 0;
  }
};

TEST_F(InChildTest, WhatTheParentKnewIsNotHashedAgain) {
  hashed(buffer());
  EXPECT_TRUE(in_child([&] {
    EXPECT_EQ(hashed(buffer()), watches() ? 0 : kSize);
    data_[9 * kMb] = 2;
    EXPECT_EQ(hashed(buffer()), watches() ? 4 * kMb : kSize);
  }));
  EXPECT_EQ(hashed(buffer()), watches() ? 0 : kSize);  // the child's write is none of the parent's
}

TEST_F(InChildTest, WhatWasWrittenBeforeTheForkIsHashed) {
  hashed(buffer());
  for (const std::size_t at : {std::size_t{0}, 5 * kMb, kSize - 1}) ++data_[at];
  EXPECT_TRUE(in_child([&] { EXPECT_GE(hashed(buffer()), 8 * kMb); }));
  for (int round = 0; round < 5; ++round) {  // one that is not protected any more
    std::memset(data_.get(), round, kSize);
    hashed(buffer());
  }
  EXPECT_TRUE(in_child([&] {
    hashed(buffer());
    ++data_[7 * kMb];
    hashed(buffer());
  }));
}

TEST_F(InChildTest, WithoutTheParentsLookNothingIsKnown) {
  hashed(buffer());
  const pid_t child = fork();
  if (child == 0) {
    EXPECT_EQ(hashed(buffer()), kSize);
    _exit(HasFailure() ? 1 : 0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(InChildTest, MemoryThatIsGoneIsNotTouched) {
  void* const mapped = mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  char* const data = static_cast<char*>(mapped) + 100;
  std::memset(data, 1, kSize);
  memory_.begin_moment();
  memory_.tokens({data, kSize, 4 * kMb, Tag::kBlock});
  hashed(buffer());
  ASSERT_EQ(munmap(mapped, 2 * kSize), 0);
  EXPECT_TRUE(in_child([&] { EXPECT_EQ(hashed(buffer()), watches() ? 0 : kSize); }));
}

}  // namespace
}  // namespace elastic::pyobj::walk
