#include "elastic/store/backend.hpp"

#include <gtest/gtest.h>

namespace elastic::store {
namespace {

TEST(BackendTest, NamesRoundTrip) {
  const ObjectName pack{ObjectClass::kPack, 0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(pack.to_path(), "packs/0123456789abcdeffedcba9876543210.pack");
  EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kPack, "0123456789abcdeffedcba9876543210.pack"), pack);
  const ObjectName damage{ObjectClass::kDamage, 0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(damage.to_path(), "packs/0123456789abcdeffedcba9876543210.damage");
  EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kDamage, "0123456789abcdeffedcba9876543210.damage"),
            damage);
  const ObjectName manifest{ObjectClass::kManifest, 1, 2};
  EXPECT_EQ(manifest.to_path(), "manifests/0000000000000001-0000000000000002.manifest");
  EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kManifest, "0000000000000001-0000000000000002.manifest"),
            manifest);
}

TEST(BackendTest, WhatToPathWouldNotWriteIsNoName) {
  for (const char* name :
       {"", ".pack", "0123456789abcdeffedcba987654321.pack", "0123456789abcdeffedcba98765432100.pack",
        "0123456789ABCDEFfedcba9876543210.pack", "../../../../../../../etc/passwd0.pack",
        "0123456789abcdef-fedcba9876543210.pack", "0123456789abcdeffedcba9876543210.pack.bak"}) {
    EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kPack, name), std::nullopt) << name;
  }
  EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kManifest, "0000000000000001+0000000000000002.manifest"),
            std::nullopt);
  EXPECT_EQ(ObjectName::from_file_name(ObjectClass::kFormat, "elastic-store.jso"), std::nullopt);
}

}  // namespace
}  // namespace elastic::store
