// A blob as its caller has it: several pieces of memory, read as one sequence. Nothing is copied.
//
// Thread contract: immutable.
#pragma once
#include <vector>

#include "elastic/store/file_system.hpp"

namespace elastic::store {

class Parts {
 public:
  explicit Parts(std::span<const ConstBytes> parts);

  std::uint64_t size_bytes() const { return starts_.back(); }
  // The pieces of memory that hold [offset, offset + length). REQUIRES: inside.
  std::vector<ConstBytes> slice(std::uint64_t offset, std::uint64_t length) const;
  std::vector<ConstBytes> chunk(std::uint64_t place) const;
  std::uint64_t chunk_count() const;

 private:
  std::vector<ConstBytes> parts_;
  std::vector<std::uint64_t> starts_;  // one more than parts_
};

bool all_zero(std::span<const ConstBytes> parts);

}  // namespace elastic::store
