#include "elastic/core/ids.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace elastic {
namespace {

TEST(StrongIdTest, IdsOfDifferentKindsDoNotMix) {
  static_assert(!std::is_convertible_v<CellIndex, VariableId>);
  static_assert(!std::is_convertible_v<std::uint32_t, CellIndex>);
}

TEST(StrongIdTest, OrdersAndHashesByValue) {
  EXPECT_LT(CellIndex{1}, CellIndex{2});
  const std::unordered_set<CellIndex> set{CellIndex{1}, CellIndex{1}, CellIndex{2}};
  EXPECT_EQ(set.size(), 2u);
}

}  // namespace
}  // namespace elastic
