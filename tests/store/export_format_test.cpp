#include "store/export_format.hpp"

#include "store_testing.hpp"

namespace elastic::store {
namespace {

TEST(ExportFormatTest, RoundTripsAndAlignsThePack) {
  const ExportLayout layout = ExportLayout::of(70000, 5000);
  EXPECT_EQ(layout.pack_offset, 2 * kMapAlignment);
  const auto header = encode_export_header(layout);
  ASSERT_EQ(header.size(), kExportHeaderBytes);
  const auto decoded = decode_export_header(header, layout.file_bytes());
  ELASTIC_ASSERT_OK(decoded);
  EXPECT_EQ(decoded->manifest_bytes, 70000U);
  EXPECT_EQ(decoded->pack_offset, layout.pack_offset);
  EXPECT_EQ(decoded->pack_bytes, 5000U);
}

TEST(ExportFormatTest, EveryFlipAndEveryOtherSizeIsRefused) {
  const ExportLayout layout = ExportLayout::of(70000, 5000);
  const auto header = encode_export_header(layout);
  for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
    if (bit / 8 == 8 || bit / 8 == 9) continue;  // the writer's version says nothing that a reader needs
    auto flipped = header;
    flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto decoded = decode_export_header(flipped, layout.file_bytes());
    // A manifest of another length may leave the pack where it is; its own digest finds that.
    ASSERT_TRUE(!decoded.ok() || decoded->pack_offset == layout.pack_offset) << bit;
  }
  for (const std::uint64_t size : {std::uint64_t{0}, layout.file_bytes() - 1, layout.file_bytes() + 1}) {
    EXPECT_FALSE(decode_export_header(header, size).ok()) << size;
  }
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(decode_export_header(ConstBytes(header).first(size), layout.file_bytes()).ok()) << size;
  }
}

}  // namespace
}  // namespace elastic::store
