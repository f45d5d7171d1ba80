#include <gtest/gtest.h>

#include "elastic/store/reader.hpp"

namespace elastic::store {
namespace {

TEST(RegionTest, PagesAreZeroAndHeapIsWritable) {
  auto pages = Region::of_pages(100001);
  ASSERT_TRUE(pages.ok());
  for (const std::byte byte : pages->bytes()) ASSERT_EQ(byte, std::byte{0});
  auto heap = Region::on_heap(1000);
  ASSERT_TRUE(heap.ok());
  heap->data()[999] = std::byte{1};
  EXPECT_TRUE(Region::of_pages(0).ok());
  EXPECT_TRUE(Region::on_heap(0).ok());
}

TEST(RegionTest, MovingHandsOver) {
  Region first = *Region::of_pages(4096);
  std::byte* const data = first.data();
  Region second = std::move(first);
  EXPECT_EQ(second.data(), data);
  second = *Region::on_heap(10);
  EXPECT_EQ(second.size_bytes(), 10U);
}

TEST(RegionTest, MoreThanThereIsIsAnError) {
  EXPECT_EQ(Region::of_pages(std::uint64_t{1} << 60).error().code(), ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace elastic::store
